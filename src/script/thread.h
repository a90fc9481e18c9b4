/* SPDX-License-Identifier: MIT
 *
 * script/thread.h - a function that a host call can suspend; scripts themselves have no coroutines.
 * May include: base.
 */
#ifndef OPP_SCRIPT_THREAD_H
#define OPP_SCRIPT_THREAD_H

#include "script/state.h"

/* Gives a Lua thread of the script with its hook set, kept alive by *ref (opp_script_unref when done).
 * The function on top of the main stack is popped and waits in the thread. OPP_E_LIMIT, OPP_E_MEMORY. */
enum opp_code opp_script_thread(struct opp_script *script, struct lua_State **out, int *ref, struct opp_err *err);

/* Starts or goes on with the thread, nargs arguments on its own stack. *yielded says which it was: it suspended itself
 * (lua_yieldk in a host function), or it ended; *nresults values are then on its stack. Codes as opp_script_call;
 * after a failure the thread is dead. CPU time while suspended is not charged if opp_script_refill precedes. */
enum opp_code opp_script_resume(struct opp_script *script, struct lua_State *thread, int nargs, int *nresults,
                                bool *yielded, struct opp_err *err);

#endif
