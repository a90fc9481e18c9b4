/* SPDX-License-Identifier: MIT
 *
 * policy/bundle.h - one generation of a profile's rules: compiled, validated, tested; shared by the engines that run
 * it. May include: base, script, policy.
 */
#ifndef OPP_POLICY_BUNDLE_H
#define OPP_POLICY_BUNDLE_H

#include "base/error.h"
#include "policy/facts.h"
#include "policy/sources.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct opp_policy_bundle;

/* What loading found, for operators. All arrays are gives (opp_policy_report_clear) and never NULL on return. */
struct opp_policy_report {
    json_t *issues;   /* [{file, line, message}]: each refuses the load; line 0 where there is none */
    json_t *warnings; /* the same shape: a glob that matches no tool, a draft that no read can be */
    json_t *tests;    /* [{rule, file, line, test, ok, message}], message only where ok is false */
};
void opp_policy_report_clear(struct opp_policy_report *report);

/* Compiles and validates the rules, runs all their tests, and gives a bundle with one reference. Takes sources, also on
 * failure. report is filled in either case (but for OPP_E_MEMORY); NULL: nobody wants it.
 * OPP_E_CONFIG: report->issues is not empty, err is its first. OPP_E_MEMORY. */
enum opp_code opp_policy_bundle_new(struct opp_policy_sources *sources, const struct opp_policy_tools *tools,
                                    struct opp_policy_bundle **out, struct opp_policy_report *report,
                                    struct opp_err *err);

/* From any thread; NULL allowed. */
struct opp_policy_bundle *opp_policy_bundle_ref(struct opp_policy_bundle *bundle);
void opp_policy_bundle_unref(struct opp_policy_bundle *bundle);

/* The number is the caller's; set it before the bundle is shared. */
void opp_policy_bundle_number(struct opp_policy_bundle *bundle, int64_t generation);
int64_t opp_policy_bundle_generation(const struct opp_policy_bundle *bundle);

/* Lent while the bundle is held. */
const char *opp_policy_bundle_profile(const struct opp_policy_bundle *bundle);
const struct opp_policy_sources *opp_policy_bundle_sources(const struct opp_policy_bundle *bundle);

/* The rules in the order in which they are asked. */
size_t opp_policy_bundle_count(const struct opp_policy_bundle *bundle);
const char *opp_policy_bundle_rule(const struct opp_policy_bundle *bundle, size_t index);
/* Whether any rule is about the tool at all: if not, every decision on it is the neutral allow. */
bool opp_policy_bundle_speaks(const struct opp_policy_bundle *bundle, const char *tool);
/* Whether a rule of the bundle says of the tool what manifests list: its discover. */
bool opp_policy_bundle_lists(const struct opp_policy_bundle *bundle, const char *tool);

#endif
