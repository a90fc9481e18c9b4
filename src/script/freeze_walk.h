/* SPDX-License-Identifier: MIT
 *
 * script/freeze_walk.h - freezing seen from inside this folder.
 * May include: base.
 */
#ifndef OPP_SCRIPT_FREEZE_WALK_H
#define OPP_SCRIPT_FREEZE_WALK_H

struct lua_State;

/* Freezes every table reachable from the value at index and pushes nothing; see script/freeze.h. May jump. */
void lj_freeze_reachable(struct lua_State *L, int index);

#endif
