/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct opp_clock {
    _Atomic int64_t floor_ms;
};

static int64_t machine_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum opp_code opp_clock_new(struct opp_clock **out, struct opp_err *err)
{
    struct opp_clock *clock = malloc(sizeof *clock);

    if (clock == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a clock");
    atomic_init(&clock->floor_ms, 0);
    *out = clock;
    return OPP_OK;
}

void opp_clock_free(struct opp_clock *clock)
{
    free(clock);
}

int64_t opp_clock_now_ms(const struct opp_clock *clock)
{
    int64_t now_ms = machine_ms(), floor_ms = atomic_load(&clock->floor_ms);

    return now_ms > floor_ms ? now_ms : floor_ms;
}

void opp_clock_raise(struct opp_clock *clock, int64_t recorded_ms)
{
    int64_t floor_ms = atomic_load(&clock->floor_ms);

    while (floor_ms < recorded_ms && !atomic_compare_exchange_weak(&clock->floor_ms, &floor_ms, recorded_ms))
        ; /* a failed exchange has read the floor anew */
}

bool opp_clock_behind(const struct opp_clock *clock)
{
    return machine_ms() < atomic_load(&clock->floor_ms) - OPP_CLOCK_BEHIND_MAX_MS;
}

int64_t opp_monotonic_ms(void)
{
    return opp_monotonic_ns() / 1000000;
}

static int64_t read_ns(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t opp_monotonic_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

int64_t opp_thread_cpu_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}
