/* SPDX-License-Identifier: MIT
 *
 * base/json.h - strict, bounded JSON input and short ways to ask a parsed value.
 * May include: base.
 */
#ifndef OPP_BASE_JSON_H
#define OPP_BASE_JSON_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define OPP_JSON_DEPTH_MAX 64
#define OPP_JSON_VALUES_MAX 20000

/* Gives the value of a whole JSON text. Refused (OPP_E_VALIDATION, err->message for a client, no input quoted):
 * anything RFC 8259 refuses, duplicate keys, invalid UTF-8, U+0000 in a string or key, NaN, infinities and overflowing
 * numbers, integers that a double cannot hold exactly, nesting over OPP_JSON_DEPTH_MAX, more than OPP_JSON_VALUES_MAX
 * values (counted before the parser allocates). OPP_E_MEMORY. */
enum opp_code opp_json_parse(const char *bytes, size_t length, json_t **out, struct opp_err *err);

/* Gives the value of bytes that opp_jcs_write wrote, now or before a restart; not for what strangers send. JCS writes
 * doubles below 1e21 as digits: beyond 2^53 these are doubles again, which a plain parser takes for integers or
 * refuses. OPP_E_INTERNAL: they are no JSON. OPP_E_MEMORY. */
enum opp_code opp_json_read(const char *bytes, size_t length, json_t **out);

/* Lends a member's text; NULL when it is absent or no string. */
const char *opp_json_text(const json_t *object, const char *key);
/* A member that is true; absent, false or anything else is false. */
bool opp_json_true(const json_t *object, const char *key);
/* A member that a schema calls an integer, also where it is written as 240.0 or 2.4e2; 0 when it is absent, or anything
 * else. */
json_int_t opp_json_integer(const json_t *object, const char *key);
/* Whether two values are the same JSON (1 and 1.0 are). */
bool opp_json_equal(const json_t *a, const json_t *b);

#endif
