/* SPDX-License-Identifier: MIT */
#include "policy/lua_require.h"

#include "policy/lua_state.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>

#define FILE_MAX_BYTES 200

/* Its address is the registry's key of the table of what was required: file → value, false while it runs. */
static const char modules_key;

void lj_require_register(lua_State *L)
{
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &modules_key);
}

/* Lends the file that a name leads to, or an error. May jump. */
static const struct opp_policy_file *lj_find(lua_State *L, const struct opp_policy_lua *lua, const char *name)
{
    char file[FILE_MAX_BYTES];
    const struct opp_policy_file *found = NULL;
    size_t profile = strlen(lua->profile);
    bool ours = strcmp(name, "profile") == 0 || strncmp(name, "lib.", 4) == 0;

    if (ours && strchr(name, '/') == NULL &&
        snprintf(file, sizeof file, "%s/%s.lua", lua->profile, name) < (int)sizeof file) {
        for (char *c = file + profile + 1; strcmp(c, ".lua") != 0; c++)
            *c = *c == '.' ? '/' : *c;
        found = opp_policy_sources_find(lua->sources, file);
    }
    if (found == NULL)
        luaL_error(L, "there is no module '%s': require takes \"lib.name\" for lib/name.lua, and \"profile\"", name);
    return found;
}

/* Runs a file and pushes what it gives. May jump. */
static void lj_run(lua_State *L, const struct opp_policy_file *file)
{
    char chunk[FILE_MAX_BYTES + 1];

    snprintf(chunk, sizeof chunk, "@%s", file->name);
    lj_script_charge(L, file->length / 8);
    lj_script_load(L, file->bytes, file->length, chunk);
    lua_call(L, 0, 1);
}

void lj_require(lua_State *L, const char *name)
{
    const struct opp_policy_file *file = lj_find(L, opp_policy_lua_of(L), name);
    int modules, type;

    luaL_checkstack(L, 8, NULL);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &modules_key);
    modules = lua_gettop(L);
    type = lua_getfield(L, modules, file->name);
    if (type == LUA_TBOOLEAN)
        luaL_error(L, "the modules require each other in a circle at '%s'", name);
    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushboolean(L, false);
        lua_setfield(L, modules, file->name);
        lj_run(L, file);
        if (!lua_istable(L, -1) && !lua_isfunction(L, -1))
            luaL_error(L, "the module '%s' gives no table and no function", name);
        lua_pushvalue(L, -1);
        lua_setfield(L, modules, file->name);
    }
    lua_remove(L, modules);
}

static int l_policy_require(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TSTRING);
    if (opp_policy_lua_of(L)->call != 0)
        return luaL_error(L, "require is for when the policies load, not for a request");
    lj_require(L, lua_tostring(L, 1));
    return 1;
}

const struct opp_script_function opp_require_functions[] = { { "require", l_policy_require }, { NULL, NULL } };
