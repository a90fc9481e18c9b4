/* SPDX-License-Identifier: MIT
 *
 * core/resolve.h - a person says what became of an execution of which nothing else can tell.
 * May include: core.
 */
#ifndef OPP_CORE_RESOLVE_H
#define OPP_CORE_RESOLVE_H

struct opp_flow;

/* POST drafts/{id}/resolve {outcome, note}. The receipt is asked for first, and what it says counts. Said again, it is
 * answered again; said otherwise, or of what is not unknown (any more), it is agent.precondition_failed. */
extern const struct opp_flow OPP_FLOW_RESOLVE;

#endif
