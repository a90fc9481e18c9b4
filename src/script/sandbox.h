/* SPDX-License-Identifier: MIT
 *
 * script/sandbox.h - the environment that scripts see: what is safe of Lua's libraries, what a layer adds, then sealed.
 * May include: base.
 *
 * Global functions: array assert error ipairs next pairs pcall select tonumber tostring type; tables math (no random),
 * string, table; the constant null. Nothing gives a metatable, a coroutine, a compiler, an address or a clock.
 */
#ifndef OPP_SCRIPT_SANDBOX_H
#define OPP_SCRIPT_SANDBOX_H

#include "script/state.h"

struct opp_script_function {
    const char *name; /* NULL ends a list */
    opp_script_fn call;
};

/* Makes the environment of a fresh state. OPP_E_LIMIT, OPP_E_MEMORY: the state is too small for it. */
enum opp_code opp_sandbox_open(struct opp_script *script, struct opp_err *err);

/* Between open and seal: adds functions as globals (table NULL) or as fields of a global table, made if absent. */
enum opp_code opp_sandbox_add(struct opp_script *script, const char *table, const struct opp_script_function *functions,
                              struct opp_err *err);
/* Pops the top of the main stack and names it: a constant, a closure, a table (frozen by seal). */
enum opp_code opp_sandbox_set(struct opp_script *script, const char *table, const char *name, struct opp_err *err);

/* Makes globals and library tables read-only: assigning any global, and reading an undefined one, is an error that
 * names it from then on. */
enum opp_code opp_sandbox_seal(struct opp_script *script, struct opp_err *err);

#endif
