/* SPDX-License-Identifier: MIT
 *
 * policy/kit.h - what the tests of rules share: a profile made of texts, some tools, a request, a decision.
 * May include: base, script, policy.
 */
#ifndef OPP_TESTS_POLICY_KIT_H
#define OPP_TESTS_POLICY_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/engine.h"

/* 2026-03-06T12:00:00Z, a Friday */
#define KIT_NOW INT64_C(1772798400)

/* thing.list (read, low), thing.delete (action, high, with facts), thing.make (action, medium). */
extern const struct opp_policy_tools kit_tools;

/* Gives the sources of a profile "p" with profile.lua and the files given as name, text, …, NULL ("p/10.lua"). */
struct opp_policy_sources *kit_sources(const char *name, ...) __attribute__((sentinel));
/* Gives a bundle of one file of rules; its load must succeed. */
struct opp_policy_bundle *kit_bundle(const char *rules);
struct opp_policy_engine *kit_engine(const char *rules);
/* Loads one file of rules, which must be refused, and lends the first issue as "file:line: message". */
const char *kit_refusal(const char *rules);
/* The first warning of a load that succeeds, or "". */
const char *kit_warning(const char *rules);

/* Reads and loads a profile's files, and keeps nothing. */
enum opp_code kit_check(const char *policies_dir, const char *profile, const struct opp_policy_tools *tools,
                        struct opp_policy_report *report, struct opp_err *err);

/* Gives a request's JSON of a phase about thing.delete with now = KIT_NOW, members of the JSON text replaced. */
json_t *kit_request(enum opp_phase phase, const char *members);
/* Decides, in the phase action about thing.delete unless said otherwise; the decision is cleared first. */
void kit_decide(struct opp_policy_engine *engine, const char *members, struct opp_policy_decision *out);
void kit_decide_phase(struct opp_policy_engine *engine, enum opp_phase phase, const char *tool, const char *members,
                      struct opp_policy_decision *out);
/* Lends the decision of one file of rules on a plain action as JSON text without reasons, or its error when failed. */
const char *kit_say(const char *rules);
const char *kit_say_phase(const char *rules, enum opp_phase phase, const char *members);

#endif
