/* SPDX-License-Identifier: MIT */
#include "base/jcs.h"
#include "base/json.h"
#include "core/blame.h"
#include "core/boundary.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/redact.h"
#include "core/registry.h"
#include "core/ruling.h"
#include "core/staging_looking.h"

#include <stdio.h>
#include <string.h>

/* Makes the request as the rules were shown it. */
static enum opp_code show_request(struct opp_looking *looking)
{
    static const char *const members[] = { "draft",   "execute",   "impact",   "justification",
                                           "payload", "resources", "reviewer", "state" };
    bool whole;

    if (looking->request != NULL)
        return OPP_OK;
    looking->request = opp_shown_json(&looking->told->shown, looking->view);
    whole = looking->request != NULL;
    for (size_t i = 0; whole && i < sizeof members / sizeof *members; i++) {
        json_t *part = json_object_get(looking->parts, members[i]);

        whole = part == NULL || json_object_set(looking->request, members[i], part) == 0;
    }
    return whole ? OPP_OK : OPP_E_MEMORY;
}

/* Gives false when memory is out. */
static bool understand(struct opp_looking *looking)
{
    struct opp_told *told = looking->told;

    looking->parts = opp_json_cache_parse(looking->staging->cache, told->parts.bytes);
    if (looking->parts == NULL)
        return false;
    if (told->ruled)
        looking->ruling = *told->ruling;
    looking->ruling.reasons = json_object_get(looking->parts, "reasons");
    looking->ruling.redact = json_object_get(looking->parts, "redact");
    looking->ruling.limits = json_object_get(looking->parts, "limits");
    opp_core_part_of_app(&told->core, told->app, looking->tool, &looking->staging->gateway->settings);
    if (told->core.phase == OPP_PHASE_READ)
        told->core.asked_days = opp_boundary_days(looking->tool, json_object_get(looking->parts, "payload"));
    looking->outcome = opp_verdict_write(&looking->verdict, &told->core, &looking->ruling);
    opp_buf_char(&looking->verdict, '\0');
    return !looking->verdict.failed;
}

/* Whether it belongs to what is counted now; another generation in force starts the counts anew. */
static bool counts(struct opp_looking *looking)
{
    struct opp_staging *staging = looking->staging;
    const struct opp_told *told = looking->told;
    int64_t generation = opp_policy_bundle_generation(opp_generation_bundle(told->generation));
    bool belongs;

    if (staging->engine == NULL)
        return false;
    pthread_mutex_lock(&staging->state);
    belongs = staging->tally != NULL && staging->occasion.epoch == staging->epoch &&
              told->shown.now_ms >= staging->occasion.staged_at_ms;
    if (belongs && generation != staging->occasion.generation && generation == opp_staging_in_force(staging)) {
        staging->occasion.generation = generation;
        staging->anew = true;
        belongs = opp_staging_begin(staging, told->shown.now_ms) == OPP_OK;
    }
    if (belongs && generation != staging->occasion.generation) {
        opp_tally_skip(staging->tally, 1);
        atomic_fetch_add(&staging->skipped_staged, 1);
        belongs = false;
    }
    looking->occasion = staging->occasion;
    pthread_mutex_unlock(&staging->state);
    return belongs;
}

/* What the two differ in, and why. */
static void compare(struct opp_looking *looking)
{
    struct opp_blame from = opp_blame_of(&looking->ruling), to = opp_blame_of(&looking->staged.ruling);

    opp_verdicts_compare(looking->verdict.bytes, looking->staged.verdict.bytes, &looking->difference);
    looking->rule = opp_blame(&from, &to, &looking->difference);
}

static enum opp_code rejudge(struct opp_looking *looking)
{
    struct opp_staging *staging = looking->staging;
    struct opp_rejudged_input input = { .app_id = looking->told->shown.app->id,
                                        .recent = json_object_get(looking->parts, "recent"),
                                        .core = looking->told->core,
                                        .timed = staging->judged++ % OPP_REJUDGE_TIMED_EVERY == 0,
                                        .executions = staging->executions };
    enum opp_code rc = show_request(looking);

    input.request = looking->request;
    if (rc == OPP_OK)
        rc = opp_rejudge(staging->engine, &input, &looking->staged);
    if (rc != OPP_OK)
        return rc;
    looking->compared = true;
    opp_ruling_error(&looking->staged.ruling, looking->error);
    looking->differs = looking->error[0] == '\0' && strcmp(looking->verdict.bytes, looking->staged.verdict.bytes) != 0;
    if (looking->differs || looking->error[0] != '\0')
        compare(looking);
    return OPP_OK;
}

/* Payload, resources, impact and state with keyed hashes for what is sensitive. */
static enum opp_code hash_sensitive(const struct opp_looking *looking, json_t *request)
{
    static const char *const members[] = { "payload", "resources", "impact", "state" };
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; rc == OPP_OK && i < sizeof members / sizeof *members; i++) {
        json_t *part = json_object_get(looking->parts, members[i]), *hashed = NULL;

        if (part != NULL)
            rc = opp_redact(part, looking->tool->sensitive, OPP_REDACT_WITNESS, looking->view->redact_key, &hashed,
                            NULL);
        if (hashed != NULL && json_object_set_new(request, members[i], hashed) != 0)
            rc = OPP_E_MEMORY;
    }
    return rc;
}

/* The rules are done with the request: it becomes what the log keeps. */
static enum opp_code write_request(struct opp_looking *looking)
{
    enum opp_code rc = show_request(looking);

    if (rc == OPP_OK && looking->tool->sensitive != NULL)
        rc = hash_sensitive(looking, looking->request);
    if (rc == OPP_OK)
        opp_jcs_write(&looking->logged, looking->request);
    opp_buf_char(&looking->logged, '\0');
    return rc == OPP_OK ? opp_buf_check(&looking->logged, NULL) : rc;
}

static void count(struct opp_looking *looking, int64_t number)
{
    const struct opp_told *told = looking->told;
    struct opp_staging *staging = looking->staging;
    struct opp_compared compared = { .tool = looking->tool->name,
                                     .phase = opp_phase_name(told->core.phase),
                                     .request_id = told->request_id,
                                     .app_id = told->shown.app->id,
                                     .org_id = told->shown.app->org_id,
                                     .number = number,
                                     .at_ms = told->shown.now_ms,
                                     .from = looking->verdict.bytes,
                                     .to = looking->staged.verdict.bytes,
                                     .rule = looking->rule,
                                     .from_reason = opp_ruling_reason(&looking->ruling),
                                     .to_reason = opp_ruling_reason(&looking->staged.ruling),
                                     .input = looking->logged.bytes,
                                     .error = looking->error[0] != '\0' ? looking->error : NULL,
                                     .from_ns = told->took_ns,
                                     .to_ns = looking->staged.ns };

    atomic_fetch_add(compared.error != NULL ? &staging->failed
                     : looking->differs     ? &staging->different
                                            : &staging->same,
                     1);
    pthread_mutex_lock(&staging->state);
    if (staging->tally != NULL && staging->occasion.epoch == looking->occasion.epoch)
        opp_tally_add(staging->tally, &compared);
    pthread_mutex_unlock(&staging->state);
}

bool opp_looking_is_sampled(const struct opp_looking *looking)
{
    return looking->told->core.phase == OPP_PHASE_READ && looking->outcome != OPP_OUTCOME_DENY && !looking->differs &&
           looking->error[0] == '\0';
}

static void look(struct opp_looking *looking)
{
    struct opp_staging *staging = looking->staging;
    bool counted = counts(looking), logged;
    int64_t number = 0;

    if (!understand(looking) || (counted && rejudge(looking) != OPP_OK)) {
        atomic_fetch_add(&staging->lost, 1);
        return;
    }
    logged = !opp_looking_is_sampled(looking) || looking->told->sample > 0;
    if (logged) {
        number = opp_staging_number(&staging->log, looking->told->shown.now_ms);
        if (write_request(looking) == OPP_OK) {
            opp_staging_log_add(staging, opp_looking_record(looking, number));
        } else {
            opp_buf_free(&looking->logged); /* it may have no end, and is no example */
            opp_staging_log_add(staging, NULL);
        }
    }
    if (looking->compared)
        count(looking, number);
}

void opp_staging_judge(struct opp_staging *staging, struct opp_told *told)
{
    struct opp_looking looking = { .staging = staging,
                                   .told = told,
                                   .tool = told->shown.tool,
                                   .view = opp_app_views_get(staging->views, told->registry, told->app) };

    opp_policy_decision_clear(&looking.ruling); /* what it is where no rule was asked */
    look(&looking);
    opp_rejudged_clear(&looking.staged);
    opp_buf_free(&looking.verdict);
    opp_buf_free(&looking.logged);
    json_decref(told->core.redact);
    json_decref(looking.request);
    json_decref(looking.parts);
}
