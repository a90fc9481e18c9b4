/* SPDX-License-Identifier: MIT
 *
 * core/draft_make.h - a draft made of an understood intent, and the seal that approvals are given to.
 * May include: adapter, store, base, core.
 */
#ifndef OPP_CORE_DRAFT_MAKE_H
#define OPP_CORE_DRAFT_MAKE_H

#include "core/intent.h"

/* What a request adds to the intent. Texts are lent; NULL: none. */
struct opp_draft_request {
    const char *request_id, *idempotency_key, *justification, *preflight_id;
    bool execute;
    enum opp_code denied; /* why it was not executed at once, OPP_OK: it was not asked for, or it is */
};

/* Gives intent->draft, pending, sealed and not yet stored. OPP_E_MEMORY. */
enum opp_code opp_draft_make(struct opp_call *call, const struct opp_draft_request *request);

/* Takes over what a repeated request, which asks for execution, brings and the draft lacked; seals anew if anything
 * changed. OPP_E_MEMORY. */
enum opp_code opp_draft_complete(struct opp_draft *draft, const struct opp_draft_request *request);

/* Whether a stored draft is still what its seal says, and all that people are shown what its draft_hash says.
 * OPP_E_PRECONDITION: it was changed, and must not be executed. OPP_E_MEMORY. */
enum opp_code opp_draft_check_seal(const struct opp_draft *draft);

/* Before a stored draft is shown: one that was changed becomes a damaged one, without its JSON. OPP_E_MEMORY. */
enum opp_code opp_draft_distrust(struct opp_draft *draft);

/* What relative date ranges of the draft are relative to. */
int64_t opp_draft_asked_at(const struct opp_draft *draft);

/* The reason that automatic execution was denied for, as it stands on the draft; OPP_OK: none. */
enum opp_code opp_draft_denied(const struct opp_draft *draft);
void opp_draft_set_denied(struct opp_draft *draft, enum opp_code denied);

#endif
