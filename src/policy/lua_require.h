/* SPDX-License-Identifier: MIT
 *
 * policy/lua_require.h - require: the files in lib/ of the profile whose file asks, and "profile" for its profile.lua.
 * May include: base, script, policy.
 */
#ifndef OPP_POLICY_LUA_REQUIRE_H
#define OPP_POLICY_LUA_REQUIRE_H

#include "script/sandbox.h"

/* require "lib.hours" is lib/hours.lua. Each runs once in a state, and only while the policies load. */
extern const struct opp_script_function opp_require_functions[];

/* Makes the table of what was required; inside a protected call. May jump. */
void lj_require_register(struct lua_State *L);
/* Pushes what require gives for a name in the files of lua->profile. May jump. */
void lj_require(struct lua_State *L, const char *name);

#endif
