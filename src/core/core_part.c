/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "core/boundary.h"
#include "core/registry.h"
#include "core/verdict.h"

#include <string.h>

/* Members of the log's object that are numbers and switches, and where they are kept. */
#define NUMBER(member)                                  \
    {                                                   \
#member, offsetof(struct opp_core_part, member) \
    }
static const struct {
    const char *name;
    size_t offset;
} numbers[] = { NUMBER(approvals_given),  NUMBER(approvals_required), NUMBER(asked_days),
                NUMBER(draft_lifetime_s), NUMBER(max_days),           NUMBER(now_ms) };
static const struct {
    const char *name;
    size_t offset;
} switches[] = { NUMBER(claimed),
                 NUMBER(execute),
                 NUMBER(have.idempotency_key),
                 NUMBER(have.justification),
                 NUMBER(have.limit_reached),
                 NUMBER(have.preflight),
                 NUMBER(have.preflight_gone),
                 NUMBER(have.preflight_mismatch),
                 NUMBER(have.witness),
                 NUMBER(held),
                 NUMBER(reads),
                 NUMBER(reviewed),
                 NUMBER(settled) };

static json_t *show_window(const struct opp_window *window)
{
    json_t *actions = window->allowed_actions != NULL ? json_deep_copy(window->allowed_actions) : json_null();

    return json_pack("{s:b, s:I, s:o, s:b, s:b}", "enabled", (int)window->enabled, "expires_at",
                     (json_int_t)window->expires_at, "allowed_actions", actions, "require_preflight",
                     (int)window->require_preflight, "require_idempotency", (int)window->require_idempotency);
}

/* What is no or nothing is left out: most of it is. */
static bool add_scalars(json_t *shown, const struct opp_core_part *core)
{
    int failed = 0;

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int64_t value;

        memcpy(&value, (const char *)core + numbers[i].offset, sizeof value);
        if (value != 0)
            failed |= json_object_set_new(shown, numbers[i].name, json_integer(value));
    }
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
        if (*(const bool *)((const char *)core + switches[i].offset))
            failed |= json_object_set_new(shown, switches[i].name, json_true());
    return failed == 0;
}

json_t *opp_core_part_json(const struct opp_core_part *core)
{
    json_t *shown =
        json_pack("{s:s, s:s, s:s, s:o, s:O*, s:s*}", "phase", opp_phase_name(core->phase), "tool", core->tool, "risk",
                  opp_risk_name(core->risk), "window", show_window(&core->window), "redact", core->redact, "refused",
                  core->refused != OPP_OK ? opp_code_name(core->refused) : NULL);

    if (shown != NULL && add_scalars(shown, core))
        return shown;
    json_decref(shown);
    return NULL;
}

static void read_window(const json_t *document, struct opp_window *out)
{
    const json_t *actions = json_object_get(document, "allowed_actions");

    *out = (struct opp_window){ .enabled = opp_json_true(document, "enabled"),
                                .expires_at = json_integer_value(json_object_get(document, "expires_at")),
                                .allowed_actions = json_is_array(actions) ? actions : NULL,
                                .require_preflight = opp_json_true(document, "require_preflight"),
                                .require_idempotency = opp_json_true(document, "require_idempotency") };
}

static enum opp_risk risk_find(const char *name)
{
    for (int risk = OPP_RISK_LOW; risk < OPP_RISK_HIGH; risk++)
        if (name != NULL && strcmp(opp_risk_name((enum opp_risk)risk), name) == 0)
            return (enum opp_risk)risk;
    return OPP_RISK_HIGH;
}

enum opp_code opp_core_part_read(const json_t *document, struct opp_core_part *out)
{
    const char *phase = opp_json_text(document, "phase"), *tool = opp_json_text(document, "tool");

    if (phase == NULL || tool == NULL || opp_phase_find(phase) == OPP_PHASE_COUNT)
        return OPP_E_VALIDATION;
    *out = (struct opp_core_part){ .phase = opp_phase_find(phase),
                                   .tool = tool,
                                   .risk = risk_find(opp_json_text(document, "risk")),
                                   .refused = opp_code_find(opp_json_text(document, "refused")),
                                   .redact = json_object_get(document, "redact") };
    read_window(json_object_get(document, "window"), &out->window);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int64_t value = json_integer_value(json_object_get(document, numbers[i].name));

        memcpy((char *)out + numbers[i].offset, &value, sizeof value);
    }
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
        *(bool *)((char *)out + switches[i].offset) = opp_json_true(document, switches[i].name);
    return OPP_OK;
}

/* In order, as the rules' names are. */
static json_t *names_never_shown(const struct opp_app_entry *app, const struct opp_tool *tool)
{
    json_t *names, *instead;
    const char *name;

    if (app->policy.allow_sensitive_fields || json_object_size(tool->sensitive) == 0)
        return NULL;
    names = json_array();
    json_object_foreach(tool->sensitive, name, instead)
    {
        size_t at = 0;

        while (at < json_array_size(names) && strcmp(json_string_value(json_array_get(names, at)), name) < 0)
            at++;
        json_array_insert_new(names, at, json_string(name));
    }
    return names;
}

void opp_core_part_of_app(struct opp_core_part *core, const struct opp_app_entry *app, const struct opp_tool *tool,
                          const struct opp_settings *settings)
{
    bool drafts = core->phase != OPP_PHASE_READ && core->phase != OPP_PHASE_APPROVE;

    core->tool = tool->name;
    core->risk = tool->risk;
    core->window = *opp_judge_window(app, tool);
    core->draft_lifetime_s = drafts ? settings->draft_lifetime_ms / 1000 : 0;
    core->max_days = core->phase == OPP_PHASE_READ ? app->policy.max_days : 0;
    core->redact = names_never_shown(app, tool);
}
