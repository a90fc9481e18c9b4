/* SPDX-License-Identifier: MIT
 *
 * script/libs.h - the sandbox's own library functions, each replacing one of Lua's that is unsafe or blind to views.
 * May include: base.
 */
#ifndef OPP_SCRIPT_LIBS_H
#define OPP_SCRIPT_LIBS_H

#include "script/sandbox.h"

#include <stdbool.h>

extern const struct opp_script_function opp_lib_base[];  /* array ipairs next pairs pcall tostring type */
extern const struct opp_script_function opp_lib_match[]; /* string.find match gmatch gsub */
extern const struct opp_script_function opp_lib_table[]; /* all of table but sort */

int l_string_rep(struct lua_State *L);
int l_string_format(struct lua_State *L); /* upvalue 1: Lua's own */
int l_table_sort(struct lua_State *L);

/* Whether a function is what string.gmatch returned: it remembers its place. */
bool opp_lib_is_gmatch_iterator(struct lua_State *L, int index);

/* The longest text that a library function builds. */
size_t opp_lib_text_max(struct lua_State *L);

#endif
