/* SPDX-License-Identifier: MIT
 *
 * base/limit.h - what is told of a limit that was reached, in the RateLimit fields of the HTTPAPI group's draft.
 * May include: nothing.
 */
#ifndef OPP_BASE_LIMIT_H
#define OPP_BASE_LIMIT_H

#include <stdint.h>

#define OPP_LIMIT_TEXT_MAX 192

/* name: printable ASCII without quotes, lent; NULL: none. */
struct opp_limit {
    const char *name;
    int64_t quota, window_s; /* window_s 0: it is no matter of time */
    int64_t remaining, reset_s;
};

/* Of one that is told before there is a call: its name is static. */
struct opp_limited {
    int64_t retry_after_s; /* 0: not said */
    struct opp_limit limit;
};

/* Writes the values of RateLimit-Policy and RateLimit. */
void opp_limit_format(const struct opp_limit *limit, char policy[OPP_LIMIT_TEXT_MAX], char now[OPP_LIMIT_TEXT_MAX]);

#endif
