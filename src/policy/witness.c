/* SPDX-License-Identifier: MIT */
#include "policy/engine_internal.h"
#include "script/json_lua.h"
#include "script/view.h"

#include <lua.h>

#define REQUEST_AT 1
#define STATE_AT 2

struct witnessing {
    const struct opp_tool_rules *tool;
    json_t *request; /* {state, payload} */
};

/* Pushes the request and its state. */
static int l_push_views(lua_State *L)
{
    const struct witnessing *witnessing = lua_touserdata(L, 1);
    struct opp_view_options options = { .strict = true, .shape = witnessing->tool->shape };

    lj_view_json(L, witnessing->request, &options);
    lua_getfield(L, -1, "state");
    return 2;
}

/* Adds what one rule says under its name. */
static enum opp_code ask(struct opp_policy_engine *engine, size_t number, json_t *facts, struct opp_err *err)
{
    struct opp_policy_lua *lua = engine->lua;
    const struct opp_rule *rule = &engine->bundle->rules.list[number];
    lua_State *L = opp_script_lua(lua->script);
    struct opp_err why = { 0 };
    json_t *said = NULL;
    enum opp_code rc;

    lua_settop(L, STATE_AT);
    opp_script_push(lua->script, lua->rules.list[number].functions[OPP_RULE_WITNESS]);
    lua_pushvalue(L, REQUEST_AT);
    lua_pushvalue(L, STATE_AT);
    rc = opp_script_call(lua->script, 2, 1, &why);
    if (rc == OPP_OK)
        rc = opp_script_to_json(L, -1, &said, &why);
    if (rc == OPP_OK && json_object_set_new(facts, opp_rule_name(rule), said) != 0)
        rc = opp_fail(&why, OPP_E_MEMORY, "no memory for a witness");
    opp_engine_place(&why, rule);
    return rc == OPP_OK ? rc : opp_fail_at(err, rc, why.where, "%s", why.message);
}

static enum opp_code ask_all(struct opp_policy_engine *engine, struct witnessing *witnessing, json_t *facts,
                             struct opp_err *err)
{
    const struct opp_rule_numbers *numbers = &witnessing->tool->by_function[OPP_RULE_WITNESS];
    enum opp_code rc = OPP_OK, kept;

    if (opp_script_tripped(engine->lua->script))
        rc = opp_policy_engine_renew(engine, err);
    engine->calls++;
    opp_policy_lua_begin(engine->lua, NULL);
    if (rc == OPP_OK)
        rc = opp_script_protect(engine->lua->script, l_push_views, witnessing, err);
    for (size_t i = 0; i < numbers->count && rc == OPP_OK; i++)
        rc = ask(engine, numbers->list[i], facts, err);
    kept = opp_engine_check_memory(engine, rc == OPP_OK ? err : NULL); /* a rule that failed may have kept something */
    opp_policy_lua_end(engine->lua);
    return rc == OPP_OK ? kept : rc;
}

enum opp_code opp_policy_witness(struct opp_policy_engine *engine, const char *tool, json_t *state, json_t *payload,
                                 json_t **facts, struct opp_err *err)
{
    struct witnessing witnessing = { .tool = opp_bundle_tool(engine->bundle, tool) };
    json_t *made = NULL;
    enum opp_code rc = OPP_E_MEMORY;

    if (witnessing.tool == NULL)
        return opp_fail(err, OPP_E_SCRIPT, "the policies were loaded without the tool %s", tool);
    *facts = NULL;
    if (witnessing.tool->by_function[OPP_RULE_WITNESS].count == 0)
        return OPP_OK;
    witnessing.request = json_pack("{s:O, s:O}", "state", state, "payload", payload);
    made = json_object();
    if (witnessing.request != NULL && made != NULL)
        rc = ask_all(engine, &witnessing, made, err);
    else
        opp_fail(err, rc, "no memory for a witness");
    if (rc == OPP_OK)
        *facts = json_incref(made);
    json_decref(made);
    json_decref(witnessing.request);
    return rc;
}
