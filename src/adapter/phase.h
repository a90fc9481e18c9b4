/* SPDX-License-Identifier: MIT
 *
 * adapter/phase.h - what runs in a lane's Lua thread for one step of a call, and may wait there for the host.
 * May include: script, base, adapter.
 */
#ifndef OPP_ADAPTER_PHASE_H
#define OPP_ADAPTER_PHASE_H

#include "adapter/lane.h"

struct lua_State;

/* The argument is a struct opp_adapter_call as light userdata. Refusals are in run->rc and the call's refusal; what is
 * wrong with an answer is raised. _read leaves the answer on the stack, unless it was a refusal. */
int l_phase_load(struct lua_State *L);
int l_phase_inspect(struct lua_State *L);
int l_phase_read(struct lua_State *L);

/* Whether the value on top of the stack is a refusal, which is the call's then. */
bool opp_phase_is_refused(struct lua_State *L, struct opp_adapter_call *run);

#endif
