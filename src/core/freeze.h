/* SPDX-License-Identifier: MIT
 *
 * core/freeze.h - what an operator has stopped for now: everything, an app or a tool; from executing by itself, or at
 * all. May include: store, core.
 */
#ifndef OPP_CORE_FREEZE_H
#define OPP_CORE_FREEZE_H

#include "core/call.h"

/* The strictest freeze that is in force for a tool of an app, lent as the app is; NULL: none. */
const struct opp_freeze *opp_freeze_of(const struct opp_app_entry *app, const char *tool);
/* Nothing executes, for nobody. Else: nothing by itself, but a person's approval does. */
bool opp_freeze_is_off(const struct opp_freeze *freeze);

/* Of an intent's flow, once its tool is known: one that is off is refused (agent.forbidden; a draft that it may have
 * stays pending), or OPP_NEXT. */
enum opp_step opp_freeze_check(struct opp_call *call);

/* As people see it, and as the manifest shows it. NULL: no memory. */
json_t *opp_freeze_shape(const struct opp_freeze *freeze);
json_t *opp_freeze_shape_now(const struct opp_freeze *freeze);

#endif
