/* SPDX-License-Identifier: MIT */
#include "admin/policies.h"

#include "base/date.h"
#include "base/json.h"
#include "core/await.h"
#include "core/gateway.h"
#include "core/hub.h"
#include "core/replay_jobs.h"

#define ANSWER_WITHIN_MS 2000 /* a replay that takes longer is answered as a job */

struct replaying {
    struct opp_await await;
    char id[OPP_ID_MAX];
    json_t *shown, *issues;
};

static enum opp_step start(struct opp_call *call)
{
    struct replaying *replaying = call->state;
    struct opp_replay_asked asked = { .user_id = call->admin->user_id };
    struct opp_err err = { 0 };
    enum opp_code rc;

    if (opp_call_check_input(call, OPP_SCHEMA_REPLAY) != OPP_NEXT)
        return OPP_DONE;
    asked.profile = opp_call_text(call, "profile");
    asked.limit = opp_json_integer(call->input, "limit");
    if (opp_call_text(call, "since") != NULL &&
        opp_date_parse(opp_call_text(call, "since"), &asked.since_ms, NULL) != OPP_OK)
        return opp_call_refuse_field(call, OPP_E_VALIDATION, "/since", "must be an RFC 3339 time");
    rc = opp_replay_jobs_start(call->worker->gateway->replays, &asked, replaying->id, &err);
    if (rc == OPP_E_UNAVAILABLE)
        return opp_call_refuse(call, rc, "Another replay runs: one does at a time.", NULL);
    if (rc == OPP_OK)
        rc = opp_await_begin(&replaying->await, call, replaying->id, ANSWER_WITHIN_MS);
    return rc == OPP_OK ? OPP_NEXT : opp_call_fail(call, rc, &err);
}

static enum opp_code show(struct opp_call *call, const char *id, struct opp_err *err)
{
    struct replaying *replaying = call->state;
    enum opp_code rc;

    json_decref(replaying->shown);
    replaying->shown = NULL;
    rc = opp_replay_jobs_show(call->worker->gateway->replays, id, call->admin->org_ids, &replaying->shown,
                              &replaying->issues);
    return rc == OPP_OK ? rc : opp_fail(err, rc, "a replay cannot be shown");
}

static enum opp_step answer_shown(struct opp_call *call)
{
    struct replaying *replaying = call->state;
    json_t *shown = replaying->shown;

    replaying->shown = NULL;
    return opp_call_answer(call, shown);
}

static enum opp_step look(struct opp_call *call)
{
    struct replaying *replaying = call->state;
    struct opp_err err = { 0 };
    enum opp_code rc;

    opp_await_again(&replaying->await);
    rc = show(call, replaying->id, &err);
    return rc == OPP_OK ? OPP_NEXT : opp_call_fail(call, rc == OPP_E_ABSENT ? OPP_E_UNAVAILABLE : rc, &err);
}

static bool waits(const struct opp_call *call)
{
    const struct replaying *replaying = call->state;
    const json_t *finished = json_object_get(json_object_get(replaying->shown, "job"), "finished_at");

    return json_is_null(finished) && !replaying->await.timed_out && !replaying->await.gone &&
           !opp_hub_is_closed(call->worker->gateway->hub);
}

static enum opp_step answer(struct opp_call *call)
{
    struct replaying *replaying = call->state;
    json_t *issues = replaying->issues;

    if (waits(call)) {
        opp_flow_goto(call, look);
        return opp_await(&replaying->await);
    }
    if (issues == NULL)
        return answer_shown(call);
    replaying->issues = NULL;
    return opp_call_refuse(call, OPP_E_VALIDATION, "The policies do not load.", json_pack("{s:o}", "issues", issues));
}

static enum opp_step get(struct opp_call *call)
{
    struct opp_err err = { 0 };
    enum opp_code rc = show(call, call->param(call, "id"), &err);

    return rc == OPP_OK ? answer_shown(call) : opp_call_fail(call, rc == OPP_E_ABSENT ? OPP_E_NOT_FOUND : rc, &err);
}

static enum opp_step list(struct opp_call *call)
{
    return opp_call_answer(call, json_pack("{s:o}", "items", opp_replay_jobs_list(call->worker->gateway->replays)));
}

static enum opp_step cancel(struct opp_call *call)
{
    if (opp_replay_jobs_cancel(call->worker->gateway->replays, call->param(call, "id")) != OPP_OK)
        return opp_call_refuse(call, OPP_E_NOT_FOUND, NULL, NULL);
    return get(call);
}

static void dispose(void *state)
{
    struct replaying *replaying = state;

    opp_await_end(&replaying->await);
    json_decref(replaying->shown);
    json_decref(replaying->issues);
}

static const opp_step_fn START_STEPS[] = { start, look, answer, NULL };
static const opp_step_fn GET_STEPS[] = { get, NULL };
static const opp_step_fn LIST_STEPS[] = { list, NULL };
static const opp_step_fn CANCEL_STEPS[] = { cancel, NULL };

const struct opp_flow OPP_FLOW_REPLAY = { START_STEPS, sizeof(struct replaying), dispose, NULL };
const struct opp_flow OPP_FLOW_JOB_GET = { GET_STEPS, sizeof(struct replaying), dispose, NULL };
const struct opp_flow OPP_FLOW_JOB_LIST = { LIST_STEPS, 0, NULL, NULL };
const struct opp_flow OPP_FLOW_JOB_CANCEL = { CANCEL_STEPS, sizeof(struct replaying), dispose, NULL };
