/* SPDX-License-Identifier: MIT
 *
 * store/migrate.h - brings a database to the newest schema, one numbered script at a time.
 * May include: base.
 */
#ifndef OPP_STORE_MIGRATE_H
#define OPP_STORE_MIGRATE_H

#include "base/error.h"

#include <stddef.h>

struct opp_db;

/* Runs the scripts after the database's version (PRAGMA user_version), each in a transaction of its own; count is the
 * version reached. *fresh (may be NULL) tells whether it was at 0 before. The database is checked first, quickly.
 * OPP_E_CONFIG: it is newer than these scripts, or a script is wrong; OPP_E_IO: it is damaged, or the disk does not
 * take the change; OPP_E_MEMORY; err has name. */
enum opp_code opp_migrate(struct opp_db *db, const char *name, const char *const *scripts, size_t count, int *fresh,
                          struct opp_err *err);

#endif
