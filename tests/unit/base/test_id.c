/* SPDX-License-Identifier: MIT */
#include "base/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS INT64_C(1795359845678)
#define THREADS 4
#define IDS_EACH 20000

static void an_id_is_the_prefix_and_26_characters(void **state)
{
    char id[OPP_ID_MAX];

    (void)state;
    opp_id_make(id, "drf_", NOW_MS);
    assert_int_equal(strlen(id), 30);
    assert_memory_equal(id, "drf_", 4);
    assert_int_equal(strspn(id + 4, "0123456789abcdefghjkmnpqrstvwxyz"), 26);
    opp_id_make(id, "a_prefix_that_is_too_long", NOW_MS);
    assert_int_equal(strlen(id), 34);
    assert_memory_equal(id, "a_prefix", 8);
}

/* The ten characters of the time, read by arithmetic of the test's own. */
static void the_time_can_be_read_from_it(void **state)
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    static const int64_t times[] = { 0, 1, NOW_MS, INT64_C(281474976710655) };
    char id[OPP_ID_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        int64_t ms = 0;

        opp_id_make(id, "", times[i]);
        for (size_t c = 0; c < 10; c++)
            ms = ms * 32 + (strchr(digits, id[c]) - digits);
        assert_int_equal(ms, times[i]);
    }
}

static void ids_of_a_thread_ascend_within_a_millisecond(void **state)
{
    char last[OPP_ID_MAX] = "", id[OPP_ID_MAX];

    (void)state;
    for (int i = 0; i < 100000; i++) {
        opp_id_make(id, "x_", NOW_MS + i / 1000);
        if (strcmp(last, id) >= 0)
            fail_msg("%s is not before %s", last, id);
        memcpy(last, id, sizeof id);
    }
}

static void a_clock_set_back_repeats_no_id(void **state)
{
    char first[OPP_ID_MAX], id[OPP_ID_MAX];

    (void)state;
    opp_id_make(first, "x_", NOW_MS);
    opp_id_make(id, "x_", NOW_MS - 1);
    assert_true(strcmp(id, first) < 0);
    opp_id_make(id, "x_", NOW_MS);
    assert_string_not_equal(id, first);
}

typedef char id_text[OPP_ID_MAX];

static void *make_ids(void *arg)
{
    id_text *ids = arg;

    for (size_t i = 0; i < IDS_EACH; i++)
        opp_id_make(ids[i], "x_", NOW_MS);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void threads_make_different_ids(void **state)
{
    id_text *ids = calloc(THREADS * IDS_EACH, sizeof *ids);
    pthread_t threads[THREADS];

    (void)state;
    assert_non_null(ids);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_ids, ids + i * IDS_EACH), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    qsort(ids, THREADS * IDS_EACH, sizeof *ids, compare);
    for (size_t i = 1; i < THREADS * IDS_EACH; i++)
        assert_string_not_equal(ids[i - 1], ids[i]);
    free(ids);
}

static void one_id_does_not_tell_the_next(void **state)
{
    char a[OPP_ID_MAX], b[OPP_ID_MAX];

    (void)state;
    opp_id_make(a, "", NOW_MS + 5000);
    opp_id_make(b, "", NOW_MS + 5000);
    assert_memory_equal(a, b, 10);
    assert_memory_not_equal(a + 20, b + 20, 5); /* a step of one changes the 26th character, hardly ever these */
}

static void a_derived_id_is_the_same_every_time(void **state)
{
    char a[OPP_ID_MAX], b[OPP_ID_MAX];

    (void)state;
    opp_id_derive(a, "row_", "exe_1", 0);
    opp_id_derive(b, "row_", "exe_1", 0);
    assert_string_equal(a, b);
    assert_string_equal(a, "row_6rpdq1bkxrt6pdqpv00y3n0jqz");
    opp_id_derive(b, "row_", "exe_1", 1);
    assert_string_not_equal(a, b);
    opp_id_derive(b, "row_", "exe_2", 0);
    assert_string_not_equal(a, b);
    opp_id_derive(b, "row_", "exe_1", 1u << 24);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_the_prefix_and_26_characters),
        cmocka_unit_test(the_time_can_be_read_from_it),
        cmocka_unit_test(ids_of_a_thread_ascend_within_a_millisecond),
        cmocka_unit_test(a_clock_set_back_repeats_no_id),
        cmocka_unit_test(threads_make_different_ids),
        cmocka_unit_test(one_id_does_not_tell_the_next),
        cmocka_unit_test(a_derived_id_is_the_same_every_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
