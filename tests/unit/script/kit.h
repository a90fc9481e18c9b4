/* SPDX-License-Identifier: MIT
 *
 * script/kit.h - what the tests of script/ share: a sealed state, and a chunk's result as text.
 * May include: base, script.
 */
#ifndef OPP_TESTS_SCRIPT_KIT_H
#define OPP_TESTS_SCRIPT_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script/sandbox.h"
#include "script/state.h"

/* Gives a sealed state of default limits. */
struct opp_script *kit_script(void);
/* Loads and calls a chunk "test.lua", its one result left on the stack. */
enum opp_code kit_run(struct opp_script *script, const char *text, struct opp_err *err);
/* Begins a call, runs, and lends the result through the sandbox's tostring rules for text, numbers and booleans,
 * or the error's message. */
const char *kit_eval(struct opp_script *script, const char *text);
/* As kit_eval with the JSON text as the global chunk argument (...), viewed. */
const char *kit_eval_with(struct opp_script *script, const char *json, const char *text);

#endif
