/* SPDX-License-Identifier: MIT */
#include "policy/profile.h"

#include "base/utf8.h"
#include "policy/lua_state.h"
#include "policy/zone.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>

/* Copies the text on top. May jump. */
static void lj_copy(lua_State *L, const char *name, char *to, size_t size)
{
    size_t length = 0;
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;

    if (text == NULL || length == 0 || length >= size || !opp_utf8_valid(text, length))
        luaL_error(L, "%s is text of 1 to %d bytes", name, (int)size - 1);
    else
        memcpy(to, text, length + 1);
}

/* Arguments: what to fill, and what profile.lua gave. */
static int l_profile_read(lua_State *L)
{
    struct opp_policy_profile *out = lua_touserdata(L, 1);

    if (!lua_istable(L, 2))
        return luaL_error(L, "profile.lua returns a table: return { description = … }");
    lua_pushnil(L);
    while (lua_next(L, 2)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "(a list element)";

        if (strcmp(name, "description") == 0)
            lj_copy(L, name, out->description, sizeof out->description);
        else if (strcmp(name, "extends") == 0)
            lj_copy(L, name, out->extends, sizeof out->extends);
        else if (strcmp(name, "settings") != 0 || !lua_istable(L, -1))
            return luaL_error(L, "a profile has no field '%s' like this: description, extends, settings (a table)",
                              name);
        lua_pop(L, 1);
    }
    if (out->description[0] == '\0')
        return luaL_error(L, "a profile needs a description");
    return 0;
}

static enum opp_code read_in(struct opp_policy_lua *lua, const char *profile, struct opp_policy_profile *out,
                             struct opp_err *err)
{
    lua_State *L = opp_script_lua(lua->script);
    struct opp_policy_profile made = { 0 };
    enum opp_code rc = opp_policy_lua_run_profile(lua, profile, err);

    if (rc != OPP_OK)
        return rc;
    lua_pushcfunction(L, l_profile_read);
    lua_pushlightuserdata(L, &made);
    lua_rotate(L, -3, 2);
    rc = opp_script_call(lua->script, 2, 0, err);
    if (rc == OPP_OK)
        *out = made;
    return rc;
}

enum opp_code opp_policy_profile_read(const struct opp_policy_sources *sources, const char *profile,
                                      struct opp_policy_profile *out, struct opp_err *err)
{
    char file[OPP_POLICY_PROFILE_MAX + sizeof "/profile.lua"];
    struct opp_policy_lua *lua = NULL;
    struct opp_zones *zones = NULL;
    struct opp_err why = { 0 };
    enum opp_code rc = opp_zones_new(NULL, &zones, &why);

    if (rc == OPP_OK)
        rc = opp_policy_lua_new(sources, zones, &lua, &why);
    if (rc == OPP_OK)
        rc = read_in(lua, profile, out, &why);
    opp_policy_lua_free(lua);
    opp_zones_free(zones);
    snprintf(file, sizeof file, "%s/profile.lua", profile);
    if (rc != OPP_OK)
        opp_fail_at(err, rc == OPP_E_MEMORY ? rc : OPP_E_CONFIG, why.where[0] != '\0' ? why.where : file, "%s",
                    why.message);
    return rc == OPP_OK || rc == OPP_E_MEMORY ? rc : OPP_E_CONFIG;
}
