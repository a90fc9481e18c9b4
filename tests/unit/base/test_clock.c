/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <pthread.h>
#include <time.h>

static int64_t machine_ms(void)
{
    return (int64_t)time(NULL) * 1000;
}

static struct opp_clock *new_clock(void)
{
    struct opp_clock *clock = NULL;

    assert_int_equal(opp_clock_new(&clock, NULL), OPP_OK);
    return clock;
}

static void it_shows_the_machines_time_at_first(void **state)
{
    struct opp_clock *clock = new_clock();
    int64_t before_ms = machine_ms(), now_ms = opp_clock_now_ms(clock);

    (void)state;
    assert_true(now_ms >= before_ms && now_ms <= machine_ms() + 1000);
    assert_false(opp_clock_behind(clock));
    opp_clock_free(clock);
}

static void it_never_falls_behind_the_floor(void **state)
{
    struct opp_clock *clock = new_clock();
    int64_t floor_ms = machine_ms() + 30000;

    (void)state;
    opp_clock_raise(clock, floor_ms);
    assert_int_equal(opp_clock_now_ms(clock), floor_ms);
    opp_clock_raise(clock, floor_ms - 20000);
    assert_int_equal(opp_clock_now_ms(clock), floor_ms);
    opp_clock_free(clock);
}

static void it_is_behind_after_a_minute(void **state)
{
    struct opp_clock *clock = new_clock();

    (void)state;
    opp_clock_raise(clock, machine_ms() + OPP_CLOCK_BEHIND_MAX_MS - 5000);
    assert_false(opp_clock_behind(clock));
    opp_clock_raise(clock, machine_ms() + OPP_CLOCK_BEHIND_MAX_MS + 60000);
    assert_true(opp_clock_behind(clock));
    opp_clock_free(clock);
}

static int64_t far_ms(int64_t n)
{
    return INT64_C(9000000000000) + n;
}

static void *raise_in_steps(void *arg)
{
    for (int64_t n = 0; n < 20000; n++)
        opp_clock_raise(arg, far_ms(n));
    return NULL;
}

static void threads_raise_it_to_the_highest(void **state)
{
    struct opp_clock *clock = new_clock();
    pthread_t threads[3];
    int64_t last_ms = 0;

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, raise_in_steps, clock), 0);
    for (int i = 0; i < 20000; i++) {
        int64_t now_ms = opp_clock_now_ms(clock);

        assert_true(now_ms >= last_ms);
        last_ms = now_ms;
    }
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(opp_clock_now_ms(clock), far_ms(19999));
    opp_clock_free(clock);
}

static void durations_only_grow(void **state)
{
    int64_t ns = opp_monotonic_ns(), ms = opp_monotonic_ms();

    (void)state;
    assert_true(ms >= ns / 1000000);
    assert_true(opp_monotonic_ns() >= ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_shows_the_machines_time_at_first),
        cmocka_unit_test(it_never_falls_behind_the_floor),
        cmocka_unit_test(it_is_behind_after_a_minute),
        cmocka_unit_test(threads_raise_it_to_the_highest),
        cmocka_unit_test(durations_only_grow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
