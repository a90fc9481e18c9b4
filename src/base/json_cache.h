/* SPDX-License-Identifier: MIT
 *
 * base/json_cache.h - reading many JSON objects that have most of their members' texts in common: those are parsed
 * once. May include: base.
 */
#ifndef OPP_BASE_JSON_CACHE_H
#define OPP_BASE_JSON_CACHE_H

#include "base/error.h"

#include <jansson.h>

struct opp_json_cache;

/* For one thread. OPP_E_MEMORY. */
enum opp_code opp_json_cache_new(struct opp_json_cache **out, struct opp_err *err);
void opp_json_cache_free(struct opp_json_cache *cache); /* NULL allowed */

/* Gives what opp_json_read gives of a text. Members of an object that are objects or arrays themselves are shared with
 * what other texts gave: all of it is to be read only. cache NULL: nothing is shared. NULL: it is no JSON, or memory is
 * out. */
json_t *opp_json_cache_parse(struct opp_json_cache *cache, const char *text);

#endif
