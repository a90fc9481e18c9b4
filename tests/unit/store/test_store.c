/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include "store/migrations.h"
#include "store/store_kit.h"
#include "store/tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct kit kit;
static struct opp_loop *loop;
static struct opp_session *session;

static void open_all(void)
{
    kit_open(&kit);
    assert_int_equal(opp_loop_new(&loop, NULL), OPP_OK);
    assert_int_equal(opp_session_open(kit.store, loop, &session, NULL), OPP_OK);
}

static void close_all(void)
{
    opp_session_close(session);
    kit_close(&kit);
    opp_loop_free(loop);
}

static int set_up(void **state)
{
    (void)state;
    kit_make_dir(&kit);
    open_all();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_all();
    kit_remove_dir(&kit);
    return 0;
}

struct op {
    struct opp_store_op op;
    const char *id;
    enum opp_code wanted;
    bool done, changes_registry;
    int64_t seq; /* the chain's, after it ran */
};

static enum opp_code append(struct opp_tx *tx, int64_t created_at, struct opp_err *err)
{
    char action[] = "a", status[] = "success", row[] = "{}", hash[OPP_HASH_HEX];
    struct opp_audit_row value = {
        .action = action, .status = status, .row = row, .event_hash = hash, .created_at = created_at
    };

    value.seq = opp_tx_chain(tx)->seq + 1;
    snprintf(hash, sizeof hash, "%064lld", (long long)value.seq);
    return opp_tx_chain_append(tx, &value, err);
}

static enum opp_code write_setting(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct op *op = arg;
    char id[32], text[] = "value";
    struct opp_setting setting = { .id = id, .value = text };
    enum opp_code rc;

    snprintf(id, sizeof id, "%s", op->id);
    rc = opp_tx_insert(tx, &OPP_SETTING, &setting, err);
    if (rc == OPP_OK)
        rc = append(tx, INT64_C(4000000000000), err);
    op->seq = opp_tx_chain(tx)->seq;
    if (op->changes_registry)
        opp_tx_registry_changed(tx);
    return rc == OPP_OK ? op->wanted : rc;
}

static enum opp_code read_setting(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct op *op = arg;
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_SETTING, "id", op->id, &found, err);

    opp_record_free(&OPP_SETTING, found);
    return rc;
}

static void done(void *arg)
{
    struct op *op = arg;

    op->done = true;
    opp_loop_stop(loop);
}

static enum opp_code write_now(struct op *op, const char *id)
{
    op->id = id;
    op->op = (struct opp_store_op){ .run = write_setting, .done = done, .arg = op };
    opp_store_write(session, &op->op);
    while (!op->done)
        assert_int_equal(opp_loop_run(loop, NULL), OPP_OK);
    return op->op.rc;
}

static enum opp_code read_now(const char *id)
{
    struct op op = { .id = id };

    op.op = (struct opp_store_op){ .run = read_setting, .done = done, .arg = &op };
    opp_store_read(session, &op.op);
    while (!op.done)
        assert_int_equal(opp_loop_run(loop, NULL), OPP_OK);
    return op.op.rc;
}

static void what_is_written_is_read(void **state)
{
    struct op op = { 0 };

    (void)state;
    assert_int_equal(read_now("a"), OPP_E_ABSENT);
    assert_int_equal(write_now(&op, "a"), OPP_OK);
    assert_int_equal(read_now("a"), OPP_OK);
    assert_true(opp_store_healthy(kit.store));
}

static void what_returns_an_error_is_undone_and_the_chain_goes_on_from_before(void **state)
{
    struct op first = { 0 }, failing = { .wanted = OPP_E_STALE }, after = { 0 };

    (void)state;
    assert_int_equal(write_now(&first, "a"), OPP_OK);
    assert_int_equal(first.seq, 1);
    assert_int_equal(write_now(&failing, "b"), OPP_E_STALE);
    assert_int_equal(failing.seq, 2);
    assert_int_equal(read_now("b"), OPP_E_ABSENT);
    assert_int_equal(write_now(&after, "c"), OPP_OK);
    assert_int_equal(after.seq, 2);
}

/* Several of them wait together, so that they share a transaction. */
static void in_a_shared_transaction_each_is_undone_alone(void **state)
{
    struct op ops[30] = { 0 };
    char ids[30][16];
    int64_t newest = 0;

    (void)state;
    for (int i = 0; i < 30; i++) {
        snprintf(ids[i], sizeof ids[i], "%d", i);
        ops[i].id = ids[i];
        ops[i].wanted = i % 3 == 0 ? OPP_E_STALE : OPP_OK;
        ops[i].op = (struct opp_store_op){ .run = write_setting, .done = done, .arg = &ops[i] };
        opp_store_write(session, &ops[i].op);
    }
    for (int i = 0; i < 30; i++)
        while (!ops[i].done)
            assert_int_equal(opp_loop_run(loop, NULL), OPP_OK);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(ops[i].op.rc, ops[i].wanted);
        assert_int_equal(read_now(ids[i]), i % 3 == 0 ? OPP_E_ABSENT : OPP_OK);
        assert_int_equal(ops[i].seq, newest + 1);
        newest = i % 3 == 0 ? newest : ops[i].seq;
    }
    assert_int_equal(newest, 20);
}

struct registry {
    uint64_t version;
    int calls;
    bool before_done;
    const struct op *op;
};

static void on_registry(void *arg, struct opp_tx *tx, uint64_t version)
{
    struct registry *registry = arg;
    void *found = NULL;

    registry->calls++;
    registry->version = version;
    registry->before_done = !registry->op->done;
    assert_int_equal(opp_tx_get(tx, &OPP_SETTING, "id", registry->op->id, &found, NULL), OPP_OK);
    opp_record_free(&OPP_SETTING, found);
}

static void a_change_of_the_registry_is_told_after_its_commit_and_before_its_answer(void **state)
{
    struct op plain = { 0 }, change = { .changes_registry = true },
              undone = { .changes_registry = true, .wanted = OPP_E_STALE }, again = { .changes_registry = true };
    struct registry registry = { .op = &change };

    (void)state;
    opp_store_on_registry(kit.store, on_registry, &registry);
    assert_int_equal(write_now(&plain, "a"), OPP_OK);
    assert_int_equal(registry.calls, 0);
    assert_int_equal(write_now(&change, "b"), OPP_OK);
    assert_int_equal(registry.calls, 1);
    assert_int_equal(registry.version, 2);
    assert_true(registry.before_done);
    registry.op = &undone;
    assert_int_equal(write_now(&undone, "c"), OPP_E_STALE);
    assert_int_equal(registry.calls, 1);
    registry.op = &again;
    assert_int_equal(write_now(&again, "d"), OPP_OK);
    assert_int_equal(registry.version, 3);
}

static enum opp_code version_of(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    uint64_t *version = arg;

    (void)err;
    version[0] = opp_tx_registry_version(tx);
    opp_tx_registry_changed(tx);
    version[1] = opp_tx_registry_version(tx);
    return OPP_OK;
}

static void a_transaction_knows_the_registrys_version_with_its_own_change(void **state)
{
    uint64_t version[2] = { 0 };

    (void)state;
    assert_int_equal(opp_store_now(kit.store, version_of, version, NULL), OPP_OK);
    assert_int_equal(version[0], 1);
    assert_int_equal(version[1], 2);
}

static void a_store_that_is_opened_again_goes_on_and_is_not_younger_than_its_rows(void **state)
{
    struct op before = { 0 }, after = { 0 };

    (void)state;
    assert_int_equal(write_now(&before, "a"), OPP_OK);
    close_all();
    open_all();
    assert_int_equal(read_now("a"), OPP_OK);
    assert_int_equal(write_now(&after, "b"), OPP_OK);
    assert_int_equal(after.seq, 2);
    assert_true(opp_clock_now_ms(kit.clock) >= INT64_C(4000000000000));
    assert_true(opp_clock_behind(kit.clock));
}

static void a_write_that_finds_no_room_is_unavailable(void **state)
{
    struct op op = { .id = "a" }, lazy = { .id = "b" };

    (void)state;
    op.op = (struct opp_store_op){ .run = write_setting, .done = done, .arg = &op, .bytes = 64 << 20 };
    opp_store_write(session, &op.op);
    assert_true(op.done);
    assert_int_equal(op.op.rc, OPP_E_UNAVAILABLE);
    lazy.op = (struct opp_store_op){ .run = write_setting, .done = done, .arg = &lazy, .bytes = 5 << 20 };
    assert_int_equal(opp_store_write_lazy(session, &lazy.op), OPP_E_UNAVAILABLE);
    assert_false(lazy.done);
    assert_int_equal(read_now("a"), OPP_E_ABSENT);
}

static void nothing_done(void *arg)
{
    (void)arg;
}

static void a_lazy_write_is_there_after_closing(void **state)
{
    struct op op = { .id = "a" };

    (void)state;
    op.op = (struct opp_store_op){ .run = write_setting, .done = nothing_done, .arg = &op };
    assert_int_equal(opp_store_write_lazy(session, &op.op), OPP_OK);
    close_all();
    assert_int_equal(op.op.rc, OPP_OK);
    open_all();
    assert_int_equal(read_now("a"), OPP_OK);
}

static enum opp_code fail_with_a_reason(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    (void)tx, (void)arg;
    return opp_fail(err, OPP_E_CONFIG, "a reason");
}

static void what_runs_at_once_says_why_it_failed(void **state)
{
    struct opp_err err = { 0 };

    (void)state;
    assert_int_equal(opp_store_now(kit.store, fail_with_a_reason, NULL, &err), OPP_E_CONFIG);
    assert_string_equal(err.message, "a reason");
}

static void a_store_of_a_newer_program_is_not_opened(void **state)
{
    struct opp_store_settings settings = { .dir = kit.dir, .on_unknown = kit_on_unknown };
    struct opp_store *store = NULL;
    char right[64];

    (void)state;
    snprintf(right, sizeof right, "PRAGMA user_version=%zu", OPP_MIGRATION_COUNT);
    close_all();
    kit_sql(&kit, "gateway.db", "PRAGMA user_version=999");
    assert_int_equal(opp_store_open(&settings, &store, NULL, NULL), OPP_E_CONFIG);
    assert_null(store);
    assert_int_equal(opp_session_open_dir(kit.dir, &session, NULL), OPP_E_CONFIG);
    kit_sql(&kit, "gateway.db", right);
    open_all();
}

static void a_directory_without_a_store_is_not_looked_into(void **state)
{
    struct opp_session *none = NULL;

    (void)state;
    assert_int_equal(opp_session_open_dir("/nowhere", &none, NULL), OPP_E_ABSENT);
    assert_null(none);
}

static void who_looks_from_outside_sees_what_was_committed_and_changes_nothing(void **state)
{
    struct opp_session *outside = NULL;
    struct op written = { .wanted = OPP_OK }, asked = { .id = "a" }, tried = { .id = "b" };

    (void)state;
    assert_int_equal(opp_session_open_dir(kit.dir, &outside, NULL), OPP_OK);
    assert_int_equal(opp_session_now(outside, read_setting, &asked, NULL), OPP_E_ABSENT);
    assert_int_equal(write_now(&written, "a"), OPP_OK);
    assert_int_equal(opp_session_now(outside, read_setting, &asked, NULL), OPP_OK);
    assert_int_not_equal(opp_session_now(outside, write_setting, &tried, NULL), OPP_OK);
    opp_session_close(outside);
    assert_int_equal(read_now("b"), OPP_E_ABSENT);
}

static enum opp_code write_many(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    char id[32], value[] = "value";
    struct opp_setting setting = { .id = id, .value = value };
    enum opp_code rc = OPP_OK;

    (void)arg;
    for (int i = 0; rc == OPP_OK && i < 3000; i++) {
        snprintf(id, sizeof id, "%d", i);
        rc = opp_tx_insert(tx, &OPP_SETTING, &setting, err);
    }
    return rc;
}

static enum opp_code look_at_all_so_often(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_SETTING };
    const int *often = arg;
    int64_t count = 0;
    enum opp_code rc = OPP_OK;

    opp_query_text(&query, "value", OPP_EQUAL, "none of these");
    for (int i = 0; rc == OPP_OK && i < *often; i++)
        rc = opp_tx_count(tx, &query, &count, err);
    return rc;
}

static void a_read_that_takes_too_long_is_ended_and_the_next_one_is_answered(void **state)
{
    struct opp_store_settings settings = {
        .dir = kit.dir, .queue_max_bytes = 8 << 20, .read_max_ms = 50, .on_unknown = kit_on_unknown
    };

    int once = 1, too_often = 1000000;

    (void)state;
    assert_int_equal(opp_store_now(kit.store, write_many, NULL, NULL), OPP_OK);
    assert_int_equal(opp_session_now(session, look_at_all_so_often, &once, NULL), OPP_OK);
    opp_session_close(session);
    opp_store_close(kit.store);
    settings.clock = kit.clock;
    assert_int_equal(opp_store_open(&settings, &kit.store, NULL, NULL), OPP_OK);
    assert_int_equal(opp_session_open(kit.store, loop, &session, NULL), OPP_OK);
    assert_int_equal(opp_session_now(session, look_at_all_so_often, &too_often, NULL), OPP_E_UNAVAILABLE);
    assert_int_equal(read_now("a"), OPP_E_ABSENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(what_returns_an_error_is_undone_and_the_chain_goes_on_from_before),
        TEST(in_a_shared_transaction_each_is_undone_alone),
        TEST(a_change_of_the_registry_is_told_after_its_commit_and_before_its_answer),
        TEST(a_transaction_knows_the_registrys_version_with_its_own_change),
        TEST(a_store_that_is_opened_again_goes_on_and_is_not_younger_than_its_rows),
        TEST(a_write_that_finds_no_room_is_unavailable),
        TEST(a_lazy_write_is_there_after_closing),
        TEST(what_runs_at_once_says_why_it_failed),
        TEST(a_store_of_a_newer_program_is_not_opened),
        TEST(a_directory_without_a_store_is_not_looked_into),
        TEST(who_looks_from_outside_sees_what_was_committed_and_changes_nothing),
        TEST(a_read_that_takes_too_long_is_ended_and_the_next_one_is_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
