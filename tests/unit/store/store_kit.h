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

/* Makes an empty directory; kit_remove takes it away with the files in it. */
void kit_make_dir(struct kit *kit);
void kit_remove_dir(const struct kit *kit);
void kit_path(const struct kit *kit, const char *name, char path[KIT_PATH_MAX]);

/* Opens the store in the directory, and closes it; the directory stays. */
void kit_open(struct kit *kit);
void kit_close(struct kit *kit);

/* Gives a record with a value of its own in every member. */
struct opp_record;
void *kit_filled(const struct opp_record *record);

/* An on_unknown that ends the test program. */
void kit_on_unknown(const char *name, const char *message);

#endif
