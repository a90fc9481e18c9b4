/* SPDX-License-Identifier: MIT
 *
 * core/hub.h - tells loops that something they wait for has changed. In-process: a shared store will need its own.
 * May include: base.
 */
#ifndef OPP_CORE_HUB_H
#define OPP_CORE_HUB_H

#include "base/error.h"
#include "base/loop.h"

#include <stdbool.h>

struct opp_hub;
struct opp_watch;

enum opp_code opp_hub_new(struct opp_hub **out, struct opp_err *err);
void opp_hub_free(struct opp_hub *hub);

/* On loop's thread: calls fn(arg) there after each notice about the subject (NULL: about anything), several notices
 * perhaps as one, until unwatched. Gives NULL when memory is out. */
struct opp_watch *opp_hub_watch(struct opp_hub *hub, struct opp_loop *loop, const char *subject, opp_loop_fn fn,
                                void *arg);
/* On the same thread; fn is not called any more. NULL allowed. */
void opp_hub_unwatch(struct opp_watch *watch);

/* From any thread. subject NULL wakes every watch. */
void opp_hub_notify(struct opp_hub *hub, const char *subject);

/* From any thread: wakes every watch, and from now on opp_hub_is_closed says so: nobody should wait any longer, since
 * the process is about to end. */
void opp_hub_close(struct opp_hub *hub);
bool opp_hub_is_closed(const struct opp_hub *hub);

#endif
