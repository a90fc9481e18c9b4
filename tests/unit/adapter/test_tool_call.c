/* SPDX-License-Identifier: MIT */
#include "adapter/adapter_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ACTION(name) "{ name = '" name "', kind = 'action', scopes = { 's' }, description = 'Does it.', "
#define PLAIN "resources = function() return { { kind = 'x', id = '1' } } end, execute = nothing"

static struct fixture f;

/* Inspects a tool whose outcome must be a defect that the operator is told with this text. */
static void assert_defect(const char *tool, const char *needle)
{
    struct opp_tool_call call = fixture_call(&f, tool, "{\"id\":\"t1\"}");
    enum opp_code rc = fixture_inspect(&call);

    if (rc != OPP_E_EXECUTION_FAILED || !call.refusal.defect || strstr(call.refusal.message, needle) == NULL)
        fail_msg("%s: wanted '%s', got %d: %s", tool, needle, (int)rc, call.refusal.message);
    fixture_call_free(&call);
}

static void a_call_says_what_it_touches_shows_and_depends_on(void **state)
{
    struct opp_tool_call call;

    (void)state;
    fixture_open_with(
        &f, ACTION("a.b") "load = thing, resources = touched, execute = nothing, witness = { 'amount' },"
                          "state = function(_, thing) return { amount = thing.amount, name = thing.name } end,"
                          "impact = function(call, thing) return { summary = 'S', was = thing.name } end }");
    call = fixture_call(&f, "a.b", "{\"id\":\"t2\"}");
    opp_tool_load(&call);
    assert_int_equal(call.rc, OPP_OK);
    assert_int_equal(f.done, 1);
    assert_json(call.resources, "[{\"id\":\"t2\",\"kind\":\"thing\",\"org_id\":\"org\"}]");
    assert_null(call.effect);
    opp_tool_inspect(&call);
    assert_int_equal(f.done, 2);
    assert_json(call.impact, "{\"summary\":\"S\",\"was\":\"two\"}");
    assert_json(call.state, "{\"amount\":2.5,\"name\":\"two\"}");
    assert_json(call.witness, "{\"amount\":2.5}");
    assert_json(opp_effect_data(call.effect), "{\"result\":{},\"value\":true}");
    fixture_call_free(&call);
}

static void what_a_tool_leaves_out_has_a_default(void **state)
{
    struct opp_tool_call call;

    (void)state;
    fixture_open_with(&f, ACTION("a.b") PLAIN " }");
    call = fixture_call(&f, "a.b", "{}");
    assert_int_equal(fixture_inspect(&call), OPP_OK);
    assert_json(call.impact, "{\"summary\":\"Does it.\"}");
    assert_null(call.state);
    assert_null(call.witness);
    fixture_call_free(&call);
}

static void a_whole_state_is_the_witness_where_none_is_listed(void **state)
{
    struct opp_tool_call call;

    (void)state;
    fixture_open_with(&f, ACTION("a.b") PLAIN ", state = function() return { a = 1, b = null } end }");
    call = fixture_call(&f, "a.b", "{}");
    assert_int_equal(fixture_inspect(&call), OPP_OK);
    assert_json(call.witness, "{\"a\":1,\"b\":null}");
    fixture_call_free(&call);
}

static void a_state_that_is_not_known_is_a_failed_precondition(void **state)
{
    struct opp_tool_call call;

    (void)state;
    fixture_open_with(&f, ACTION("a.b") PLAIN ", state = function() end }");
    call = fixture_call(&f, "a.b", "{}");
    assert_int_equal(fixture_inspect(&call), OPP_E_PRECONDITION);
    assert_string_equal(call.refusal.reason, "state_witness_unavailable");
    assert_false(call.refusal.defect);
    fixture_call_free(&call);
}

static void what_load_does_not_find_is_absent(void **state)
{
    struct opp_tool_call call;

    (void)state;
    fixture_open_with(&f, ACTION("a.b") "load = thing, resources = touched, execute = nothing }");
    call = fixture_call(&f, "a.b", "{\"id\":\"none\"}");
    opp_tool_load(&call);
    assert_int_equal(call.rc, OPP_E_ABSENT);
    assert_null(call.resources);
    fixture_call_free(&call);
}

static void every_function_may_refuse_in_every_way(void **state)
{
    static const char *const functions[] = { "load", "resources", "check", "impact", "state", "execute" };
    static const struct {
        const char *lua;
        enum opp_code rc;
        const char *message, *reason, *path;
        int64_t retry_after_s;
    } cases[] = {
        { "refuse.invalid('Too big.', '/amount')", OPP_E_ACTION_INVALID, "Too big.", "", "/amount", 0 },
        { "refuse.conflict('closed', 'It is closed.')", OPP_E_PRECONDITION, "It is closed.", "closed", "", 0 },
        { "refuse.conflict('closed')", OPP_E_PRECONDITION, "", "closed", "", 0 },
        { "refuse.gone()", OPP_E_ABSENT, "", "", "", 0 },
        { "refuse.unavailable(7)", OPP_E_EXECUTION_FAILED, "", "", "", 7 },
    };
    char tools[2048];

    (void)state;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
            struct opp_tool_call call;

            snprintf(tools, sizeof tools,
                     "(function() local t = " ACTION("a.b") PLAIN " } t.%s = function() return %s end return t end)()",
                     functions[i], cases[k].lua);
            fixture_open_with(&f, tools);
            call = fixture_call(&f, "a.b", "{}");
            assert_int_equal(fixture_inspect(&call), cases[k].rc);
            assert_string_equal(call.refusal.message, cases[k].message);
            assert_string_equal(call.refusal.reason, cases[k].reason);
            assert_string_equal(call.refusal.path, cases[k].path);
            assert_int_equal(call.refusal.retry_after_s, cases[k].retry_after_s);
            assert_false(call.refusal.defect);
            assert_null(call.effect);
            fixture_call_free(&call);
            fixture_close(&f);
        }
    }
}

static void nonsense_is_a_defect_with_its_place(void **state)
{
    static const char *const cases[][2] = {
        { "resources = function() return nil end, execute = nothing", "resources: nil is no JSON value" },
        { "resources = function() return array {} end, execute = nothing", "at least one resource" },
        { "resources = function() return {} end, execute = nothing", "at least one resource" },
        { "resources = function() return { kind = 'x', id = '1' } end, execute = nothing", "an array of resources" },
        { "resources = function() return { 'x' } end, execute = nothing", "a resource is" },
        { "resources = function() return { { kind = 'x' } } end, execute = nothing", "a kind and an id" },
        { "resources = function() return { { kind = 'x', id = 1 } } end, execute = nothing", "a kind and an id" },
        { "resources = function() return { { kind = 'x', id = '' } } end, execute = nothing", "a kind and an id" },
        { "resources = function() return { { kind = 'x', id = '1', org = 'o' } } end, execute = nothing",
          "no other fields" },
        { "resources = function() return { { kind = 'x', id = '1', org_id = 5 } } end, execute = nothing", "org_id" },
        { "resources = function() return { { kind = 'x', id = '1', parents = 'p' } } end, execute = nothing",
          "parents" },
        { "resources = function() return { { kind = 'x', id = '1', parents = { { kind = 'p' } } } } end, execute = "
          "nothing",
          "parents" },
        { PLAIN ", impact = function() return 'text' end", "impact: it gives a table" },
        { PLAIN ", impact = function() return { f = print } end", "global 'print'" },
        { PLAIN ", impact = function() return { f = nothing } end", "impact: /f" },
        { PLAIN ", state = function() return 5 end", "state: it gives a table" },
        { PLAIN ", state = function(call) return call.sql('things'):row('SELECT 9007199254740993 AS version') end",
          "state: the column version holds an integer beyond 2^53" },
        { PLAIN ", witness = { 'b' }, state = function() return { a = 1 } end", "lacks 'b'" },
        { PLAIN ", check = function() return true end", "check: it gives a refusal or nothing" },
        { PLAIN ", check = function() error('broken') end", "a/init.lua:7: broken" },
        { PLAIN ", check = function() error({}) end", "no text" },
        { PLAIN ", check = function(call) return call.nothing end", "a call has no field 'nothing'" },
        { PLAIN ", check = function(call) return call.sql('other') end", "no database 'other'" },
        { PLAIN ", check = function(call) call.new_id('t_') end", "new ids are for execute" },
        { PLAIN ", check = function(call) require 'lib.x' end", "when the adapter loads" },
        { PLAIN ", check = function(call) call.payload.id = 1 end", "read-only" },
        { PLAIN ", check = function() refuse.invalid() end", "string expected" },
        { PLAIN ", check = function() refuse.unavailable(0) end", "seconds" },
        { PLAIN ", check = function() x = 1 end", "cannot be assigned" },
    };
    char tools[2048];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(tools, sizeof tools, ACTION("a.b") "\n%s }", cases[i][0]);
        fixture_open_with(&f, tools);
        assert_defect("a.b", cases[i][1]);
        fixture_close(&f);
    }
}

static void nothing_is_left_in_a_table_for_the_next_call(void **state)
{
    (void)state;
    fixture_write(&f, "a/lib/kept.lua", "local kept = {} return { keep = function(n) kept.n = n end }");
    fixture_open_with(&f, "(function() local keep = require('lib.kept').keep return " ACTION("a.b") PLAIN
                      ", check = function() keep(1) end } end)()");
    assert_defect("a.b", "a/lib/kept.lua:1");
}

static void a_state_that_ran_out_is_replaced_after_the_call(void **state)
{
    struct opp_tool_call call;

    (void)state;
    fixture_open_with(
        &f, ACTION("a.loop") PLAIN ", check = function() while true do end end }," ACTION("a.memory") PLAIN
        ", check = function() local t = {} while true do t[#t + 1] = ('x'):rep(1000000) end end }," ACTION("a.b") PLAIN
        "}");
    for (int i = 0; i < 2; i++) {
        assert_defect("a.loop", "instructions");
        assert_defect("a.memory", "memory");
        call = fixture_call(&f, "a.b", "{}");
        assert_int_equal(fixture_inspect(&call), OPP_OK);
        fixture_call_free(&call);
    }
}

static void calls_may_be_open_at_once_without_seeing_each_other(void **state)
{
    struct opp_tool_call first, second, third;

    (void)state;
    fixture_open_with(
        &f, ACTION("a.b") "load = thing, resources = touched, execute = nothing, impact = function(call, thing) return "
                          "{ summary = call.payload.id .. thing.id .. call.effect_id } end }," ACTION("a.loop") PLAIN
        ", check = function() while true do end end }");
    first = fixture_call(&f, "a.b", "{\"id\":\"t1\"}");
    second = fixture_call(&f, "a.b", "{\"id\":\"t2\"}");
    third = fixture_call(&f, "a.loop", "{}");
    second.input.effect_id = "eff_2";
    opp_tool_load(&first);
    opp_tool_load(&second);
    assert_int_equal(fixture_inspect(&third), OPP_E_EXECUTION_FAILED);
    fixture_call_free(&third);
    opp_tool_inspect(&first);
    opp_tool_inspect(&second);
    assert_json(first.impact, "{\"summary\":\"t1t1eff_1\"}");
    assert_json(second.impact, "{\"summary\":\"t2t2eff_2\"}");
    fixture_call_free(&second);
    fixture_call_free(&first);
}

static void a_call_object_is_of_no_use_after_its_call(void **state)
{
    struct opp_tool_call call;

    (void)state;
    fixture_open_with(&f, "(function() local kept return " ACTION("a.b") PLAIN
                      ", check = function(call) if kept then return kept.payload end kept = call end } end)()");
    call = fixture_call(&f, "a.b", "{}");
    assert_int_equal(fixture_inspect(&call), OPP_OK);
    fixture_call_free(&call);
    assert_defect("a.b", "this call is over");
}

static void a_closed_call_frees_what_was_not_taken(void **state)
{
    struct opp_tool_call call;
    json_t *impact;

    (void)state;
    fixture_open_with(&f, ACTION("a.b") PLAIN " }");
    call = fixture_call(&f, "a.b", "{}");
    opp_tool_close(&call);
    assert_int_equal(fixture_inspect(&call), OPP_OK);
    impact = call.impact;
    call.impact = NULL;
    opp_tool_close(&call);
    opp_tool_close(&call);
    assert_null(call.effect);
    assert_json(impact, "{\"summary\":\"Does it.\"}");
    json_decref(impact);
    fixture_call_free(&call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_call_says_what_it_touches_shows_and_depends_on, &f),
        fixture_test(what_a_tool_leaves_out_has_a_default, &f),
        fixture_test(a_whole_state_is_the_witness_where_none_is_listed, &f),
        fixture_test(a_state_that_is_not_known_is_a_failed_precondition, &f),
        fixture_test(what_load_does_not_find_is_absent, &f),
        fixture_test(every_function_may_refuse_in_every_way, &f),
        fixture_test(nonsense_is_a_defect_with_its_place, &f),
        fixture_test(nothing_is_left_in_a_table_for_the_next_call, &f),
        fixture_test(a_state_that_ran_out_is_replaced_after_the_call, &f),
        fixture_test(calls_may_be_open_at_once_without_seeing_each_other, &f),
        fixture_test(a_call_object_is_of_no_use_after_its_call, &f),
        fixture_test(a_closed_call_frees_what_was_not_taken, &f),
    };

    return cmocka_run_group_tests_name("tool calls", tests, NULL, NULL);
}
