/* SPDX-License-Identifier: MIT
 *
 * core/rate.h - how often a caller may call: GCRA per subject, in bounded memory.
 * May include: base.
 */
#ifndef OPP_CORE_RATE_H
#define OPP_CORE_RATE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct opp_rate;

struct opp_rate_verdict {
    bool allowed;
    int64_t limit;          /* a minute */
    int64_t remaining;      /* requests that would be allowed now */
    int64_t retry_after_ms; /* when refused */
    int64_t reset_ms;       /* until the whole burst is there again */
};

/* Gives a limiter that keeps at most subjects_max subjects (16 bytes each). */
enum opp_code opp_rate_new(uint32_t subjects_max, struct opp_rate **out, struct opp_err *err);
void opp_rate_free(struct opp_rate *rate);

/* Takes one request of a subject (a hash of who and what) at a monotonic time, per_minute with a burst of as many.
 * From any thread. When the table is full of busy subjects, a new one shares the place of another. */
void opp_rate_take(struct opp_rate *rate, uint64_t subject, int64_t per_minute, int64_t now_ms,
                   struct opp_rate_verdict *out);
/* What opp_rate_take would say; takes nothing. */
void opp_rate_look(struct opp_rate *rate, uint64_t subject, int64_t per_minute, int64_t now_ms,
                   struct opp_rate_verdict *out);

/* The subject of up to three parts (NULL parts count too). */
uint64_t opp_rate_subject(const char *a, const char *b, const char *c);

#endif
