/* SPDX-License-Identifier: MIT */
#include "audit/audit.h"
#include "audit/verify.h"

#include "base/hash.h"
#include "store/db.h"
#include "store/store_kit.h"
#include "store/tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 40
#define DAMAGES 1000

static struct kit kit;
static struct opp_db *db; /* where a test damages the file, with the store closed */

static struct opp_audit_event event_of(int n)
{
    static char draft[16];

    snprintf(draft, sizeof draft, "drf_%d", n);
    return (struct opp_audit_event){ .action = "agent.action.execute",
                                     .status = "success",
                                     .code = OPP_OK,
                                     .app_id = "app_1",
                                     .org_id = "org_1",
                                     .key_id = "key_1",
                                     .actor_user_id = "user",
                                     .request_id = "req_1",
                                     .draft_id = n % 3 == 0 ? NULL : draft,
                                     .ip = "127.0.0.1",
                                     .policy_generation = "1",
                                     .created_at = INT64_C(1700000000000) + n };
}

static enum opp_code append_many(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    const int *count = arg;
    json_t *details = json_pack("{s:s, s:i}", "reason", "a \"quoted\" \n\x01 \xc3\xa4", "count", 7);
    enum opp_code rc = OPP_OK;

    for (int i = 0; rc == OPP_OK && i < *count; i++) {
        struct opp_audit_event event = event_of(i);

        event.details = i % 2 == 0 ? details : NULL;
        rc = opp_audit_append(tx, &event, err);
    }
    json_decref(details);
    return rc;
}

static void append(int count)
{
    assert_int_equal(opp_store_now(kit.store, append_many, &count, NULL), OPP_OK);
}

static enum opp_code verify_in(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    return opp_verify_all(arg, tx, err);
}

struct verdict {
    int64_t rows, first_bad;
};

static struct verdict verify(void)
{
    struct opp_verify whole = { .done = false };
    struct opp_err err = { 0 };

    if (opp_store_now(kit.store, verify_in, &whole, &err) != OPP_OK)
        fail_msg("%s", err.message);
    opp_verify_clear(&whole);
    return (struct verdict){ whole.chain.rows, whole.chain.first_bad };
}

static void assert_holds(int64_t rows)
{
    struct verdict verdict = verify();

    assert_int_equal(verdict.rows, rows);
    assert_int_equal(verdict.first_bad, 0);
}

static void an_empty_chain_holds(void **state)
{
    (void)state;
    assert_holds(0);
}

static void what_was_appended_holds_also_after_a_restart(void **state)
{
    (void)state;
    append(3);
    assert_holds(3);
    kit_close(&kit);
    kit_open(&kit);
    append(2);
    assert_holds(5);
}

struct row_check {
    char previous[OPP_HASH_HEX];
    int64_t seq;
};

/* The promises of contract section 6, without the code that makes rows. */
static enum opp_code check_row(void *arg, void *record, struct opp_err *err)
{
    struct row_check *check = arg;
    struct opp_audit_row *row = record;
    json_t *value = json_loads(row->row, JSON_REJECT_DUPLICATES, NULL);
    char hash[OPP_HASH_HEX], *sorted = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);

    (void)err;
    check->seq++;
    assert_int_equal(row->seq, check->seq);
    assert_int_equal(json_integer_value(json_object_get(value, "seq")), check->seq);
    assert_string_equal(json_string_value(json_object_get(value, "prev_event_hash")), check->previous);
    assert_string_equal(json_string_value(json_object_get(value, "code")), "common.success");
    assert_string_equal(json_string_value(json_object_get(value, "key_id")), "key_1");
    assert_string_equal(json_string_value(json_object_get(value, "policy_generation")), "1");
    assert_true(json_is_null(json_object_get(value, "user_agent")));
    assert_int_equal(json_object_size(value), 19);
    assert_null(strstr(row->row, "event_hash\":\"\""));
    opp_hash_hex(row->row, strlen(row->row), hash);
    assert_string_equal(row->event_hash, hash);
    assert_string_equal(row->row, sorted);
    memcpy(check->previous, hash, sizeof hash);
    free(sorted);
    json_decref(value);
    opp_record_free(&OPP_AUDIT_ROW, row);
    return OPP_OK;
}

static enum opp_code check_rows(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_query all = { .record = &OPP_AUDIT_ROW, .order = "seq" };

    return opp_tx_each(tx, &all, check_row, arg, err);
}

static void rows_are_numbered_without_a_gap_sorted_and_chained(void **state)
{
    struct row_check check = { 0 };

    (void)state;
    memset(check.previous, '0', OPP_HASH_HEX - 1);
    append(10);
    assert_int_equal(opp_store_now(kit.store, check_rows, &check, NULL), OPP_OK);
    assert_int_equal(check.seq, 10);
}

static enum opp_code append_and_fail(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    int count = 3;

    (void)arg;
    assert_int_equal(append_many(tx, &count, err), OPP_OK);
    return opp_fail(err, OPP_E_STALE, "undone");
}

static void an_undone_transaction_leaves_no_gap(void **state)
{
    (void)state;
    append(2);
    assert_int_equal(opp_store_now(kit.store, append_and_fail, NULL, NULL), OPP_E_STALE);
    append(2);
    assert_holds(4);
}

static enum opp_code append_odd_bytes(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_audit_event event = event_of(1);

    event.user_agent = arg;
    return opp_audit_append(tx, &event, err);
}

/* A header's bytes are a stranger's: they must not make the chain look broken. */
static void bytes_that_are_no_utf8_do_not_break_the_chain(void **state)
{
    static const char *const agents[] = { "\xff",     "\xc3",     "a\xed\xa0\x80z", "\xf5\x80\x80\x80",
                                          "\xc0\x80", "\xe2\x82", "\x7f\x01\t",     "\xf0\x9f\x98\x80" };

    (void)state;
    for (size_t i = 0; i < sizeof agents / sizeof agents[0]; i++) {
        char copy[16];

        snprintf(copy, sizeof copy, "%s", agents[i]);
        assert_int_equal(opp_store_now(kit.store, append_odd_bytes, copy, NULL), OPP_OK);
    }
    assert_holds(sizeof agents / sizeof agents[0]);
}

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void run(const char *format, ...)
{
    char sql[512];
    struct opp_err err = { 0 };
    va_list args;

    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    if (opp_db_run(db, sql, &err) != OPP_OK)
        fail_msg("%s: %s", sql, err.message);
}

/* Closes the store, keeps a copy of the trail, and gives way to damage. */
static void lay_open(void)
{
    kit_close(&kit);
    db = kit_open_db(&kit, "gateway.db");
    run("PRAGMA synchronous=OFF"); /* the damage need not be durable */
    run("CREATE TABLE kept AS SELECT * FROM audit");
}

/* The store's own writer reads what another connection wrote; nothing is appended meanwhile. */
static int64_t first_bad(void)
{
    kit_open(&kit);
    {
        struct verdict verdict = verify();

        kit_close(&kit);
        return verdict.first_bad;
    }
}

static void restore(void)
{
    run("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept");
}

static int pick(int below)
{
    return rand() % below;
}

/* Flips one bit of one byte of a text cell; gives the row. The bit is one that leaves the byte in ASCII. */
static int flip(const char *column)
{
    sqlite3_stmt *statement = NULL;
    int row = pick(ROWS) + 1, length, at, byte;
    char sql[96];

    snprintf(sql, sizeof sql, "SELECT %s FROM audit WHERE seq=%d", column, row);
    assert_int_equal(opp_db_prepare(db, sql, &statement, NULL), OPP_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    length = sqlite3_column_bytes(statement, 0);
    at = pick(length);
    byte = ((const unsigned char *)sqlite3_column_text(statement, 0))[at] ^ (1 << pick(7));
    sqlite3_reset(statement);
    run("UPDATE audit SET %s=CAST(substr(CAST(%s AS BLOB),1,%d)||x'%02x'||substr(CAST(%s AS BLOB),%d) AS TEXT)"
        " WHERE seq=%d",
        column, column, at, (unsigned)byte, column, at + 2, row);
    return row;
}

static int delete_one(void)
{
    int row = pick(ROWS - 1) + 1; /* a cut tail is found by a checkpoint only */

    run("DELETE FROM audit WHERE seq=%d", row);
    return row;
}

static int delete_and_renumber(void)
{
    int row = pick(ROWS - 1) + 1;

    run("DELETE FROM audit WHERE seq=%d", row);
    run("UPDATE audit SET seq=seq-1 WHERE seq=(SELECT min(seq) FROM audit WHERE seq>%d)", row);
    for (int next = row + 2; next <= ROWS; next++)
        run("UPDATE audit SET seq=%d WHERE seq=%d", next - 1, next);
    return row;
}

static int swap(void)
{
    int low = pick(ROWS - 1) + 1, high = low + 1 + pick(ROWS - low);

    run("UPDATE audit SET seq=-1 WHERE seq=%d", low);
    run("UPDATE audit SET seq=%d WHERE seq=%d", low, high);
    run("UPDATE audit SET seq=%d WHERE seq=-1", high);
    return low;
}

static int insert_copy(void)
{
    int row = pick(ROWS) + 1;

    for (int next = ROWS; next >= row; next--)
        run("UPDATE audit SET seq=%d WHERE seq=%d", next + 1, next);
    run("INSERT INTO audit SELECT %d,app_id,org_id,action,status,draft_id,row,event_hash,created_at FROM kept"
        " WHERE seq=%d",
        row, pick(ROWS) + 1);
    /* A copy of the very row that stood here is in its place: the next one is out of it. */
    {
        sqlite3_stmt *statement = NULL;
        char sql[128];
        int same;

        snprintf(sql, sizeof sql, "SELECT a.row=k.row FROM audit a, kept k WHERE a.seq=%d AND k.seq=%d", row, row);
        assert_int_equal(opp_db_prepare(db, sql, &statement, NULL), OPP_OK);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        same = sqlite3_column_int(statement, 0);
        sqlite3_reset(statement);
        return same ? row + 1 : row;
    }
}

/* A row rewritten with a hash that fits it: the next row does not. */
static int rewrite(void)
{
    sqlite3_stmt *statement = NULL;
    int row = pick(ROWS - 1) + 1;
    char hash[OPP_HASH_HEX], text[2048], sql[96];

    snprintf(sql, sizeof sql, "SELECT replace(row,'127.0.0.1','127.0.0.2') FROM audit WHERE seq=%d", row);
    assert_int_equal(opp_db_prepare(db, sql, &statement, NULL), OPP_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    snprintf(text, sizeof text, "%s", (const char *)sqlite3_column_text(statement, 0));
    sqlite3_reset(statement);
    opp_hash_hex(text, strlen(text), hash);
    run("UPDATE audit SET row=replace(row,'127.0.0.1','127.0.0.2'), event_hash='%s' WHERE seq=%d", hash, row);
    return row + 1;
}

static int damage(void)
{
    static const char *const columns[] = { "row", "row", "row", "event_hash", "action", "status", "app_id" };

    switch (pick(7)) {
    case 0:
        return delete_one();
    case 1:
        return delete_and_renumber();
    case 2:
        return swap();
    case 3:
        return insert_copy();
    case 4:
        return rewrite();
    default:
        return flip(columns[pick(7)]);
    }
}

static void a_thousand_random_damages_are_found_where_they_are(void **state)
{
    (void)state;
    srand(7);
    append(ROWS);
    lay_open();
    assert_int_equal(first_bad(), 0);
    for (int i = 0; i < DAMAGES; i++) {
        int expected;

        run("BEGIN");
        expected = damage();
        run("COMMIT");
        assert_int_equal(first_bad(), expected);
        run("BEGIN");
        restore();
        run("COMMIT");
    }
    assert_int_equal(first_bad(), 0);
    opp_db_close(db);
    kit_open(&kit);
}

/* Lists are filtered by the columns beside the row: they say what the row says. */
static void a_column_that_is_not_what_its_row_says_is_found(void **state)
{
    static const char *const changes[] = {
        "action='agent.action.preflight'",
        "status='denied'",
        "app_id='app_2'",
        "app_id=NULL",
        "draft_id='drf_9'",
        "draft_id=NULL",
        "created_at=created_at+1",
    };

    (void)state;
    append(ROWS);
    lay_open();
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        run("UPDATE audit SET %s WHERE seq=5", changes[i]);
        assert_int_equal(first_bad(), 5);
        restore();
    }
    opp_db_close(db);
    kit_open(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kit_test(an_empty_chain_holds, &kit),
        kit_test(what_was_appended_holds_also_after_a_restart, &kit),
        kit_test(rows_are_numbered_without_a_gap_sorted_and_chained, &kit),
        kit_test(an_undone_transaction_leaves_no_gap, &kit),
        kit_test(bytes_that_are_no_utf8_do_not_break_the_chain, &kit),
        kit_test(a_thousand_random_damages_are_found_where_they_are, &kit),
        kit_test(a_column_that_is_not_what_its_row_says_is_found, &kit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
