/* SPDX-License-Identifier: MIT */
#include "audit/trail_kit.h"

#include "audit/trail_edges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

/* Rows 101 to 50100, of which row n was written at 1000 + n, but for row 30000: the clock was set back there. */
#define FIRST 101
#define LAST 50100
#define ROWS                                                                                 \
    "WITH RECURSIVE n(i) AS (SELECT 101 UNION ALL SELECT i + 1 FROM n WHERE i < 50100) "     \
    "INSERT INTO audit(seq, action, status, row, event_hash, created_at) "                   \
    "SELECT i, 'a', 'success', json_object('prev_event_hash', printf('%064d', i - 1)), '', " \
    "CASE i WHEN 30000 THEN 1500 ELSE 1000 + i END FROM n"

static struct trail_kit trail;
static struct opp_session *session;

static int set_up(void **state)
{
    (void)state;
    trail_make(&trail);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    opp_session_close(session);
    session = NULL;
    trail_remove(&trail);
    return 0;
}

static enum opp_code seek(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    return opp_trail_edges_seek(arg, tx, err);
}

/* Gives how many transactions it took. */
static int find(struct opp_trail_edges *edges)
{
    int count = 0;

    if (session == NULL)
        assert_int_equal(opp_session_open_dir(trail.kit.dir, &session, NULL), OPP_OK);
    for (; edges->stage != OPP_TRAIL_EDGES_FOUND; count++)
        assert_int_equal(opp_session_now(session, seek, edges, NULL), OPP_OK);
    return count;
}

static void assert_span(int64_t since_ms, int64_t until_ms, int64_t first, int64_t last)
{
    struct opp_trail_edges edges = { .since_ms = since_ms, .until_ms = until_ms };

    find(&edges);
    assert_int_equal(edges.first, first);
    assert_int_equal(edges.last, last);
}

static void nothing_is_found_where_there_is_nothing(void **state)
{
    (void)state;
    assert_span(0, 0, 0, 0);
    assert_span(5, 6, 0, 0);
}

static void a_span_of_time_is_found_wherever_it_lies(void **state)
{
    struct opp_trail_edges edges = { .since_ms = 1000 + 45000 };

    (void)state;
    trail_damage(&trail, ROWS);
    assert_span(0, 0, FIRST, LAST);
    assert_span(1000, 0, FIRST, LAST);
    assert_span(1000 + 25000, 1000 + 25010, 25000, 30000); /* the row with the wrong time is in it, and all between */
    assert_span(1000 + 45000, 1000 + 45010, 45000, 45009);
    assert_span(1000 + LAST, 0, LAST, LAST);
    assert_span(1000 + LAST + 1, 0, 0, 0);
    assert_span(0, 1000 + FIRST, 0 + FIRST, 0);
    assert_span(0, 1000 + FIRST + 1, FIRST, FIRST);
    find(&edges);
    assert_string_equal(edges.previous, "0000000000000000000000000000000000000000000000000000000000044999");
}

/* One transaction must not last as long as the trail is long. */
static void a_long_trail_is_looked_through_in_several_transactions(void **state)
{
    struct opp_trail_edges late = { .since_ms = 1000 + LAST }, early = { .until_ms = 1000 + FIRST + 1 }, all = { 0 };

    (void)state;
    trail_damage(&trail, ROWS);
    assert_int_equal(find(&late), 1 + 3 + 1);
    assert_int_equal(find(&early), 1 + 1 + 3);
    assert_int_equal(find(&all), 3);
}

static void only_the_rows_that_are_named_are_looked_at(void **state)
{
    struct opp_trail_edges edges = { .from = 200, .to = 300 }, beyond = { .from = LAST + 1 };

    (void)state;
    trail_damage(&trail, ROWS);
    find(&edges);
    assert_int_equal(edges.first, 200);
    assert_int_equal(edges.last, 300);
    find(&beyond);
    assert_int_equal(beyond.first, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_found_where_there_is_nothing),
        TEST(a_span_of_time_is_found_wherever_it_lies),
        TEST(a_long_trail_is_looked_through_in_several_transactions),
        TEST(only_the_rows_that_are_named_are_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
