/* SPDX-License-Identifier: MIT
 *
 * core/action_state.h - what POST actions keeps between its steps, and the steps before an intent is understood.
 * May include: store, base, core.
 */
#ifndef OPP_CORE_ACTION_STATE_H
#define OPP_CORE_ACTION_STATE_H

#include "core/await.h"
#include "core/draft_make.h"
#include "core/intent.h"

#define OPP_KEY_MAX 255

struct action {
    struct opp_intent intent; /* first: the shared steps find it */
    struct opp_draft_request request;
    char key[OPP_KEY_MAX + 1]; /* "": none */
    const char *preflight_id;  /* lent by the input */
    struct opp_preflight *preflight;
    bool attached, preflight_gone;
    struct opp_idempotency *known; /* what the key holds */
    struct opp_draft *found_draft;
    struct opp_execution *found_execution;
    char *previous_execution_id; /* lent by found_execution */
    bool existing;               /* intent.draft is a pending one that the key holds */
    bool runs, claiming;
    bool limit_reached; /* a rule's limit was used up at the claim */
    unsigned rejudged, looked_up;
    struct opp_await await;
};

/* Checks the fields, the key and its header, and prepares the intent. */
enum opp_step opp_action_read_request(struct opp_call *call);
/* Finds the preflight and what the key holds. */
enum opp_step opp_action_look_up(struct opp_call *call);
/* The table of contract section 5: replays, waits, refuses, or goes on. */
enum opp_step opp_action_judge_key(struct opp_call *call);
enum opp_step opp_action_attach_preflight(struct opp_call *call);

/* Answers with intent.draft; fresh: it was made by this request. */
enum opp_step opp_action_answer_draft(struct opp_call *call, bool fresh);

#endif
