/* SPDX-License-Identifier: MIT */
#include "policy/engine.h"

#include "policy/engine_internal.h"
#include "policy/merge.h"
#include "script/freeze.h"

#include <stdio.h>
#include <stdlib.h>

static enum opp_code load_state(const struct opp_policy_bundle *bundle, struct opp_policy_lua **out,
                                struct opp_err *err)
{
    struct opp_policy_lua *lua = NULL;
    enum opp_code rc = opp_policy_lua_new(bundle->sources, bundle->zones, &lua, err);

    if (rc == OPP_OK)
        rc = opp_rules_load(lua, err);
    if (rc == OPP_OK && lua->rules.count != bundle->rules.count)
        rc = opp_fail(err, OPP_E_CONFIG, "the rules are not those that were checked");
    if (rc == OPP_OK)
        *out = lua;
    else
        opp_policy_lua_free(lua);
    return rc;
}

enum opp_code opp_policy_engine_new(struct opp_policy_bundle *bundle, struct opp_policy_engine **out,
                                    struct opp_err *err)
{
    struct opp_policy_engine *engine = calloc(1, sizeof *engine);
    enum opp_code rc;

    if (engine == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a policy engine");
    engine->bundle = opp_policy_bundle_ref(bundle);
    rc = load_state(bundle, &engine->lua, err);
    if (rc == OPP_OK)
        *out = engine;
    else
        opp_policy_engine_free(engine);
    return rc;
}

void opp_policy_engine_free(struct opp_policy_engine *engine)
{
    if (engine == NULL)
        return;
    opp_policy_lua_free(engine->lua);
    opp_policy_bundle_unref(engine->bundle);
    free(engine);
}

struct opp_policy_bundle *opp_policy_engine_bundle(const struct opp_policy_engine *engine)
{
    return engine->bundle;
}

bool opp_policy_engine_stale(const struct opp_policy_engine *engine)
{
    return engine->calls >= OPP_POLICY_ENGINE_CALLS_MAX || opp_script_tripped(engine->lua->script);
}

enum opp_code opp_policy_engine_renew(struct opp_policy_engine *engine, struct opp_err *err)
{
    struct opp_policy_lua *fresh = NULL;
    enum opp_code rc = load_state(engine->bundle, &fresh, err);

    if (rc != OPP_OK)
        return rc;
    opp_policy_lua_free(engine->lua);
    engine->lua = fresh;
    engine->calls = 0;
    return OPP_OK;
}

void opp_engine_place(struct opp_err *err, const struct opp_rule *rule)
{
    if (err->where[0] == '\0')
        snprintf(err->where, sizeof err->where, "%.110s:%d", rule->file, rule->line);
}

enum opp_code opp_engine_check_memory(struct opp_policy_engine *engine, struct opp_err *err)
{
    if (!opp_script_changed(engine->lua->script, engine->lua->snapshot))
        return OPP_OK;
    opp_script_trip(engine->lua->script, "a rule changed a variable outside of its function; rules have no memory");
    return opp_fail(err, OPP_E_LIMIT, "a rule changed a variable outside of its function; rules have no memory");
}

void opp_policy_decide(struct opp_policy_engine *engine, const struct opp_policy_request *request,
                       struct opp_policy_decision *out)
{
    const struct opp_tool_rules *tool = opp_bundle_tool(engine->bundle, request->tool);
    struct opp_err err = { 0 };

    opp_decision_start(out);
    if (tool == NULL) {
        opp_fail(&err, OPP_E_ABSENT, "the policies were loaded without the tool %s", request->tool);
        opp_decision_fail(out, NULL, &err);
        return;
    }
    opp_engine_judge(engine, request, tool, OPP_ALL_RULES, out);
}
