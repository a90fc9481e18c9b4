/* SPDX-License-Identifier: MIT */
#include "base/jcs.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/staging_looking.h"

#include <stdlib.h>
#include <string.h>

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

static json_t *show_staged(const struct opp_looking *looking)
{
    const struct opp_policy_decision *ruling = &looking->staged.ruling;
    json_t *from, *to, *shown;

    if (!looking->compared || (!looking->differs && looking->error[0] == '\0'))
        return NULL;
    from = opp_json_cache_parse(looking->staging->cache, looking->verdict.bytes);
    to = opp_json_cache_parse(looking->staging->cache, looking->staged.verdict.bytes);
    shown = json_pack("{s:s, s:s, s:O, s:o, s:s?, s:s, s:s*, s:I}", "profile", looking->occasion.profile, "sha256",
                      looking->occasion.sha256, "verdict", to, "changed", opp_verdict_changed(from, to), "rule",
                      opp_looking_responsible(looking), "reason", opp_ruling_reason(ruling), "error",
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

struct opp_decision *opp_looking_record(const struct opp_looking *looking, int64_t number)
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
                               .sample = opp_looking_is_sampled(looking) ? told->sample : 1,
                               .replayable = !looking->ruling.read_watched,
                               .differs = looking->differs };
    if (is_whole(record))
        return record;
    opp_record_free(&OPP_DECISION, record);
    return NULL;
}
