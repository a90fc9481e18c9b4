/* SPDX-License-Identifier: MIT
 *
 * core/told.h - a decision on its way from the worker that made it to the staging thread: it shares nothing that counts
 * references, but for what is pinned.
 * May include: adapter, policy, base, core.
 */
#ifndef OPP_CORE_TOLD_H
#define OPP_CORE_TOLD_H

#include "base/buf.h"
#include "core/shown.h"
#include "core/verdict.h"

struct opp_call;
struct opp_generation;
struct opp_registry;

struct opp_told {
    struct opp_told *next;
    const struct opp_registry *registry; /* pinned: shown and app live in it */
    struct opp_generation *generation;   /* pinned: the rules that decided, and the tool */
    const struct opp_app_entry *app;
    struct opp_shown shown; /* its texts are in texts */
    const char *request_id;
    struct opp_core_part core;          /* what only the call knew; the rest is the app's and the tool's */
    bool ruled;                         /* a rule was asked, or failed */
    struct opp_policy_decision *ruling; /* owned; says something if ruled; its JSON is in parts */
    int64_t took_ns;
    int64_t sample; /* of a read that is logged for so many like it; 0: only if it is denied, or differs */
    /* JSON text: {draft, execute, impact, justification, payload, resources, reviewer, state} as far as the phase has
     * them, and recent, limits, reasons, redact of the ruling. */
    struct opp_buf parts;
    struct opp_buf texts;
};

/* What the rules were asked and what they said; all lent. */
struct opp_telling {
    enum opp_phase phase;
    const struct opp_tool *tool;
    const json_t *request; /* what they were shown; NULL: no rule was asked */
    const struct opp_policy_decision *ruling;
    const struct opp_buf *recent; /* "[tool,seconds,count]," for each that was asked */
    int64_t took_ns;
};

/* Tells the staging thread of a decision of the call's intent, if that is to be known. One on an action is held back
 * until opp_told_settle. On a worker's thread, before the call is answered. */
void opp_told_decision(struct opp_call *call, const struct opp_telling *telling);

/* The action came so far that what it brought is known: NULL if its claim stands from before. */
void opp_told_settle(struct opp_call *call, const struct opp_safeguards *have);
/* The call ends: what is held back was refused with this. */
void opp_told_refused(struct opp_call *call, enum opp_code code);

/* The memory that it holds. */
size_t opp_told_bytes(const struct opp_told *told);
/* Lets go of what it pins: only its memory counts from here on. */
void opp_told_clear(struct opp_told *told);
void opp_told_free(struct opp_told *told); /* NULL allowed */

#endif
