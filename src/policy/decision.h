/* SPDX-License-Identifier: MIT
 *
 * policy/decision.h - what is asked of the rules, and what they answer together.
 * May include: base.
 */
#ifndef OPP_POLICY_DECISION_H
#define OPP_POLICY_DECISION_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define OPP_POLICY_REASON_MAX 512 /* bytes, with the NUL, of a reason */
#define OPP_POLICY_TAG_MAX 65

enum opp_phase {
    OPP_PHASE_DISCOVER,
    OPP_PHASE_READ,
    OPP_PHASE_PREFLIGHT,
    OPP_PHASE_ACTION,
    OPP_PHASE_APPROVE,
    OPP_PHASE_EXECUTE,
    OPP_PHASE_COUNT
};
const char *opp_phase_name(enum opp_phase phase);
enum opp_phase opp_phase_find(const char *name); /* OPP_PHASE_COUNT: none is called so */

/* Ordered: the higher is the stricter. */
enum opp_outcome {
    OPP_OUTCOME_ALLOW,
    OPP_OUTCOME_DRAFT,
    OPP_OUTCOME_DENY
};
const char *opp_outcome_name(enum opp_outcome outcome);

/* All lent for the call. */
struct opp_policy_request {
    enum opp_phase phase;
    const char *tool;
    /* An object with exactly the phase's members; reading another is an error, which denies. Always: phase, tool {name,
     * kind, risk, scopes}, app {id, name, scope, org_id, scopes, policy}, key {id, name}, actor {user_id}, ip, now
     * (epoch seconds). read: +payload, resources. preflight: +impact, state. action: +justification, execute. approve:
     * +draft, reviewer. execute: as action, +draft. (state is {} for a tool that has none.) Must not change
     * afterwards. */
    json_t *request;
    int64_t now_s;     /* what windows are judged by; the same as request.now */
    bool skip_windows; /* nobody asks for the windows: save the work */
    /* Names (an object's) in payload, resources, impact and state of which it matters whether a rule reads one; NULL:
     * none. */
    const json_t *watched;
    /* Counts executions of a tool (NULL: of any; a glob) in the last so many seconds, -1: not known (an error, which
     * denies). NULL: there is no request.recent in this phase. */
    int64_t (*recent)(void *arg, const char *tool, int64_t seconds);
    void *arg;
};

/* Safeguards that `require` names. */
enum opp_require {
    OPP_REQUIRE_PREFLIGHT = 1,
    OPP_REQUIRE_IDEMPOTENCY = 2,
    OPP_REQUIRE_JUSTIFICATION = 4,
    OPP_REQUIRE_WITNESS = 8
};

/* The bit of a safeguard's name; 0: none is called so. */
unsigned opp_require_find(const char *name);
/* Gives the names of the bits' safeguards; NULL: there are none, or no memory. */
json_t *opp_require_json(unsigned require);

/* The names of the rules that set obligations, lent by the bundle; NULL: nobody. Of several the one that counts, or the
 * last that added something. */
struct opp_policy_setters {
    const char *approvals, *expires_in, *max_days, *max_rows, *redact, *require;
};

/* Zero it before use; opp_policy_decision_clear when done. The strictest of all rules that spoke. */
struct opp_policy_decision {
    enum opp_outcome outcome;           /* in the phase read a draft is a deny already */
    bool spoke;                         /* a rule answered */
    char reason[OPP_POLICY_REASON_MAX]; /* of the first rule with this outcome; for the agent; "" for allow */
    char tag[OPP_POLICY_TAG_MAX];       /* of a deny, or "" */
    bool drafted_read;                  /* a rule drafted a read, which denied it; worth a warning */
    json_t *reasons;                    /* gives: [{rule, outcome, reason}] of all that answered, or NULL: none */

    int64_t approvals;    /* 0: nothing said */
    int64_t expires_in_s; /* 0: nothing said */
    unsigned require;     /* bits of enum opp_require */
    int64_t max_rows;     /* -1: nothing said */
    int64_t max_days;     /* -1: nothing said */
    json_t *redact;       /* gives: sorted array of field names, or NULL */
    json_t *limits;       /* gives: [{rule, count, per, by, tools}], or NULL */
    struct opp_policy_setters set_by;

    bool window_open;   /* all rules' windows are open (true when there is none, or skip_windows) */
    bool has_window;    /* a rule has one */
    int64_t opens_at_s; /* when closed: the earliest time that all may be open; 0: not known, or never */
    int64_t until_s;    /* the next time at which this may change; 0: never */
    char window_reason[OPP_POLICY_REASON_MAX]; /* of never(reason), or "" */
    const char *window_rule; /* lent by the bundle: the first whose window is closed; NULL: none, or not known */

    bool read_watched; /* a rule read one of the names that were watched for */

    bool failed;             /* a rule erred or ran out of its budget: outcome is deny, the reason a neutral one */
    const char *failed_rule; /* lent by the bundle; NULL: none in particular */
    struct opp_err error;    /* for the operator only: where is file:line */
};

void opp_policy_decision_clear(struct opp_policy_decision *decision);

/* Gives all of it but the windows' times and the error: {outcome, reason, tag, reasons, approvals, expires_in, require,
 * redact, max_rows, max_days, limits, window, failed}; members that say nothing are absent. NULL: out of memory. */
json_t *opp_policy_decision_json(const struct opp_policy_decision *decision);

#endif
