/* SPDX-License-Identifier: MIT
 *
 * policy/selftest.h - a request made of a test's `given`: what it leaves out has empty values.
 * May include: base, policy.
 */
#ifndef OPP_POLICY_SELFTEST_H
#define OPP_POLICY_SELFTEST_H

#include "policy/bundle_internal.h"
#include "policy/decision.h"

struct opp_given {
    struct opp_policy_request request; /* its JSON is given back by opp_given_free */
    int64_t recent;                    /* what request.recent{} says */
};

/* Reads a test of a rule about a tool. given may have the phase's fields, `recent` (a number) and `tool` (a name or
 * some of its fields); now may be RFC 3339 text. OPP_E_VALIDATION: err->message says what is wrong with it.
 * OPP_E_MEMORY. */
enum opp_code opp_given_read(const json_t *test, const struct opp_tool_rules *tool, struct opp_given *out,
                             struct opp_err *err);
void opp_given_free(struct opp_given *given);

#endif
