/* SPDX-License-Identifier: MIT
 *
 * adapter/effect_build.h - what the builders of effects share; all of it may jump.
 * May include: script, base, adapter.
 */
#ifndef OPP_ADAPTER_EFFECT_BUILD_H
#define OPP_ADAPTER_EFFECT_BUILD_H

#include "adapter/lane.h"

#include <jansson.h>

struct lua_State;

/* Sets a member; takes value. What it is set in is run's already, so that nothing is lost when Lua jumps. */
void lj_effect_set(struct lua_State *L, json_t *object, const char *key, json_t *value);
/* Converts the value at index, symbols and all, into a member of object; what says in messages where it was. */
void lj_effect_convert(struct lua_State *L, int index, json_t *object, const char *key, const char *what);
/* Refuses fields of the effect that are not among allowed, NULL-terminated; indexes: it has statements. */
void lj_effect_check(struct lua_State *L, int table, const char *const *allowed, bool indexes);
/* Adds result, which may name rows (an object's names, NULL: none), and the prefixes of new ids. */
void lj_effect_add_result(struct lua_State *L, struct opp_adapter_call *run, int table, const json_t *rows);

/* Every from.<row> in value must name one of the rows. */
void lj_effect_check_from(struct lua_State *L, json_t *value, const json_t *rows);

/* effect_words.c: makes symbols of the texts ":effect_id", ":now", ":now_ms", ":new_id_<n>" and of the effect's id
 * itself, at any depth below the container; refuses the call where the agent's payload holds one of them. */
void lj_effect_name_words(struct lua_State *L, const struct opp_adapter_call *run, json_t *container);

/* effect_build_http.c: fills run->effect of the table that http.effect was given. */
void lj_effect_build_http(struct lua_State *L, struct opp_adapter_call *run, int table);

#endif
