/* SPDX-License-Identifier: MIT
 *
 * base/clock.h - the time that expiry is judged by: never behind the newest time that was recorded.
 * May include: base.
 */
#ifndef OPP_BASE_CLOCK_H
#define OPP_BASE_CLOCK_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define OPP_CLOCK_BEHIND_MAX_MS 60000

struct opp_clock;

enum opp_code opp_clock_new(struct opp_clock **out, struct opp_err *err);
void opp_clock_free(struct opp_clock *clock);

/* Milliseconds since 1970 UTC: the later of the machine's clock and the floor. From any thread. */
int64_t opp_clock_now_ms(const struct opp_clock *clock);
/* Raises the floor to a time that was recorded; a lower one changes nothing. From any thread. */
void opp_clock_raise(struct opp_clock *clock, int64_t recorded_ms);
/* The machine's clock is more than OPP_CLOCK_BEHIND_MAX_MS behind the floor. */
bool opp_clock_behind(const struct opp_clock *clock);

/* For durations only: CLOCK_MONOTONIC. */
int64_t opp_monotonic_ms(void);
int64_t opp_monotonic_ns(void);
/* What the calling thread has spent of a core: CLOCK_THREAD_CPUTIME_ID, which is slow to ask. */
int64_t opp_thread_cpu_ns(void);

#endif
