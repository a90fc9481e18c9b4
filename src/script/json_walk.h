/* SPDX-License-Identifier: MIT
 *
 * script/json_walk.h - what converting and printing Lua values as JSON share: their bounds, the path, a table's shape.
 * May include: base.
 *
 * Nothing here raises, so callers may hold C resources.
 */
#ifndef OPP_SCRIPT_JSON_WALK_H
#define OPP_SCRIPT_JSON_WALK_H

#include "base/error.h"

#include <jansson.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct opp_json_walk;

/* What a conversion to JSON does in its own way. */
struct opp_json_conversion {
    /* Gives what is no table as JSON, and counts it; index is absolute. */
    enum opp_code (*other)(struct opp_json_walk *walk, int index, json_t **out);
    /* Sets a member; takes value, which may be NULL. Gives 0 on success. */
    int (*set)(json_t *object, const char *key, size_t length, json_t *value);
};

struct opp_json_walk {
    lua_State *L;
    struct opp_err *err;
    const struct opp_json_conversion *how; /* while converting */
    size_t values_left;
    size_t bytes_left;
    unsigned depth;
    size_t path_length;
    char path[sizeof((struct opp_err *)0)->where]; /* a JSON pointer, cut where it is too long */
};

struct opp_json_shape {
    bool array;
    size_t count;
};

void opp_walk_start(struct opp_json_walk *walk, lua_State *L, struct opp_err *err);

/* As opp_script_to_json, with tables walked the same way and all else as how says. */
enum opp_code opp_walk_to_json(lua_State *L, int index, const struct opp_json_conversion *how, json_t **out,
                               struct opp_err *err);

/* Records what is wrong with the value at the path; gives OPP_E_SCRIPT. */
enum opp_code opp_walk_fail(struct opp_json_walk *walk, const char *why);

/* Goes into a member (key) or an element (key NULL, index from 0); _up with what _down gave. */
size_t opp_walk_down(struct opp_json_walk *walk, const char *key, size_t index);
void opp_walk_up(struct opp_json_walk *walk, size_t mark);

/* Enters a table or view: the depth, and room on the Lua stack. */
enum opp_code opp_walk_enter(struct opp_json_walk *walk);
void opp_walk_leave(struct opp_json_walk *walk);

/* Counts one value with so many bytes of text; a whole JSON value with all that is in it. */
enum opp_code opp_walk_count(struct opp_json_walk *walk, size_t bytes);
enum opp_code opp_walk_count_json(struct opp_json_walk *walk, const json_t *value);

/* Counts a text and checks that JSON can say it. */
enum opp_code opp_walk_text(struct opp_json_walk *walk, const char *text, size_t length);
/* Checks a number at index. */
enum opp_code opp_walk_number(struct opp_json_walk *walk, int index);
/* Refuses a row for the integer in one of its columns. */
enum opp_code opp_walk_inexact(struct opp_json_walk *walk, const char *column);

/* Whether the table at index, whose fields are in the table at storage, is an array or an object. */
enum opp_code opp_walk_shape(struct opp_json_walk *walk, int index, int storage, struct opp_json_shape *shape);

#endif
