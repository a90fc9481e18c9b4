/* SPDX-License-Identifier: MIT
 *
 * core/await.h - a flow that waits for a change, a time, or for its caller to leave.
 * May include: base, core.
 */
#ifndef OPP_CORE_AWAIT_H
#define OPP_CORE_AWAIT_H

#include "core/call.h"

struct opp_timer;
struct opp_watch;

/* Zero it. begin before what is waited for is looked at, so that no change between is missed. */
struct opp_await {
    struct opp_watch *watch;
    struct opp_timer *timer;
    bool changed, timed_out, gone; /* why the flow goes on */
    bool waiting;
    struct opp_call *call;
};

/* Starts to notice changes of the subject, for at most timeout_ms. OPP_E_MEMORY. */
enum opp_code opp_await_begin(struct opp_await *await, struct opp_call *call, const char *subject, int64_t timeout_ms);
/* Waits, unless there is a reason to go on already: then OPP_NEXT. */
enum opp_step opp_await(struct opp_await *await);
/* Forgets a change that was looked at. */
void opp_await_again(struct opp_await *await);
void opp_await_end(struct opp_await *await);

#endif
