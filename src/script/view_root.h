/* SPDX-License-Identifier: MIT
 *
 * script/view_root.h - views seen from inside this folder: what they hold and how they are walked.
 * May include: base.
 */
#ifndef OPP_SCRIPT_VIEW_ROOT_H
#define OPP_SCRIPT_VIEW_ROOT_H

#include "script/view.h"

#include <lauxlib.h>
#include <lua.h>

/* What a tree of views holds. On the C heap and in the script's list, so that a finalizer that Lua could not run for
 * lack of stack costs memory until the state is freed and nothing else. */
struct opp_view_root {
    struct opp_view_root *next;
    struct opp_view_root **link;
    json_t *json;
    struct opp_rows *rows;
    size_t held;   /* bytes counted as the state's */
    uint64_t call; /* the script's call that it was made in: the tracker may be gone in a later one */
    struct opp_view_options options;
};

enum opp_view_kind {
    OPP_VIEW_OBJECT,
    OPP_VIEW_ARRAY,
    OPP_VIEW_ROWS,
    OPP_VIEW_ROW
};

/* The payload of a view's userdata. Its user value is the holder, whose finalizer drops the reference. */
struct opp_view {
    enum opp_view_kind kind;
    json_t *json;
    struct opp_rows *rows;
    size_t row;
    struct opp_view_root *hooks;       /* set in a root object that is strict or tracked */
    const struct opp_view_root *watch; /* set below a root that watches for names */
    const json_t *shape;               /* what is known of it, or NULL */
};

/* Pushes a view whose holder is on top, and takes that away. May jump. */
void lj_view_push(lua_State *L, struct opp_view view);
/* Pushes value if it is no object and no array, and says so. May jump. */
bool lj_view_push_scalar(lua_State *L, const json_t *value);
enum opp_view_kind opp_view_kind_of(const json_t *value); /* of an object or array */

/* __index, __len, __newindex, __eq; view_read.c */
extern const luaL_Reg opp_view_methods[];

/* Makes the metatables of views and arrays, once in a state. May jump. */
void lj_view_register(lua_State *L);
void opp_view_push_array_metatable(lua_State *L);
/* Drops what is still held; the Lua state is closed already. */
void opp_view_roots_free(struct opp_script *script);

/* Lends the view at index, NULL when it is none. */
const struct opp_view *opp_view_of(lua_State *L, int index);
bool opp_view_is_array(const struct opp_view *view); /* NULL is none */
size_t opp_view_length(const struct opp_view *view); /* of what # says */

/* Pushes element i (from 1) or nil. May jump. */
void lj_view_geti(lua_State *L, int index, lua_Integer i);
/* As lua_next on the view at an absolute index. May jump. */
bool lj_view_next(lua_State *L, int index);

/* Tells the tracker that every member was read. */
void opp_view_note_all(struct opp_script *script, const struct opp_view *view);

#endif
