/* SPDX-License-Identifier: MIT */
#include "core/gateway.h"
#include "core/staging.h"
#include "core/staging_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

#define GREAT_BYTES (9 << 20)

/* A queue without a thread, as when it does not come to its work. */
struct still {
    struct opp_gateway gateway;
    struct opp_staging staging;
};

static int set_up(void **state)
{
    struct still *still = calloc(1, sizeof *still);

    assert_non_null(still);
    still->staging.gateway = &still->gateway;
    still->staging.resting = true;
    still->staging.last = &still->staging.first;
    pthread_mutex_init(&still->staging.lock, NULL);
    pthread_cond_init(&still->staging.wake, NULL);
    *state = still;
    return 0;
}

static int tear_down(void **state)
{
    struct still *still = *state;
    struct opp_told *next;

    for (struct opp_told *one = still->staging.first; one != NULL; one = next) {
        next = one->next;
        opp_told_free(one);
    }
    pthread_cond_destroy(&still->staging.wake);
    pthread_mutex_destroy(&still->staging.lock);
    free(still);
    return 0;
}

static struct opp_told *told(const char *parts)
{
    struct opp_told *told = calloc(1, sizeof *told);

    assert_non_null(told);
    told->request_id = "req_test";
    opp_buf_add(&told->parts, parts, strlen(parts) + 1);
    return told;
}

static void what_finds_the_queue_full_is_counted_as_skipped(void **state)
{
    struct opp_staging *staging = &((struct still *)*state)->staging;

    for (int i = 0; i < OPP_STAGING_QUEUE_MAX + 5; i++)
        opp_staging_tell(staging, told("{}"));
    opp_staging_tell(staging, NULL); /* one for which there was no memory */
    assert_int_equal(staging->queued, OPP_STAGING_QUEUE_MAX);
    assert_int_equal(staging->skipped, 6);
}

static void what_was_skipped_is_counted_though_nothing_is_staged(void **state)
{
    struct opp_staging *staging = &((struct still *)*state)->staging;
    struct opp_staging_counts counts;

    for (int i = 0; i < OPP_STAGING_QUEUE_MAX + 5; i++)
        opp_staging_tell(staging, told("{}"));
    opp_staging_count(staging, &counts);
    assert_int_equal(counts.skipped, 5);
    assert_int_equal(counts.skipped_staged, 0);
    assert_int_equal(counts.queued, OPP_STAGING_QUEUE_MAX);
    assert_int_equal(counts.queued_bytes, staging->queued_bytes);
}

static void a_queue_of_great_requests_is_bounded_in_bytes(void **state)
{
    struct opp_staging *staging = &((struct still *)*state)->staging;
    char *great = malloc(GREAT_BYTES);

    assert_non_null(great);
    memset(great, ' ', GREAT_BYTES - 1);
    great[GREAT_BYTES - 1] = '\0';
    for (int i = 0; i < 10; i++)
        opp_staging_tell(staging, told(great));
    assert_true(staging->queued_bytes <= OPP_STAGING_QUEUE_MAX_BYTES);
    assert_int_equal(staging->queued + (size_t)staging->skipped, 10);
    assert_true(staging->skipped > 0);
    free(great);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_finds_the_queue_full_is_counted_as_skipped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_skipped_is_counted_though_nothing_is_staged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_queue_of_great_requests_is_bounded_in_bytes, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
