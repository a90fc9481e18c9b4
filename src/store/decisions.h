/* SPDX-License-Identifier: MIT
 *
 * store/decisions.h - the database of the decision log, decisions.db: written by one thread, read by any, and apart
 * from what must be durable. May include: base, store.
 *
 * The records are OPP_DECISION and OPP_TALLY, asked by store/tx.h as all others. It is committed with
 * synchronous=NORMAL: a crash of the process loses nothing that was committed, a loss of power may lose the end.
 */
#ifndef OPP_STORE_DECISIONS_H
#define OPP_STORE_DECISIONS_H

#include "base/error.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct opp_decisions;

/* Opens (making it if new) and migrates, for the one thread that writes. OPP_E_IO, OPP_E_CONFIG, OPP_E_MEMORY. */
enum opp_code opp_decisions_open(const char *dir, struct opp_decisions **out, struct opp_err *err);
void opp_decisions_close(struct opp_decisions *decisions); /* NULL allowed */

/* Whether its file was taken away, or another is in its place: what is written goes nowhere. */
bool opp_decisions_is_gone(struct opp_decisions *decisions);

/* Runs a transaction on the calling thread; what it returns besides OPP_OK undoes it. Codes of run; OPP_E_UNAVAILABLE:
 * the disk is full or the database is damaged, nothing happened. */
enum opp_code opp_decisions_write(struct opp_decisions *decisions, opp_tx_fn run, void *arg, struct opp_err *err);

/* Deletes at most so many of the oldest that were recorded before a time, or that are more than rows_max. *gone tells
 * how many. Codes as opp_decisions_write. */
struct opp_decisions_bounds {
    int64_t before_ms, rows_max;
    int64_t step; /* rows of one call */
};
enum opp_code opp_decisions_prune(struct opp_decisions *decisions, const struct opp_decisions_bounds *bounds,
                                  int64_t *gone, struct opp_err *err);

/* Gives a session that only reads the log of a data directory, by opp_session_now, on one thread; close it by
 * opp_session_close. OPP_E_IO: there is none. */
enum opp_code opp_decisions_reader(const char *dir, struct opp_session **out, struct opp_err *err);

/* Reads the log of a data directory once, on the calling thread, and gives up after two seconds: what is
 * asked for rarely must not keep others waiting. OPP_E_UNAVAILABLE: it took longer, or there is no log. Codes of run.
 */
enum opp_code opp_decisions_read(const char *dir, opp_tx_fn run, void *arg, struct opp_err *err);

/* The number of a decision says when it was recorded: this is the first that one of at_ms can have. */
int64_t opp_decision_number(int64_t at_ms);
int64_t opp_decision_time(int64_t number); /* ms */

#endif
