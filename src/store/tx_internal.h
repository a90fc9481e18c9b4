/* SPDX-License-Identifier: MIT
 *
 * store/tx_internal.h - a transaction as store/ itself sees it.
 * May include: base, store.
 */
#ifndef OPP_STORE_TX_INTERNAL_H
#define OPP_STORE_TX_INTERNAL_H

#include "store/tx.h"

struct opp_db;

struct opp_tx {
    struct opp_db *db;
    struct opp_chain_head head;
    uint64_t registry_version;
    bool registry_changed;
};

struct opp_session;

/* Gives a session that reads the database of a path at once, and can do nothing else. OPP_E_IO, OPP_E_MEMORY. */
enum opp_code opp_session_of_file(const char *path, struct opp_session **out, struct opp_err *err);

/* Ends each of its reads after so many milliseconds; a day at first. */
void opp_session_limit(struct opp_session *session, int64_t ms);

/* Reads the newest audit row into the head. */
enum opp_code opp_tx_load_chain(struct opp_tx *tx, struct opp_err *err);

#endif
