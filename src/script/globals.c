/* SPDX-License-Identifier: MIT */
#include "script/globals.h"

#include "base/buf.h"
#include "script/code.h"
#include "script/kernel.h"
#include "script/values.h"

#include <stdlib.h>
#include <string.h>

/* Instructions of Lua 5.4: 7 bits of kind, 8 of A, 1, 8 of B, 8 of C. */
#define GETTABUP 11 /* R[A] := UpValue[B][K[C]] */
#define SETTABUP 15 /* UpValue[A][K[B]] := RK(C) */
#define DEPTH_MAX 200

struct search {
    lua_State *L;
    struct opp_code_reader reader;
    void (*found)(void *arg, const char *name, int line, bool assigned);
    void *arg;
    unsigned depth;
    bool starved;
};

/* Which upvalues of a function are the globals. */
struct scope {
    bool is_env[256];
};

static int append(lua_State *L, const void *bytes, size_t length, void *buf)
{
    (void)L;
    opp_buf_add(buf, bytes, length);
    return 0;
}

/* Allocates nothing. */
static bool exists(lua_State *L, const struct opp_code_text *name)
{
    int top = lua_gettop(L);
    bool found = false;

    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    opp_value_push_storage(L, -1);
    lua_pushnil(L);
    while (!found && lua_next(L, top + 2)) {
        size_t length;
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &length) : NULL;

        found = key != NULL && length == name->length && memcmp(key, name->bytes, length) == 0;
        lua_pop(L, 1);
    }
    lua_settop(L, top);
    return found;
}

static void report(struct search *search, const struct opp_code_text *name, int line, bool assigned)
{
    char text[80];
    size_t length = name->length < sizeof text ? name->length : sizeof text - 1;

    if (name->bytes == NULL || (!assigned && exists(search->L, name)))
        return;
    memcpy(text, name->bytes, length);
    text[length] = '\0';
    search->found(search->arg, text, line, assigned);
}

static void look_at(struct search *search, const struct opp_code_function *function, const struct opp_code_lines *lines,
                    const struct scope *scope)
{
    for (size_t i = 0; i < function->instruction_count; i++) {
        uint32_t word = opp_code_instruction(function, i);
        unsigned a = word >> 7 & 0xff, b = word >> 16 & 0xff, c = word >> 24;

        if ((word & 0x7f) == GETTABUP && scope->is_env[b])
            report(search, &function->constants[c], opp_code_line(function, lines, i), false);
        else if ((word & 0x7f) == SETTABUP && scope->is_env[a])
            report(search, &function->constants[b], opp_code_line(function, lines, i), true);
    }
}

static void search_function(struct search *search, const struct scope *outer);

/* The lines come last, so the nested functions are read before their outer one is looked at. */
static void search_nested(struct search *search, const struct opp_code_function *function, const struct scope *scope)
{
    for (size_t i = 0; i < function->nested_count && !search->reader.bad; i++)
        search_function(search, scope);
}

/* outer NULL: the chunk itself, whose one upvalue is the globals. */
static void search_function(struct search *search, const struct scope *outer)
{
    struct opp_code_function *function = malloc(sizeof *function);
    struct opp_code_lines lines;
    struct scope scope = { { outer == NULL } };

    if (function == NULL || search->depth == DEPTH_MAX) {
        search->starved = function == NULL;
        search->reader.bad = true;
        free(function);
        return;
    }
    search->depth++;
    opp_code_function(&search->reader, function);
    for (size_t i = 0; outer != NULL && i < function->upvalue_count; i++)
        scope.is_env[i] = function->upvalues[3 * i] == 0 && outer->is_env[function->upvalues[3 * i + 1]];
    search_nested(search, function, &scope);
    opp_code_lines(&search->reader, &lines);
    if (!search->reader.bad)
        look_at(search, function, &lines, &scope);
    search->depth--;
    free(function);
}

enum opp_code opp_script_check_globals(struct opp_script *script,
                                       void (*found)(void *arg, const char *name, int line, bool assigned), void *arg,
                                       struct opp_err *err)
{
    struct search search = { .L = script->lua, .found = found, .arg = arg };
    struct opp_buf code = { 0 };
    enum opp_code rc;

    if (!lua_checkstack(script->lua, 8))
        return opp_fail(err, OPP_E_MEMORY, "no room on the Lua stack");
    lua_dump(script->lua, append, &code, 0);
    rc = opp_buf_check(&code, err);
    if (rc == OPP_OK) {
        search.reader.at = (const unsigned char *)code.bytes;
        search.reader.end = search.reader.at + code.length;
        opp_code_header(&search.reader);
        if (!search.reader.bad)
            search_function(&search, NULL);
        if (search.starved)
            rc = opp_fail(err, OPP_E_MEMORY, "no memory to look for globals");
        else if (search.reader.bad || search.reader.at != search.reader.end)
            rc = opp_fail(err, OPP_E_INTERNAL, "the compiled code cannot be read");
    }
    opp_buf_free(&code);
    return rc;
}
