/* SPDX-License-Identifier: MIT
 *
 * core/recover.h - what was claimed and never settled, because the process ended between, is settled by its receipt.
 * May include: adapter, audit, store, base, core.
 */
#ifndef OPP_CORE_RECOVER_H
#define OPP_CORE_RECOVER_H

#include "base/error.h"

#include <stdbool.h>

struct opp_gateway;
struct opp_tx;

/* Before the port opens: every pending execution becomes success (its receipt is there), failed (surely absent; never
 * tried again) or unknown. OPP_E_UNAVAILABLE: the store cannot be written. */
enum opp_code opp_recover(struct opp_gateway *gateway, struct opp_err *err);

/* While the gateway runs, in a transaction, for one execution that nobody works on any more. *settled: it is no longer
 * pending; otherwise its receipt cannot be asked for now. */
enum opp_code opp_recover_one(struct opp_gateway *gateway, struct opp_tx *tx, const char *execution_id, bool *settled,
                              struct opp_err *err);

#endif
