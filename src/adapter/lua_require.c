/* SPDX-License-Identifier: MIT */
#include "adapter/lua_require.h"

#include "adapter/lane.h"
#include "script/sandbox.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 200

/* Its address is the registry's key of the table of what was required: name → value, false while it runs. */
static const char modules_key;

static void chunk_name(const struct opp_adapter *adapter, const char *file, char name[NAME_MAX_BYTES])
{
    snprintf(name, NAME_MAX_BYTES, "@%s/%s", adapter->name, file);
}

/* Lends the file that a module's name leads to, or an error. May jump. */
static const struct opp_source *lj_find(lua_State *L, const struct opp_adapter *adapter, const char *name)
{
    char file[NAME_MAX_BYTES];
    const struct opp_source *source;
    size_t length = strlen(name);

    if (length + sizeof ".lua" > sizeof file)
        luaL_error(L, "a module's name is too long");
    for (size_t i = 0; i < length; i++)
        file[i] = name[i] == '.' ? '/' : name[i];
    memcpy(file + length, ".lua", sizeof ".lua");
    source = opp_sources_find(adapter->files, file);
    if (source == NULL)
        luaL_error(L, "there is no module '%s' (no file %s in the adapter %s)", name, file, adapter->name);
    return source;
}

/* Runs a file and pushes what it gives. May jump. */
static void lj_run(lua_State *L, const struct opp_adapter *adapter, const struct opp_source *source)
{
    char chunk[NAME_MAX_BYTES];

    chunk_name(adapter, source->name, chunk);
    lj_script_charge(L, source->length / 8);
    lj_script_load(L, source->bytes, source->length, chunk);
    lua_call(L, 0, 1);
}

static int l_require(lua_State *L)
{
    const struct opp_lane *lane = opp_lane_of(L);
    const struct opp_source *source;
    const char *name;

    luaL_checktype(L, 1, LUA_TSTRING);
    name = lua_tostring(L, 1);
    if (!lane->loading)
        return luaL_error(L, "require is for when the adapter loads, not for a call");
    lua_settop(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &modules_key);
    lua_pushvalue(L, 1);
    if (lua_rawget(L, 2) == LUA_TBOOLEAN)
        return luaL_error(L, "the modules require each other in a circle at '%s'", name);
    if (!lua_isnil(L, -1))
        return 1;
    source = lj_find(L, lane->adapter, name);
    lua_pushvalue(L, 1);
    lua_pushboolean(L, false);
    lua_rawset(L, 2);
    lj_run(L, lane->adapter, source);
    if (!lua_istable(L, -1) && !lua_isfunction(L, -1) && !lua_isstring(L, -1))
        return luaL_error(L, "the module '%s' gives nothing to use", name);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, -2);
    lua_rawset(L, 2);
    return 1;
}

static int l_install(lua_State *L)
{
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &modules_key);
    return 0;
}

enum opp_code opp_require_install(struct opp_script *script, struct opp_err *err)
{
    static const struct opp_script_function globals[] = { { "require", l_require }, { NULL, NULL } };
    enum opp_code rc = opp_script_protect(script, l_install, NULL, err);

    return rc == OPP_OK ? opp_sandbox_add(script, NULL, globals, err) : rc;
}

enum opp_code opp_require_init(struct opp_script *script, const struct opp_adapter *adapter, struct opp_err *err)
{
    const struct opp_source *source = opp_sources_find(adapter->files, "init.lua");
    char chunk[NAME_MAX_BYTES];
    enum opp_code rc;

    if (source == NULL)
        return opp_fail(err, OPP_E_CONFIG, "it has no init.lua");
    chunk_name(adapter, source->name, chunk);
    rc = opp_script_load(script, source->bytes, source->length, chunk + 1, err);
    return rc == OPP_OK ? opp_script_call(script, 0, 1, err) : rc;
}
