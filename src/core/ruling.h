/* SPDX-License-Identifier: MIT
 *
 * core/ruling.h - what the rules said of a decision, as it is told and kept.
 * May include: policy, base.
 */
#ifndef OPP_CORE_RULING_H
#define OPP_CORE_RULING_H

#include "base/buf.h"
#include "policy/decision.h"

/* Lends the reason and the rule of the first answer that made the ruling what it is: a failed rule, else the first with
 * its outcome; "" and NULL where none spoke. */
const char *opp_ruling_reason(const struct opp_policy_decision *ruling);
const char *opp_ruling_rule(const struct opp_policy_decision *ruling);

#define OPP_RULING_ERROR_MAX 400 /* where and what of a struct opp_err */
/* Writes where it failed, and how; "" if it did not. */
void opp_ruling_error(const struct opp_policy_decision *ruling, char error[OPP_RULING_ERROR_MAX]);

/* Appends it as the log keeps it, canonical: what opp_policy_decision_json gives, set_by, and where it failed (error)
 * or which rule's window is closed, and why (window_rule, window_reason). */
void opp_ruling_write(struct opp_buf *out, const struct opp_policy_decision *ruling);

#endif
