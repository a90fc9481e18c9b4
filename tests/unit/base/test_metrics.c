/* SPDX-License-Identifier: MIT */
#include "base/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *colour(size_t index)
{
    static const char *const names[] = { "red", "blue" };

    return names[index];
}

static struct opp_metrics *made(void)
{
    struct opp_metrics *metrics = NULL;

    assert_int_equal(opp_metrics_new(&metrics, NULL), OPP_OK);
    return metrics;
}

static size_t added(struct opp_metrics *metrics, struct opp_series series)
{
    size_t cell = 0;

    assert_int_equal(opp_metrics_add(metrics, &series, &cell, NULL), OPP_OK);
    return cell;
}

static char *text_of(struct opp_metrics *metrics)
{
    struct opp_buf out = { 0 };
    char *text;

    opp_metrics_write(metrics, &out);
    text = opp_buf_take(&out);
    assert_non_null(text);
    return text;
}

static void assert_text(struct opp_metrics *metrics, const char *expected)
{
    char *text = text_of(metrics);

    assert_string_equal(text, expected);
    free(text);
}

static void series_of_a_metric_stand_together_under_its_head(void **state)
{
    struct opp_metrics *metrics = made();
    size_t first = added(metrics, (struct opp_series){ .metric = OPP_M_QUEUE, .labels = "database=\"a\"" });
    size_t other = added(metrics, (struct opp_series){ .metric = OPP_M_AUTH_FAILURES });
    size_t second = added(metrics, (struct opp_series){ .metric = OPP_M_QUEUE, .labels = "database=\"b\"" });
    struct opp_meter *meter = opp_meter_new(metrics);

    (void)state;
    opp_meter_set(meter, first, 3);
    opp_meter_add(meter, other, 4);
    opp_meter_add(meter, second, 5);
    opp_meter_subtract(meter, second, 1);
    assert_text(metrics, "# HELP oppd_authentication_failures_total Requests without a token that counts.\n"
                         "# TYPE oppd_authentication_failures_total counter\n"
                         "oppd_authentication_failures_total 4\n"
                         "# HELP oppd_store_queue_operations Operations that wait for a database's writer.\n"
                         "# TYPE oppd_store_queue_operations gauge\n"
                         "oppd_store_queue_operations{database=\"a\"} 3\n"
                         "oppd_store_queue_operations{database=\"b\"} 4\n");
    opp_metrics_free(metrics);
}

static void series_by_a_label_leave_out_zeros_where_they_are_sparse(void **state)
{
    struct opp_metrics *metrics = made();
    size_t all = added(metrics, (struct opp_series){ OPP_M_TRIPS, NULL, "of", colour, 2, false });
    size_t some = added(metrics, (struct opp_series){ OPP_M_RATE_LIMITED, "a=\"b\"", "of", colour, 2, true });
    struct opp_meter *meter = opp_meter_new(metrics);
    char *text;

    (void)state;
    opp_meter_add(meter, all + 1, 1);
    opp_meter_add(meter, some + 1, 2);
    text = text_of(metrics);
    assert_non_null(strstr(text, "oppd_lua_budget_trips_total{of=\"red\"} 0\n"));
    assert_non_null(strstr(text, "oppd_lua_budget_trips_total{of=\"blue\"} 1\n"));
    assert_null(strstr(text, "oppd_rate_limited_total{a=\"b\",of=\"red\"}"));
    assert_non_null(strstr(text, "oppd_rate_limited_total{a=\"b\",of=\"blue\"} 2\n"));
    free(text);
    opp_metrics_free(metrics);
}

static void a_histogram_counts_what_is_at_most_each_bound(void **state)
{
    struct opp_metrics *metrics = made();
    size_t cell = added(metrics, (struct opp_series){ .metric = OPP_M_COMMIT_SECONDS, .labels = "a=\"b\"" });
    struct opp_meter *meter = opp_meter_new(metrics);
    char *text;

    (void)state;
    opp_meter_time(meter, cell, 500000);
    opp_meter_time(meter, cell, 500001);
    opp_meter_time(meter, cell, INT64_C(61000000000));
    opp_meter_time(meter, cell, -1);
    text = text_of(metrics);
    assert_non_null(strstr(text, "_bucket{a=\"b\",le=\"0.0005\"} 2\n"));
    assert_non_null(strstr(text, "_bucket{a=\"b\",le=\"0.001\"} 3\n"));
    assert_non_null(strstr(text, "_bucket{a=\"b\",le=\"60\"} 3\n"));
    assert_non_null(strstr(text, "_bucket{a=\"b\",le=\"+Inf\"} 4\n"));
    assert_non_null(strstr(text, "_sum{a=\"b\"} 61.001000001\n"));
    assert_non_null(strstr(text, "_count{a=\"b\"} 4\n"));
    free(text);
    opp_metrics_free(metrics);
}

#define THREADS 4
#define ROUNDS 10000

struct counting {
    struct opp_meter *meter;
    size_t cell;
};

static void *count(void *arg)
{
    const struct counting *counting = arg;

    for (int i = 0; i < ROUNDS; i++)
        opp_meter_add(counting->meter, counting->cell, 1);
    return NULL;
}

static void threads_count_on_their_own_and_are_read_together(void **state)
{
    struct opp_metrics *metrics = made();
    size_t cell = added(metrics, (struct opp_series){ .metric = OPP_M_ACCEPTED });
    struct counting counting[THREADS];
    pthread_t threads[THREADS];
    char expected[64], *text;

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        counting[i] = (struct counting){ opp_meter_new(metrics), cell };
        assert_int_equal(pthread_create(&threads[i], NULL, count, &counting[i]), 0);
    }
    free(text_of(metrics)); /* while they count */
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    snprintf(expected, sizeof expected, "\noppd_http_connections_total %d\n", THREADS * ROUNDS);
    text = text_of(metrics);
    assert_non_null(strstr(text, expected));
    free(text);
    opp_metrics_free(metrics);
}

static void a_meter_has_what_was_there_when_it_was_made(void **state)
{
    struct opp_metrics *metrics = made();
    size_t before = added(metrics, (struct opp_series){ .metric = OPP_M_ACCEPTED }), after;
    struct opp_meter *early = opp_meter_new(metrics), *late;
    char *text;

    (void)state;
    after = added(metrics, (struct opp_series){ .metric = OPP_M_AUTH_FAILURES });
    late = opp_meter_new(metrics);
    opp_meter_add(early, before, 1);
    opp_meter_add(early, after, 1);
    opp_meter_add(late, after, 2);
    opp_meter_add(NULL, before, 1);
    text = text_of(metrics);
    assert_non_null(strstr(text, "\noppd_http_connections_total 1\n"));
    assert_non_null(strstr(text, "\noppd_authentication_failures_total 2\n"));
    free(text);
    opp_metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_of_a_metric_stand_together_under_its_head),
        cmocka_unit_test(series_by_a_label_leave_out_zeros_where_they_are_sparse),
        cmocka_unit_test(a_histogram_counts_what_is_at_most_each_bound),
        cmocka_unit_test(threads_count_on_their_own_and_are_read_together),
        cmocka_unit_test(a_meter_has_what_was_there_when_it_was_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
