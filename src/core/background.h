/* SPDX-License-Identifier: MIT
 *
 * core/background.h - what happens by itself, once a second on one worker: overdue drafts expire, old handles go,
 * times of use are written, and receipts are asked for again (core/asker.h).
 * May include: audit, store, base, core.
 */
#ifndef OPP_CORE_BACKGROUND_H
#define OPP_CORE_BACKGROUND_H

#include "base/error.h"

struct opp_background;
struct opp_worker;

/* On the worker's thread. OPP_E_MEMORY. */
enum opp_code opp_background_start(struct opp_worker *worker, struct opp_background **out, struct opp_err *err);
/* On the worker's thread, or after its loop has ended and the store was closed: nothing is under way then. */
void opp_background_stop(struct opp_background *background);

#endif
