/* SPDX-License-Identifier: MIT
 *
 * store/writer_kit.h - a writer over a database of one test, operations for it, and a gate that makes batches of them.
 * May include: store, base.
 */
#ifndef OPP_TESTS_WRITER_KIT_H
#define OPP_TESTS_WRITER_KIT_H

#include "store/store_kit.h"
#include "store/writer.h"

#include <pthread.h>
#include <stdatomic.h>

/* What the hooks keep beside the database: the sum of what was inserted. */
struct ledger {
    long now, saved, committed;
    int commits;
};

/* Of the test that runs; bench_set_up() makes it. */
struct bench {
    struct kit kit;
    char path[KIT_PATH_MAX];
    struct opp_writer *writer;
    struct ledger ledger;
};

extern struct bench bench;

/* One insertion of a number, or what else a test sets as write.apply or sql, which then succeeds or fails as told; the
 * thread that asked waits for it or not. */
struct op {
    struct opp_write write;
    int64_t number;
    const char *sql; /* NULL: the insertion */
    bool fails, throws_all_away, orphans;
    atomic_int done;
};

/* An operation that holds the writer until it is let go, so that what is submitted meanwhile is one batch. */
struct gate {
    struct op op;
    pthread_mutex_t lock;
    atomic_bool entered;
};

/* For cmocka. */
int bench_set_up(void **state);
int bench_tear_down(void **state);

/* Starts a writer over the database, which has the tables t(n) of numbers and pieces(b) of anything, with these bounds;
 * bench_set_up() has started one. */
void bench_start(size_t queue_max_bytes, size_t lazy_max_bytes);

/* Gives the number that a query answers. */
int64_t bench_number(const char *sql);

/* Has the number of an operation inserted, with a loop or without; what it is to do else is set before. */
enum opp_code op_submit(struct op *op, int64_t value);
enum opp_code op_submit_on(struct op *op, int64_t value, struct opp_loop *loop);

/* Waits until it is done and gives its outcome. */
enum opp_code op_wait(struct op *op);

void gate_close(struct gate *gate);
void gate_open(struct gate *gate);

#endif
