/* SPDX-License-Identifier: MIT
 *
 * store/history.h - the schema scripts of a database that others describe: run once each, in order, and remembered in
 * it, so that one that was changed or taken away afterwards is noticed.
 * May include: base.
 */
#ifndef OPP_STORE_HISTORY_H
#define OPP_STORE_HISTORY_H

#include "base/error.h"

#include <stddef.h>

struct opp_db;

struct opp_migration {
    const char *file; /* for messages */
    const char *script;
};

/* All of these in a transaction of the caller's, which undoes it unless they give OPP_OK. */

/* Compares what has run with the beginning of the list; *run is how many have, which can be more than the list has.
 * Where nothing is recorded yet, PRAGMA user_version says how many, as it did before there was a record. OPP_E_CONFIG:
 * one of the list was changed since; err->where is its file. */
enum opp_code opp_history_check(struct opp_db *db, const struct opp_migration *list, size_t count, size_t *run,
                                struct opp_err *err);
/* Gives OPP_E_CONFIG, with its file as err->where, of the first that has run and is behind a list of so many. */
enum opp_code opp_history_blame(struct opp_db *db, size_t count, struct opp_err *err);

/* Runs those of the list behind the first `run`, if there are any. OPP_E_CONFIG: a script is wrong; err->where is
 * file:line. */
enum opp_code opp_history_run(struct opp_db *db, const struct opp_migration *list, size_t count, size_t run,
                              struct opp_err *err);

/* Runs a script that is not remembered. It can neither end the transaction nor attach another database. Codes as
 * opp_history_run. */
enum opp_code opp_history_script(struct opp_db *db, const struct opp_migration *script, struct opp_err *err);

#endif
