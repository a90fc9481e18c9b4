/* SPDX-License-Identifier: MIT */
#include "base/jcs.h"
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

static void write_window(struct opp_buf *out, const struct opp_window *window)
{
    opp_jcs_member(out, "window");
    opp_buf_char(out, '{');
    opp_jcs_member_json(out, "allowed_actions", window->allowed_actions);
    opp_jcs_member_bool(out, "enabled", window->enabled);
    opp_jcs_member_integer(out, "expires_at", window->expires_at);
    opp_jcs_member_bool(out, "require_idempotency", window->require_idempotency);
    opp_jcs_member_bool(out, "require_preflight", window->require_preflight);
    opp_buf_char(out, '}');
}

/* What is no or nothing is left out: most of it is. */
static void write_scalars(struct opp_buf *out, const struct opp_core_part *core)
{
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int64_t value;

        memcpy(&value, (const char *)core + numbers[i].offset, sizeof value);
        if (value != 0)
            opp_jcs_member_integer(out, numbers[i].name, value);
    }
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
        if (*(const bool *)((const char *)core + switches[i].offset))
            opp_jcs_member_bool(out, switches[i].name, true);
}

void opp_core_part_write(struct opp_buf *out, const struct opp_core_part *core)
{
    opp_buf_char(out, '{');
    opp_jcs_member_text(out, "phase", opp_phase_name(core->phase));
    opp_jcs_member_text(out, "tool", core->tool);
    opp_jcs_member_text(out, "risk", opp_risk_name(core->risk));
    write_window(out, &core->window);
    if (core->redact != NULL)
        opp_jcs_member_json(out, "redact", core->redact);
    if (core->refused != OPP_OK)
        opp_jcs_member_text(out, "refused", opp_code_name(core->refused));
    write_scalars(out, core);
    opp_buf_char(out, '}');
}

json_t *opp_core_part_json(const struct opp_core_part *core)
{
    struct opp_buf text = { 0 };
    json_t *shown = NULL;

    opp_core_part_write(&text, core);
    if (!text.failed)
        shown = json_loadb(text.bytes, text.length, 0, NULL);
    opp_buf_free(&text);
    return shown;
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
