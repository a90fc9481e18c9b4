/* SPDX-License-Identifier: MIT */
#include "policy/rules.h"

#include "policy/lua_state.h"
#include "script/freeze.h"
#include "script/json_lua.h"
#include "script/values.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULES_MAX 1000
#define TESTS_MAX 1000

struct reading {
    struct opp_policy_lua *lua;
    const char *file;
    bool facts;
    int line; /* of the rule that is being read, once known */
};

const char *opp_rule_fn_name(enum opp_rule_fn fn)
{
    static const char *const names[OPP_RULE_FN_COUNT] = { "discover", "decide", "window", "witness" };

    return names[fn];
}

void opp_rules_free(struct opp_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        json_decref(rules->list[i].facts);
        json_decref(rules->list[i].tests);
    }
    free(rules->list);
    *rules = (struct opp_rules){ 0 };
}

bool opp_rule_file(const char *name)
{
    const char *base = strchr(name, '/');

    return base != NULL && strchr(base + 1, '/') == NULL && strcmp(base, "/profile.lua") != 0;
}

/* Adds the value on top as a member. May jump. */
static void lj_keep(lua_State *L, json_t *object, const char *key, const char *what)
{
    struct opp_err err = { 0 };
    json_t *value = NULL;

    if (opp_script_to_json(L, -1, &value, &err) != OPP_OK)
        luaL_error(L, "%s '%s': %s%s%s", what, key, err.message, err.where[0] != '\0' ? " at " : "", err.where);
    if (json_object_set_new(object, key, value) != 0)
        luaL_error(L, "%s '%s' cannot be kept", what, key);
}

/* Gives the rule's own object under a key, made empty. May jump. */
static json_t *lj_fresh(lua_State *L, json_t **slot, json_t *made)
{
    *slot = made;
    if (made == NULL)
        luaL_error(L, "no memory for a rule");
    return made;
}

static json_t *lj_append_object(lua_State *L, json_t *list)
{
    json_t *made = json_object();

    if (json_array_append_new(list, made) != 0)
        luaL_error(L, "no memory for a rule's tests");
    return made;
}

/* The expectation on top: a list's first element is the outcome, its names are obligations. May jump. */
static void lj_read_expect(lua_State *L, json_t *test)
{
    json_t *expect = json_object();

    if (json_object_set_new(test, "expect", expect) != 0)
        luaL_error(L, "no memory for a rule's tests");
    if (!lua_istable(L, -1))
        luaL_error(L, "a test's expect is a table: { \"deny\" }");
    opp_value_push_storage(L, -1);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        if (lua_isinteger(L, -2) && lua_tointeger(L, -2) == 1)
            lj_keep(L, expect, "outcome", "expect");
        else if (lua_type(L, -2) == LUA_TSTRING)
            lj_keep(L, expect, lua_tostring(L, -2), "expect");
        else
            luaL_error(L, "a test's expect is an outcome and named obligations");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* The test on top. May jump. */
static void lj_read_test(lua_State *L, json_t *test)
{
    if (!lua_istable(L, -1))
        luaL_error(L, "a test is a table with given and expect");
    opp_value_push_storage(L, -1);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "a test has named fields: given, expect, phase, name");
        if (strcmp(lua_tostring(L, -2), "expect") == 0)
            lj_read_expect(L, test);
        else
            lj_keep(L, test, lua_tostring(L, -2), "a test's");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void lj_read_tests(lua_State *L, struct opp_rule *rule)
{
    lua_Integer count;

    if (!lua_istable(L, -1))
        luaL_error(L, "tests is a list");
    count = lj_value_length(L, -1);
    if (count > TESTS_MAX)
        luaL_error(L, "a rule has at most %d tests", TESTS_MAX);
    for (lua_Integer i = 1; i <= count; i++) {
        lj_value_geti(L, -1, i);
        lj_read_test(L, lj_append_object(L, rule->tests));
        lua_pop(L, 1);
    }
}

static int fn_of(const char *key)
{
    for (int fn = 0; fn < OPP_RULE_FN_COUNT; fn++)
        if (strcmp(key, opp_rule_fn_name((enum opp_rule_fn)fn)) == 0)
            return fn;
    return -1;
}

/* Where the function on top, which it pops, begins; 0 when it is none of the script's. */
static int pop_line(lua_State *L)
{
    lua_Debug about = { 0 };

    if (lua_type(L, -1) != LUA_TFUNCTION || lua_iscfunction(L, -1))
        lua_pop(L, 1);
    else
        lua_getinfo(L, ">S", &about);
    return about.linedefined > 0 ? about.linedefined : 0;
}

/* Finds the line first, so that whatever is wrong with the rule can be said to be there. May jump. */
static void lj_find_line(lua_State *L, struct reading *reading, struct opp_rule *rule)
{
    for (int fn = 0; fn < OPP_RULE_FN_COUNT; fn++) {
        int line;

        lua_pushstring(L, opp_rule_fn_name((enum opp_rule_fn)fn));
        lua_rawget(L, -2);
        line = pop_line(L);
        if (line > 0 && (rule->line == 0 || line < rule->line))
            rule->line = line;
    }
    reading->line = rule->line;
}

/* The pair on top. May jump. */
static void lj_read_field(lua_State *L, const struct reading *reading, struct opp_rule *rule)
{
    const char *key;
    int fn;

    if (lua_type(L, -2) != LUA_TSTRING)
        luaL_error(L, "a rule has named fields only");
    key = lua_tostring(L, -2);
    fn = fn_of(key);
    if (fn >= 0) {
        if (!lua_isfunction(L, -1) || lua_iscfunction(L, -1))
            luaL_error(L, "a rule's %s is a function of its own", key);
        lua_pushvalue(L, -1);
        rule->functions[fn] = luaL_ref(L, LUA_REGISTRYINDEX);
    } else if (!reading->facts) {
        return;
    } else if (strcmp(key, "tests") == 0) {
        lj_read_tests(L, rule);
    } else {
        lj_keep(L, rule->facts, key, "a rule's field");
    }
}

/* The rule on top. May jump. */
static void lj_read_rule(lua_State *L, struct reading *reading, struct opp_rule *rule)
{
    reading->line = 0;
    if (!lua_istable(L, -1))
        luaL_error(L, "a rule is a table; a file returns a list of rules: return { { name = … } }");
    opp_value_push_storage(L, -1);
    lj_find_line(L, reading, rule);
    if (reading->facts) {
        lj_fresh(L, &rule->facts, json_object());
        lj_fresh(L, &rule->tests, json_array());
    }
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lj_read_field(L, reading, rule);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* NULL: no memory. */
static struct opp_rule *add_rule(const struct reading *reading)
{
    struct opp_rules *rules = &reading->lua->rules;
    struct opp_rule *grown = realloc(rules->list, (rules->count + 1) * sizeof *grown);

    if (grown == NULL)
        return NULL;
    rules->list = grown;
    grown[rules->count] = (struct opp_rule){ .file = reading->file };
    return &grown[rules->count++];
}

/* Arguments: the reading, and what the file gave, which it gives back. */
static int l_rules_read(lua_State *L)
{
    struct reading *reading = lua_touserdata(L, 1);
    lua_Integer count, named = 0;

    luaL_checkstack(L, 32, NULL);
    if (!lua_istable(L, 2))
        return luaL_error(L, "a file of rules returns a list of rules, not a %s", opp_value_type(L, 2));
    opp_value_push_storage(L, 2);
    count = (lua_Integer)lua_rawlen(L, 3);
    lua_pushnil(L);
    for (; lua_next(L, 3); named++)
        lua_pop(L, 1);
    if (named != count)
        return luaL_error(L, "a file returns a list of rules: return { { name = … }, … }");
    for (lua_Integer i = 1; i <= count; i++) {
        struct opp_rule *rule;

        if (reading->lua->rules.count >= RULES_MAX)
            return luaL_error(L, "a profile has at most %d rules", RULES_MAX);
        rule = add_rule(reading);
        if (rule == NULL)
            return luaL_error(L, "no memory for a rule");
        lua_rawgeti(L, 3, i);
        lj_read_rule(L, reading, rule);
        lua_pop(L, 1);
    }
    lua_settop(L, 2);
    return 1;
}

enum opp_code opp_rules_read(struct opp_policy_lua *lua, const struct opp_policy_file *file, bool facts,
                             struct opp_err *err)
{
    struct reading reading = { .lua = lua, .file = file->name, .facts = facts };
    lua_State *L = opp_script_lua(lua->script);
    struct opp_err why = { 0 };
    enum opp_code rc = opp_policy_lua_run(lua, file, &why);
    char where[sizeof why.where];

    if (rc == OPP_OK) {
        if (!lua_checkstack(L, 8))
            return opp_fail_at(err, OPP_E_LIMIT, file->name, "too many files");
        lua_pushcfunction(L, l_rules_read);
        lua_pushlightuserdata(L, &reading);
        lua_rotate(L, -3, 2);
        rc = opp_script_call(lua->script, 2, 1, &why);
    }
    if (rc == OPP_OK)
        return rc;
    snprintf(where, sizeof where, reading.line > 0 ? "%.100s:%d" : "%.100s", file->name, reading.line);
    return opp_fail_at(err, rc, why.where[0] != '\0' ? why.where : where, "%s", why.message);
}

/* Gathers all arguments in a table. */
static int l_gather(lua_State *L)
{
    int count = lua_gettop(L);

    lua_createtable(L, count, 0);
    lua_insert(L, 1);
    for (int i = count; i > 0; i--)
        lua_rawseti(L, 1, i);
    return 1;
}

enum opp_code opp_rules_seal(struct opp_policy_lua *lua, struct opp_err *err)
{
    lua_State *L = opp_script_lua(lua->script);
    int count = lua_gettop(L);
    enum opp_code rc;

    opp_script_begin(lua->script);
    lua_pushcfunction(L, l_gather);
    lua_insert(L, 1);
    rc = opp_script_call(lua->script, count, 1, err);
    if (rc == OPP_OK)
        rc = opp_script_freeze(lua->script, -1, &lua->snapshot, err);
    lua_settop(L, 0);
    lua->schedules_kept = lua->schedule_count;
    lua->profile[0] = '\0';
    return rc;
}

enum opp_code opp_rules_load(struct opp_policy_lua *lua, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; i < opp_policy_sources_count(lua->sources) && rc == OPP_OK; i++) {
        const struct opp_policy_file *file = opp_policy_sources_at(lua->sources, i);

        if (opp_rule_file(file->name))
            rc = opp_rules_read(lua, file, false, err);
    }
    return rc == OPP_OK ? opp_rules_seal(lua, err) : rc;
}
