/* SPDX-License-Identifier: MIT */
#include "policy/engine_internal.h"
#include "policy/kit.h"
#include "script/reach.h"
#include "script/state.h"

#include <lua.h>

#include <stdlib.h>
#include <string.h>

/* Everything that a rule can reach by name. A change here is a change of what is safe: think twice. */
static const char golden[] =
    "allow function\nalways function\narray function\nassert function\nbetween function\ndaily function\n"
    "deny function\ndraft function\nerror function\nglob function\nip_in function\nipairs function\n"
    "math table\nmath.abs function\nmath.acos function\nmath.asin function\nmath.atan function\n"
    "math.ceil function\nmath.cos function\nmath.deg function\nmath.exp function\nmath.floor function\n"
    "math.fmod function\nmath.huge number\nmath.log function\nmath.max function\nmath.maxinteger number\n"
    "math.min function\nmath.mininteger number\nmath.modf function\nmath.pi number\nmath.rad function\n"
    "math.sin function\nmath.sqrt function\nmath.tan function\nmath.tointeger function\n"
    "math.type function\nmath.ult function\nnever function\nnext function\nnow_in function\nnull null\n"
    "pairs function\npcall function\nrequire function\nselect function\nstring table\n"
    "string.byte function\nstring.char function\nstring.find function\nstring.format function\n"
    "string.gmatch function\nstring.gsub function\nstring.len function\nstring.lower function\n"
    "string.match function\nstring.rep function\nstring.reverse function\nstring.sub function\n"
    "string.upper function\ntable table\ntable.concat function\ntable.insert function\n"
    "table.move function\ntable.pack function\ntable.remove function\ntable.sort function\n"
    "table.unpack function\ntonumber function\ntostring function\ntype function\nweekly function\n"
    "within function";

/* What a function of the engine's own state gives as text. */
static char *run(struct opp_policy_engine *engine, const char *text)
{
    struct opp_script *script = engine->lua->script;
    struct opp_err err = { 0 };
    char *shown;

    opp_script_begin(script);
    if (opp_script_load(script, text, strlen(text), "test.lua", &err) != OPP_OK ||
        opp_script_call(script, 0, 1, &err) != OPP_OK)
        fail_msg("%s: %s", err.where, err.message);
    shown = strdup(lua_tostring(opp_script_lua(script), -1));
    lua_settop(opp_script_lua(script), 0);
    return shown;
}

static void what_a_rule_can_reach_is_the_golden_list(void **state)
{
    struct opp_policy_engine *engine = kit_engine("return {}");
    char *reached = run(engine, REACH_LIST "return reach()");

    (void)state;
    assert_string_equal(reached, golden);
    free(reached);
    opp_policy_engine_free(engine);
}

static int64_t recent(void *arg, const char *tool, int64_t seconds)
{
    (void)arg;
    (void)tool;
    return seconds;
}

static void no_text_that_a_rule_can_make_holds_an_address(void **state)
{
    struct opp_policy_engine *engine = kit_engine(
        "return { { name = 'r', tools = { '*' }, decide = function(request)\n" REACH_SPEAK
        "local values = table.pack(request, request.impact, request.resources, request.recent, {}, array{}, null, "
        "type,\n"
        "  function() end, allow{}, always(), weekly{ days = 'mon', from = '09:00', to = '10:00', tz = 'UTC' },\n"
        "  ('x'):gmatch('x'), 'x', 'lib.a', '%s', 1, 1.5, true, nil)\n"
        "local found, texts = speak(values)\n"
        "assert(texts > 10000)\n"
        "return draft(found or 'no address')\n"
        "end } }");
    struct opp_script_limits wide = OPP_SCRIPT_LIMITS_DEFAULT;
    struct opp_policy_request request = { .phase = OPP_PHASE_ACTION,
                                          .tool = "thing.make",
                                          .request = kit_request(OPP_PHASE_ACTION, NULL),
                                          .now_s = KIT_NOW,
                                          .recent = recent };
    struct opp_policy_decision decision;

    (void)state;
    wide.instructions = INT64_C(1) << 40;
    wide.cpu_ms = 100000;
    wide.call_bytes = (size_t)1 << 40;
    wide.pattern_steps = INT64_C(1) << 40;
    opp_script_set_limits(engine->lua->script, &wide);
    opp_policy_decide(engine, &request, &decision);
    if (decision.failed)
        fail_msg("%s: %s", decision.error.where, decision.error.message);
    assert_string_equal(decision.reason, "no address");
    opp_policy_decision_clear(&decision);
    json_decref(request.request);
    opp_policy_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_rule_can_reach_is_the_golden_list),
        cmocka_unit_test(no_text_that_a_rule_can_make_holds_an_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
