/* SPDX-License-Identifier: MIT */
#include "store/store_kit.h"
#include "store/tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* A reader that would never end, and comes again when it was ended as a client does that is told to, beside a thousand
 * writes a second. OPP_LONG: for a minute, and reads are ended after five seconds as in a gateway. */

#define WRITERS 8
#define WRITES_PER_SECOND 1000
#define ROWS 3000
#define VALUE_BYTES 2000

static struct kit kit;
static struct opp_loop *loop;
static atomic_bool ending;
static atomic_llong written, failed, reads_ended;
static atomic_size_t log_largest;

static bool is_long(void)
{
    return getenv("OPP_LONG") != NULL;
}

static int set_up(void **state)
{
    struct opp_store_settings settings = { .queue_max_bytes = 8 << 20,
                                           .read_max_ms = is_long() ? 0 : 200,
                                           .on_unknown = kit_on_unknown };

    (void)state;
    kit_make_dir(&kit);
    settings.dir = kit.dir;
    assert_int_equal(opp_clock_new(&kit.clock, NULL), OPP_OK);
    settings.clock = kit.clock;
    assert_int_equal(opp_store_open(&settings, &kit.store, NULL, NULL), OPP_OK);
    return opp_loop_new(&loop, NULL) == OPP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    kit_close(&kit);
    opp_loop_free(loop);
    kit_remove_dir(&kit);
    return 0;
}

static enum opp_code insert_rows(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    char id[32];
    struct opp_setting setting = { .id = id, .value = arg };
    enum opp_code rc = OPP_OK;

    for (int i = 0; rc == OPP_OK && i < ROWS; i++) {
        snprintf(id, sizeof id, "%d", i);
        rc = opp_tx_insert(tx, &OPP_SETTING, &setting, err);
    }
    return rc;
}

static enum opp_code read_for_ever(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_SETTING };
    int64_t count = 0;
    enum opp_code rc = OPP_OK;

    (void)arg;
    opp_query_text(&query, "value", OPP_EQUAL, "none of these");
    while (rc == OPP_OK)
        rc = opp_tx_count(tx, &query, &count, err);
    return rc;
}

static void *read_again_and_again(void *arg)
{
    struct timespec pause = { .tv_sec = is_long() ? 1 : 0, .tv_nsec = is_long() ? 0 : 50000000 };

    while (!atomic_load(&ending)) {
        bool ended = opp_session_now(arg, read_for_ever, NULL, NULL) == OPP_E_UNAVAILABLE;

        atomic_fetch_add(ended ? &reads_ended : &failed, 1);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static enum opp_code change_row(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    static const char *const columns[] = { "value", NULL };

    return opp_tx_update(tx, &OPP_SETTING, arg, columns, err);
}

static void look_at_log(void)
{
    char name[KIT_PATH_MAX];
    struct stat status;
    size_t largest = atomic_load(&log_largest);

    kit_path(&kit, OPP_STORE_FILE "-wal", name);
    if (stat(name, &status) != 0)
        return;
    while ((size_t)status.st_size > largest &&
           !atomic_compare_exchange_weak(&log_largest, &largest, (size_t)status.st_size))
        continue;
}

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Its share of the writes, each when it is due or as soon as it can. */
static void *write_in_time(void *arg)
{
    char id[32], value[VALUE_BYTES];
    struct opp_setting setting = { .id = id, .value = value };
    int64_t due_us = now_us();

    memset(value, *(const char *)arg, sizeof value);
    value[sizeof value - 1] = '\0';
    while (!atomic_load(&ending)) {
        snprintf(id, sizeof id, "%d", (int)(atomic_fetch_add(&written, 1) * 7 % ROWS));
        if (opp_store_now(kit.store, change_row, &setting, NULL) != OPP_OK)
            atomic_fetch_add(&failed, 1);
        look_at_log();
        due_us += 1000000 * WRITERS / WRITES_PER_SECOND;
        if (due_us > now_us())
            nanosleep(&(struct timespec){ .tv_nsec = (due_us - now_us()) * 1000 % 1000000000 }, NULL);
    }
    return NULL;
}

static void run_all(void)
{
    char letters[] = "abcdefgh";
    pthread_t reader, writers[WRITERS];
    struct opp_session *session;

    assert_int_equal(opp_session_open(kit.store, loop, &session, NULL), OPP_OK);
    assert_int_equal(pthread_create(&reader, NULL, read_again_and_again, session), 0);
    for (size_t i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, write_in_time, &letters[i]), 0);
    nanosleep(&(struct timespec){ .tv_sec = is_long() ? 60 : 2 }, NULL);
    atomic_store(&ending, true);
    for (size_t i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    pthread_join(reader, NULL);
    opp_session_close(session);
}

static void a_reader_that_never_ends_is_ended_and_the_log_stays_below_its_maximum(void **state)
{
    char value[VALUE_BYTES];

    (void)state;
    memset(value, 'v', sizeof value);
    value[sizeof value - 1] = '\0';
    assert_int_equal(opp_store_now(kit.store, insert_rows, value, NULL), OPP_OK);
    run_all();
    assert_int_equal(atomic_load(&failed), 0);
    assert_true(atomic_load(&reads_ended) >= 1);
    assert_true(atomic_load(&written) > 100 && atomic_load(&log_largest) > 0);
    assert_true(atomic_load(&log_largest) <= OPP_WRITER_LOG_MAX);
    if (is_long())
        print_message("%lld writes in a minute, %lld reads ended, the log at most %zu KiB\n",
                      (long long)atomic_load(&written), (long long)atomic_load(&reads_ended),
                      atomic_load(&log_largest) / 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_reader_that_never_ends_is_ended_and_the_log_stays_below_its_maximum, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
