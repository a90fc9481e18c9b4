/* SPDX-License-Identifier: MIT */
#include "core/judge.h"

#include "adapter/tool.h"
#include "core/freeze.h"
#include "core/shape.h"
#include "policy/decision.h"

#include <string.h>

const struct opp_window *opp_judge_window(const struct opp_app_entry *app, const struct opp_tool *tool)
{
    return tool->risk == OPP_RISK_HIGH ? &app->auto_execute.high_risk : &app->auto_execute.writes;
}

bool opp_judge_confirms(const struct opp_tool *tool)
{
    return tool->confirm || tool->risk == OPP_RISK_HIGH;
}

static bool listed(const json_t *actions, const char *name)
{
    size_t index;
    json_t *item;

    if (actions == NULL)
        return true;
    json_array_foreach(actions, index, item)
    {
        if (strcmp(json_string_value(item), name) == 0)
            return true;
    }
    return false;
}

/* A rule that asks for approvals asks for people, whatever else it says. */
static bool wants_people(const struct opp_policy_decision *ruling)
{
    return ruling->outcome != OPP_OUTCOME_ALLOW || ruling->approvals > 0;
}

enum opp_code opp_judge_window_now(const struct opp_app_entry *app, const struct opp_tool *tool,
                                   const struct opp_policy_decision *ruling, int64_t now_ms)
{
    const struct opp_window *window = opp_judge_window(app, tool);

    if (!window->enabled || opp_freeze_of(app, tool->name) != NULL)
        return OPP_E_AUTO_DISABLED;
    if (window->expires_at != 0 && window->expires_at <= now_ms)
        return OPP_E_AUTO_EXPIRED;
    if (!listed(window->allowed_actions, tool->name) || wants_people(ruling))
        return OPP_E_AUTO_DENIED;
    return ruling->window_open ? OPP_OK : OPP_E_AUTO_CLOSED;
}

/* What high risk demands by the app's settings, and what the rules demand at any risk. */
static unsigned required(const struct opp_app_entry *app, const struct opp_tool *tool,
                         const struct opp_policy_decision *ruling)
{
    const struct opp_window *window = opp_judge_window(app, tool);
    unsigned bits = ruling->require;

    if (tool->risk != OPP_RISK_HIGH)
        return bits;
    bits |= OPP_REQUIRE_JUSTIFICATION;
    bits |= window->require_idempotency ? OPP_REQUIRE_IDEMPOTENCY : 0U;
    bits |= window->require_preflight ? OPP_REQUIRE_PREFLIGHT : 0U;
    return bits;
}

/* A witness comes with a preflight, or is named: where one is demanded, a preflight is what is missing. */
static bool lacks_preflight(unsigned bits, const struct opp_safeguards *have)
{
    if ((bits & OPP_REQUIRE_PREFLIGHT) != 0 && !have->preflight && !have->preflight_mismatch)
        return true;
    return (bits & OPP_REQUIRE_WITNESS) != 0 && !have->witness;
}

enum opp_code opp_judge(const struct opp_app_entry *app, const struct opp_tool *tool,
                        const struct opp_policy_decision *ruling, const struct opp_safeguards *have, int64_t now_ms)
{
    unsigned bits = required(app, tool, ruling);
    enum opp_code rc = opp_judge_window_now(app, tool, ruling, now_ms);

    if ((rc == OPP_OK || rc == OPP_E_AUTO_CLOSED) && have->limit_reached)
        rc = OPP_E_AUTO_DENIED;
    if (rc != OPP_OK)
        return rc;
    if ((bits & OPP_REQUIRE_JUSTIFICATION) != 0 && !have->justification)
        return OPP_E_ACTION_INVALID;
    if ((bits & OPP_REQUIRE_IDEMPOTENCY) != 0 && !have->idempotency_key)
        return OPP_E_IDEMPOTENCY_REQUIRED;
    if (have->preflight_gone)
        return OPP_E_PREFLIGHT_NOT_FOUND;
    if (lacks_preflight(bits, have))
        return OPP_E_PREFLIGHT_REQUIRED;
    return have->preflight_mismatch ? OPP_E_PREFLIGHT_MISMATCH : OPP_OK;
}

json_t *opp_judge_requires(const struct opp_app_entry *app, const struct opp_tool *tool,
                           const struct opp_policy_decision *ruling)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = { { OPP_REQUIRE_JUSTIFICATION, "justification" },
                  { OPP_REQUIRE_IDEMPOTENCY, "idempotency" },
                  { OPP_REQUIRE_PREFLIGHT, "preflight" },
                  { OPP_REQUIRE_WITNESS, "witness" } };
    unsigned bits = required(app, tool, ruling);
    json_t *requires = json_array();

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if ((bits & names[i].bit) != 0)
            json_array_append_new(requires, json_string(names[i].name));
    return requires;
}

static const char *reason_of(const struct opp_app_entry *app, const struct opp_tool *tool,
                             const struct opp_policy_decision *ruling, enum opp_code denied)
{
    const struct opp_freeze *freeze = opp_freeze_of(app, tool->name);

    if (denied == OPP_E_AUTO_DISABLED && freeze != NULL)
        return freeze->reason;
    if (denied == OPP_E_ACTION_INVALID)
        return "A justification is required.";
    if (denied == OPP_E_AUTO_DENIED && ruling->outcome == OPP_OUTCOME_DRAFT)
        return ruling->reason;
    if (denied == OPP_E_AUTO_CLOSED && ruling->window_reason[0] != '\0')
        return ruling->window_reason;
    return opp_code_message(denied);
}

json_t *opp_judge_explain(const struct opp_app_entry *app, const struct opp_tool *tool,
                          const struct opp_policy_decision *ruling, enum opp_code denied)
{
    json_t *shown;

    if (denied == OPP_OK)
        return json_null();
    shown = json_pack("{s:s, s:s, s:o}", "code", opp_code_name(denied), "reason", reason_of(app, tool, ruling, denied),
                      "requires", opp_judge_requires(app, tool, ruling));
    if (denied == OPP_E_AUTO_CLOSED && ruling->opens_at_s > 0)
        json_object_set_new(shown, "opensAt", opp_shape_time(ruling->opens_at_s * 1000));
    return shown;
}
