/* SPDX-License-Identifier: MIT */
#include "adapter/effect_build.h"
#include "adapter/effect_internal.h"
#include "adapter/http_effect.h"
#include "adapter/http_judge.h"
#include "base/json.h"
#include "base/text.h"
#include "script/json_lua.h"
#include "script/values.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>

#define SETTLE_DEFAULT_S 60
#define SETTLE_MAX_S 86400

/* Lends the text of a field, which stays on the stack; NULL: it has none. */
static const char *lj_text_field(lua_State *L, int table, const char *field)
{
    lua_getfield(L, table, field);
    if (lua_isnil(L, -1))
        return NULL;
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "%s is a text", field);
    return lua_tostring(L, -1);
}

static const struct opp_adapter_upstream *lj_add_upstream(lua_State *L, struct opp_adapter_call *run, int table)
{
    static const char *const methods[] = { "POST", "PUT", "PATCH", "DELETE", NULL };
    const char *name = lj_text_field(L, table, "upstream"), *method = lj_text_field(L, table, "method");
    const struct opp_adapter_upstream *upstream = opp_adapter_upstream_find(run->lane->adapter, name);

    if (upstream == NULL)
        luaL_error(L, "an effect names an upstream of its adapter");
    if (!opp_text_is_one_of(method, methods))
        luaL_error(L, "an effect's method is POST, PUT, PATCH or DELETE");
    lj_effect_set(L, run->effect, "upstream", json_string(name));
    lj_effect_set(L, run->effect, "method", json_string(method));
    lua_pop(L, 2);
    return upstream;
}

/* RFC 9110, section 8.8.3: a weak one is let through here, and matches nothing when it is sent. */
static bool is_etag(const char *text)
{
    size_t length;

    if (strncmp(text, "W/", 2) == 0)
        text += 2;
    length = strlen(text);
    if (length < 2 || text[0] != '"' || text[length - 1] != '"')
        return false;
    for (const char *c = text + 1; c < text + length - 1; c++)
        if ((unsigned char)*c <= 0x20 || *c == '"' || *c == 0x7f)
            return false;
    return true;
}

static void lj_add_if_match(lua_State *L, struct opp_adapter_call *run, int table,
                            const struct opp_adapter_upstream *upstream)
{
    const char *etag = lj_text_field(L, table, "if_match");

    if (etag != NULL && !upstream->strong)
        luaL_error(L, "if_match: the upstream '%s' is declared to have no ETags", upstream->name);
    if (etag != NULL && !is_etag(etag))
        luaL_error(L, "if_match is an ETag as an answer had it");
    if (etag != NULL)
        lj_effect_set(L, run->effect, "if_match", json_string(etag));
    lua_pop(L, 1);
}

/* Converts an optional field as it is. */
static void lj_add_field(lua_State *L, json_t *object, int table, const char *field)
{
    lua_getfield(L, table, field);
    if (!lua_isnil(L, -1))
        lj_effect_convert(L, -1, object, field, field);
    lua_pop(L, 1);
}

/* A status and what it means, on top of the stack. */
static void lj_add_meaning(lua_State *L, json_t *outcome)
{
    static const char *const meanings[] = { "applied", "refused", "stale", "unknown", NULL };
    lua_Integer status = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
    const char *meaning = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    char key[8];

    if (status < 200 || status > 599 || !opp_text_is_one_of(meaning, meanings))
        luaL_error(L, "outcome gives a status from 200 to 599 the meaning applied, refused, stale or unknown");
    snprintf(key, sizeof key, "%d", (int)status);
    lj_effect_set(L, outcome, key, json_string(meaning));
}

static void lj_add_outcome(lua_State *L, struct opp_adapter_call *run, int table)
{
    json_t *outcome;

    lua_getfield(L, table, "outcome");
    if (lua_isfunction(L, -1)) {
        lj_effect_set(L, run->effect, "outcome", json_string(OPP_HTTP_FUNCTION));
    } else if (!lua_isnil(L, -1)) {
        if (opp_value_kind(L, -1) == OPP_VALUE_OTHER)
            luaL_error(L, "outcome is a function, or a table of statuses and what they mean");
        outcome = json_object();
        lj_effect_set(L, run->effect, "outcome", outcome);
        lua_pushnil(L);
        while (lj_value_next(L, -2)) {
            lj_add_meaning(L, outcome);
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

static void lj_add_settle(lua_State *L, json_t *receipt, int table)
{
    lua_Integer seconds;

    lua_getfield(L, table, "settle");
    seconds = lua_isnil(L, -1) ? SETTLE_DEFAULT_S : lua_isinteger(L, -1) ? lua_tointeger(L, -1) : -1;
    if (seconds < 0 || seconds > SETTLE_MAX_S)
        luaL_error(L, "receipt: settle is a number of seconds up to %d", SETTLE_MAX_S);
    lj_effect_set(L, receipt, "settle", json_integer(seconds));
    lua_pop(L, 1);
}

static void lj_add_read(lua_State *L, json_t *receipt, int table)
{
    lua_getfield(L, table, "read");
    if (!lua_isnil(L, -1) && !lua_isfunction(L, -1))
        luaL_error(L, "receipt: read is a function");
    if (lua_isfunction(L, -1))
        lj_effect_set(L, receipt, "read", json_string(OPP_HTTP_FUNCTION));
    lua_pop(L, 1);
}

/* What execute was given, so that it can be run once more for its functions; apart from the effect's own data. */
static void lj_add_loaded(lua_State *L, struct opp_adapter_call *run)
{
    struct opp_err err = { 0 };
    json_t *loaded = NULL;

    if (!json_is_string(json_object_get(run->effect, "outcome")) &&
        json_object_get(json_object_get(run->effect, "receipt"), "read") == NULL)
        return;
    lua_rawgeti(L, LUA_REGISTRYINDEX, run->loaded);
    if (!lua_isnil(L, -1) && opp_script_to_json(L, -1, &loaded, &err) != OPP_OK)
        luaL_error(L, "what load gives an effect that has functions is data: %s: %s", err.where, err.message);
    lj_effect_set(L, run->effect, "loaded", loaded != NULL ? loaded : json_null());
    lua_pop(L, 1);
}

static void lj_add_receipt(lua_State *L, struct opp_adapter_call *run, int table)
{
    static const char *const allowed[] = { "get", "query", "settle", "result", "read", NULL };
    json_t *receipt;
    int at;

    lua_getfield(L, table, "receipt");
    at = lua_gettop(L);
    if (!lua_isnil(L, at)) {
        if (opp_value_kind(L, at) == OPP_VALUE_OTHER)
            luaL_error(L, "receipt is a table");
        receipt = json_object();
        lj_effect_set(L, run->effect, "receipt", receipt);
        lj_effect_check(L, at, allowed, false);
        lj_add_field(L, receipt, at, "get");
        lj_add_field(L, receipt, at, "query");
        lj_add_field(L, receipt, at, "result");
        lj_add_settle(L, receipt, at);
        lj_add_read(L, receipt, at);
    }
    lua_settop(L, at - 1);
}

static void lj_check_target(lua_State *L, const struct opp_adapter_call *run, json_t *path, json_t *query)
{
    struct opp_sql_host host = { .effect_id = run->call->input.effect_id, .new_ids = run->new_ids };
    struct opp_buf path_out = { 0 }, query_out = { 0 };
    struct opp_err err = { 0 };
    enum opp_code rc;

    lj_effect_check_from(L, path, NULL);
    lj_effect_check_from(L, query, NULL);
    rc = opp_http_target(path, query, &host, &path_out, &query_out, &err);
    opp_buf_free(&path_out);
    opp_buf_free(&query_out);
    if (rc != OPP_OK)
        luaL_error(L, "%s", err.message);
}

/* Whether a symbol, perhaps only one whose name begins so, is anywhere in a value. */
static bool has_symbol(const json_t *value, const char *symbol, const char *name)
{
    const json_t *found = json_object_get(value, symbol);
    const char *key;
    json_t *child;
    size_t i;

    if (found != NULL)
        return name == NULL || strncmp(json_string_value(found), name, strlen(name)) == 0;
    json_array_foreach(value, i, child)
    {
        if (has_symbol(child, symbol, name))
            return true;
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, child)
    {
        if (has_symbol(child, symbol, name))
            return true;
    }
    return false;
}

/* It is asked for later too, when it is another time; and what is there for other effects as well proves nothing. */
static void lj_check_receipt(lua_State *L, const struct opp_adapter_call *run, const json_t *receipt)
{
    json_t *get = json_object_get(receipt, "get"), *query = json_object_get(receipt, "query");

    lj_check_target(L, run, get, query);
    if (has_symbol(get, "$host", "now") || has_symbol(query, "$host", "now"))
        luaL_error(L, "receipt: get and query cannot have :now or :now_ms, as it is asked for later too");
    if (json_object_get(receipt, "read") == NULL && !has_symbol(get, "$host", "effect_id") &&
        !has_symbol(query, "$host", "effect_id") && !has_symbol(get, "$new_id", NULL) &&
        !has_symbol(query, "$new_id", NULL))
        luaL_error(L,
                   "receipt: without read, get or query has the effect's id or a new one, which no other effect has");
}

/* What cannot be sent is a mistake here, not when it is to be sent. */
static void lj_check_targets(lua_State *L, const struct opp_adapter_call *run)
{
    const json_t *effect = run->effect, *receipt = json_object_get(effect, "receipt");

    lj_effect_check_from(L, json_object_get(effect, "json"), NULL);
    lj_check_target(L, run, json_object_get(effect, "path"), json_object_get(effect, "query"));
    if (receipt != NULL)
        lj_check_receipt(L, run, receipt);
}

void lj_effect_build_http(lua_State *L, struct opp_adapter_call *run, int table)
{
    static const char *const allowed[] = { "upstream", "method",  "path",    "query",  "if_match",
                                           "json",     "outcome", "receipt", "result", NULL };
    json_t *rows = json_object();

    lj_effect_set(L, run->effect, "rows", rows);
    lj_effect_set(L, rows, "answer", json_true());
    lj_effect_check(L, table, allowed, false);
    lj_add_if_match(L, run, table, lj_add_upstream(L, run, table));
    lj_add_field(L, run->effect, table, "path");
    lj_add_field(L, run->effect, table, "query");
    lj_add_field(L, run->effect, table, "json");
    lj_add_outcome(L, run, table);
    lj_add_receipt(L, run, table);
    lj_effect_add_result(L, run, table, rows);
    lj_effect_check_from(L, json_object_get(json_object_get(run->effect, "receipt"), "result"), rows);
    json_object_del(run->effect, "rows");
    lj_effect_name_words(L, run, run->effect);
    lj_check_targets(L, run);
    lj_add_loaded(L, run);
}
