/* SPDX-License-Identifier: MIT */
#include "adapter/effect_build.h"

#include "adapter/effect_internal.h"
#include "adapter/marker.h"
#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"
#include "script/values.h"

#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#define STATEMENTS_MAX 100

static void lj_no_memory(lua_State *L)
{
    luaL_error(L, "no memory for an effect");
}

void lj_effect_set(lua_State *L, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        lj_no_memory(L);
}

void lj_effect_convert(lua_State *L, int index, json_t *object, const char *key, const char *what)
{
    struct opp_err err = { 0 };
    json_t *value = NULL;

    if (opp_symbols_to_json(L, index, &value, &err) != OPP_OK)
        luaL_error(L, "%s%s: %s", what, err.where, err.message);
    lj_effect_set(L, object, key, value);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(const char *name)
{
    size_t length = 0;

    while (length < OPP_ROW_NAME_MAX && (is_letter(name[length]) || (name[length] >= '0' && name[length] <= '9')))
        length++;
    return is_letter(name[0]) && length < OPP_ROW_NAME_MAX && name[length] == '\0';
}

/* A parameter is a scalar, or the symbol of a new id: a table of Lua's cannot look like one, its key would have been
 * given another $. */
static void lj_check_params(lua_State *L, const json_t *params, lua_Integer n)
{
    json_t *object = (json_t *)(uintptr_t)params; /* jansson's iterators are not const */
    const char *name;
    json_t *value;

    if (!json_is_object(params))
        luaL_error(L, "statement %d: parameters are a table of names and values", (int)n);
    json_object_foreach(object, name, value)
    {
        if (!is_name(name))
            luaL_error(L, "statement %d: '%s' is no name of a parameter", (int)n, name);
        if (opp_sql_is_host_name(name))
            luaL_error(L, "statement %d: the parameter %s is the host's to give", (int)n, name);
        if (json_is_array(value) || (json_is_object(value) && json_object_get(value, "$new_id") == NULL))
            luaL_error(L, "statement %d: the parameter %s is no text, number, boolean, null or new id", (int)n, name);
    }
}

/* affects = n, or { min, max }. The value is on top of the stack. */
static void lj_add_affects(lua_State *L, json_t *statement, lua_Integer n)
{
    lua_Integer min = -1, max = -1;

    if (lua_isnil(L, -1))
        return;
    if (lua_isinteger(L, -1)) {
        min = max = lua_tointeger(L, -1);
    } else if (opp_value_kind(L, -1) == OPP_VALUE_TABLE && lj_value_length(L, -1) == 2) {
        lj_value_geti(L, -1, 1);
        lj_value_geti(L, -2, 2);
        if (lua_isinteger(L, -2) && lua_isinteger(L, -1)) {
            min = lua_tointeger(L, -2);
            max = lua_tointeger(L, -1);
        }
        lua_pop(L, 2);
    }
    if (min < 0 || max < min)
        luaL_error(L, "statement %d: affects is a number of rows, or { least, most }", (int)n);
    lj_effect_set(L, statement, "affects", json_pack("{s:I, s:I}", "min", (json_int_t)min, "max", (json_int_t)max));
}

/* The value is on top of the stack. */
static void lj_add_as(lua_State *L, json_t *statement, json_t *rows, lua_Integer n)
{
    const char *name;

    if (lua_isnil(L, -1))
        return;
    name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    if (!is_name(name))
        luaL_error(L, "statement %d: as is a name", (int)n);
    if (json_object_get(rows, name) != NULL)
        luaL_error(L, "statement %d: another statement is named '%s'", (int)n, name);
    lj_effect_set(L, rows, name, json_true());
    lj_effect_set(L, statement, "as", json_string(name));
}

static void lj_add_sql(lua_State *L, json_t *statement, lua_Integer n)
{
    size_t length = 0;
    const char *sql = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;

    if (sql == NULL || !opp_sql_begins_with(sql, opp_sql_write_words)) {
        luaL_error(L, "statement %d begins with INSERT, UPDATE, DELETE, REPLACE or WITH", (int)n);
        return;
    }
    if (strlen(sql) != length)
        luaL_error(L, "statement %d holds a zero byte", (int)n);
    if (!opp_utf8_valid(sql, length))
        luaL_error(L, "statement %d is not UTF-8", (int)n);
    lj_effect_set(L, statement, "sql", json_stringn_nocheck(sql, length));
}

/* { sql, params, affects =, as = } on top of the stack; other fields are not known. */
static void lj_check_fields(lua_State *L, lua_Integer n)
{
    int at = lua_gettop(L);

    lua_pushnil(L);
    while (lj_value_next(L, at)) {
        bool known = lua_isinteger(L, -2) && (lua_tointeger(L, -2) == 1 || lua_tointeger(L, -2) == 2);

        if (lua_type(L, -2) == LUA_TSTRING)
            known = strcmp(lua_tostring(L, -2), "affects") == 0 || strcmp(lua_tostring(L, -2), "as") == 0;
        if (!known)
            luaL_error(L, "statement %d has a field that is not known: it is { sql, params, affects =, as = }", (int)n);
        lua_pop(L, 1);
    }
}

/* The statement is on top of the stack. */
static void lj_add_statement(lua_State *L, json_t *statements, json_t *rows, lua_Integer n)
{
    json_t *statement = json_object();
    int at = lua_gettop(L);

    if (json_array_append_new(statements, statement) != 0)
        lj_no_memory(L);
    if (opp_value_kind(L, at) == OPP_VALUE_OTHER)
        luaL_error(L, "statement %d is no table", (int)n);
    lj_check_fields(L, n);
    lj_value_geti(L, at, 1);
    lj_add_sql(L, statement, n);
    lj_value_geti(L, at, 2);
    if (lua_isnil(L, -1))
        lj_effect_set(L, statement, "params", json_object());
    else
        lj_effect_convert(L, -1, statement, "params", "params");
    lj_check_params(L, json_object_get(statement, "params"), n);
    lua_getfield(L, at, "affects");
    lj_add_affects(L, statement, n);
    lua_getfield(L, at, "as");
    lj_add_as(L, statement, rows, n);
    lua_settop(L, at);
}

static void lj_add_database(lua_State *L, struct opp_adapter_call *run, int table)
{
    const struct opp_adapter *adapter = run->lane->adapter;
    const char *name;

    lua_getfield(L, table, "database");
    name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    for (size_t i = 0; i < adapter->database_count; i++)
        if (strcmp(adapter->databases[i]->name, name) == 0) {
            lj_effect_set(L, run->effect, "database", json_string(name));
            lua_pop(L, 1);
            return;
        }
    luaL_error(L, "an effect names a database of its adapter");
}

void lj_effect_check(lua_State *L, int table, const char *const *allowed, bool indexes)
{
    lua_pushnil(L);
    while (lj_value_next(L, table)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;

        if (key != NULL ? !opp_text_is_one_of(key, allowed) : !indexes)
            luaL_error(L, "an effect has no field '%s'", key != NULL ? key : "1");
        lua_pop(L, 1);
    }
}

void lj_effect_check_from(lua_State *L, json_t *value, const json_t *rows)
{
    const json_t *from = json_object_size(value) == 1 ? json_object_get(value, "$from") : NULL;
    const char *key;
    json_t *child;
    size_t i;

    if (from != NULL && json_object_get(rows, json_string_value(json_array_get(from, 0))) == NULL)
        luaL_error(L, "result: no statement is named '%s'", json_string_value(json_array_get(from, 0)));
    if (from != NULL)
        return;
    json_array_foreach(value, i, child)
    {
        lj_effect_check_from(L, child, rows);
    }
    json_object_foreach(value, key, child)
    {
        lj_effect_check_from(L, child, rows);
    }
}

void lj_effect_add_result(lua_State *L, struct opp_adapter_call *run, int table, const json_t *rows)
{
    lua_getfield(L, table, "result");
    if (lua_isnil(L, -1))
        lj_effect_set(L, run->effect, "result", json_object());
    else
        lj_effect_convert(L, -1, run->effect, "result", "result");
    lua_pop(L, 1);
    lj_effect_check_from(L, json_object_get(run->effect, "result"), rows);
    if (!json_is_object(json_object_get(run->effect, "result")))
        luaL_error(L, "an effect's result is a table of names and values");
    if (json_array_size(run->new_ids) > 0 && json_object_set(run->effect, "new_ids", run->new_ids) != 0)
        lj_no_memory(L);
}

static void lj_build_sql(lua_State *L, struct opp_adapter_call *run, int table)
{
    static const char *const allowed[] = { "database", "result", NULL };
    json_t *statements = json_array(), *rows = json_object();
    lua_Integer count;

    lj_effect_set(L, run->effect, "statements", statements);
    lj_effect_set(L, run->effect, "rows", rows);
    lj_effect_check(L, table, allowed, true);
    lj_add_database(L, run, table);
    count = lj_value_length(L, table);
    if (count < 1 || count > STATEMENTS_MAX)
        luaL_error(L, "an effect has from 1 to %d statements; value{} is one that writes nothing", STATEMENTS_MAX);
    for (lua_Integer n = 1; n <= count; n++) {
        lj_value_geti(L, table, n);
        lj_add_statement(L, statements, rows, n);
        lua_pop(L, 1);
    }
    lj_effect_add_result(L, run, table, rows);
    json_object_del(run->effect, "rows");
}

static void lj_build_value(lua_State *L, struct opp_adapter_call *run, int table)
{
    static const char *const allowed[] = { "result", NULL };

    lj_effect_check(L, table, allowed, false);
    lj_effect_set(L, run->effect, "value", json_true());
    lj_effect_add_result(L, run, table, NULL);
}

void lj_effect_build(lua_State *L, struct opp_adapter_call *run, int index)
{
    const struct opp_marker *marker = opp_marker_of(L, index);
    int table;

    if (marker == NULL || (marker->kind != OPP_MARKER_EFFECT && marker->kind != OPP_MARKER_HTTP_EFFECT &&
                           marker->kind != OPP_MARKER_VALUE)) {
        luaL_error(L, "it gives sql.effect{}, http.effect{}, value{} or a refusal");
        return;
    }
    run->effect = json_object();
    if (run->effect == NULL)
        lj_no_memory(L);
    lua_getiuservalue(L, index, 1);
    table = lua_gettop(L);
    if (marker->kind == OPP_MARKER_EFFECT)
        lj_build_sql(L, run, table);
    else if (marker->kind == OPP_MARKER_HTTP_EFFECT)
        lj_effect_build_http(L, run, table);
    else
        lj_build_value(L, run, table);
    lua_settop(L, table - 1);
}
