/* SPDX-License-Identifier: MIT
 *
 * core/blame.h - which rule is responsible for what two decisions differ in.
 * May include: policy, base, core.
 */
#ifndef OPP_CORE_BLAME_H
#define OPP_CORE_BLAME_H

#include "core/verdict_text.h"
#include "policy/decision.h"

/* What one side's rules said: all lent, NULL: nobody. */
struct opp_blame {
    enum opp_outcome outcome;
    const char *rule; /* whose outcome it is, as opp_ruling_rule says it */
    const char *limits;
    struct opp_policy_setters set_by;
};

/* Lends from the ruling and its bundle. */
struct opp_blame opp_blame_of(const struct opp_policy_decision *ruling);
/* The same of a ruling as the log keeps it; lends from it. */
struct opp_blame opp_blame_read(const json_t *logged);

/* Lends the rule that is responsible for the first that differs in two verdicts, an outcome or its code before any
 * obligation. Of two outcomes it is the stricter one's rule, of two obligations the one
 * that set it; where both could be, to's. NULL: no rule is. */
const char *opp_blame(const struct opp_blame *from, const struct opp_blame *to,
                      const struct opp_verdict_difference *difference);

#endif
