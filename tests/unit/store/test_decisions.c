/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/file.h"
#include "store/decisions.h"

#include "store/store_kit.h"
#include "store/tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW_MS INT64_C(1790000000000)

static struct kit kit;
static struct opp_decisions *decisions;

static int set_up(void **state)
{
    (void)state;
    kit_make_dir(&kit);
    assert_int_equal(opp_decisions_open(kit.dir, &decisions, NULL), OPP_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    opp_decisions_close(decisions);
    kit_remove_dir(&kit);
    return 0;
}

/* So many, a second apart, the oldest of them first. */
struct writing {
    int64_t first_ms;
    int count;
    enum opp_code then;
};

static enum opp_code write_some(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    const struct writing *writing = arg;
    char request[] = "req_1", tool[] = "tool", phase[] = "action", app[] = "app", outcome[] = "allow", json[] = "{}";
    enum opp_code rc = OPP_OK;

    for (int i = 0; rc == OPP_OK && i < writing->count; i++) {
        struct opp_decision record = { .number = opp_decision_number(writing->first_ms + i * 1000),
                                       .request_id = request,
                                       .tool = tool,
                                       .phase = phase,
                                       .app_id = app,
                                       .outcome = outcome,
                                       .profile = tool,
                                       .sha256 = tool,
                                       .request = json,
                                       .core = json,
                                       .ruling = json,
                                       .verdict = json,
                                       .at = writing->first_ms + i * 1000,
                                       .sample = 1,
                                       .replayable = true };

        rc = opp_tx_insert(tx, &OPP_DECISION, &record, err);
    }
    return rc == OPP_OK ? writing->then : rc;
}

static void write_count(int64_t first_ms, int count)
{
    struct writing writing = { .first_ms = first_ms, .count = count };

    assert_int_equal(opp_decisions_write(decisions, write_some, &writing, NULL), OPP_OK);
}

struct found {
    int64_t oldest, newest;
    int count;
};

static enum opp_code see(void *arg, void *record, struct opp_err *err)
{
    struct found *found = arg;
    const struct opp_decision *decision = record;

    (void)err;
    found->oldest = found->count == 0 ? decision->at : found->oldest;
    found->newest = decision->at;
    found->count++;
    opp_record_free(&OPP_DECISION, record);
    return OPP_OK;
}

static enum opp_code see_all(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_DECISION, .order = "number" };

    return opp_tx_each(tx, &query, see, arg, err);
}

static struct found look(void)
{
    struct found found = { 0 };

    assert_int_equal(opp_decisions_read(kit.dir, see_all, &found, NULL), OPP_OK);
    return found;
}

static int64_t prune(int64_t before_ms, int64_t rows_max, int64_t step)
{
    struct opp_decisions_bounds bounds = { .before_ms = before_ms, .rows_max = rows_max, .step = step };
    int64_t gone = -1;

    assert_int_equal(opp_decisions_prune(decisions, &bounds, &gone, NULL), OPP_OK);
    return gone;
}

static void the_oldest_go_when_there_are_too_many_a_step_at_a_time(void **state)
{
    (void)state;
    write_count(NOW_MS, 100);
    assert_int_equal(prune(0, 90, 4), 4);
    assert_int_equal(look().oldest, NOW_MS + 4000);
    assert_int_equal(prune(0, 90, 4), 4);
    assert_int_equal(prune(0, 90, 4), 2);
    assert_int_equal(prune(0, 90, 4), 0);
    assert_int_equal(look().count, 90);
    assert_int_equal(look().newest, NOW_MS + 99000);
}

static void what_is_too_old_goes_a_step_at_a_time(void **state)
{
    (void)state;
    write_count(NOW_MS, 10);
    assert_int_equal(prune(NOW_MS + 5000, 1000, 3), 3);
    assert_int_equal(prune(NOW_MS + 5000, 1000, 3), 2);
    assert_int_equal(prune(NOW_MS + 5000, 1000, 3), 0);
    assert_int_equal(look().oldest, NOW_MS + 5000);
}

static void both_bounds_share_a_step(void **state)
{
    (void)state;
    write_count(NOW_MS, 10);
    assert_int_equal(prune(NOW_MS + 2000, 5, 4), 4);
    assert_int_equal(look().count, 6);
    assert_int_equal(prune(NOW_MS + 2000, 5, 4), 1);
}

/* Of the cheapest of some prunings that find nothing to do. */
static int64_t cost_of_pruning(void)
{
    int64_t least_ns = INT64_MAX;

    assert_int_equal(prune(0, 1000000, 100), 0);
    for (int i = 0; i < 50; i++) {
        int64_t begun_ns = opp_thread_cpu_ns(), took_ns;

        prune(0, 1000000, 100);
        took_ns = opp_thread_cpu_ns() - begun_ns;
        least_ns = took_ns < least_ns ? took_ns : least_ns;
    }
    return least_ns;
}

static void to_prune_costs_the_same_however_many_there_are(void **state)
{
    int64_t few;

    (void)state;
    write_count(NOW_MS, 10);
    few = cost_of_pruning();
    write_count(NOW_MS + 100000, 80000);
    assert_true(cost_of_pruning() < few * 2);
}

static void rows_are_known_whatever_was_undone_and_after_it_was_opened_again(void **state)
{
    struct writing undone = { .first_ms = NOW_MS + 500000, .count = 30, .then = OPP_E_LIMIT };

    (void)state;
    write_count(NOW_MS, 20);
    assert_int_equal(prune(0, 20, 100), 0);
    write_count(NOW_MS + 100000, 5);
    assert_int_equal(opp_decisions_write(decisions, write_some, &undone, NULL), OPP_E_LIMIT);
    assert_int_equal(prune(0, 20, 100), 5);
    write_count(NOW_MS + 200000, 3);
    opp_decisions_close(decisions);
    assert_int_equal(opp_decisions_open(kit.dir, &decisions, NULL), OPP_OK);
    write_count(NOW_MS + 300000, 1);
    assert_int_equal(prune(0, 20, 100), 4);
    assert_int_equal(look().count, 20);
}

static void what_fails_is_undone_whole(void **state)
{
    struct writing writing = { .first_ms = NOW_MS, .count = 3, .then = OPP_E_LIMIT };

    (void)state;
    assert_int_equal(opp_decisions_write(decisions, write_some, &writing, NULL), OPP_E_LIMIT);
    assert_int_equal(look().count, 0);
    write_count(NOW_MS, 2);
    assert_int_equal(look().count, 2);
}

static void a_number_that_is_taken_is_an_error_and_no_more(void **state)
{
    struct writing writing = { .first_ms = NOW_MS, .count = 1 };

    (void)state;
    write_count(NOW_MS, 1);
    assert_int_equal(opp_decisions_write(decisions, write_some, &writing, NULL), OPP_E_EXISTS);
    write_count(NOW_MS + 1, 1);
    assert_int_equal(look().count, 2);
}

static void what_was_committed_is_there_when_it_is_opened_again(void **state)
{
    (void)state;
    write_count(NOW_MS, 5);
    opp_decisions_close(decisions);
    assert_int_equal(opp_decisions_open(kit.dir, &decisions, NULL), OPP_OK);
    assert_int_equal(look().count, 5);
}

static void copy_file(const char *from, const char *to)
{
    char path[KIT_PATH_MAX];
    char *bytes = NULL;
    size_t length = 0;

    kit_path(&kit, from, path);
    assert_int_equal(opp_file_read(path, (size_t)16 * 1024 * 1024, &bytes, &length, NULL), OPP_OK);
    kit_path(&kit, to, path);
    assert_int_equal(opp_file_write(path, 0600, bytes, length, NULL), OPP_OK);
    free(bytes);
}

/* Changes a byte in the middle. */
static void damage(const char *name)
{
    char path[KIT_PATH_MAX], byte = 0;
    off_t at;
    int fd;

    kit_path(&kit, name, path);
    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    at = lseek(fd, 0, SEEK_END) / 2;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (char)(byte ^ 0x55);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

/* Nothing was synced between its commits: the disk has them in any order. */
static void a_log_that_a_loss_of_power_tore_in_the_middle_is_taken_up_to_there(void **state)
{
    struct opp_decisions *torn = NULL;
    struct found found = { 0 };
    char dir[KIT_PATH_MAX], path[KIT_PATH_MAX];

    (void)state;
    for (int i = 0; i < 20; i++)
        write_count(NOW_MS + i * 1000, 1);
    kit_path(&kit, "torn", dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    copy_file("decisions.db", "torn/decisions.db");
    copy_file("decisions.db-wal", "torn/decisions.db-wal");
    damage("torn/decisions.db-wal");
    assert_int_equal(opp_decisions_open(dir, &torn, NULL), OPP_OK);
    assert_int_equal(opp_decisions_read(dir, see_all, &found, NULL), OPP_OK);
    assert_in_range(found.count, 1, 19);
    opp_decisions_close(torn);
    kit_path(&kit, "torn/decisions.db", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void a_reader_cannot_write(void **state)
{
    struct writing writing = { .first_ms = NOW_MS, .count = 1 };
    struct opp_session *session = NULL;

    (void)state;
    assert_int_equal(opp_decisions_reader(kit.dir, &session, NULL), OPP_OK);
    assert_int_not_equal(opp_session_now(session, write_some, &writing, NULL), OPP_OK);
    opp_session_close(session);
    assert_int_equal(look().count, 0);
}

static void where_there_is_no_log_nothing_can_be_read(void **state)
{
    struct found found = { 0 };

    (void)state;
    assert_int_equal(opp_decisions_read("/nowhere", see_all, &found, NULL), OPP_E_UNAVAILABLE);
}

static void what_is_no_database_is_refused(void **state)
{
    struct opp_decisions *other = NULL;
    struct opp_err err = { 0 };
    char path[KIT_PATH_MAX], dir[KIT_PATH_MAX];

    (void)state;
    kit_path(&kit, "other", dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    snprintf(path, sizeof path, "%s/other/decisions.db", kit.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(opp_decisions_open(dir, &other, &err), OPP_E_IO);
    assert_null(other);
    assert_non_null(strstr(err.message, "decisions.db"));
    rmdir(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_oldest_go_when_there_are_too_many_a_step_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_old_goes_a_step_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(both_bounds_share_a_step, set_up, tear_down),
        cmocka_unit_test_setup_teardown(to_prune_costs_the_same_however_many_there_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_are_known_whatever_was_undone_and_after_it_was_opened_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_fails_is_undone_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_number_that_is_taken_is_an_error_and_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_committed_is_there_when_it_is_opened_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_a_loss_of_power_tore_in_the_middle_is_taken_up_to_there, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_reader_cannot_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_there_is_no_log_nothing_can_be_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_database_is_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
