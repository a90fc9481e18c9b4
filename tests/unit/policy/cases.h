/* SPDX-License-Identifier: MIT
 *
 * policy/cases.h - random sets of rules that one bundle can be: each of its rules does what the payload says.
 * May include: base, script, policy.
 */
#ifndef OPP_TESTS_POLICY_CASES_H
#define OPP_TESTS_POLICY_CASES_H

#include "policy/engine.h"

#define CASES_RULES 6 /* in the bundle, at most in a set */

/* The bundle's one file of rules: "r1", "r2", … for every tool. */
extern const char cases_text[];

/* The generator's state, and its next number below another. */
void cases_seed(uint64_t number);
unsigned cases_pick(unsigned below);

/* Gives a random set: an array of {say, reason, with?, tag?, window?}, say being "nothing", "allow", "draft", "deny",
 * "error" or "nonsense". */
json_t *cases_rules(void);

/* Asks an engine of cases_text; rules that the list lacks say nothing. Clear out when done. */
void cases_decide(struct opp_policy_engine *engine, const json_t *list, enum opp_phase phase,
                  struct opp_policy_decision *out);

#endif
