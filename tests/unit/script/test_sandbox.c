/* SPDX-License-Identifier: MIT */
#include "script/globals.h"
#include "script/kit.h"

#include <lua.h>

#include <stdio.h>
#include <string.h>

/* Everything that a script can reach by name. A change here is a change of what is safe: think twice. */
static const char golden[] =
    "array function\nassert function\nerror function\nipairs function\n"
    "math table\nmath.abs function\nmath.acos function\nmath.asin function\nmath.atan function\nmath.ceil function\n"
    "math.cos function\nmath.deg function\nmath.exp function\nmath.floor function\nmath.fmod function\n"
    "math.huge number\nmath.log function\nmath.max function\nmath.maxinteger number\nmath.min function\n"
    "math.mininteger number\nmath.modf function\nmath.pi number\nmath.rad function\nmath.sin function\n"
    "math.sqrt function\nmath.tan function\nmath.tointeger function\nmath.type function\nmath.ult function\n"
    "next function\nnull null\npairs function\npcall function\nselect function\n"
    "string table\nstring.byte function\nstring.char function\nstring.find function\nstring.format function\n"
    "string.gmatch function\nstring.gsub function\nstring.len function\nstring.lower function\nstring.match function\n"
    "string.rep function\nstring.reverse function\nstring.sub function\nstring.upper function\n"
    "table table\ntable.concat function\ntable.insert function\ntable.move function\ntable.pack function\n"
    "table.remove function\ntable.sort function\ntable.unpack function\ntonumber function\ntostring function\n"
    "type function";

static void the_reachable_environment_is_the_golden_list(void **state)
{
    struct opp_script *script = kit_script();

    (void)state;
    assert_string_equal(kit_eval(script, "local list = {}\n"
                                         "local function walk(t, name) for k, v in pairs(t) do\n"
                                         "  list[#list + 1] = name .. k .. ' ' .. type(v)\n"
                                         "  if type(v) == 'table' then walk(v, k .. '.') end end end\n"
                                         "walk(_ENV, '') table.sort(list) return table.concat(list, '\\n')"),
                        golden);
    opp_script_free(script);
}

static void what_is_missing_stays_missing(void **state)
{
    static const char *const names[] = {
        "load",           "loadstring", "dofile", "require", "debug",    "xpcall", "setmetatable", "getmetatable",
        "collectgarbage", "coroutine",  "rawset", "rawget",  "rawequal", "rawlen", "os",           "io",
        "package",        "print",      "_G",     "utf8",    "loadfile", NULL
    };
    struct opp_script *script = kit_script();
    char text[64], expected[96];

    (void)state;
    for (const char *const *name = names; *name != NULL; name++) {
        snprintf(text, sizeof text, "return %s", *name);
        snprintf(expected, sizeof expected, "test.lua:1: the global '%s' is not defined", *name);
        assert_string_equal(kit_eval(script, text), expected);
    }
    assert_string_equal(kit_eval(script, "return type(string.dump or math.random or ('').dump)"), "nil");
    opp_script_free(script);
}

static void globals_and_libraries_cannot_be_changed(void **state)
{
    struct opp_script *script = kit_script();

    (void)state;
    assert_string_equal(kit_eval(script, "x = 1"), "test.lua:1: the global 'x' cannot be assigned: use a local");
    assert_string_equal(kit_eval(script, "pcall = 1"),
                        "test.lua:1: the global 'pcall' cannot be assigned: use a local");
    assert_string_equal(kit_eval(script, "string.rep = nil"),
                        "test.lua:1: this table is read-only: its field 'rep' cannot be assigned");
    assert_string_equal(kit_eval(script, "return select(2, pcall(table.insert, math, 1))"),
                        "bad argument #1 to '?' (this table is read-only)");
    assert_string_equal(kit_eval(script, "return tostring(pcall(table.sort, _ENV))"), "false");
    assert_string_equal(kit_eval(script, "return tostring(pcall(table.move, { 1 }, 1, 1, 1, string))"), "false");
    assert_string_equal(kit_eval(script, "return tostring(pcall(function() ('x').y = 1 end))"), "false");
    assert_string_equal(kit_eval(script, "return tostring(pcall(array, string))"), "false");
    assert_string_equal(kit_eval(script, "return ('x'):rep(3) .. math.type(1)"), "xxxinteger");
    opp_script_free(script);
}

static void no_text_holds_an_address(void **state)
{
    struct opp_script *script = kit_script();

    (void)state;
    assert_string_equal(kit_eval(script, "return tostring({}) .. tostring(pcall) .. tostring(null) .. tostring(nil)"),
                        "tablefunctionnullnil");
    assert_string_equal(kit_eval(script, "return string.format('%s %s %10s|%5.1f|%q', {}, print == nil, 1, 2.25, 'a')"),
                        "test.lua:1: the global 'print' is not defined");
    assert_string_equal(kit_eval(script, "return string.format('%s %s %4s|%5.1f|%q|%%|%d', {}, type, 1, 2.25, 'a', 7)"),
                        "table function    1|  2.2|\"a\"|%|7");
    assert_string_equal(kit_eval(script, "return string.format('%p', {})"),
                        "test.lua:1: string.format: %p would show an address");
    assert_string_equal(kit_eval(script, "return string.format('%5p', 'x')"),
                        "test.lua:1: string.format: %p would show an address");
    assert_string_equal(kit_eval(script, "return tostring(pcall(string.format, '%q', {}))"), "false");
    assert_string_equal(kit_eval(script, "return select(2, pcall(string.rep, {}, 1))"),
                        "bad argument #1 to '?' (string expected, got table)");
    opp_script_free(script);
}

static void text_that_would_be_too_long_is_refused_before_it_is_built(void **state)
{
    struct opp_script *script = kit_script();

    (void)state;
    assert_string_equal(kit_eval(script, "return #string.rep('', 1 << 62) .. #string.rep('ab', 3, '-')"), "08");
    assert_string_equal(
        kit_eval(script, "return string.rep('ab', 3, '-') .. string.rep('x', 0) .. string.rep('y', -1)"), "ab-ab-ab");
    assert_string_equal(kit_eval(script, "return ('x'):rep(1 << 62)"),
                        "test.lua:1: string.rep: the result is too long");
    assert_string_equal(kit_eval(script, "return ('x'):rep(9, ('y'):rep(100000))"),
                        "test.lua:1: string.rep: the result is too long");
    assert_string_equal(kit_eval(script, "local s = ('x'):rep(200000) return table.concat { s, s }"),
                        "test.lua:1: table.concat: the result is too long");
    assert_string_equal(kit_eval(script, "local s = ('x'):rep(200000) return ('%s%s'):format(s, s)"),
                        "test.lua:1: string.format: the result is too long");
    assert_string_equal(kit_eval(script, "return #('x'):rep(200000)"), "200000");
    assert_false(opp_script_tripped(script));
    opp_script_free(script);
}

static void tables_work_as_in_lua(void **state)
{
    struct opp_script *script = kit_script();

    (void)state;
    assert_string_equal(kit_eval(script,
                                 "local t = { 3, 1, 2 } table.sort(t) table.insert(t, 4) table.insert(t, 1, 0)\n"
                                 "local r = table.remove(t) .. table.remove(t, 1)\n"
                                 "return r .. ':' .. table.concat(t, ',') .. ':' .. table.concat(t, '', 2, 3)"),
                        "40:1,2,3:23");
    assert_string_equal(kit_eval(script,
                                 "local t = { 5, 2, 9, 1, 7, 3 } table.sort(t, function(a, b) return a > b end)\n"
                                 "return table.concat(t, ' ')"),
                        "9 7 5 3 2 1");
    assert_string_equal(kit_eval(script,
                                 "local t = table.move({ 1, 2, 3 }, 1, 3, 2) local u = table.move(t, 1, 2, 1, {})\n"
                                 "return table.concat(t, ',') .. ' ' .. table.concat(u, ',')"),
                        "1,1,2,3 1,1");
    assert_string_equal(kit_eval(script, "return select('#', table.unpack({}, 1, 5)) .. table.pack(1, nil, 3).n"),
                        "53");
    assert_string_equal(kit_eval(script, "return tostring(pcall(table.insert, { 1 }, 5, 1)) .. "
                                         "tostring(pcall(table.remove, { 1 }, 5)) .. "
                                         "tostring(pcall(table.sort, { 1, 'a' })) .. "
                                         "tostring(pcall(table.unpack, {}, 1, 1 << 60))"),
                        "falsefalsefalsefalse");
    opp_script_free(script);
}

static void sorting_any_list_leaves_it_in_order(void **state)
{
    struct opp_script *script = kit_script();

    (void)state;
    assert_string_equal(
        kit_eval(script, "local x = 1\n"
                         "for n = 0, 60 do local t = {} for i = 1, n do x = (x * 1103515245 + 12345) % 2147483648\n"
                         "  t[i] = x % 40 end local sum = 0 for _, v in ipairs(t) do sum = sum + v end\n"
                         "  table.sort(t) for i = 2, n do assert(t[i - 1] <= t[i]) end\n"
                         "  for _, v in ipairs(t) do sum = sum - v end assert(sum == 0 and #t == n)\n"
                         "end return 'sorted'"),
        "sorted");
    opp_script_free(script);
}

static void pcall_catches_what_is_a_scripts_own(void **state)
{
    struct opp_script *script = kit_script();

    (void)state;
    assert_string_equal(kit_eval(script, "local ok, e = pcall(error, { code = 7 }) return tostring(ok) .. e.code"),
                        "false7");
    assert_string_equal(kit_eval(script, "local a, b, c = pcall(function(...) return select(2, ...) end, 1, 2, 3)\n"
                                         "return tostring(a) .. b .. c"),
                        "true23");
    assert_string_equal(kit_eval(script, "return select(2, pcall(error, 'plain', 0))"), "plain");
    opp_script_free(script);
}

static int l_twice(lua_State *L)
{
    lua_pushinteger(L, 2 * lua_tointeger(L, 1));
    return 1;
}

static void a_layer_adds_functions_and_constants_before_sealing(void **state)
{
    static const struct opp_script_function functions[] = { { "twice", l_twice }, { NULL, NULL } };
    struct opp_script *script = NULL;

    (void)state;
    assert_int_equal(opp_script_new(&OPP_SCRIPT_LIMITS_DEFAULT, &script, NULL), OPP_OK);
    assert_int_equal(opp_sandbox_open(script, NULL), OPP_OK);
    assert_int_equal(opp_sandbox_add(script, NULL, functions, NULL), OPP_OK);
    assert_int_equal(opp_sandbox_add(script, "calc", functions, NULL), OPP_OK);
    lua_pushinteger(opp_script_lua(script), 12);
    assert_int_equal(opp_sandbox_set(script, "calc", "dozen", NULL), OPP_OK);
    assert_int_equal(opp_sandbox_seal(script, NULL), OPP_OK);
    assert_string_equal(kit_eval(script, "return twice(1) + calc.twice(calc.dozen)"), "26");
    assert_string_equal(kit_eval(script, "calc.dozen = 13"),
                        "test.lua:1: this table is read-only: its field 'dozen' cannot be assigned");
    opp_script_free(script);
}

struct seen {
    char text[400];
};

static void note(void *arg, const char *name, int line, bool assigned)
{
    struct seen *seen = arg;
    size_t used = strlen(seen->text);

    snprintf(seen->text + used, sizeof seen->text - used, "%s:%d%s ", name, line, assigned ? "=" : "");
}

static const char *globals_of(struct opp_script *script, const char *text, struct seen *seen)
{
    seen->text[0] = '\0';
    opp_script_begin(script);
    assert_int_equal(opp_script_load(script, text, strlen(text), "test.lua", NULL), OPP_OK);
    assert_int_equal(opp_script_check_globals(script, note, seen, NULL), OPP_OK);
    lua_settop(opp_script_lua(script), 0);
    return seen->text;
}

static void undefined_globals_are_found_before_they_are_read(void **state)
{
    struct opp_script *script = kit_script();
    struct seen seen;
    char many[4000] = "local t = {}\n";

    (void)state;
    assert_string_equal(globals_of(script, "return math.abs(1) + #table", &seen), "");
    assert_string_equal(globals_of(script, "local a = prnt\nx = 1\nreturn y.z", &seen), "prnt:1 x:2= y:3 ");
    assert_string_equal(globals_of(script, "return function()\n return function(a)\n return a and oops end end", &seen),
                        "oops:3 ");
    assert_string_equal(globals_of(script, "local function f(_ENV) return oops end return f", &seen), "");
    assert_string_equal(globals_of(script, "local _ENV = {} return function() return oops end", &seen), "");
    assert_string_equal(globals_of(script, "local s, i, n, f = '\\n\\0', 1 << 40, 0.5, true\nmath = s", &seen),
                        "math:2= ");
    for (int i = 0; i < 250; i++)
        strcat(many, "t[1] = {}\n\n");
    strcat(many, "return late");
    assert_string_equal(globals_of(script, many, &seen), "late:502 ");
    opp_script_free(script);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reachable_environment_is_the_golden_list),
        cmocka_unit_test(what_is_missing_stays_missing),
        cmocka_unit_test(globals_and_libraries_cannot_be_changed),
        cmocka_unit_test(no_text_holds_an_address),
        cmocka_unit_test(text_that_would_be_too_long_is_refused_before_it_is_built),
        cmocka_unit_test(tables_work_as_in_lua),
        cmocka_unit_test(sorting_any_list_leaves_it_in_order),
        cmocka_unit_test(pcall_catches_what_is_a_scripts_own),
        cmocka_unit_test(a_layer_adds_functions_and_constants_before_sealing),
        cmocka_unit_test(undefined_globals_are_found_before_they_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
