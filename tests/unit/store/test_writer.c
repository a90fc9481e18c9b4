/* SPDX-License-Identifier: MIT */
#include "store/writer.h"

#include "store/writer_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

/* What a batch does to the operations that it holds. */

static void an_operation_is_durable_when_it_is_done(void **state)
{
    struct op op = { 0 };

    (void)state;
    assert_int_equal(op_submit(&op, 5), OPP_OK);
    assert_int_equal(op_wait(&op), OPP_OK);
    assert_int_equal(bench_number("SELECT n FROM t"), 5);
    assert_true(opp_writer_healthy(bench.writer));
}

static void what_waits_together_is_committed_together(void **state)
{
    struct op ops[40] = { 0 };
    struct gate gate;

    (void)state;
    gate_close(&gate);
    for (int i = 0; i < 40; i++)
        assert_int_equal(op_submit(&ops[i], i + 1), OPP_OK);
    gate_open(&gate);
    for (int i = 0; i < 40; i++)
        assert_int_equal(op_wait(&ops[i]), OPP_OK);
    assert_int_equal(bench_number("SELECT count(*) FROM t"), 40);
    assert_int_equal(bench.ledger.commits, 2);
    assert_int_equal(bench.ledger.committed, 40 * 41 / 2);
}

static void what_fails_is_undone_alone(void **state)
{
    struct op ops[60] = { 0 };
    struct gate gate;
    long expected = 0;

    (void)state;
    gate_close(&gate);
    for (int i = 0; i < 60; i++) {
        ops[i].fails = i % 3 == 1;
        expected += ops[i].fails ? 0 : i;
        assert_int_equal(op_submit(&ops[i], i), OPP_OK);
    }
    gate_open(&gate);
    for (int i = 0; i < 60; i++) {
        assert_int_equal(op_wait(&ops[i]), i % 3 == 1 ? OPP_E_PRECONDITION : OPP_OK);
        if (i % 3 == 1)
            assert_string_equal(ops[i].write.err.message, "told to fail");
    }
    assert_int_equal(bench_number("SELECT count(*) FROM t"), 40);
    assert_int_equal(bench_number("SELECT sum(n) FROM t"), expected);
    assert_int_equal(bench.ledger.committed, expected);
}

static void a_constraint_fails_its_own_operation(void **state)
{
    struct op ops[3] = { 0 };
    struct gate gate;

    (void)state;
    gate_close(&gate);
    assert_int_equal(op_submit(&ops[0], 1), OPP_OK);
    assert_int_equal(op_submit(&ops[1], 1), OPP_OK);
    assert_int_equal(op_submit(&ops[2], 2), OPP_OK);
    gate_open(&gate);
    assert_int_equal(op_wait(&ops[0]), OPP_OK);
    assert_int_equal(op_wait(&ops[1]), OPP_E_EXISTS);
    assert_int_equal(op_wait(&ops[2]), OPP_OK);
    assert_int_equal(bench.ledger.committed, 3);
}

/* Otherwise the commit would fail, and with it what shares it. */
static void a_deferred_constraint_fails_its_own_operation_too(void **state)
{
    struct op ops[3] = { 0 };
    struct gate gate;

    (void)state;
    ops[1].orphans = true;
    gate_close(&gate);
    for (int i = 0; i < 3; i++)
        assert_int_equal(op_submit(&ops[i], i + 1), OPP_OK);
    gate_open(&gate);
    assert_int_equal(op_wait(&ops[0]), OPP_OK);
    assert_int_equal(op_wait(&ops[1]), OPP_E_EXISTS);
    assert_int_equal(op_wait(&ops[2]), OPP_OK);
    assert_int_equal(bench_number("SELECT sum(n) FROM t"), 4);
    assert_int_equal(bench.ledger.committed, 4);
}

static void when_sqlite_undoes_all_nothing_of_the_batch_is_acknowledged(void **state)
{
    struct op ops[4] = { 0 }, after = { 0 };
    struct gate gate;

    (void)state;
    ops[2].throws_all_away = true;
    gate_close(&gate);
    for (int i = 0; i < 4; i++)
        assert_int_equal(op_submit(&ops[i], i + 1), OPP_OK);
    gate_open(&gate);
    for (int i = 0; i < 4; i++)
        assert_int_equal(op_wait(&ops[i]), OPP_E_UNAVAILABLE);
    assert_int_equal(bench_number("SELECT count(*) FROM t"), 0);
    assert_false(opp_writer_healthy(bench.writer));
    assert_int_equal(op_submit(&after, 9), OPP_OK);
    assert_int_equal(op_wait(&after), OPP_OK);
    assert_true(opp_writer_healthy(bench.writer));
    assert_int_equal(bench.ledger.committed, 9);
}

static void what_is_checked_is_refused_alone(void **state)
{
    struct op ops[3] = { 0 };
    struct gate gate;

    (void)state;
    gate_close(&gate);
    for (int i = 0; i < 3; i++) {
        ops[i].write.checked = true;
        assert_int_equal(op_submit(&ops[i], i < 2 ? 1 : 2), OPP_OK);
    }
    gate_open(&gate);
    assert_int_equal(op_wait(&ops[0]), OPP_OK);
    assert_int_equal(op_wait(&ops[1]), OPP_E_EXISTS); /* nothing was changed when it failed */
    assert_int_equal(op_wait(&ops[2]), OPP_OK);
    assert_int_equal(bench_number("SELECT sum(n) FROM t"), 3);
    assert_int_equal(bench.ledger.committed, 3);
}

static void what_is_checked_and_fails_after_a_change_undoes_the_batch(void **state)
{
    struct op ops[3] = { 0 };
    struct gate gate;

    (void)state;
    ops[1].fails = true;
    gate_close(&gate);
    for (int i = 0; i < 3; i++) {
        ops[i].write.checked = true;
        assert_int_equal(op_submit(&ops[i], i + 1), OPP_OK);
    }
    gate_open(&gate);
    for (int i = 0; i < 3; i++)
        assert_int_equal(op_wait(&ops[i]), OPP_E_UNAVAILABLE);
    assert_int_equal(bench_number("SELECT count(*) FROM t"), 0);
    assert_int_equal(bench.ledger.committed, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_operation_is_durable_when_it_is_done),
        TEST(what_waits_together_is_committed_together),
        TEST(what_fails_is_undone_alone),
        TEST(a_constraint_fails_its_own_operation),
        TEST(a_deferred_constraint_fails_its_own_operation_too),
        TEST(when_sqlite_undoes_all_nothing_of_the_batch_is_acknowledged),
        TEST(what_is_checked_is_refused_alone),
        TEST(what_is_checked_and_fails_after_a_change_undoes_the_batch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
