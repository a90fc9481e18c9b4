/* SPDX-License-Identifier: MIT */
#include "store/writer.h"

#include "store/writer_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdlib.h>

/* What waits for the writer: how much may, what is lazy, and where its end is told. */

#define THREADS 8
#define OPS_EACH 200

static void a_full_queue_takes_nothing_and_calls_nobody(void **state)
{
    struct op ops[11] = { 0 }, lazy = { .write = { .lazy = true, .bytes = 300 } };
    struct gate gate;

    (void)state;
    opp_writer_stop(bench.writer);
    bench_start(1000, 250);
    gate_close(&gate);
    assert_int_equal(op_submit(&lazy, 100), OPP_E_UNAVAILABLE);
    for (int i = 0; i < 10; i++)
        assert_int_equal(op_submit(&ops[i], i), OPP_OK);
    assert_int_equal(op_submit(&ops[10], 10), OPP_E_UNAVAILABLE);
    gate_open(&gate);
    for (int i = 0; i < 10; i++)
        assert_int_equal(op_wait(&ops[i]), OPP_OK);
    assert_int_equal(bench_number("SELECT count(*) FROM t"), 10);
    assert_int_equal(atomic_load(&ops[10].done), 0);
    assert_int_equal(atomic_load(&lazy.done), 0);
    assert_int_equal(op_submit(&ops[10], 10), OPP_OK);
    assert_int_equal(op_wait(&ops[10]), OPP_OK);
}

static void lazy_operations_come_to_the_disk_by_themselves(void **state)
{
    struct op ops[5] = { 0 };

    (void)state;
    for (int i = 0; i < 5; i++) {
        ops[i].write.lazy = true;
        assert_int_equal(op_submit(&ops[i], i + 1), OPP_OK);
    }
    for (int i = 0; i < 5; i++)
        assert_int_equal(op_wait(&ops[i]), OPP_OK);
    assert_int_equal(bench_number("SELECT sum(n) FROM t"), 15);
}

static void lazy_operations_keep_their_place_before_an_urgent_one(void **state)
{
    struct op lazy = { .write = { .lazy = true } }, urgent = { 0 };

    (void)state;
    assert_int_equal(op_submit(&lazy, 1), OPP_OK);
    assert_int_equal(op_submit(&urgent, 1), OPP_OK);
    assert_int_equal(op_wait(&urgent), OPP_E_EXISTS);
    assert_int_equal(op_wait(&lazy), OPP_OK);
}

static void stopping_commits_what_is_queued(void **state)
{
    struct op *ops = calloc(300, sizeof *ops);

    (void)state;
    assert_non_null(ops);
    for (int i = 0; i < 300; i++) {
        ops[i].write.lazy = i % 2 == 0;
        assert_int_equal(op_submit(&ops[i], i), OPP_OK);
    }
    opp_writer_stop(bench.writer);
    bench.writer = NULL;
    for (int i = 0; i < 300; i++) {
        assert_int_equal(atomic_load(&ops[i].done), 1);
        assert_int_equal(ops[i].write.rc, OPP_OK);
    }
    assert_int_equal(bench_number("SELECT count(*) FROM t"), 300);
    free(ops);
}

struct client {
    pthread_t thread;
    int index;
    long sum, wrong;
    struct op ops[OPS_EACH];
};

static void *be_client(void *arg)
{
    struct client *client = arg;

    for (int i = 0; i < OPS_EACH; i++) {
        struct op *op = &client->ops[i];

        op->fails = (i + client->index) % 5 == 0;
        op->write.lazy = i % 7 == 0 && !op->fails; /* what is lazy and fails is tried again */
        if (op_submit(op, client->index * OPS_EACH + i) != OPP_OK)
            client->wrong++;
    }
    for (int i = 0; i < OPS_EACH; i++) {
        struct op *op = &client->ops[i];

        if (op_wait(op) != (op->fails ? OPP_E_PRECONDITION : OPP_OK))
            client->wrong++;
        client->sum += op->fails ? 0 : op->number;
    }
    return NULL;
}

static void many_threads_each_learn_their_own_outcome(void **state)
{
    struct client *clients = calloc(THREADS, sizeof *clients);
    long sum = 0;

    (void)state;
    assert_non_null(clients);
    for (int i = 0; i < THREADS; i++) {
        clients[i].index = i;
        assert_int_equal(pthread_create(&clients[i].thread, NULL, be_client, &clients[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(clients[i].thread, NULL);
        assert_int_equal(clients[i].wrong, 0);
        sum += clients[i].sum;
    }
    assert_int_equal(bench_number("SELECT sum(n) FROM t"), sum);
    opp_writer_stop(bench.writer);
    bench.writer = NULL;
    assert_int_equal(bench.ledger.committed, sum);
    assert_true(bench.ledger.commits < THREADS * OPS_EACH);
    free(clients);
}

static void stop_loop(void *arg)
{
    opp_loop_stop(arg);
}

static void completions_come_back_on_their_loop(void **state)
{
    struct op op = { 0 };
    struct opp_loop *loop = NULL;

    (void)state;
    assert_int_equal(opp_loop_new(&loop, NULL), OPP_OK);
    assert_int_equal(op_submit_on(&op, 4, loop), OPP_OK);
    assert_non_null(opp_timer_start(loop, 300, stop_loop, loop));
    assert_int_equal(opp_loop_run(loop, NULL), OPP_OK);
    assert_int_equal(atomic_load(&op.done), 1);
    assert_int_equal(op.write.rc, OPP_OK);
    opp_loop_free(loop);
}

/* At the end of a process a loop goes before the database is closed: nothing may be posted to it afterwards. */
static void an_ended_writer_has_told_all_and_takes_no_more(void **state)
{
    struct op ops[50] = { 0 }, late = { 0 };
    struct opp_loop *loop = NULL;

    (void)state;
    assert_int_equal(opp_loop_new(&loop, NULL), OPP_OK);
    for (int i = 0; i < 50; i++) {
        ops[i].write.lazy = i % 2 == 0;
        assert_int_equal(op_submit_on(&ops[i], i, loop), OPP_OK);
    }
    opp_writer_end(bench.writer);
    assert_int_equal(op_submit_on(&late, 50, loop), OPP_E_UNAVAILABLE);
    opp_loop_free(loop);
    for (int i = 0; i < 50; i++)
        assert_int_equal(atomic_load(&ops[i].done), 1);
    assert_int_equal(atomic_load(&late.done), 0);
    assert_int_equal(bench_number("SELECT count(*) FROM t"), 50);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_queue_takes_nothing_and_calls_nobody),
        TEST(lazy_operations_come_to_the_disk_by_themselves),
        TEST(lazy_operations_keep_their_place_before_an_urgent_one),
        TEST(stopping_commits_what_is_queued),
        TEST(many_threads_each_learn_their_own_outcome),
        TEST(completions_come_back_on_their_loop),
        TEST(an_ended_writer_has_told_all_and_takes_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
