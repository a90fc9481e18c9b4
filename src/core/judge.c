/* SPDX-License-Identifier: MIT */
#include "core/judge.h"

#include "adapter/tool.h"

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

enum opp_code opp_judge_window_now(const struct opp_app_entry *app, const struct opp_tool *tool, int64_t now_ms)
{
    const struct opp_window *window = opp_judge_window(app, tool);

    if (!window->enabled)
        return OPP_E_AUTO_DISABLED;
    if (window->expires_at != 0 && window->expires_at <= now_ms)
        return OPP_E_AUTO_EXPIRED;
    return listed(window->allowed_actions, tool->name) ? OPP_OK : OPP_E_AUTO_DENIED;
}

enum opp_code opp_judge(const struct opp_app_entry *app, const struct opp_tool *tool, const struct opp_safeguards *have,
                        int64_t now_ms)
{
    const struct opp_window *window = opp_judge_window(app, tool);
    bool high = tool->risk == OPP_RISK_HIGH;
    enum opp_code rc = opp_judge_window_now(app, tool, now_ms);

    if (rc != OPP_OK)
        return rc;
    if (high && !have->justification)
        return OPP_E_ACTION_INVALID;
    if (high && window->require_idempotency && !have->idempotency_key)
        return OPP_E_IDEMPOTENCY_REQUIRED;
    if (have->preflight_gone)
        return OPP_E_PREFLIGHT_NOT_FOUND;
    if (high && window->require_preflight && !have->preflight && !have->preflight_mismatch)
        return OPP_E_PREFLIGHT_REQUIRED;
    return have->preflight_mismatch ? OPP_E_PREFLIGHT_MISMATCH : OPP_OK;
}

json_t *opp_judge_requires(const struct opp_app_entry *app, const struct opp_tool *tool)
{
    const struct opp_window *window = opp_judge_window(app, tool);
    json_t *requires = json_array();

    if (tool->risk != OPP_RISK_HIGH)
    return requires;
    json_array_append_new(requires, json_string("justification"));
    if (window->require_idempotency)
        json_array_append_new(requires, json_string("idempotency"));
    if (window->require_preflight)
        json_array_append_new(requires, json_string("preflight"));
    return requires;
}

json_t *opp_judge_explain(const struct opp_app_entry *app, const struct opp_tool *tool, enum opp_code denied)
{
    if (denied == OPP_OK)
        return json_null();
    return json_pack("{s:s, s:s, s:o}", "code", opp_code_name(denied), "reason",
                     denied == OPP_E_ACTION_INVALID ? "A justification is required." : opp_code_message(denied),
                     "requires", opp_judge_requires(app, tool));
}
