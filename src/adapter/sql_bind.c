/* SPDX-License-Identifier: MIT */
#include "adapter/sql_bind.h"

#include "base/date.h"
#include "base/id.h"
#include "script/values.h"
#include "script/view.h"

#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PARAMETERS_MAX 200
#define ONCE "a parameter is written :name"

const char *const opp_sql_read_words[] = { "SELECT", "WITH", "VALUES", NULL };
const char *const opp_sql_write_words[] = { "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", NULL };

static const char *skip_blanks(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\r\n\f");
        if (at[0] == '-' && at[1] == '-')
            at += strcspn(at, "\n");
        else if (at[0] == '/' && at[1] == '*' && strstr(at + 2, "*/") != NULL)
            at = strstr(at + 2, "*/") + 2;
        else
            return at;
    }
}

bool opp_sql_begins_with(const char *sql, const char *const *words)
{
    const char *first = skip_blanks(sql);
    size_t length = strspn(first, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_");

    for (; *words != NULL; words++)
        if (strlen(*words) == length && strncasecmp(first, *words, length) == 0)
            return true;
    return false;
}

/* How many pairs the table or view at index has. May jump. */
static int lj_count_pairs(lua_State *L, int index)
{
    int count = 0;

    if (lua_isnoneornil(L, index))
        return 0;
    lua_pushnil(L);
    while (lj_value_next(L, index)) {
        lua_pop(L, 1);
        count++;
    }
    return count;
}

/* Names one that is given and not used. May jump. */
static void lj_refuse_unused(lua_State *L, sqlite3_stmt *statement, int index)
{
    char name[100];

    lua_pushnil(L);
    while (lj_value_next(L, index)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "parameters are given by name");
        snprintf(name, sizeof name, ":%s", lua_tostring(L, -2));
        if (sqlite3_bind_parameter_index(statement, name) == 0)
            luaL_error(L, "the statement has no parameter %s", name);
        lua_pop(L, 1);
    }
}

/* Binds the value on top of the stack. May jump. */
static void lj_bind_value(lua_State *L, sqlite3_stmt *statement, int at, const char *name)
{
    const char *text;
    size_t length;

    switch (lua_type(L, -1)) {
    case LUA_TBOOLEAN:
        sqlite3_bind_int64(statement, at, lua_toboolean(L, -1));
        break;
    case LUA_TNUMBER:
        if (lua_isinteger(L, -1))
            sqlite3_bind_int64(statement, at, lua_tointeger(L, -1));
        else if (isfinite(lua_tonumber(L, -1)))
            sqlite3_bind_double(statement, at, lua_tonumber(L, -1));
        else
            luaL_error(L, "the parameter %s is not a finite number", name);
        break;
    case LUA_TSTRING:
        text = lua_tolstring(L, -1, &length);
        sqlite3_bind_text64(statement, at, text, length, SQLITE_STATIC, SQLITE_UTF8);
        break;
    case LUA_TNIL:
        luaL_error(L, "the parameter %s is not given", name);
        break;
    default:
        if (!opp_view_is_null(L, -1))
            luaL_error(L, "the parameter %s is no text, number, boolean or null", name);
    }
}

void lj_sql_bind(lua_State *L, sqlite3_stmt *statement, int index)
{
    int count = sqlite3_bind_parameter_count(statement);

    if (count > PARAMETERS_MAX)
        luaL_error(L, "a statement has at most %d parameters", PARAMETERS_MAX);
    luaL_checkstack(L, count + 8, NULL);
    if (!lua_isnoneornil(L, index))
        lj_value_check(L, index);
    for (int at = 1; at <= count; at++) {
        const char *name = sqlite3_bind_parameter_name(statement, at);

        if (name == NULL || name[0] != ':')
            luaL_error(L, ONCE);
        if (lua_isnoneornil(L, index))
            luaL_error(L, "the parameter %s is not given", name);
        lua_getfield(L, index, name + 1);
        lj_bind_value(L, statement, at, name);
    }
    if (lj_count_pairs(L, index) != count)
        lj_refuse_unused(L, statement, index);
}

bool opp_sql_is_host_name(const char *name)
{
    return strcmp(name, "now") == 0 || strcmp(name, "now_ms") == 0 || strcmp(name, "effect_id") == 0 ||
           strncmp(name, "new_id_", 7) == 0;
}

static int bind_text(sqlite3_stmt *statement, int at, const char *text, size_t length)
{
    return sqlite3_bind_text64(statement, at, text, length, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static int bind_new_id(sqlite3_stmt *statement, int at, const struct opp_sql_host *host, size_t n)
{
    const char *prefix = json_string_value(json_array_get(host->new_ids, n - 1));
    char id[OPP_ID_MAX];

    if (n == 0 || prefix == NULL)
        return SQLITE_RANGE;
    opp_id_derive(id, prefix, host->effect_id, (unsigned)n);
    return bind_text(statement, at, id, strlen(id));
}

static int bind_host(sqlite3_stmt *statement, int at, const char *name, const struct opp_sql_host *host)
{
    char text[OPP_DATE_MAX];
    char *end;
    unsigned long n;

    if (strcmp(name, "now_ms") == 0)
        return sqlite3_bind_int64(statement, at, host->now_ms);
    if (strcmp(name, "effect_id") == 0)
        return bind_text(statement, at, host->effect_id, strlen(host->effect_id));
    if (strcmp(name, "now") == 0) {
        opp_date_format(host->now_ms, text);
        return bind_text(statement, at, text, strlen(text));
    }
    n = strtoul(name + 7, &end, 10);
    return *end == '\0' ? bind_new_id(statement, at, host, n) : SQLITE_RANGE;
}

static int bind_json(sqlite3_stmt *statement, int at, const json_t *value, const struct opp_sql_host *host)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return bind_text(statement, at, json_string_value(value), json_string_length(value));
    case JSON_INTEGER:
        return sqlite3_bind_int64(statement, at, json_integer_value(value));
    case JSON_REAL:
        return sqlite3_bind_double(statement, at, json_real_value(value));
    case JSON_TRUE:
    case JSON_FALSE:
        return sqlite3_bind_int64(statement, at, json_is_true(value));
    case JSON_NULL:
        return sqlite3_bind_null(statement, at);
    default:
        value = json_object_get(json_object_get(value, "$new_id"), "n");
        return host != NULL ? bind_new_id(statement, at, host, (size_t)json_integer_value(value)) : SQLITE_MISMATCH;
    }
}

static enum opp_code fail_bind(int result, const char *name, struct opp_err *err)
{
    if (result == SQLITE_NOMEM)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a parameter");
    return opp_fail(err, OPP_E_SCRIPT, "the parameter %s cannot be bound: %s", name, sqlite3_errstr(result));
}

enum opp_code opp_sql_bind(sqlite3_stmt *statement, const json_t *params, const struct opp_sql_host *host,
                           struct opp_err *err)
{
    int count = sqlite3_bind_parameter_count(statement);
    size_t used = 0;

    for (int at = 1; at <= count; at++) {
        const char *name = sqlite3_bind_parameter_name(statement, at);
        const json_t *value;
        int result;

        if (name == NULL || name[0] != ':')
            return opp_fail(err, OPP_E_SCRIPT, ONCE);
        value = json_object_get(params, name + 1);
        used += value != NULL;
        if (value != NULL)
            result = bind_json(statement, at, value, host);
        else if (host != NULL && opp_sql_is_host_name(name + 1))
            result = bind_host(statement, at, name + 1, host);
        else
            return opp_fail(err, OPP_E_SCRIPT, "the parameter %s is not given", name);
        if (result != SQLITE_OK)
            return fail_bind(result, name, err);
    }
    if (used != json_object_size(params))
        return opp_fail(err, OPP_E_SCRIPT, "a parameter is given that the statement does not have");
    return OPP_OK;
}
