/* SPDX-License-Identifier: MIT
 *
 * store/db_rest.h - a database that nobody can be writing: how to open it where SQLite may make no files beside it.
 * May include: base.
 */
#ifndef OPP_STORE_DB_REST_H
#define OPP_STORE_DB_REST_H

#include <limits.h>
#include <stdbool.h>

#define OPP_DB_URI_MAX (3 * PATH_MAX + 32)

/* Whether the database has no log, as after a clean end, and lies where we cannot write: a snapshot, a read-only disk.
 * Then its URI tells SQLite that it does not change, so that no file of shared memory is wanted. */
bool opp_db_rests(const char *path, char uri[OPP_DB_URI_MAX]);

#endif
