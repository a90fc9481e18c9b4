/* SPDX-License-Identifier: MIT */
#include "policy/answer.h"

#include "base/utf8.h"
#include "policy/obligations.h"

#include <lauxlib.h>
#include <lua.h>
#include <string.h>

/* Its address is the registry's key of the metatable. */
static const char answer_key;

void lj_answer_register(lua_State *L)
{
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &answer_key);
}

/* The reason at argument 1: the agent reads it, and it goes into JSON. May jump. */
static void lj_check_reason(lua_State *L)
{
    size_t length;
    const char *text;

    luaL_checktype(L, 1, LUA_TSTRING);
    text = lua_tolstring(L, 1, &length);
    if (length == 0 || length >= OPP_POLICY_REASON_MAX)
        luaL_argerror(L, 1, "a reason has 1 to 511 bytes");
    if (!opp_utf8_valid(text, length))
        luaL_argerror(L, 1, "a reason is UTF-8 text");
}

/* Pushes an answer; the arguments are below. May jump. */
static struct opp_answer *lj_push_answer(lua_State *L, enum opp_outcome outcome)
{
    struct opp_answer *answer = lua_newuserdatauv(L, sizeof *answer, OPP_ANSWER_SLOTS);

    *answer = (struct opp_answer){ .outcome = outcome, .max_rows = -1, .max_days = -1 };
    lua_rawgetp(L, LUA_REGISTRYINDEX, &answer_key);
    lua_setmetatable(L, -2);
    return answer;
}

static void lj_check_count(lua_State *L, int most)
{
    if (lua_gettop(L) > most)
        luaL_error(L, "it takes at most %d arguments", most);
    lua_settop(L, most);
}

static int l_policy_allow(lua_State *L)
{
    struct opp_answer *answer;

    lj_check_count(L, 1);
    answer = lj_push_answer(L, OPP_OUTCOME_ALLOW);
    lj_obligations_read(L, 1, answer);
    return 1;
}

static int l_policy_draft(lua_State *L)
{
    struct opp_answer *answer;

    lj_check_count(L, 2);
    lj_check_reason(L);
    answer = lj_push_answer(L, OPP_OUTCOME_DRAFT);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, OPP_ANSWER_REASON);
    lj_obligations_read(L, 2, answer);
    return 1;
}

static int l_policy_deny(lua_State *L)
{
    lj_check_count(L, 2);
    lj_check_reason(L);
    lj_push_answer(L, OPP_OUTCOME_DENY);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, OPP_ANSWER_REASON);
    lj_deny_options_read(L, 2);
    return 1;
}

const struct opp_script_function opp_answer_constructors[] = {
    { "allow", l_policy_allow }, { "draft", l_policy_draft }, { "deny", l_policy_deny }, { NULL, NULL }
};

const struct opp_answer *opp_answer_of(lua_State *L, int index)
{
    bool is;

    if (!lua_getmetatable(L, index))
        return NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &answer_key);
    is = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is ? lua_touserdata(L, index) : NULL;
}

const char *opp_answer_text(lua_State *L, int index, enum opp_answer_slot slot)
{
    const char *text;

    lua_getiuservalue(L, index, (int)slot);
    text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    lua_pop(L, 1);
    return text;
}

json_t *opp_answer_list(lua_State *L, int index, enum opp_answer_slot slot)
{
    json_t *list = NULL;

    if (lua_getiuservalue(L, index, (int)slot) != LUA_TTABLE) {
        lua_pop(L, 1);
        return json_null();
    }
    list = json_array();
    for (lua_Integer i = 1; list != NULL && lua_rawgeti(L, -1, i) == LUA_TSTRING; i++) {
        int failed = json_array_append_new(list, json_string(lua_tostring(L, -1)));

        lua_pop(L, 1);
        if (failed != 0) {
            json_decref(list);
            lua_pop(L, 1);
            return NULL;
        }
    }
    lua_pop(L, list != NULL ? 2 : 1);
    return list;
}
