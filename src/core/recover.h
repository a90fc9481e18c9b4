/* SPDX-License-Identifier: MIT
 *
 * core/recover.h - what was claimed and never settled, because the process ended between, is settled by its receipt.
 * May include: adapter, audit, store, base, core.
 */
#ifndef OPP_CORE_RECOVER_H
#define OPP_CORE_RECOVER_H

#include "base/error.h"

struct opp_gateway;

/* Before the port opens: every pending execution becomes success (its receipt is there), failed (surely absent; never
 * tried again) or unknown. OPP_E_UNAVAILABLE: the store cannot be written. */
enum opp_code opp_recover(struct opp_gateway *gateway, struct opp_err *err);

#endif
