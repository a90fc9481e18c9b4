/* SPDX-License-Identifier: MIT */
#include "script/freeze.h"
#include "script/kit.h"
#include "script/thread.h"

#include <lauxlib.h>
#include <lua.h>

#include <string.h>

static void a_chunk_gives_its_result(void **state)
{
    struct opp_script *script = kit_script();

    (void)state;
    assert_string_equal(kit_eval(script, "local a = 20 return a * 2 + 2"), "42");
    assert_false(opp_script_tripped(script));
    assert_true(opp_script_live(script) > 1000);
    opp_script_free(script);
}

static void an_error_says_file_and_line_once(void **state)
{
    struct opp_script *script = kit_script();
    struct opp_err err = { 0 };

    (void)state;
    assert_int_equal(kit_run(script, "local t = {}\nlocal function f() return t.a.b end\nreturn f()", &err),
                     OPP_E_SCRIPT);
    assert_string_equal(err.where, "test.lua:2");
    assert_string_equal(err.message, "attempt to index a nil value (field 'a')");
    assert_int_equal(lua_gettop(opp_script_lua(script)), 0);
    assert_string_equal(kit_eval(script, "\n\nerror('no', 0)"), "test.lua:3: no");
    opp_script_free(script);
}

static void a_syntax_error_says_file_and_line(void **state)
{
    struct opp_script *script = kit_script();

    (void)state;
    assert_string_equal(kit_eval(script, "local a = 1\nlocal = 2"), "test.lua:2: <name> expected near '='");
    opp_script_free(script);
}

static void an_error_object_is_only_looked_into_if_it_is_text(void **state)
{
    struct opp_script *script = kit_script();
    char long_text[600];

    (void)state;
    assert_string_equal(kit_eval(script, "error({ 1 })"),
                        "test.lua:1: the script raised a value that is no text: table");
    assert_string_equal(kit_eval(script, "error()"), "test.lua:1: the script raised a value that is no text: nil");
    assert_string_equal(kit_eval(script, "error('a\\1\\xff\\u{e4}', 0)"), "test.lua:1: a??\xc3\xa4");
    strcpy(long_text, kit_eval(script, "error(string.rep('x', 5000), 0)"));
    assert_true(strlen(long_text) <= strlen("test.lua:1: ") + 255);
    opp_script_free(script);
}

static void bytecode_is_refused_before_it_is_loaded(void **state)
{
    static const char bytes[] = "\x1bLua\x54\x00\x19\x93\r\n\x1a\n";
    struct opp_script *script = kit_script();
    struct opp_err err = { 0 };

    (void)state;
    assert_int_equal(opp_script_load(script, bytes, sizeof bytes - 1, "rules.lua", &err), OPP_E_SCRIPT);
    assert_string_equal(err.where, "rules.lua");
    assert_int_equal(lua_gettop(opp_script_lua(script)), 0);
    opp_script_free(script);
}

static int l_sum(lua_State *L)
{
    const int *values = lua_touserdata(L, 1);

    lua_pushinteger(L, values[0] + values[1]);
    lua_pushliteral(L, "and more");
    return 2;
}

static int l_raise(lua_State *L)
{
    return luaL_error(L, "from C");
}

static void a_protected_function_gets_its_argument_and_leaves_results(void **state)
{
    struct opp_script *script = kit_script();
    struct opp_err err = { 0 };
    int values[2] = { 2, 3 };

    (void)state;
    assert_int_equal(opp_script_protect(script, l_sum, values, NULL), OPP_OK);
    assert_int_equal(lua_gettop(opp_script_lua(script)), 2);
    assert_int_equal(lua_tointeger(opp_script_lua(script), 1), 5);
    lua_settop(opp_script_lua(script), 0);
    assert_int_equal(opp_script_protect(script, l_raise, NULL, &err), OPP_E_SCRIPT);
    assert_string_equal(err.message, "from C");
    assert_int_equal(lua_gettop(opp_script_lua(script)), 0);
    opp_script_free(script);
}

static void a_reference_keeps_a_function_between_calls(void **state)
{
    struct opp_script *script = kit_script();
    lua_State *L = opp_script_lua(script);
    int ref = 0;

    (void)state;
    assert_int_equal(kit_run(script, "return function(a) return a + 1 end", NULL), OPP_OK);
    assert_int_equal(opp_script_ref(script, &ref, NULL), OPP_OK);
    for (int i = 0; i < 3; i++) {
        opp_script_begin(script);
        opp_script_push(script, ref);
        lua_pushinteger(L, i);
        assert_int_equal(opp_script_call(script, 1, 1, NULL), OPP_OK);
        assert_int_equal(lua_tointeger(L, -1), i + 1);
        lua_settop(L, 0);
    }
    opp_script_unref(script, ref);
    opp_script_free(script);
}

static int finish_wait(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return lua_gettop(L);
}

static int l_wait(lua_State *L)
{
    return lua_yieldk(L, lua_gettop(L), 0, finish_wait);
}

static void a_host_call_suspends_a_thread_even_inside_pcall(void **state)
{
    static const struct opp_script_function wait[] = { { "wait", l_wait }, { NULL, NULL } };
    struct opp_script *script = NULL;
    lua_State *thread = NULL;
    bool yielded = false;
    int ref = 0, count = 0;

    (void)state;
    assert_int_equal(opp_script_new(&OPP_SCRIPT_LIMITS_DEFAULT, &script, NULL), OPP_OK);
    assert_int_equal(opp_sandbox_open(script, NULL), OPP_OK);
    assert_int_equal(opp_sandbox_add(script, "host", wait, NULL), OPP_OK);
    assert_int_equal(opp_sandbox_seal(script, NULL), OPP_OK);
    assert_int_equal(opp_script_load(script, "local ok, v = pcall(host.wait, 'ask') return ok, v", 50, "t.lua", NULL),
                     OPP_OK);
    assert_int_equal(opp_script_thread(script, &thread, &ref, NULL), OPP_OK);
    assert_int_equal(opp_script_resume(script, thread, 0, &count, &yielded, NULL), OPP_OK);
    assert_true(yielded);
    assert_string_equal(lua_tostring(thread, -1), "ask");
    lua_pop(thread, count);
    opp_script_refill(script);
    lua_pushinteger(thread, 7);
    assert_int_equal(opp_script_resume(script, thread, 1, &count, &yielded, NULL), OPP_OK);
    assert_false(yielded);
    assert_int_equal(count, 2);
    assert_true(lua_toboolean(thread, -2));
    assert_int_equal(lua_tointeger(thread, -1), 7);
    opp_script_unref(script, ref);
    opp_script_free(script);
}

static void a_thread_has_the_hook_and_says_where_it_failed(void **state)
{
    struct opp_script *script = kit_script();
    struct opp_err err = { 0 };
    lua_State *thread = NULL;
    bool yielded = false;
    int ref = 0, count = 0;

    (void)state;
    assert_int_equal(opp_script_load(script, "\nreturn nil + 1", 15, "t.lua", NULL), OPP_OK);
    assert_int_equal(opp_script_thread(script, &thread, &ref, NULL), OPP_OK);
    assert_int_equal(opp_script_resume(script, thread, 0, &count, &yielded, &err), OPP_E_SCRIPT);
    assert_string_equal(err.where, "t.lua:2");
    err = (struct opp_err){ 0 };
    assert_int_equal(opp_script_load(script, "while true do end", 17, "t.lua", NULL), OPP_OK);
    assert_int_equal(opp_script_thread(script, &thread, &ref, NULL), OPP_OK);
    assert_int_equal(opp_script_resume(script, thread, 0, &count, &yielded, &err), OPP_E_LIMIT);
    assert_string_equal(err.where, "t.lua:1");
    assert_true(opp_script_tripped(script));
    opp_script_free(script);
}

static void frozen_tables_read_as_before_and_cannot_be_written(void **state)
{
    struct opp_script *script = kit_script();
    lua_State *L = opp_script_lua(script);
    int snapshot = 0, ref = 0;

    (void)state;
    assert_int_equal(
        kit_run(script,
                "local deep = { list = array{ 3, 1, 2 }, [1] = 'one' }\n"
                "return { try = function(f) return pcall(f, deep) end, read = function()\n"
                "  local s = 0 for _, v in ipairs(deep.list) do s = s + v end\n"
                "  for k in pairs(deep) do s = s + 10 end\n"
                "  return s + #deep.list * 100 + #deep * 1000 .. table.concat(deep.list, ',') end,\n"
                "  write = function() deep.list[1] = 9 end, insert = function() table.insert(deep.list, 4) end,\n"
                "  sort = function() table.sort(deep.list) end, again = function() array(deep) end }",
                NULL),
        OPP_OK);
    assert_int_equal(opp_script_freeze(script, -1, &snapshot, NULL), OPP_OK);
    assert_int_equal(opp_script_ref(script, &ref, NULL), OPP_OK);
    opp_script_push(script, ref);
    lua_getfield(L, -1, "read");
    assert_int_equal(opp_script_call(script, 0, 1, NULL), OPP_OK);
    assert_string_equal(lua_tostring(L, -1), "13263,1,2");
    lua_settop(L, 1);
    for (const char *const *name = (const char *const[]){ "write", "insert", "sort", "again", NULL }; *name != NULL;
         name++) {
        struct opp_err err = { 0 };

        lua_getfield(L, 1, *name);
        assert_int_equal(opp_script_call(script, 0, 0, &err), OPP_E_SCRIPT);
        assert_non_null(strstr(err.message, "read-only"));
    }
    assert_false(opp_script_changed(script, snapshot));
    opp_script_free(script);
}

static void a_changed_upvalue_is_noticed(void **state)
{
    struct opp_script *script = kit_script();
    lua_State *L = opp_script_lua(script);
    int snapshot = 0;

    (void)state;
    assert_int_equal(kit_run(script,
                             "local count, nan = 0, 0/0\n"
                             "local function bump() count = count + 1 return nan end\n"
                             "return { function(go) if go then bump() end return count end }",
                             NULL),
                     OPP_OK);
    assert_int_equal(opp_script_freeze(script, 1, &snapshot, NULL), OPP_OK);
    for (int go = 0; go <= 1; go++) {
        lua_geti(L, 1, 1);
        lua_pushboolean(L, go);
        assert_int_equal(opp_script_call(script, 1, 0, NULL), OPP_OK);
        assert_int_equal(opp_script_changed(script, snapshot), go);
    }
    assert_int_equal(lua_gettop(L), 1);
    opp_script_free(script);
}

static void assigning_env_is_noticed(void **state)
{
    struct opp_script *script = kit_script();
    int snapshot = 0;

    (void)state;
    assert_int_equal(kit_run(script, "return function() _ENV = { n = 1 } end", NULL), OPP_OK);
    assert_int_equal(opp_script_freeze(script, -1, &snapshot, NULL), OPP_OK);
    assert_int_equal(opp_script_call(script, 0, 0, NULL), OPP_OK);
    assert_true(opp_script_changed(script, snapshot));
    opp_script_free(script);
}

static void a_kept_pattern_iterator_cannot_be_frozen(void **state)
{
    struct opp_script *script = kit_script();
    struct opp_err err = { 0 };
    int snapshot = 0;

    (void)state;
    assert_int_equal(kit_run(script, "local it = ('abc'):gmatch('.') return function() return it() end", NULL), OPP_OK);
    assert_int_equal(opp_script_freeze(script, -1, &snapshot, &err), OPP_E_SCRIPT);
    opp_script_free(script);
}

static void a_trip_of_the_owners_own_is_final(void **state)
{
    struct opp_script *script = kit_script();
    struct opp_err err = { 0 };

    (void)state;
    opp_script_trip(script, "an upvalue changed");
    opp_script_begin(script);
    assert_int_equal(kit_run(script, "return 1", &err), OPP_E_LIMIT);
    assert_string_equal(err.message, "an upvalue changed");
    opp_script_free(script);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chunk_gives_its_result),
        cmocka_unit_test(an_error_says_file_and_line_once),
        cmocka_unit_test(a_syntax_error_says_file_and_line),
        cmocka_unit_test(an_error_object_is_only_looked_into_if_it_is_text),
        cmocka_unit_test(bytecode_is_refused_before_it_is_loaded),
        cmocka_unit_test(a_protected_function_gets_its_argument_and_leaves_results),
        cmocka_unit_test(a_reference_keeps_a_function_between_calls),
        cmocka_unit_test(a_host_call_suspends_a_thread_even_inside_pcall),
        cmocka_unit_test(a_thread_has_the_hook_and_says_where_it_failed),
        cmocka_unit_test(frozen_tables_read_as_before_and_cannot_be_written),
        cmocka_unit_test(a_changed_upvalue_is_noticed),
        cmocka_unit_test(assigning_env_is_noticed),
        cmocka_unit_test(a_kept_pattern_iterator_cannot_be_frozen),
        cmocka_unit_test(a_trip_of_the_owners_own_is_final),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
