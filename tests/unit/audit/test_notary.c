/* SPDX-License-Identifier: MIT */
#include "audit/notary.h"

#include "audit/audit.h"
#include "audit/checkpoint.h"
#include "base/file.h"
#include "store/store_kit.h"
#include "store/tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NEVER_MS INT64_C(3600000)

static struct kit kit;
static struct opp_sign_key *key;
static char file[KIT_PATH_MAX];

static int set_up(void **state)
{
    (void)state;
    kit_make_dir(&kit);
    kit_open(&kit);
    kit_path(&kit, "checkpoints.jsonl", file);
    return opp_audit_key_open(kit.dir, true, &key, NULL, NULL) == OPP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    kit_close(&kit);
    kit_remove_dir(&kit);
    opp_sign_key_free(key);
    return 0;
}

static struct opp_notary *start(int64_t rows_max, int64_t period_ms)
{
    struct opp_notary_settings settings = { .store = kit.store,
                                            .dir = kit.dir,
                                            .key = key,
                                            .clock = kit.clock,
                                            .file = file,
                                            .rows_max = rows_max,
                                            .period_ms = period_ms };
    struct opp_notary *notary = NULL;

    assert_int_equal(opp_notary_start(&settings, &notary, NULL), OPP_OK);
    return notary;
}

static enum opp_code append_rows(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    const struct opp_audit_event event = { .action = "a", .status = "success", .created_at = 1 };
    enum opp_code rc = OPP_OK;

    for (int i = 0; rc == OPP_OK && i < *(const int *)arg; i++)
        rc = opp_audit_append(tx, &event, err);
    return rc;
}

static void append(int count)
{
    assert_int_equal(opp_store_now(kit.store, append_rows, &count, NULL), OPP_OK);
}

struct found {
    int64_t seqs[16];
    size_t count;
};

/* Every checkpoint names the row that is there, and the key signed it. */
static enum opp_code check_one(void *arg, void *record, struct opp_err *err)
{
    struct opp_checkpoint *checkpoint = record;
    struct found *found = arg;
    json_t *shown = opp_checkpoint_show(checkpoint);
    struct opp_checkpoint *again = NULL;

    (void)err;
    assert_true(opp_checkpoint_holds(checkpoint, key));
    assert_int_equal(opp_checkpoint_read(shown, &again, NULL), OPP_OK);
    assert_true(opp_checkpoint_holds(again, key));
    again->seq++;
    assert_false(opp_checkpoint_holds(again, key));
    found->seqs[found->count++] = checkpoint->seq;
    opp_record_free(&OPP_CHECKPOINT, again);
    json_decref(shown);
    opp_record_free(&OPP_CHECKPOINT, checkpoint);
    return OPP_OK;
}

static enum opp_code find_all(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_query all = { .record = &OPP_CHECKPOINT, .order = "seq" };

    return opp_tx_each(tx, &all, check_one, arg, err);
}

static struct found checkpoints(void)
{
    struct found found = { .count = 0 };

    assert_int_equal(opp_store_now(kit.store, find_all, &found, NULL), OPP_OK);
    return found;
}

static void wait_for(size_t count)
{
    const struct timespec pause = { .tv_nsec = 2000000 };

    for (int i = 0; i < 10000 && checkpoints().count < count; i++)
        nanosleep(&pause, NULL);
    assert_int_equal(checkpoints().count, count);
}

static void nothing_is_signed_where_nothing_was_recorded(void **state)
{
    (void)state;
    opp_notary_stop(start(1, 1));
    assert_int_equal(checkpoints().count, 0);
}

static void the_end_is_signed_once_when_it_stops(void **state)
{
    struct opp_notary *notary = start(1000, NEVER_MS);

    (void)state;
    append(3);
    opp_notary_stop(notary);
    assert_int_equal(checkpoints().count, 1);
    assert_int_equal(checkpoints().seqs[0], 3);
    opp_notary_stop(start(1000, NEVER_MS));
    assert_int_equal(checkpoints().count, 1);
}

static void so_many_rows_are_signed_at_once(void **state)
{
    struct opp_notary *notary = start(10, NEVER_MS);

    (void)state;
    append(9);
    append(1);
    wait_for(1);
    append(25);
    wait_for(2);
    append(9);
    opp_notary_stop(notary);
    assert_int_equal(checkpoints().count, 3);
    assert_int_equal(checkpoints().seqs[0], 10);
    assert_int_equal(checkpoints().seqs[1], 35);
    assert_int_equal(checkpoints().seqs[2], 44);
}

static void a_row_does_not_wait_longer_than_the_period(void **state)
{
    struct opp_notary *notary = start(1000, 20);

    (void)state;
    append(1);
    wait_for(1);
    append(1);
    wait_for(2);
    opp_notary_stop(notary);
}

/* A crash leaves rows without a checkpoint. */
static void what_the_last_run_left_is_signed_at_the_start(void **state)
{
    struct opp_notary *notary;

    (void)state;
    append(7);
    notary = start(1000, NEVER_MS);
    wait_for(1);
    assert_int_equal(checkpoints().seqs[0], 7);
    opp_notary_stop(notary);
}

static void the_file_has_each_as_a_line(void **state)
{
    struct opp_notary *notary = start(2, NEVER_MS);
    char *text = NULL, *rest = NULL;
    size_t length = 0, lines = 0;

    (void)state;
    append(2);
    wait_for(1);
    append(1);
    opp_notary_stop(notary);
    assert_int_equal(opp_file_read(file, 4096, &text, &length, NULL), OPP_OK);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        json_t *shown = json_loads(line, 0, NULL);
        struct opp_checkpoint *checkpoint = NULL;

        assert_int_equal(opp_checkpoint_read(shown, &checkpoint, NULL), OPP_OK);
        assert_true(opp_checkpoint_holds(checkpoint, key));
        assert_int_equal(checkpoint->seq, lines == 0 ? 2 : 3);
        lines++;
        opp_record_free(&OPP_CHECKPOINT, checkpoint);
        json_decref(shown);
    }
    assert_int_equal(lines, 2);
    free(text);
}

static void what_follows_a_line_that_was_not_written_to_its_end_is_a_line_of_its_own(void **state)
{
    static const char half[] = "{\"hash\":\"12";
    struct opp_notary *notary;
    struct opp_checkpoint *checkpoint = NULL;
    char *text = NULL;
    json_t *shown;
    size_t length = 0;

    (void)state;
    assert_int_equal(opp_file_write(file, 0600, half, sizeof half - 1, NULL), OPP_OK);
    notary = start(1000, NEVER_MS);
    append(1);
    opp_notary_stop(notary);
    assert_int_equal(opp_file_read(file, 4096, &text, &length, NULL), OPP_OK);
    assert_memory_equal(text, half, sizeof half - 1);
    assert_int_equal(text[sizeof half - 1], '\n');
    shown = json_loads(text + sizeof half, 0, NULL);
    assert_int_equal(opp_checkpoint_read(shown, &checkpoint, NULL), OPP_OK);
    assert_int_equal(checkpoint->seq, 1);
    opp_record_free(&OPP_CHECKPOINT, checkpoint);
    json_decref(shown);
    free(text);
}

static void a_file_that_cannot_be_written_stops_nothing(void **state)
{
    struct opp_notary *notary;

    (void)state;
    assert_int_equal(mkdir(file, 0700), 0);
    notary = start(1, NEVER_MS);
    append(1);
    wait_for(1);
    append(1);
    wait_for(2);
    opp_notary_stop(notary);
    assert_int_equal(rmdir(file), 0);
}

static void the_key_is_made_once_for_its_owner_alone(void **state)
{
    char path[KIT_PATH_MAX];
    struct opp_sign_key *again = NULL;
    struct stat status;
    bool made = true;

    (void)state;
    kit_path(&kit, "audit.key", path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(opp_audit_key_open(kit.dir, true, &again, &made, NULL), OPP_OK);
    assert_false(made);
    assert_string_equal(opp_sign_key_id(again), opp_sign_key_id(key));
    opp_sign_key_free(again);
    assert_int_equal(opp_file_write(path, 0600, "no key", 6, NULL), OPP_OK);
    assert_int_equal(opp_audit_key_open(kit.dir, true, &again, &made, NULL), OPP_E_CONFIG);
    assert_int_equal(remove(path), 0);
    assert_int_equal(opp_audit_key_open(kit.dir, false, &again, NULL, NULL), OPP_E_ABSENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_signed_where_nothing_was_recorded),
        TEST(the_end_is_signed_once_when_it_stops),
        TEST(so_many_rows_are_signed_at_once),
        TEST(a_row_does_not_wait_longer_than_the_period),
        TEST(what_the_last_run_left_is_signed_at_the_start),
        TEST(the_file_has_each_as_a_line),
        TEST(what_follows_a_line_that_was_not_written_to_its_end_is_a_line_of_its_own),
        TEST(a_file_that_cannot_be_written_stops_nothing),
        TEST(the_key_is_made_once_for_its_owner_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
