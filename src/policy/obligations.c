/* SPDX-License-Identifier: MIT */
#include "policy/obligations.h"

#include "base/utf8.h"
#include "script/values.h"

#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#define APPROVALS_MAX 100

/* One field of a table: the value is on top of the stack, the answer at index answer_at. */
struct field {
    const char *name;
    void (*read)(lua_State *L, int answer_at, struct opp_answer *answer);
};

static int64_t lj_integer(lua_State *L, const char *name, int64_t least, int64_t most)
{
    int exact = 0;
    lua_Integer value = lua_type(L, -1) == LUA_TNUMBER ? lua_tointegerx(L, -1, &exact) : 0;

    if (!exact || value < least || value > most)
        luaL_error(L, "%s is a whole number from %I to %I", name, (LUAI_UACINT)least, (LUAI_UACINT)most);
    return value;
}

/* The text on top. */
static const char *lj_text(lua_State *L, const char *name, size_t most)
{
    size_t length = 0;
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : "";

    if (length == 0 || length > most || !opp_utf8_valid(text, length))
        luaL_error(L, "%s is text of 1 to %I bytes", name, (LUAI_UACINT)most);
    return text;
}

/* Calls found for each field of the table on top: names outside of fields are refused. */
static void lj_each(lua_State *L, const char *what, const struct field *fields, int answer_at,
                    struct opp_answer *answer)
{
    const struct field *field;

    if (opp_value_kind(L, -1) == OPP_VALUE_OTHER)
        luaL_error(L, "%s is a table, not a %s", what, opp_value_type(L, -1));
    lua_pushnil(L);
    while (lj_value_next(L, -2)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "(a list element)";

        for (field = fields; field->name != NULL && strcmp(field->name, name) != 0; field++)
            continue;
        if (field->name == NULL)
            luaL_error(L, "%s has no field '%s'", what, name);
        else
            field->read(L, answer_at, answer);
        lua_pop(L, 1);
    }
}

/* Copies the list of texts on top into a user value of the answer: what the script does to its own table afterwards
 * changes nothing. */
static void lj_keep_list(lua_State *L, const char *name, int answer_at, enum opp_answer_slot slot)
{
    lua_Integer count;

    if (opp_value_kind(L, -1) == OPP_VALUE_OTHER)
        luaL_error(L, "%s is a list of texts", name);
    count = lj_value_length(L, -1);
    if (count < 1 || count > OPP_POLICY_LIST_MAX)
        luaL_error(L, "%s is a list of 1 to %d texts", name, OPP_POLICY_LIST_MAX);
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lj_value_geti(L, -2, i);
        lj_text(L, name, 200);
        lua_rawseti(L, -2, i);
    }
    lua_setiuservalue(L, answer_at, (int)slot);
}

static void lj_approvals(lua_State *L, int answer_at, struct opp_answer *answer)
{
    (void)answer_at;
    answer->approvals = lj_integer(L, "approvals", 1, APPROVALS_MAX);
}

static void lj_expires_in(lua_State *L, int answer_at, struct opp_answer *answer)
{
    (void)answer_at;
    answer->expires_in_s = lj_integer(L, "expires_in", 1, OPP_POLICY_SECONDS_MAX);
}

static void lj_max_rows(lua_State *L, int answer_at, struct opp_answer *answer)
{
    (void)answer_at;
    answer->max_rows = lj_integer(L, "max_rows", 0, INT32_MAX);
}

static void lj_max_days(lua_State *L, int answer_at, struct opp_answer *answer)
{
    (void)answer_at;
    answer->max_days = lj_integer(L, "max_days", 1, 36600);
}

static void lj_redact(lua_State *L, int answer_at, struct opp_answer *answer)
{
    (void)answer;
    lj_keep_list(L, "redact", answer_at, OPP_ANSWER_REDACT);
}

static void lj_require(lua_State *L, int answer_at, struct opp_answer *answer)
{
    lua_Integer count;

    (void)answer_at;
    if (opp_value_kind(L, -1) == OPP_VALUE_OTHER || (count = lj_value_length(L, -1)) < 1 || count > 4)
        luaL_error(L, "require is a list of preflight, idempotency, justification, witness");
    count = lj_value_length(L, -1);
    for (lua_Integer i = 1; i <= count; i++) {
        unsigned bit;

        lj_value_geti(L, -1, i);
        bit = lua_type(L, -1) == LUA_TSTRING ? opp_require_find(lua_tostring(L, -1)) : 0;
        if (bit == 0)
            luaL_error(L, "require is a list of preflight, idempotency, justification, witness");
        answer->require |= bit;
        lua_pop(L, 1);
    }
}

static void lj_limit_count(lua_State *L, int answer_at, struct opp_answer *answer)
{
    (void)answer_at;
    answer->limit_count = lj_integer(L, "limit.count", 0, INT32_MAX);
}

static void lj_limit_per(lua_State *L, int answer_at, struct opp_answer *answer)
{
    (void)answer_at;
    answer->limit_per_s = lj_integer(L, "limit.per", 1, OPP_POLICY_SECONDS_MAX);
}

static void lj_limit_by(lua_State *L, int answer_at, struct opp_answer *answer)
{
    static const char *const names[] = { "app", "key", "actor", "tool" };
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";

    (void)answer_at;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0) {
            answer->limit_by = (enum opp_limit_by)i;
            return;
        }
    }
    luaL_error(L, "limit.by is \"app\", \"key\", \"actor\" or \"tool\"");
}

static void lj_limit_tools(lua_State *L, int answer_at, struct opp_answer *answer)
{
    (void)answer;
    lj_keep_list(L, "limit.tools", answer_at, OPP_ANSWER_TOOLS);
}

static void lj_limit(lua_State *L, int answer_at, struct opp_answer *answer)
{
    static const struct field fields[] = { { "count", lj_limit_count },
                                           { "per", lj_limit_per },
                                           { "by", lj_limit_by },
                                           { "tools", lj_limit_tools },
                                           { NULL, NULL } };

    answer->limit_count = -1;
    lj_each(L, "a limit", fields, answer_at, answer);
    if (answer->limit_count < 0 || answer->limit_per_s == 0)
        luaL_error(L, "a limit needs count and per");
}

void lj_obligations_read(lua_State *L, int index, struct opp_answer *answer)
{
    static const struct field fields[] = { { "approvals", lj_approvals }, { "expires_in", lj_expires_in },
                                           { "require", lj_require },     { "redact", lj_redact },
                                           { "max_rows", lj_max_rows },   { "max_days", lj_max_days },
                                           { "limit", lj_limit },         { NULL, NULL } };
    int answer_at = lua_gettop(L);

    if (lua_isnil(L, index))
        return;
    luaL_checkstack(L, 16, NULL);
    lua_pushvalue(L, index);
    lj_each(L, "an obligation", fields, answer_at, answer);
    lua_settop(L, answer_at);
}

static void lj_tag(lua_State *L, int answer_at, struct opp_answer *answer)
{
    (void)answer;
    lj_text(L, "tag", OPP_POLICY_TAG_MAX - 1);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, answer_at, OPP_ANSWER_TAG);
}

void lj_deny_options_read(lua_State *L, int index)
{
    static const struct field fields[] = { { "tag", lj_tag }, { NULL, NULL } };
    int answer_at = lua_gettop(L);

    if (lua_isnil(L, index))
        return;
    lua_pushvalue(L, index);
    lj_each(L, "what deny takes", fields, answer_at, NULL);
    lua_settop(L, answer_at);
}
