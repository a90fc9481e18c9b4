/* SPDX-License-Identifier: MIT
 *
 * policy/bundle_internal.h - a bundle seen from inside this folder: its rules by tool, and what loading one shares.
 * May include: base, script, policy.
 */
#ifndef OPP_POLICY_BUNDLE_INTERNAL_H
#define OPP_POLICY_BUNDLE_INTERNAL_H

#include "policy/bundle.h"
#include "policy/profile.h"
#include "policy/rules.h"

#include <stdatomic.h>

struct opp_policy_engine;
struct opp_zones;

/* Rules by number, in order. */
struct opp_rule_numbers {
    size_t *list;
    size_t count;
};

struct opp_tool_rules {
    char *name;
    json_t *tool;  /* {name, kind, risk, scopes} */
    json_t *shape; /* of request: what may be read of it, where that is known */
    struct opp_rule_numbers by_function[OPP_RULE_FN_COUNT];
};

/* Immutable once it is shared. */
struct opp_policy_bundle {
    atomic_uint references;
    int64_t generation;
    struct opp_policy_sources *sources;
    struct opp_policy_profile about;
    struct opp_zones *zones;
    struct opp_rules rules;       /* functions say only which there are */
    struct opp_tool_rules *tools; /* sorted by name */
    size_t tool_count;
};

struct opp_policy_loading {
    struct opp_policy_bundle *bundle;
    struct opp_policy_report *report;
    struct opp_err first; /* issue */
    bool starved;
};

/* Each records one finding; file may be NULL. */
void opp_loading_issue(struct opp_policy_loading *loading, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void opp_loading_warn(struct opp_policy_loading *loading, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* An error as an issue: where is file:line. */
void opp_loading_error(struct opp_policy_loading *loading, const struct opp_err *err);
void opp_loading_test(struct opp_policy_loading *loading, const struct opp_rule *rule, size_t number,
                      const char *problem);
/* No issue yet, and memory enough to have said so. */
bool opp_loading_sound(const struct opp_policy_loading *loading);

/* The steps of a load; each stops at memory only. */
void opp_bundle_read_rules(struct opp_policy_loading *loading);
void opp_bundle_index(struct opp_policy_loading *loading, const struct opp_policy_tools *tools);
void opp_bundle_check_fields(struct opp_policy_loading *loading, struct opp_policy_engine *engine);
void opp_bundle_run_tests(struct opp_policy_loading *loading, struct opp_policy_engine *engine);

/* The parts of a rule's facts. */
const char *opp_rule_name(const struct opp_rule *rule);
const json_t *opp_rule_tools(const struct opp_rule *rule);

/* Lends a tool's rules, NULL when there is no such tool. */
const struct opp_tool_rules *opp_bundle_tool(const struct opp_policy_bundle *bundle, const char *name);
void opp_bundle_tools_free(struct opp_policy_bundle *bundle);

#endif
