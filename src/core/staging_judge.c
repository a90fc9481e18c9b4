/* SPDX-License-Identifier: MIT */
#include "base/jcs.h"
#include "base/json.h"
#include "core/blame.h"
#include "core/boundary.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/redact.h"
#include "core/registry.h"
#include "core/staging_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_MAX 400

/* What is known of a decision while it is looked at. */
struct looking {
    struct opp_staging *staging;
    struct opp_told *told;
    const struct opp_tool *tool;
    const struct opp_app_view *view; /* NULL: no memory */
    json_t *parts;
    json_t *request;                   /* made when it is needed */
    struct opp_buf verdict, logged;    /* texts; logged is the request as the log keeps it */
    enum opp_outcome outcome;          /* in the verdict */
    struct opp_policy_decision ruling; /* of the rules in force; its JSON is lent by parts */
    struct opp_occasion occasion;      /* that it is counted for */
    bool compared, differs;
    struct opp_rejudged staged;
    char error[ERROR_MAX]; /* of the staged rules; "" when they did not fail */
};

/* Makes the request as the rules were shown it. */
static enum opp_code show_request(struct looking *looking)
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
static bool understand(struct looking *looking)
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

static void write_error(const struct opp_policy_decision *ruling, char error[ERROR_MAX])
{
    snprintf(error, ERROR_MAX, "%s%s%s", ruling->error.where, ruling->error.where[0] != '\0' ? ": " : "",
             ruling->error.message);
}

/* Whether it belongs to what is counted now; another generation in force starts the counts anew. */
static bool counts(struct looking *looking)
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

static enum opp_code rejudge(struct looking *looking)
{
    struct opp_staging *staging = looking->staging;
    struct opp_rejudged_input input = { .app_id = looking->told->shown.app->id,
                                        .recent = json_object_get(looking->parts, "recent"),
                                        .core = looking->told->core,
                                        .executions = staging->executions };
    enum opp_code rc = show_request(looking);

    input.request = looking->request;
    if (rc == OPP_OK)
        rc = opp_rejudge(staging->engine, &input, &looking->staged);
    if (rc != OPP_OK)
        return rc;
    looking->compared = true;
    if (looking->staged.ruling.failed)
        write_error(&looking->staged.ruling, looking->error);
    looking->differs = looking->error[0] == '\0' && strcmp(looking->verdict.bytes, looking->staged.verdict.bytes) != 0;
    return OPP_OK;
}

/* Payload, resources, impact and state with keyed hashes for what is sensitive. */
static enum opp_code hash_sensitive(const struct looking *looking, json_t *request)
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
static enum opp_code write_request(struct looking *looking)
{
    enum opp_code rc = show_request(looking);

    if (rc == OPP_OK && looking->tool->sensitive != NULL)
        rc = hash_sensitive(looking, looking->request);
    if (rc == OPP_OK)
        opp_jcs_write(&looking->logged, looking->request);
    opp_buf_char(&looking->logged, '\0');
    return rc == OPP_OK ? opp_buf_check(&looking->logged, NULL) : rc;
}

static const char *rule_responsible(const struct looking *looking)
{
    struct opp_blame from = opp_blame_of(&looking->ruling), to = opp_blame_of(&looking->staged.ruling);

    return opp_blame(&from, looking->verdict.bytes, &to, looking->staged.verdict.bytes);
}

static void count(struct looking *looking, int64_t number)
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
                                     .rule = looking->differs ? rule_responsible(looking) : NULL,
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

/* Takes value; NULL stays NULL. Gives its text. */
static char *text_of(json_t *value)
{
    struct opp_buf text = { 0 };

    if (value != NULL)
        opp_jcs_write(&text, value);
    json_decref(value);
    return value != NULL ? opp_buf_take(&text) : NULL;
}

static char *copy(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

/* What the log keeps of a ruling besides: where it failed, or which rule's window is closed. */
static bool add_to_ruling(json_t *shown, const struct opp_policy_decision *ruling)
{
    int failed = 0;

    if (ruling->failed)
        failed |= json_object_set_new(shown, "error",
                                      json_pack("{s:s, s:s, s:s?}", "where", ruling->error.where, "message",
                                                ruling->error.message, "rule", ruling->failed_rule));
    if (!ruling->window_open && ruling->window_rule != NULL)
        failed |= json_object_set_new(shown, "window_rule", json_string(ruling->window_rule));
    if (ruling->window_reason[0] != '\0')
        failed |= json_object_set_new(shown, "window_reason", json_string(ruling->window_reason));
    return failed == 0;
}

/* With those that set an obligation. */
static bool add_setters(json_t *shown, const struct opp_policy_setters *set_by)
{
    json_t *names = json_pack("{s:s*, s:s*, s:s*, s:s*, s:s*, s:s*}", "approvals", set_by->approvals, "expires_in",
                              set_by->expires_in, "max_days", set_by->max_days, "max_rows", set_by->max_rows, "redact",
                              set_by->redact, "require", set_by->require);

    if (json_object_size(names) > 0)
        return json_object_set_new(shown, "set_by", names) == 0;
    json_decref(names);
    return names != NULL;
}

static json_t *show_ruling(const struct opp_policy_decision *ruling)
{
    json_t *shown = opp_policy_decision_json(ruling);

    if (shown != NULL && add_to_ruling(shown, ruling) && add_setters(shown, &ruling->set_by))
        return shown;
    json_decref(shown);
    return NULL;
}

/* Gives the names of what is hashed as a list, NULL: nothing is. */
static char *write_hashed(const struct opp_tool *tool)
{
    struct opp_buf names = { 0 };
    json_t *instead;
    const char *name;

    if (json_object_size(tool->sensitive) == 0)
        return NULL;
    json_object_foreach(tool->sensitive, name, instead)
    {
        opp_buf_char(&names, names.length == 0 ? '[' : ',');
        opp_jcs_string(&names, name, strlen(name));
    }
    opp_buf_char(&names, ']');
    return opp_buf_take(&names);
}

static char *write_core(const struct opp_core_part *core)
{
    struct opp_buf text = { 0 };

    opp_core_part_write(&text, core);
    return opp_buf_take(&text);
}

static json_t *show_staged(const struct looking *looking)
{
    const struct opp_policy_decision *ruling = &looking->staged.ruling;
    json_t *from, *to, *shown;

    if (!looking->compared || (!looking->differs && looking->error[0] == '\0'))
        return NULL;
    from = opp_json_cache_parse(looking->staging->cache, looking->verdict.bytes);
    to = opp_json_cache_parse(looking->staging->cache, looking->staged.verdict.bytes);
    shown = json_pack("{s:s, s:s, s:O, s:o, s:s?, s:s, s:s*, s:I}", "profile", looking->occasion.profile, "sha256",
                      looking->occasion.sha256, "verdict", to, "changed", opp_verdict_changed(from, to), "rule",
                      rule_responsible(looking), "reason", opp_ruling_reason(ruling), "error",
                      looking->error[0] != '\0' ? looking->error : NULL, "ns", (json_int_t)looking->staged.ns);
    json_decref(from);
    json_decref(to);
    return shown;
}

/* Whether memory was enough for what every record has. */
static bool is_whole(const struct opp_decision *record)
{
    return record->request_id != NULL && record->tool != NULL && record->phase != NULL && record->app_id != NULL &&
           record->outcome != NULL && record->profile != NULL && record->sha256 != NULL && record->request != NULL &&
           record->core != NULL && record->ruling != NULL && record->verdict != NULL;
}

/* Reads that were allowed are; all else is logged. */
static bool is_sampled(const struct looking *looking)
{
    return looking->told->core.phase == OPP_PHASE_READ && looking->outcome != OPP_OUTCOME_DENY && !looking->differs &&
           looking->error[0] == '\0';
}

static struct opp_decision *make_record(const struct looking *looking, int64_t number)
{
    const struct opp_told *told = looking->told;
    struct opp_decision *record = calloc(1, sizeof *record);
    json_t *recent = json_object_get(looking->parts, "recent");

    if (record == NULL)
        return NULL;
    *record =
        (struct opp_decision){ .number = number,
                               .request_id = copy(told->request_id),
                               .tool = copy(looking->tool->name),
                               .phase = copy(opp_phase_name(told->core.phase)),
                               .app_id = copy(told->shown.app->id),
                               .org_id = copy(told->shown.app->org_id),
                               .outcome = copy(opp_outcome_name(looking->outcome)),
                               .profile = copy(opp_policy_bundle_profile(opp_generation_bundle(told->generation))),
                               .sha256 = copy(opp_generation_sha256(told->generation)),
                               .request = copy(looking->logged.bytes),
                               .core = write_core(&told->core),
                               .recent = text_of(json_incref(recent)),
                               .hashed = write_hashed(looking->tool),
                               .ruling = text_of(show_ruling(&looking->ruling)),
                               .verdict = copy(looking->verdict.bytes),
                               .staged = text_of(show_staged(looking)),
                               .at = told->shown.now_ms,
                               .generation = opp_policy_bundle_generation(opp_generation_bundle(told->generation)),
                               .took_ns = told->took_ns,
                               .sample = is_sampled(looking) ? told->sample : 1,
                               .replayable = !looking->ruling.read_watched,
                               .differs = looking->differs };
    if (is_whole(record))
        return record;
    opp_record_free(&OPP_DECISION, record);
    return NULL;
}

static void look(struct looking *looking)
{
    struct opp_staging *staging = looking->staging;
    bool counted = counts(looking), logged;
    int64_t number = 0;

    if (!understand(looking) || (counted && rejudge(looking) != OPP_OK)) {
        atomic_fetch_add(&staging->lost, 1);
        return;
    }
    logged = !is_sampled(looking) || looking->told->sample > 0;
    if (logged) {
        number = opp_staging_number(&staging->log, looking->told->shown.now_ms);
        if (write_request(looking) == OPP_OK)
            opp_staging_log_add(staging, make_record(looking, number));
        else
            opp_staging_log_add(staging, NULL);
    }
    if (looking->compared)
        count(looking, number);
}

void opp_staging_judge(struct opp_staging *staging, struct opp_told *told)
{
    struct looking looking = { .staging = staging,
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
