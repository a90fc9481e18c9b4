/* SPDX-License-Identifier: MIT
 *
 * store/store_kit.h - a data directory for one test, and the gateway's store in it.
 * May include: store, base.
 */
#ifndef OPP_TESTS_STORE_KIT_H
#define OPP_TESTS_STORE_KIT_H

#include "base/clock.h"
#include "store/store.h"

#define KIT_PATH_MAX 128

struct kit {
    char dir[64];
    struct opp_clock *clock;
    struct opp_store *store;
};

/* Makes an empty directory; kit_remove_dir takes it away with the files in it. */
void kit_make_dir(struct kit *kit);
void kit_remove_dir(const struct kit *kit);
void kit_path(const struct kit *kit, const char *name, char path[KIT_PATH_MAX]);

/* Opens the store in the directory, and closes it; the directory stays. */
void kit_open(struct kit *kit);
void kit_close(struct kit *kit);

/* For cmocka, whose state is the kit: a directory with its store opened, around each test. */
int kit_set_up(void **state);
int kit_tear_down(void **state);
#define kit_test(test, kit) cmocka_unit_test_prestate_setup_teardown(test, kit_set_up, kit_tear_down, kit)

/* Runs a transaction without an argument in the store, which must take it. */
void kit_run(const struct kit *kit, opp_tx_fn fn);

/* Gives a connection of a test's own, which writes, to a database in the directory; the store may be open or not. */
struct opp_db *kit_open_db(const struct kit *kit, const char *name);
/* Runs statements over such a connection. */
void kit_sql(const struct kit *kit, const char *name, const char *sql);

/* Gives a record with a value of its own in every member. */
struct opp_record;
void *kit_filled(const struct opp_record *record);

/* An on_unknown that ends the test program. */
void kit_on_unknown(const char *name, const char *message);

#endif
