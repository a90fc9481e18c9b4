/* SPDX-License-Identifier: MIT
 *
 * core/recover.h - what was claimed and never settled, because the process ended between or the disk did not take the
 * outcome, is settled by its receipt; what nobody can tell is unknown.
 * May include: adapter, audit, store, base, core.
 */
#ifndef OPP_CORE_RECOVER_H
#define OPP_CORE_RECOVER_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct opp_gateway;
struct opp_recovery;
struct opp_tx;

#define OPP_RECOVERY_ASK_MS 2000 /* the longest that receipts are waited for */
#define OPP_RECOVERY_MAX 200     /* unknown executions that are asked about at once */

/* Before the port opens: every pending execution becomes success (its receipt is there), failed (surely absent; never
 * tried again) or unknown, and unknown ones are asked about again. OPP_E_UNAVAILABLE: the store cannot be written. */
enum opp_code opp_recover(struct opp_gateway *gateway, struct opp_err *err);

/* The same in parts, while the gateway runs: find in a transaction, ask on a thread that may wait, write in a write
 * transaction, announce after its commit. OPP_E_MEMORY. */
enum opp_code opp_recovery_new(struct opp_gateway *gateway, struct opp_recovery **out, struct opp_err *err);
void opp_recovery_free(struct opp_recovery *recovery);

/* Adds an execution that nobody works on, if it is pending or unknown. */
enum opp_code opp_recovery_add(struct opp_recovery *recovery, struct opp_tx *tx, const char *execution_id,
                               struct opp_err *err);
/* Adds the OPP_RECOVERY_MAX first unknown executions whose ids are above after. */
enum opp_code opp_recovery_add_unknown(struct opp_recovery *recovery, struct opp_tx *tx, const char *after,
                                       struct opp_err *err);
size_t opp_recovery_count(const struct opp_recovery *recovery);
/* Lends the id of the last that was added; "": none. */
const char *opp_recovery_last(const struct opp_recovery *recovery);

/* On any thread; for at most OPP_RECOVERY_ASK_MS. */
void opp_recovery_ask(struct opp_recovery *recovery);
/* An opp_tx_fn: arg is the recovery. What was settled or resolved meanwhile stays as it is. */
enum opp_code opp_recovery_write(struct opp_tx *tx, void *arg, struct opp_err *err);
/* Says in the log what became of each, and wakes those who wait for it. */
void opp_recovery_announce(const struct opp_recovery *recovery);

#endif
