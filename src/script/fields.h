/* SPDX-License-Identifier: MIT
 *
 * script/fields.h - the fields of its first parameter that a compiled function names: a.b.c, through locals too.
 * May include: base.
 */
#ifndef OPP_SCRIPT_FIELDS_H
#define OPP_SCRIPT_FIELDS_H

#include "script/state.h"

#define OPP_FIELD_PATH_MAX 8

/* names[0] to names[count - 1], each a NUL-terminated text lent for the call. */
struct opp_field_path {
    const char *names[OPP_FIELD_PATH_MAX];
    size_t count;
};

/* Calls found for each place where the Lua function on top of the main stack, not one in it, reads a field by a
 * constant name of its first parameter, or of a field of that. What cannot be followed for sure (indexes, other
 * variables, names over 60 bytes) is not reported. OPP_E_MEMORY; OPP_E_INTERNAL: the code is not as this was written
 * for. */
enum opp_code opp_script_each_field(struct opp_script *script,
                                    void (*found)(void *arg, const struct opp_field_path *path, int line), void *arg,
                                    struct opp_err *err);

#endif
