/* SPDX-License-Identifier: MIT */
#include "base/jcs.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/ruling.h"
#include "core/staging_looking.h"

#include <stdlib.h>
#include <string.h>

static char *copy(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

static char *write_ruling(const struct opp_policy_decision *ruling)
{
    struct opp_buf text = { 0 };

    opp_ruling_write(&text, ruling);
    return opp_buf_take(&text);
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

/* They said something else, or failed. */
static bool stands_out(const struct opp_looking *looking)
{
    return looking->compared && (looking->differs || looking->error[0] != '\0');
}

/* Gives what the staged rules said where that is worth telling, else NULL. */
static char *write_staged(const struct opp_looking *looking)
{
    struct opp_buf text = { 0 };

    if (!stands_out(looking))
        return NULL;
    opp_buf_char(&text, '{');
    opp_jcs_member(&text, "changed");
    opp_verdict_difference_write(&text, &looking->difference);
    if (looking->error[0] != '\0')
        opp_jcs_member_text(&text, "error", looking->error);
    if (looking->staged.ns >= 0)
        opp_jcs_member_integer(&text, "ns", looking->staged.ns);
    opp_jcs_member_text(&text, "profile", looking->occasion.profile);
    opp_jcs_member_text(&text, "reason", opp_ruling_reason(&looking->staged.ruling));
    opp_jcs_member_text(&text, "rule", looking->rule);
    opp_jcs_member_text(&text, "sha256", looking->occasion.sha256);
    opp_jcs_member(&text, "verdict");
    opp_buf_text(&text, looking->staged.verdict.bytes);
    opp_buf_char(&text, '}');
    return opp_buf_take(&text);
}

/* Gives what was counted then; NULL: nobody asked. */
static char *write_recent(const json_t *recent)
{
    struct opp_buf text = { 0 };

    if (recent == NULL)
        return NULL;
    opp_jcs_write(&text, recent);
    return opp_buf_take(&text);
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
                               .recent = write_recent(recent),
                               .hashed = write_hashed(looking->tool),
                               .ruling = write_ruling(&looking->ruling),
                               .verdict = copy(looking->verdict.bytes),
                               .staged = write_staged(looking),
                               .at = told->shown.now_ms,
                               .generation = opp_policy_bundle_generation(opp_generation_bundle(told->generation)),
                               .took_ns = told->took_ns,
                               .sample = opp_looking_is_sampled(looking) ? told->sample : 1,
                               .replayable = !looking->ruling.read_watched,
                               .differs = looking->differs };
    if (is_whole(record) && (record->staged != NULL || !stands_out(looking)))
        return record;
    opp_record_free(&OPP_DECISION, record);
    return NULL;
}
