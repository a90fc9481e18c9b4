/* SPDX-License-Identifier: MIT
 *
 * core/shown.h - what rules are shown of a call: the same for those in force and for those that are staged.
 * May include: adapter, policy, store, base, core.
 */
#ifndef OPP_CORE_SHOWN_H
#define OPP_CORE_SHOWN_H

#include "policy/decision.h"

#include <jansson.h>
#include <stdint.h>

struct opp_app;
struct opp_app_view;
struct opp_buf;
struct opp_draft;
struct opp_intent;
struct opp_call;
struct opp_tool;

/* What every phase shows. All lent. The key and the person are the agent's, also when another decides on its draft. */
struct opp_shown {
    enum opp_phase phase;
    const struct opp_tool *tool;
    const struct opp_app *app;
    const char *key_id, *key_name, *ip; /* each NULL: none */
    int64_t now_ms;
};

/* Fills in of a call what every phase shows of it. */
void opp_shown_fill(struct opp_shown *out, const struct opp_call *call, const struct opp_tool *tool,
                    const struct opp_app *app, enum opp_phase phase);

/* Gives the members that every phase has; view is the app's. NULL: no memory, as if there is no view. */
json_t *opp_shown_json(const struct opp_shown *shown, const struct opp_app_view *view);

/* Adds the members that the phase has besides: payload and resources, then impact and state, then justification,
 * execute, draft and reviewer, as the table in docs/policies.md has them. One that is missing for lack of memory is an
 * error to the rule that reads it. */
void opp_shown_add_intent(json_t *request, const struct opp_call *call, const struct opp_intent *intent,
                          enum opp_phase phase);

/* The same as text, for where no rule asks: members of an object that the caller begins and ends. */
void opp_shown_write_intent(struct opp_buf *out, const struct opp_call *call, const struct opp_intent *intent,
                            enum opp_phase phase);

#endif
