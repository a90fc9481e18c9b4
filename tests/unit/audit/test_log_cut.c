/* SPDX-License-Identifier: MIT */
#include "audit/audit.h"
#include "audit/verify.h"

#include "base/file.h"
#include "store/db.h"
#include "store/store_kit.h"
#include "store/tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The write-ahead log of a gateway that was killed after many commits, cut or damaged: what the next start makes of it.
 */
#define COMMITS 60
#define FRAME_BYTES (24 + 4096)

static struct kit kit, copy;
static char *database, *whole_log;
static size_t database_length, log_length;
static size_t durable_at[COMMITS + 1]; /* the log's length when this many rows were acknowledged */

static enum opp_code append(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    const int *number = arg;
    struct opp_audit_event event = { .action = "agent.action.execute",
                                     .status = "success",
                                     .code = OPP_OK,
                                     .created_at = INT64_C(1700000000000) + *number };

    return opp_audit_append(tx, &event, err);
}

static char *read_copy(const char *name, size_t *length)
{
    char path[KIT_PATH_MAX], *bytes = NULL;

    kit_path(&kit, name, path);
    assert_int_equal(opp_file_read(path, 64 << 20, &bytes, length, NULL), OPP_OK);
    return bytes;
}

static size_t size_of_log(void)
{
    char path[KIT_PATH_MAX];
    struct stat status;

    kit_path(&kit, "gateway.db-wal", path);
    assert_int_equal(stat(path, &status), 0);
    return (size_t)status.st_size;
}

static int make_log(void **state)
{
    (void)state;
    kit_make_dir(&kit);
    kit_open(&kit);
    durable_at[0] = size_of_log();
    for (int i = 1; i <= COMMITS; i++) {
        assert_int_equal(opp_store_now(kit.store, append, &i, NULL), OPP_OK);
        durable_at[i] = size_of_log();
    }
    database = read_copy("gateway.db", &database_length);
    whole_log = read_copy("gateway.db-wal", &log_length);
    return 0;
}

static int forget_log(void **state)
{
    (void)state;
    kit_close(&kit);
    kit_remove_dir(&kit);
    free(database);
    free(whole_log);
    return 0;
}

static void write_file(const char *name, const char *bytes, size_t length)
{
    char path[KIT_PATH_MAX];
    FILE *file;

    kit_path(&copy, name, path);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static enum opp_code verify(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    return opp_verify_all(arg, tx, err);
}

/* Starts on the database with this log. Gives the rows of its trail, which must hold; -1: it refuses, naming the log.
 */
static int64_t start_with(const char *log, size_t length)
{
    struct opp_verify verdict = { .first = 0 };
    int64_t rows;
    struct opp_store_settings settings = { .queue_max_bytes = 1 << 20, .on_unknown = kit_on_unknown };
    struct opp_store *store = NULL;
    struct opp_err err = { 0 };
    enum opp_code rc;

    kit_make_dir(&copy);
    settings.dir = copy.dir;
    write_file("gateway.db", database, database_length);
    write_file("gateway.db-wal", log, length);
    assert_int_equal(opp_clock_new(&settings.clock, NULL), OPP_OK);
    rc = opp_store_open(&settings, &store, NULL, &err);
    if (rc == OPP_OK)
        assert_int_equal(opp_store_now(store, verify, &verdict, NULL), OPP_OK);
    else
        assert_non_null(strstr(err.message, "gateway.db-wal is damaged"));
    assert_int_equal(verdict.chain.first_bad, 0);
    rows = verdict.chain.rows;
    opp_verify_clear(&verdict);
    opp_store_close(store);
    opp_clock_free(settings.clock);
    kit_remove_dir(&copy);
    return rc == OPP_OK ? rows : -1;
}

static int acknowledged_at(size_t length)
{
    int rows = 0;

    while (rows < COMMITS && durable_at[rows + 1] <= length)
        rows++;
    return rows;
}

static int rounds(void)
{
    return getenv("OPP_LONG") != NULL ? 1000 : 100;
}

/* Where the schema was made, the database is not a gateway's yet. */
static void a_log_that_is_cut_has_all_that_was_acknowledged_before_the_cut(void **state)
{
    (void)state;
    srand(20261122);
    for (int i = 0; i < rounds(); i++) {
        size_t length = durable_at[0] + (size_t)rand() % (log_length - durable_at[0] + 1);

        assert_int_equal(start_with(whole_log, length), acknowledged_at(length));
    }
}

/* What a power cut may leave of a commit that was not synced: any bytes. */
static void a_log_whose_newest_commit_is_garbage_has_the_others(void **state)
{
    char *log = malloc(log_length);
    size_t from = durable_at[COMMITS - 1];

    (void)state;
    assert_non_null(log);
    for (int i = 0; i < 20; i++) {
        memcpy(log, whole_log, log_length);
        for (size_t at = from; at < log_length; at++)
            log[at] = (char)(rand() % 256);
        assert_int_equal(start_with(log, log_length), COMMITS - 1);
    }
    free(log);
}

/* One bit anywhere but in the newest two commits: the last of these need not be followed by anything. */
static void a_log_that_lost_a_commit_before_its_newest_is_refused(void **state)
{
    size_t until = durable_at[COMMITS - 2];

    (void)state;
    for (int i = 0; i < rounds(); i++) {
        size_t at = (size_t)rand() % until;
        char bit = (char)(1 << rand() % 8);
        int64_t rows;

        whole_log[at] ^= bit;
        rows = start_with(whole_log, log_length);
        whole_log[at] ^= bit;
        if (rows != -1)
            fail_msg("byte %zu of frame %zu: %lld rows", (at - 32) % FRAME_BYTES, (at - 32) / FRAME_BYTES,
                     (long long)rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_that_is_cut_has_all_that_was_acknowledged_before_the_cut),
        cmocka_unit_test(a_log_whose_newest_commit_is_garbage_has_the_others),
        cmocka_unit_test(a_log_that_lost_a_commit_before_its_newest_is_refused),
    };

    return cmocka_run_group_tests(tests, make_log, forget_log);
}
