/* SPDX-License-Identifier: MIT */
#include "script/kit.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every case runs in our sandbox and in a plain Lua state with its own string library; both must say the same. */

#define CASES 40000

static const char checker[] = "local s, p, r = ...\n"
                              "local out = {}\n"
                              "local function show(ok, ...)\n"
                              "  if not ok then return 'error' end\n"
                              "  local n, t = select('#', ...), { ... }\n"
                              "  for i = 1, n do t[i] = type(t[i]) .. ':' .. tostring(t[i]) end\n"
                              "  return table.concat(t, '|')\n"
                              "end\n"
                              "out[1] = show(pcall(string.find, s, p))\n"
                              "out[2] = show(pcall(string.match, s, p, 2))\n"
                              "out[3] = show(pcall(string.gsub, s, p, r))\n"
                              "out[4] = show(pcall(string.gsub, s, p, function(a, b) return b or a end, 3))\n"
                              "out[5] = show(pcall(string.gsub, s, p, { a = 'A', b = false, ab = 1 }))\n"
                              "out[6] = show(pcall(string.find, s, p, -2))\n"
                              "local got = {}\n"
                              "local ok = pcall(function() for a, b in string.gmatch(s, p) do got[#got + 1] = "
                              "tostring(a) .. tostring(b) end end)\n"
                              "out[7] = ok and table.concat(got, ',') or 'error'\n"
                              "return table.concat(out, '\\n')";

static uint32_t seed = 2463534242;

static uint32_t draw(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % below;
}

static void random_subject(char *to, size_t *length)
{
    static const char bytes[] = "aabbab01 _.-()[]%$^\n\0\xe4z";

    *length = draw(14);
    for (size_t i = 0; i < *length; i++)
        to[i] = bytes[draw(sizeof bytes - 1)];
}

static void random_pattern(char *to, size_t *length)
{
    static const char *const parts[] = {
        "a",    "b",  "ab",   ".",    "%a",    "%d",   "%s",    "%w",  "%W",   "%p",   "%x",   "%l",     "%u",
        "%g",   "%c", "[ab]", "[^a]", "[%w_]", "[a-]", "[]]",   "[^]", "[a-z", "(",    ")",    "()",     "(a)",
        "(.-)", "*",  "+",    "-",    "?",     "$",    "^",     "%1",  "%2",   "%b()", "%bab", "%f[%w]", "%f",
        "%b",   "%",  "%%",   "0",    "[%a]",  "[%]]", "[0-9]", "(",   ")",    "%E",   "[-a]"
    };
    size_t count = 1 + draw(5);

    *length = 0;
    for (size_t i = 0; i < count; i++) {
        const char *part = parts[draw(sizeof parts / sizeof parts[0])];

        memcpy(to + *length, part, strlen(part));
        *length += strlen(part);
    }
}

static lua_State *plain_state(void)
{
    lua_State *L = luaL_newstate();

    luaL_openlibs(L);
    assert_int_equal(luaL_loadstring(L, checker), LUA_OK);
    return L;
}

static void push_case(lua_State *L, const char *subject, size_t subject_length, const char *pattern,
                      size_t pattern_length, const char *replacement)
{
    lua_pushvalue(L, 1);
    lua_pushlstring(L, subject, subject_length);
    lua_pushlstring(L, pattern, pattern_length);
    lua_pushstring(L, replacement);
}

/* Lua's gsub does not look at a capture that a replacement does not name; ours refuses an unfinished one always. */
static bool is_known_difference(const char *ours, const char *plain, const char *pattern, size_t length)
{
    return memchr(pattern, '(', length) != NULL && strstr(ours, "error") != NULL && strstr(plain, "error") != NULL;
}

static void random_patterns_do_what_luas_own_do(void **state)
{
    static const char *const replacements[] = { "<%0>", "%1", "x", "%%", "%2%1", "%", "" };
    struct opp_script *script = kit_script();
    lua_State *ours = opp_script_lua(script), *plain = plain_state();
    char subject[64], pattern[64];
    size_t subject_length, pattern_length;
    int matched = 0;

    (void)state;
    assert_int_equal(opp_script_load(script, checker, strlen(checker), "check.lua", NULL), OPP_OK);
    for (int i = 0; i < CASES; i++) {
        const char *replacement = replacements[draw(sizeof replacements / sizeof replacements[0])];
        const char *a, *b;

        random_subject(subject, &subject_length);
        random_pattern(pattern, &pattern_length);
        opp_script_begin(script);
        push_case(ours, subject, subject_length, pattern, pattern_length, replacement);
        assert_int_equal(opp_script_call(script, 3, 1, NULL), OPP_OK);
        push_case(plain, subject, subject_length, pattern, pattern_length, replacement);
        assert_int_equal(lua_pcall(plain, 3, 1, 0), LUA_OK);
        a = lua_tostring(ours, -1);
        b = lua_tostring(plain, -1);
        matched += strstr(a, "number:") == a;
        if (strcmp(a, b) != 0 && !is_known_difference(a, b, pattern, pattern_length))
            fail_msg("subject '%.*s' pattern '%.*s' replacement '%s':\n%s\n--- not\n%s", (int)subject_length, subject,
                     (int)pattern_length, pattern, replacement, a, b);
        lua_settop(ours, 1);
        lua_settop(plain, 1);
    }
    assert_in_range(matched, CASES / 10, CASES);
    lua_close(plain);
    opp_script_free(script);
}

static void every_class_takes_the_same_bytes(void **state)
{
    static const char text[] = "local all = {} for i = 0, 255 do all[i + 1] = string.char(i) end\n"
                               "local s, out = table.concat(all), {}\n"
                               "for c in ('acdglpsuwxACDGLPSUWXzZ'):gmatch('.') do\n"
                               "  for m in s:gmatch('%' .. c .. '+') do out[#out + 1] = c .. m end end\n"
                               "return (table.concat(out):gsub('.', function(b) return b:byte() .. ' ' end))";
    struct opp_script *script = kit_script();
    lua_State *plain = luaL_newstate();

    (void)state;
    luaL_openlibs(plain);
    opp_script_begin(script);
    assert_int_equal(kit_run(script, text, NULL), OPP_OK);
    assert_int_equal(luaL_dostring(plain, text), LUA_OK);
    assert_string_equal(lua_tostring(opp_script_lua(script), -1), lua_tostring(plain, -1));
    lua_close(plain);
    opp_script_free(script);
}

static void long_subjects_and_patterns_behave(void **state)
{
    struct opp_script *script = kit_script();

    (void)state;
    assert_string_equal(kit_eval(script, "return ('x'):rep(20000):find('y', 1, true)"), "(nil)");
    assert_string_equal(kit_eval(script, "return (('a'):rep(10000) .. 'b'):find('b')"), "10001");
    assert_string_equal(kit_eval(script, "return #('  trim  '):match('^%s*(.-)%s*$')"), "4");
    assert_string_equal(kit_eval(script, "return ('a'):rep(300):find(('a?'):rep(300))"),
                        "test.lua:1: pattern too complex");
    assert_string_equal(kit_eval(script, "return ('a'):find(('()'):rep(40))"), "test.lua:1: too many captures");
    assert_string_equal(kit_eval(script, "return ('abc'):find('', 10)"), "(nil)");
    assert_string_equal(kit_eval(script, "return ('abc'):find('', 4)"), "4");
    opp_script_free(script);
}

static void searches_share_one_budget_of_steps(void **state)
{
    struct opp_script *script = kit_script();
    struct opp_err err = { 0 };

    (void)state;
    assert_string_equal(kit_eval(script, "return pcall(string.find, ('a'):rep(400), ('.-'):rep(3) .. 'b') and 1"),
                        "test.lua:1: the script ran out of pattern steps");
    assert_true(opp_script_tripped(script));
    assert_int_equal(kit_run(script, "return 1", &err), OPP_E_LIMIT);
    opp_script_free(script);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_patterns_do_what_luas_own_do),
        cmocka_unit_test(every_class_takes_the_same_bytes),
        cmocka_unit_test(long_subjects_and_patterns_behave),
        cmocka_unit_test(searches_share_one_budget_of_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
