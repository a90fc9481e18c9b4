/* SPDX-License-Identifier: MIT
 *
 * script/freeze.h - takes a loaded script's memory away: its tables become read-only, its upvalues are watched.
 * May include: base.
 */
#ifndef OPP_SCRIPT_FREEZE_H
#define OPP_SCRIPT_FREEZE_H

#include "script/state.h"

/* Makes every table reachable from the value at index of the main stack (through fields, and through the upvalues of
 * Lua functions) read-only, and gives a reference to the upvalues as they are now (opp_script_unref when done; a value
 * that reaches no upvalue has one too). Frozen tables read, count and iterate as before.
 * OPP_E_SCRIPT: it keeps something that cannot be frozen, a gmatch iterator. OPP_E_LIMIT, OPP_E_MEMORY. */
enum opp_code opp_script_freeze(struct opp_script *script, int index, int *snapshot, struct opp_err *err);

/* Whether an upvalue under the snapshot is another value now (true too if the stack has no room to look). Never
 * raises. */
bool opp_script_changed(struct opp_script *script, int snapshot);

#endif
