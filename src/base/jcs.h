/* SPDX-License-Identifier: MIT
 *
 * base/jcs.h - the one JSON writer: RFC 8785 (JCS) canonical bytes, for hashes and for everything sent.
 * May include: base.
 */
#ifndef OPP_BASE_JCS_H
#define OPP_BASE_JCS_H

#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends the canonical bytes of value. A failed allocation is remembered in out; a number that JSON cannot say
 * (NaN, infinite) cannot be in a json_t. */
void opp_jcs_write(struct opp_buf *out, const json_t *value);

/* The parts, for writers of data that is not a json_t. */
void opp_jcs_string(struct opp_buf *out, const char *text, size_t length); /* UTF-8, as RFC 8785 3.2.2.2 */
/* Whether it is ASCII without anything that is escaped. */
bool opp_jcs_is_plain(const char *text, size_t length);
void opp_jcs_plain(struct opp_buf *out, const char *text, size_t length); /* as _string, of what is known to be plain */
void opp_jcs_real(struct opp_buf *out, double value);                     /* as ECMAScript prints it, 3.2.2.3 */
void opp_jcs_integer(struct opp_buf *out, int64_t value); /* what is not exact as the double next to it */
bool opp_jcs_is_exact(int64_t value);                     /* at most 2^53 from 0: every such integer is a double */
/* Orders two UTF-8 keys by their UTF-16 code units (3.2.3): below, at or above 0. */
int opp_jcs_compare(const char *a, const char *b);

/* Members of an object that the caller writes between braces of its own, in the order of their names: it is cheaper
 * than to build and sort a json_t. Names are the caller's own and need no escape; a comma goes before all but the
 * first. */
void opp_jcs_member(struct opp_buf *out, const char *name);                           /* the value follows */
void opp_jcs_member_text(struct opp_buf *out, const char *name, const char *text);    /* NULL: null */
void opp_jcs_member_json(struct opp_buf *out, const char *name, const json_t *value); /* NULL: null */
void opp_jcs_member_bool(struct opp_buf *out, const char *name, bool value);
void opp_jcs_member_integer(struct opp_buf *out, const char *name, int64_t value);

/* Lower-case hex SHA-256 of the canonical bytes of value. OPP_E_MEMORY. */
enum opp_code opp_jcs_hash(const json_t *value, char hex[OPP_HASH_HEX], struct opp_err *err);

#endif
