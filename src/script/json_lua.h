/* SPDX-License-Identifier: MIT
 *
 * script/json_lua.h - Lua values as JSON: converted, or printed straight as RFC 8785 bytes; and JSON as Lua tables.
 * May include: base.
 *
 * A table is an object, {} too, unless its keys are 1..n or array{} made it. Errors, with the JSON pointer in
 * err->where: tables that are mixed, sparse or nested over 64 deep, other than string keys, NaN, infinities, integers
 * beyond 2^53, text that is not UTF-8 or has U+0000, functions, more than OPP_SCRIPT_JSON_VALUES_MAX values or
 * OPP_SCRIPT_JSON_BYTES_MAX bytes of text. nil is the caller's to judge: at the top it is an error.
 * None of the opp_ functions here raises or allocates in Lua; index is of L's own stack.
 */
#ifndef OPP_SCRIPT_JSON_LUA_H
#define OPP_SCRIPT_JSON_LUA_H

#include "base/buf.h"
#include "base/rows.h"
#include "script/state.h"

#include <jansson.h>

#define OPP_SCRIPT_JSON_VALUES_MAX 500000
#define OPP_SCRIPT_JSON_BYTES_MAX ((size_t)32 << 20)

/* Gives the value as JSON; JSON views by reference, rows as arrays of objects, a row as an object.
 * OPP_E_SCRIPT: it cannot be JSON. OPP_E_MEMORY. */
enum opp_code opp_script_to_json(struct lua_State *L, int index, json_t **out, struct opp_err *err);

struct opp_script_print {
    /* Pairs of a member's name and the JSON text shown in its place, at any depth, in rows too; NULL-terminated. */
    const char *const *redacted;
    const json_t *shape; /* a JSON Schema: an empty table where it says array is one; NULL: nothing is known */
    size_t most;         /* rows of a list that are printed, also of one that Lua has put together; 0: all */
    /* Called before rows (count of them from first on) are printed, so that the caller can refuse them, by a code that
     * is handed up, or hide columns. *view comes with redacted and most set; what it points to must live until the
     * print ends.
     */
    enum opp_code (*on_rows)(void *arg, const struct opp_rows *rows, size_t first, size_t count,
                             struct opp_rows_view *view, struct opp_err *err);
    void *arg;
};

/* Appends the value's canonical bytes; rows go from their cells to bytes. options may be NULL. On failure out has
 * bytes of an unfinished value. OPP_E_SCRIPT: it cannot be JSON. OPP_E_MEMORY; or what on_rows said. */
enum opp_code opp_script_print(struct lua_State *L, int index, struct opp_buf *out,
                               const struct opp_script_print *options, struct opp_err *err);

/* Pushes value as Lua values of its own: objects as tables, arrays as array{} tables, null as null. May jump. */
void lj_json_push(struct lua_State *L, const json_t *value);

#endif
