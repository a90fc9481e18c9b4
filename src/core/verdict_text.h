/* SPDX-License-Identifier: MIT
 *
 * core/verdict_text.h - verdicts as opp_verdict_write has them, compared without being parsed: in a replay each of them
 * may differ, and to parse both takes a quarter of its time.
 * May include: base.
 */
#ifndef OPP_CORE_VERDICT_TEXT_H
#define OPP_CORE_VERDICT_TEXT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define OPP_VERDICT_MEMBERS 16 /* more than a verdict has */

/* A member of a verdict; it lends from the text. */
struct opp_verdict_member {
    const char *name, *value;
    size_t length, value_length;
};

/* The members in which two verdicts differ, in the order of their names. */
struct opp_verdict_difference {
    struct opp_verdict_member members[OPP_VERDICT_MEMBERS];
    size_t count;
};

/* Compares two NUL-terminated verdicts, from which *out lends. */
void opp_verdicts_compare(const char *from, const char *to, struct opp_verdict_difference *out);

bool opp_verdict_member_is(const struct opp_verdict_member *member, const char *name);

/* Appends the members' names as a JSON array. */
void opp_verdict_difference_write(struct opp_buf *out, const struct opp_verdict_difference *difference);

#endif
