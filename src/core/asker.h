/* SPDX-License-Identifier: MIT
 *
 * core/asker.h - asks for the receipts of executions whose outcome could not be written, at once, and of those that are
 * unknown, from time to time; what it hears is written.
 * May include: base.
 */
#ifndef OPP_CORE_ASKER_H
#define OPP_CORE_ASKER_H

#include "base/error.h"

struct opp_asker;
struct opp_worker;

/* On the worker's thread. OPP_E_MEMORY. */
enum opp_code opp_asker_start(struct opp_worker *worker, struct opp_asker **out, struct opp_err *err);
/* On the worker's thread, or after its loop has ended and the store was closed. Waits for the answers that it is
 * asking for, at most OPP_RECOVERY_ASK_MS; they are dropped. */
void opp_asker_stop(struct opp_asker *asker);

#endif
