/* SPDX-License-Identifier: MIT
 *
 * store/apply.h - one operation of a batch: what it changed is undone alone when it fails.
 * May include: base, store.
 */
#ifndef OPP_STORE_APPLY_H
#define OPP_STORE_APPLY_H

#include <stdbool.h>

struct opp_db;
struct opp_write;

/* Runs the operation in the transaction that is open and sets its rc and err. Gives false when that transaction was
 * undone, or must be because this operation cannot be undone alone; and with it all operations before this one. */
bool opp_apply(struct opp_db *db, struct opp_write *write);

#endif
