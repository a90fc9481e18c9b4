/* SPDX-License-Identifier: MIT
 *
 * core/moved.h - a pending draft that the world has moved away from: it fails, on record, before that is answered.
 * May include: base, core.
 */
#ifndef OPP_CORE_MOVED_H
#define OPP_CORE_MOVED_H

#include "core/call.h"

struct opp_intent;

/* The adapter does not know the draft's resource any more. */
bool opp_moved_gone(const struct opp_intent *intent);

/* For opp_intent.refused, once intent->draft is a pending one that is stored. What says that the world has moved (its
 * resource being gone too, or that the adapter does not take the intent any more) fails the draft; any other refusal
 * leaves it. Takes details, which may be NULL. */
enum opp_step opp_moved_refuse(struct opp_call *call, enum opp_code code, const char *message, json_t *details);

/* The last two steps of a flow that uses it, in this order. When somebody else has ended the draft meanwhile, nothing
 * is recorded and the flow goes on at intent->moved.look_again. */
enum opp_step opp_step_moved_write(struct opp_call *call);
enum opp_step opp_step_moved_written(struct opp_call *call);

#endif
