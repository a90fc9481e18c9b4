/* SPDX-License-Identifier: MIT */
#include "core/rejudge.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/json_cache.h"
#include "core/recent.h"
#include "policy/engine.h"
#include "store/records.h"

#include <string.h>

static bool same_question(const json_t *asked, const char *tool, int64_t seconds)
{
    const char *then = json_string_value(json_array_get(asked, 0));

    if ((then == NULL) != (tool == NULL) || (tool != NULL && strcmp(then, tool) != 0))
        return false;
    return json_integer_value(json_array_get(asked, 1)) == seconds;
}

/* What was counted then, or what can still be counted of then. */
static int64_t count_recent(void *arg, const char *tool, int64_t seconds)
{
    const struct opp_rejudged_input *input = arg;
    json_t *asked;
    size_t index;

    if (json_is_integer(input->recent))
        return json_integer_value(input->recent);
    json_array_foreach(input->recent, index, asked)
    {
        if (same_question(asked, tool, seconds))
            return json_integer_value(json_array_get(asked, 2));
    }
    if (input->executions == NULL)
        return -1;
    return opp_recent_as_of(input->executions, input->app_id, input->core.now_ms, tool, seconds);
}

struct opp_policy_request opp_rejudge_request(const struct opp_rejudged_input *input)
{
    union {
        const struct opp_rejudged_input *in;
        void *out;
    } arg = { .in = input };

    return (struct opp_policy_request){ .phase = input->core.phase,
                                        .tool = input->core.tool,
                                        .request = input->request,
                                        .now_s = input->core.now_ms / 1000,
                                        .skip_windows = input->core.phase == OPP_PHASE_READ ||
                                                        input->core.phase == OPP_PHASE_APPROVE,
                                        .watched = input->sensitive,
                                        .recent = input->core.phase == OPP_PHASE_DISCOVER ? NULL : count_recent,
                                        .arg = arg.out };
}

/* Gives of a request what discover is shown. */
static json_t *show_caller(json_t *request)
{
    static const char *const members[] = { "tool", "app", "key", "actor", "ip", "now" };
    json_t *shown = json_pack("{s:s}", "phase", opp_phase_name(OPP_PHASE_DISCOVER));

    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        json_t *member = json_object_get(request, members[i]);

        if (member != NULL && json_object_set(shown, members[i], member) != 0) {
            json_decref(shown);
            return NULL;
        }
    }
    return shown;
}

/* As in every call, discover is asked first: what it hides cannot be called, what it lists as a draft is one. */
static enum opp_code discover(struct opp_policy_engine *engine, const struct opp_rejudged_input *input,
                              struct opp_core_part *core, struct opp_policy_decision *out)
{
    struct opp_policy_request request = opp_rejudge_request(input);

    core->held = false;
    if (!opp_policy_bundle_lists(opp_policy_engine_bundle(engine), core->tool))
        return OPP_OK;
    request.phase = OPP_PHASE_DISCOVER;
    request.watched = NULL;
    request.recent = NULL;
    request.request = show_caller(input->request);
    if (request.request == NULL)
        return OPP_E_MEMORY;
    opp_policy_decide(engine, &request, out);
    json_decref(request.request);
    core->held = core->phase != OPP_PHASE_READ && out->outcome == OPP_OUTCOME_DRAFT;
    return OPP_OK;
}

static enum opp_code decide(struct opp_policy_engine *engine, const struct opp_rejudged_input *input,
                            struct opp_core_part *core, struct opp_rejudged *out)
{
    struct opp_policy_request request = opp_rejudge_request(input);
    int64_t begun_ns = input->timed ? opp_thread_cpu_ns() : 0;
    enum opp_code rc = core->phase != OPP_PHASE_DISCOVER ? discover(engine, input, core, &out->ruling) : OPP_OK;

    if (rc == OPP_OK && out->ruling.outcome != OPP_OUTCOME_DENY) {
        opp_policy_decision_clear(&out->ruling);
        opp_policy_decide(engine, &request, &out->ruling);
    }
    if (input->timed)
        out->ns = opp_thread_cpu_ns() - begun_ns;
    out->read_sensitive = out->ruling.read_watched;
    if (opp_policy_engine_stale(engine))
        opp_policy_engine_renew(engine, NULL);
    return rc;
}

enum opp_code opp_rejudge(struct opp_policy_engine *engine, const struct opp_rejudged_input *input,
                          struct opp_rejudged *out)
{
    struct opp_core_part core = input->core;
    enum opp_code rc = OPP_OK;

    opp_policy_decision_clear(&out->ruling);
    out->ns = input->timed ? 0 : -1;
    if (opp_policy_bundle_speaks(opp_policy_engine_bundle(engine), core.tool))
        rc = decide(engine, input, &core, out);
    else
        core.held = false;
    if (rc != OPP_OK)
        return rc;
    opp_verdict_write(&out->verdict, &core, &out->ruling);
    opp_buf_char(&out->verdict, '\0');
    return opp_buf_check(&out->verdict, NULL);
}

static json_t *parse(const char *text)
{
    return text != NULL ? opp_json_cache_parse(NULL, text) : NULL;
}

/* The names as an object has them: they are looked up. */
static json_t *names_of(const char *text)
{
    json_t *list = parse(text), *names = list != NULL ? json_object() : NULL, *name;
    size_t index;

    json_array_foreach(list, index, name)
    {
        json_object_set_new(names, json_string_value(name), json_true());
    }
    json_decref(list);
    return names;
}

/* Where no rule speaks, nobody looks at the request. */
static json_t *read_request(const struct opp_policy_engine *engine, const struct opp_decision *logged,
                            struct opp_json_cache *cache)
{
    if (!opp_policy_bundle_speaks(opp_policy_engine_bundle(engine), logged->tool))
        return json_object();
    return opp_json_cache_parse(cache, logged->request);
}

enum opp_code opp_rejudge_logged(struct opp_policy_engine *engine, const struct opp_decision *logged,
                                 struct opp_json_cache *cache, struct opp_session *executions, bool timed,
                                 struct opp_rejudged *out)
{
    json_t *core = opp_json_cache_parse(cache, logged->core), *recent = parse(logged->recent);
    json_t *names = names_of(logged->hashed);
    struct opp_rejudged_input input = { .app_id = logged->app_id,
                                        .recent = recent,
                                        .sensitive = names,
                                        .executions = executions,
                                        .timed = timed,
                                        .request = read_request(engine, logged, cache) };
    enum opp_code rc = OPP_E_VALIDATION;

    if (json_is_object(input.request) && core != NULL)
        rc = opp_core_part_read(core, &input.core);
    if (rc == OPP_OK)
        rc = opp_rejudge(engine, &input, out);
    json_decref(input.request);
    json_decref(names);
    json_decref(recent);
    json_decref(core);
    return rc;
}

void opp_rejudged_clear(struct opp_rejudged *rejudged)
{
    opp_policy_decision_clear(&rejudged->ruling);
    opp_buf_free(&rejudged->verdict);
    *rejudged = (struct opp_rejudged){ 0 };
}
