/* SPDX-License-Identifier: MIT
 *
 * policy/lua_window.h - windows as Lua values: always never daily weekly between, within and now_in.
 * May include: base, script, policy.
 */
#ifndef OPP_POLICY_LUA_WINDOW_H
#define OPP_POLICY_LUA_WINDOW_H

#include "script/sandbox.h"

struct opp_schedule;

#define OPP_POLICY_WINDOWS_LOADED_MAX 4096 /* that one profile makes while it loads */
#define OPP_POLICY_WINDOWS_CALL_MAX 64     /* that the rules make in one call */

extern const struct opp_script_function opp_window_functions[];

/* Makes the metatable; inside a protected call. May jump. */
void lj_window_register(struct lua_State *L);

/* Lends the schedule of the window at index; NULL when it is none, or one of a call that has ended. Neither raises nor
 * allocates. */
const struct opp_schedule *opp_window_of(struct lua_State *L, int index);

#endif
