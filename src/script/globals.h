/* SPDX-License-Identifier: MIT
 *
 * script/globals.h - the globals that a compiled chunk names: what it would fail on is found before it runs.
 * May include: base.
 */
#ifndef OPP_SCRIPT_GLOBALS_H
#define OPP_SCRIPT_GLOBALS_H

#include "script/state.h"

/* Calls found for each place, in the order of the code, where the function on top of the main stack, or one in it,
 * reads a global that the sealed environment does not have, or assigns one. Names reached by computing are not seen; a
 * function that brings its own _ENV is left alone. name is lent for the call. OPP_E_MEMORY; OPP_E_INTERNAL: the code is
 * not as this was written for. */
enum opp_code opp_script_check_globals(struct opp_script *script,
                                       void (*found)(void *arg, const char *name, int line, bool assigned), void *arg,
                                       struct opp_err *err);

#endif
