/* SPDX-License-Identifier: MIT */
#include "core/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define START_MS INT64_C(5000000)

static struct opp_rate *new_rate(uint32_t subjects)
{
    struct opp_rate *rate = NULL;

    assert_int_equal(opp_rate_new(subjects, &rate, NULL), OPP_OK);
    return rate;
}

static bool take(struct opp_rate *rate, uint64_t subject, int64_t per_minute, int64_t now_ms)
{
    struct opp_rate_verdict verdict;

    opp_rate_take(rate, subject, per_minute, now_ms, &verdict);
    return verdict.allowed;
}

static void a_burst_is_allowed_and_not_one_more(void **state)
{
    struct opp_rate *rate = new_rate(1000);
    uint64_t subject = opp_rate_subject("key", "a", "127.0.0.1");
    struct opp_rate_verdict verdict;

    (void)state;
    for (int i = 0; i < 240; i++) {
        opp_rate_take(rate, subject, 240, START_MS, &verdict);
        assert_true(verdict.allowed);
        assert_int_equal(verdict.limit, 240);
        assert_int_equal(verdict.remaining, 239 - i);
        assert_int_equal(verdict.retry_after_ms, 0);
    }
    assert_int_equal(verdict.reset_ms, 60000);
    opp_rate_take(rate, subject, 240, START_MS, &verdict);
    assert_false(verdict.allowed);
    assert_int_equal(verdict.remaining, 0);
    assert_int_equal(verdict.retry_after_ms, 250);
    assert_false(take(rate, subject, 240, START_MS + 249));
    assert_true(take(rate, subject, 240, START_MS + 250));
    assert_false(take(rate, subject, 240, START_MS + 250));
    opp_rate_free(rate);
}

/* Somebody who asks all the time gets what the limit says, however odd the number. */
static void over_a_minute_the_error_is_at_most_one_percent(void **state)
{
    static const int64_t limits[] = { 1, 7, 30, 240, 999, 7001, 59999, 700001, 999999, 8600000, 10000000 };

    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct opp_rate *rate = new_rate(1000);
        int64_t limit = limits[i], allowed = 0, asked = limit / 60000 * 2 + 3;

        while (take(rate, 1, limit, START_MS))
            ;
        for (int64_t ms = 1; ms <= 60000; ms++)
            for (int64_t n = 0; n < asked && take(rate, 1, limit, START_MS + ms); n++)
                allowed++;
        if (allowed * 100 < limit * 99 || allowed * 100 > limit * 101)
            fail_msg("%lld of %lld", (long long)allowed, (long long)limit);
        opp_rate_free(rate);
    }
}

static void a_clock_that_jumps_gives_nobody_more(void **state)
{
    struct opp_rate *rate = new_rate(1000);
    struct opp_rate_verdict verdict;
    int allowed = 0;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        opp_rate_take(rate, 1, 60, START_MS - (i % 7) * 1000, &verdict);
        allowed += verdict.allowed ? 1 : 0;
        assert_true(verdict.remaining >= 0);
        assert_true(verdict.retry_after_ms >= 0 && verdict.reset_ms >= 0);
    }
    assert_int_equal(allowed, 60);
    opp_rate_take(rate, 1, 60, 0, &verdict);
    assert_false(verdict.allowed);
    assert_int_equal(verdict.remaining, 0);
    assert_true(take(rate, 1, 60, START_MS + 1000));
    opp_rate_free(rate);
}

static void subjects_do_not_share_a_limit(void **state)
{
    struct opp_rate *rate = new_rate(1 << 16);

    (void)state;
    assert_true(opp_rate_subject("a", "b", NULL) != opp_rate_subject("ab", NULL, NULL));
    assert_true(opp_rate_subject("a", NULL, "b") != opp_rate_subject("a", "b", NULL));
    assert_true(opp_rate_subject(NULL, NULL, NULL) != 0);
    for (int i = 0; i < 100; i++) {
        char name[16];
        uint64_t subject;

        snprintf(name, sizeof name, "%d", i);
        subject = opp_rate_subject("key", name, NULL);
        for (int n = 0; n < 5; n++)
            assert_true(take(rate, subject, 5, START_MS));
        assert_false(take(rate, subject, 5, START_MS));
    }
    opp_rate_free(rate);
}

static void a_quarter_full_table_has_a_place_for_nearly_everybody(void **state)
{
    struct opp_rate *rate = new_rate(1 << 16);
    int early = 0;

    (void)state;
    for (int i = 0; i < 1 << 14; i++) {
        char name[16];
        uint64_t subject;

        snprintf(name, sizeof name, "%d", i);
        subject = opp_rate_subject("key", name, "2001:db8::");
        for (int n = 0; n < 3; n++)
            early += take(rate, subject, 3, START_MS) ? 0 : 1;
    }
    assert_true(early <= 8);
    opp_rate_free(rate);
}

static void a_million_subjects_stay_in_the_tables_memory(void **state)
{
    struct opp_rate *rate = new_rate(1000000);
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    struct opp_rate_verdict verdict;

    (void)state;
    assert_true(before < 64 << 20);
    for (uint64_t i = 1; i <= 1000000; i++)
        opp_rate_take(rate, i * UINT64_C(0x9e3779b97f4a7c15), 240, START_MS, &verdict);
    assert_int_equal(mallinfo2().uordblks + mallinfo2().hblkhd, before);
    opp_rate_free(rate);
}

/* A table full of busy subjects is stricter, and never gives a subject a new burst. */
static void a_flood_of_subjects_frees_nobody(void **state)
{
    struct opp_rate *rate = new_rate(1024);
    uint64_t victim = opp_rate_subject("key", "victim", NULL);
    int allowed = 0;

    (void)state;
    while (take(rate, victim, 60, START_MS))
        allowed++;
    assert_int_equal(allowed, 60);
    for (uint64_t i = 1; i <= 100000; i++)
        (void)take(rate, i * UINT64_C(0x9e3779b97f4a7c15), 60, START_MS + 1);
    assert_false(take(rate, victim, 60, START_MS + 2));
    opp_rate_free(rate);
}

#define THREADS 4

struct taker {
    struct opp_rate *rate;
    pthread_t thread;
    int allowed;
};

static void *take_many(void *arg)
{
    struct taker *taker = arg;

    for (int i = 0; i < 20000; i++)
        taker->allowed += take(taker->rate, (uint64_t)(i % 10 + 1), 300, START_MS) ? 1 : 0;
    return NULL;
}

static void threads_share_one_limit(void **state)
{
    struct opp_rate *rate = new_rate(1 << 12);
    struct taker takers[THREADS] = { 0 };
    int allowed = 0;

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        takers[i].rate = rate;
        assert_int_equal(pthread_create(&takers[i].thread, NULL, take_many, &takers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(takers[i].thread, NULL);
        allowed += takers[i].allowed;
    }
    assert_int_equal(allowed, 10 * 300);
    opp_rate_free(rate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_is_allowed_and_not_one_more),
        cmocka_unit_test(over_a_minute_the_error_is_at_most_one_percent),
        cmocka_unit_test(a_clock_that_jumps_gives_nobody_more),
        cmocka_unit_test(subjects_do_not_share_a_limit),
        cmocka_unit_test(a_quarter_full_table_has_a_place_for_nearly_everybody),
        cmocka_unit_test(a_million_subjects_stay_in_the_tables_memory),
        cmocka_unit_test(a_flood_of_subjects_frees_nobody),
        cmocka_unit_test(threads_share_one_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
