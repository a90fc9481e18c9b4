/* SPDX-License-Identifier: MIT
 *
 * store/db.h - one SQLite connection with our pragmas and its prepared statements; used by one thread at a time.
 * May include: base.
 */
#ifndef OPP_STORE_DB_H
#define OPP_STORE_DB_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opp_db;
struct sqlite3;
struct sqlite3_stmt;

enum opp_db_mode {
    OPP_DB_WRITER,   /* the only connection that writes and checkpoints its file; makes the file */
    OPP_DB_UNSYNCED, /* the same with synchronous=NORMAL: a loss of power may take its last commits */
    OPP_DB_READER    /* read-only; never checkpoints; ATTACH and PRAGMA are refused */
};

/* Gives an open connection: WAL, synchronous=FULL (read back), foreign_keys, trusted_schema off.
 * A writer's log is looked at first (store/wal.h); an unsynced one's is not, for a loss of power may tear that
 * anywhere. Waits at most a second for whoever lets nobody in. OPP_E_IO: err says the file's name and the reason. */
enum opp_code opp_db_open(const char *path, enum opp_db_mode mode, struct opp_db **out, struct opp_err *err);
void opp_db_close(struct opp_db *db);

/* Whether a file begins as a database of SQLite does. */
bool opp_db_is_one(const char *path);

/* Reads every page, and compares indexes with their tables. OPP_E_UNAVAILABLE: the database is damaged; err has the
 * first thing that is wrong. */
enum opp_code opp_db_check(struct opp_db *db, struct opp_err *err);
/* The same for a start, which nobody wants to wait for: no indexes, and of a database over 64 MiB nothing. */
enum opp_code opp_db_check_quickly(struct opp_db *db, struct opp_err *err);
/* The schema's version (PRAGMA user_version) when it was opened, or read again, which only a writer may. */
size_t opp_db_version(const struct opp_db *db);
enum opp_code opp_db_read_version(struct opp_db *db, struct opp_err *err);

/* Whether a transaction is open. SQLite ends one by itself after some errors. */
bool opp_db_in_transaction(struct opp_db *db);

/* Lends the handle to the layer that binds and steps. */
struct sqlite3 *opp_db_handle(struct opp_db *db);

/* Lends a prepared statement, reset and unbound: step it before another text is asked for, reset it after use. While it
 * is being stepped only the same text ends it. OPP_E_INTERNAL: SQLite refuses the text, or it holds more than one
 * statement; err has SQLite's message. OPP_E_LIMIT: too many are being stepped. OPP_E_MEMORY. */
enum opp_code opp_db_prepare(struct opp_db *db, const char *sql, struct sqlite3_stmt **out, struct opp_err *err);

/* Runs one statement that gives no rows and has no parameters; it is prepared once. */
enum opp_code opp_db_step(struct opp_db *db, const char *sql, struct opp_err *err);

/* Runs statements that give no rows, parsed anew. */
enum opp_code opp_db_run(struct opp_db *db, const char *sql, struct opp_err *err);

/* What an unsuccessful SQLite result means to a caller: OPP_E_UNAVAILABLE (full, busy, I/O, read-only), OPP_E_EXISTS
 * (a constraint), OPP_E_MEMORY, OPP_E_LIMIT (interrupted), else OPP_E_INTERNAL. */
enum opp_code opp_db_error(struct opp_db *db, int result, struct opp_err *err);

/* Ends the running statement once the monotonic clock passes this time, also while it waits for a lock; 0: no limit. */
void opp_db_deadline(struct opp_db *db, int64_t monotonic_ms);

/* Ends the statements from here on once they have used so much time of this thread's processor, which on a busy machine
 * is later than the clock says, and in any case after five seconds; 0: no limit. Instead of opp_db_deadline. */
void opp_db_budget(struct opp_db *db, int64_t cpu_ms);

/* Ends the statements from here on once they have taken so many of SQLite's steps together, to about a thousand;
 * 0: no limit. Besides the two above. */
void opp_db_steps(struct opp_db *db, int64_t steps);

#endif
