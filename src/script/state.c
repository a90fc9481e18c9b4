/* SPDX-License-Identifier: MIT */
#include "script/state.h"

#include "script/error_text.h"
#include "script/kernel.h"
#include "script/view_root.h"

#include <lauxlib.h>
#include <lua.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_SLOTS 8 /* stack slots that a call from outside Lua needs for itself */

#ifdef __SANITIZE_THREAD__
#include <setjmp.h>
/* The distribution's Lua is built with _FORTIFY_SOURCE and raises errors by this name, which the sanitizer does not
 * know: its record of the stack would grow with every error until it gives up. */
void __longjmp_chk(jmp_buf env, int value) __attribute__((noreturn));
void __longjmp_chk(jmp_buf env, int value)
{
    longjmp(env, value);
}
#endif

struct opp_script *opp_script_of(lua_State *L)
{
    return *(struct opp_script **)lua_getextraspace(L);
}

lua_State *opp_script_lua(struct opp_script *script)
{
    return script->lua;
}

static enum opp_code report_trip(const struct opp_script *script, struct opp_err *err)
{
    return opp_fail_at(err, script->trip_code, script->at.where, "%s", script->tripped);
}

enum opp_code opp_script_new(const struct opp_script_limits *limits, struct opp_script **out, struct opp_err *err)
{
    struct opp_script *script = calloc(1, sizeof *script);

    if (script == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a Lua state");
    script->limits = *limits;
    opp_budget_begin(script);
    script->lua = lua_newstate(opp_budget_allocate, script);
    if (script->lua == NULL) {
        enum opp_code code = script->starved ? OPP_E_MEMORY : OPP_E_LIMIT;

        free(script);
        return opp_fail(err, code, "a Lua state does not fit its memory");
    }
    *(struct opp_script **)lua_getextraspace(script->lua) = script;
    script->running = script->lua;
    opp_budget_install(script, script->lua);
    *out = script;
    return OPP_OK;
}

void opp_script_free(struct opp_script *script)
{
    if (script == NULL)
        return;
    script->uncapped = true;
    script->running = NULL;
    lua_close(script->lua);
    opp_view_roots_free(script);
    free(script);
}

void opp_script_begin(struct opp_script *script)
{
    opp_budget_begin(script);
}

void opp_script_refill(struct opp_script *script)
{
    script->instructions_left = script->limits.instructions;
    opp_budget_start_clock(script);
}

void opp_script_set_limits(struct opp_script *script, const struct opp_script_limits *limits)
{
    script->limits = *limits;
}

void opp_script_note_position(struct opp_script *script, lua_State *L)
{
    lua_Debug at;

    script->at.where[0] = script->at.short_where[0] = '\0';
    for (int level = 0; level < 64 && lua_getstack(L, level, &at); level++) {
        if (!lua_getinfo(L, "Sl", &at) || at.currentline <= 0)
            continue;
        snprintf(script->at.where, sizeof script->at.where, "%.110s:%d", at.source + (at.source[0] == '@'),
                 at.currentline);
        snprintf(script->at.short_where, sizeof script->at.short_where, "%s:%d: ", at.short_src, at.currentline);
        return;
    }
}

/* Whether the error is the mistake in a file that was noted when that was loaded. */
static bool is_syntax_error(const struct opp_script *script, lua_State *L)
{
    const char *noted = script->syntax.short_where;

    return noted[0] != '\0' && lua_type(L, 1) == LUA_TSTRING && strncmp(lua_tostring(L, 1), noted, strlen(noted)) == 0;
}

/* The handler only looks: it neither allocates nor touches the error object. */
static int on_error(lua_State *L)
{
    struct opp_script *script = opp_script_of(L);

    if (script->tripped == NULL && is_syntax_error(script, L))
        script->at = script->syntax;
    else if (script->tripped == NULL)
        opp_script_note_position(script, L);
    lua_settop(L, 1);
    return 1;
}

enum opp_code opp_script_judge(struct opp_script *script, lua_State *L, int status, struct opp_err *err)
{
    char text[sizeof err->message];
    const char *from;

    if (status == LUA_ERRMEM)
        opp_budget_trip(script, script->starved ? OPP_E_MEMORY : OPP_E_LIMIT, "the script ran out of memory");
    if (script->tripped != NULL)
        return report_trip(script, err);
    if (status == LUA_OK || status == LUA_YIELD)
        return OPP_OK;
    from = opp_error_text(L, -1, text);
    if (strncmp(from, script->at.short_where, strlen(script->at.short_where)) == 0)
        from += strlen(script->at.short_where);
    return opp_fail_at(err, OPP_E_SCRIPT, script->at.where, "%s", from);
}

/* The function and nargs arguments are on top of the stack. */
static enum opp_code call(struct opp_script *script, int nargs, int nresults, struct opp_err *err)
{
    lua_State *L = script->lua;
    int base = lua_gettop(L) - nargs; /* of the function, where the handler goes */
    enum opp_code rc;

    if (script->tripped != NULL || !lua_checkstack(L, HOST_SLOTS)) {
        rc = opp_script_judge(script, L, LUA_ERRMEM, err);
        lua_settop(L, base - 1);
        return rc;
    }
    script->at.where[0] = script->at.short_where[0] = '\0';
    lua_pushcfunction(L, on_error);
    lua_insert(L, base);
    rc = opp_script_judge(script, L, lua_pcall(L, nargs, nresults, base), err);
    if (rc != OPP_OK)
        lua_settop(L, base);
    lua_remove(L, base);
    return rc;
}

enum opp_code opp_script_call(struct opp_script *script, int nargs, int nresults, struct opp_err *err)
{
    return call(script, nargs, nresults, err);
}

enum opp_code opp_script_protect(struct opp_script *script, opp_script_fn fn, void *arg, struct opp_err *err)
{
    if (!lua_checkstack(script->lua, HOST_SLOTS))
        return opp_script_judge(script, script->lua, LUA_ERRMEM, err);
    lua_pushcfunction(script->lua, fn);
    lua_pushlightuserdata(script->lua, arg);
    return call(script, 1, LUA_MULTRET, err);
}

/* Lua's message begins with the chunk's shortened name; the line is all that is needed of it. */
static void note_syntax_position(struct opp_script_position *at, const char *text, const char *chunk)
{
    for (const char *colon = strchr(text, ':'); colon != NULL; colon = strchr(colon + 1, ':')) {
        size_t digits = strspn(colon + 1, "0123456789");

        if (digits == 0 || colon[1 + digits] != ':')
            continue;
        snprintf(at->where, sizeof at->where, "%.110s:%.*s", chunk, (int)digits, colon + 1);
        snprintf(at->short_where, sizeof at->short_where, "%.*s: ", (int)(colon + 1 + digits - text), text);
        return;
    }
}

void lj_script_load(lua_State *L, const char *bytes, size_t length, const char *chunk)
{
    struct opp_script *script = opp_script_of(L);
    int status = luaL_loadbufferx(L, bytes, length, chunk, "t");

    if (status == LUA_ERRSYNTAX && lua_type(L, -1) == LUA_TSTRING)
        note_syntax_position(&script->syntax, lua_tostring(L, -1), chunk + 1);
    if (status != LUA_OK)
        lua_error(L);
}

enum opp_code opp_script_load(struct opp_script *script, const char *bytes, size_t length, const char *chunk,
                              struct opp_err *err)
{
    lua_State *L = script->lua;
    char name[sizeof script->at.where + 1];
    enum opp_code rc;
    int status;

    if (script->tripped != NULL || !lua_checkstack(L, HOST_SLOTS))
        return opp_script_judge(script, L, LUA_ERRMEM, err);
    if (length > 0 && bytes[0] == LUA_SIGNATURE[0])
        return opp_fail_at(err, OPP_E_SCRIPT, chunk, "this is bytecode; only text is loaded");
    snprintf(name, sizeof name, "@%s", chunk);
    script->at.where[0] = script->at.short_where[0] = '\0';
    status = luaL_loadbufferx(L, bytes, length, name, "t");
    if (status == LUA_ERRSYNTAX && lua_type(L, -1) == LUA_TSTRING)
        note_syntax_position(&script->at, lua_tostring(L, -1), chunk);
    rc = opp_script_judge(script, L, status, err);
    if (rc != OPP_OK)
        lua_pop(L, 1);
    return rc;
}

static int l_ref(lua_State *L)
{
    lua_pushinteger(L, luaL_ref(L, LUA_REGISTRYINDEX));
    return 1;
}

enum opp_code opp_script_ref(struct opp_script *script, int *ref, struct opp_err *err)
{
    enum opp_code rc;

    lua_pushcfunction(script->lua, l_ref);
    lua_insert(script->lua, -2);
    rc = call(script, 1, 1, err);
    if (rc != OPP_OK)
        return rc;
    *ref = (int)lua_tointeger(script->lua, -1);
    lua_pop(script->lua, 1);
    return OPP_OK;
}

void opp_script_push(struct opp_script *script, int ref)
{
    lua_rawgeti(script->lua, LUA_REGISTRYINDEX, ref);
}

void opp_script_unref(struct opp_script *script, int ref)
{
    luaL_unref(script->lua, LUA_REGISTRYINDEX, ref);
}

bool opp_script_tripped(const struct opp_script *script)
{
    return script->tripped != NULL;
}

void opp_script_trip(struct opp_script *script, const char *why)
{
    opp_budget_trip(script, OPP_E_LIMIT, why);
}

size_t opp_script_live(const struct opp_script *script)
{
    return script->live;
}

int64_t opp_script_used(const struct opp_script *script)
{
    return script->limits.instructions - script->instructions_left;
}
