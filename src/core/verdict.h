/* SPDX-License-Identifier: MIT
 *
 * core/verdict.h - what a decision comes to: the core, the app's settings and the rules together, ready to be compared.
 * May include: adapter, policy, base, core.
 */
#ifndef OPP_CORE_VERDICT_H
#define OPP_CORE_VERDICT_H

#include "adapter/tool.h"
#include "base/buf.h"
#include "core/app_policy.h"
#include "core/judge.h"
#include "policy/decision.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct opp_app_entry;

/* What the core and the app's settings contribute to a decision, whatever the rules say. */
struct opp_core_part {
    enum opp_phase phase;
    const char *tool; /* lent */
    enum opp_risk risk;
    int64_t now_ms;
    struct opp_window window; /* the app's for this risk; its list is lent */
    bool reads;               /* discover: the tool is a read */
    bool held;                /* not a read: discover said that it is a draft */
    bool execute;             /* action: an execution at once is asked for */
    bool settled;             /* action: it came so far that have was known */
    bool claimed;             /* action: judged again after its claim, which stands */
    struct opp_safeguards have;
    enum opp_code refused;      /* action: what the core refused it for after the rules; OPP_OK: nothing */
    bool reviewed;              /* execute: people approve, it is not automatic */
    int64_t approvals_required; /* approve, execute: by the draft */
    int64_t approvals_given;
    int64_t draft_lifetime_s;
    int64_t max_days;   /* read: by the app; 0: none */
    int64_t asked_days; /* read: the range that is asked for; 0: none */
    json_t *redact;     /* names that the app is never shown, in order; NULL: none */
};

/* Fills in what an app's settings and a tool contribute to a part whose phase is set; its redact is given. */
void opp_core_part_of_app(struct opp_core_part *core, const struct opp_app_entry *app, const struct opp_tool *tool,
                          const struct opp_settings *settings);

/* Appends it as the log keeps it: an object. */
void opp_core_part_write(struct opp_buf *out, const struct opp_core_part *core);
/* Gives the same; NULL: no memory. */
json_t *opp_core_part_json(const struct opp_core_part *core);
/* Reads what _json gave; *out lends from it. OPP_E_VALIDATION: it is not that. */
enum opp_code opp_core_part_read(const json_t *document, struct opp_core_part *out);

/* Appends the canonical bytes of {outcome, code, approvals, expires_in, limits, max_days, max_rows, redact, require};
 * members that say nothing are absent, and a deny has only its code. Equal bytes: the same decision. Gives the outcome.
 */
enum opp_outcome opp_verdict_write(struct opp_buf *out, const struct opp_core_part *core,
                                   const struct opp_policy_decision *ruling);

#endif
