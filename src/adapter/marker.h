/* SPDX-License-Identifier: MIT
 *
 * adapter/marker.h - what Lua returns to mean more than data: a refusal, an effect, an id or a row not known yet.
 * May include: script, base, adapter.
 */
#ifndef OPP_ADAPTER_MARKER_H
#define OPP_ADAPTER_MARKER_H

#include "adapter/adapter.h"

#include <jansson.h>

struct lua_State;
struct opp_script;

#define OPP_ROW_NAME_MAX 64
#define OPP_ID_PREFIX_MAX 8

enum opp_marker_kind {
    OPP_MARKER_REFUSAL,
    OPP_MARKER_EFFECT,      /* of SQL; its user value is the table */
    OPP_MARKER_HTTP_EFFECT, /* likewise */
    OPP_MARKER_VALUE,       /* an effect that writes nothing; likewise */
    OPP_MARKER_NEW_ID,
    OPP_MARKER_FROM
};

/* Lent by opp_marker_of only: of `as` there is no more than the kind's own member. */
struct opp_marker {
    enum opp_marker_kind kind;
    enum opp_code code; /* of a refusal */
    union {
        struct opp_refusal refusal;
        struct {
            unsigned n; /* from 1 */
            char prefix[OPP_ID_PREFIX_MAX + 1];
        } new_id;
        struct {
            char row[OPP_ROW_NAME_MAX];
            char field[OPP_ROW_NAME_MAX]; /* empty: the whole row */
        } from;
    } as;
};

/* Between the sandbox's open and seal: adds refuse, sql, value and from. */
enum opp_code opp_markers_install(struct opp_script *script, struct opp_err *err);

/* Lends the marker at index, NULL: it is none. */
const struct opp_marker *opp_marker_of(struct lua_State *L, int index);
/* Pushes the symbol of the n-th new id. May jump. */
void lj_marker_push_new_id(struct lua_State *L, unsigned n, const char *prefix);

/* Pushes what refuse.invalid(message) gives. May jump. */
void lj_marker_push_invalid(struct lua_State *L, const char *message);
/* Pushes what refuse.unavailable(seconds) gives. May jump. */
void lj_marker_push_unavailable(struct lua_State *L, int64_t seconds);

/* As opp_script_to_json, and symbols become {"$new_id": {n, prefix}} and {"$from": [row, field]}; a key that begins
 * with $ gets one more. Does not raise. */
enum opp_code opp_symbols_to_json(struct lua_State *L, int index, json_t **out, struct opp_err *err);

#endif
