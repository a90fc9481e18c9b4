/* SPDX-License-Identifier: MIT
 *
 * policy/rules.h - rules as their files declare them: facts as JSON, functions as references into a Lua state.
 * May include: base, script, policy.
 */
#ifndef OPP_POLICY_RULES_H
#define OPP_POLICY_RULES_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct opp_policy_file;
struct opp_policy_lua;

enum opp_rule_fn {
    OPP_RULE_DISCOVER,
    OPP_RULE_DECIDE,
    OPP_RULE_WINDOW,
    OPP_RULE_WITNESS,
    OPP_RULE_FN_COUNT
};

struct opp_rule {
    const char *file; /* lent by the sources */
    int line;         /* of its first function; 0: it has none */
    json_t *facts;    /* {name, tools, optional} as far as declared; NULL when only functions were wanted */
    json_t *tests;    /* [{given, expect, …}], expect's first element as its member "outcome"; NULL as facts */
    int functions[OPP_RULE_FN_COUNT]; /* references, 0 for none */
};

struct opp_rules {
    struct opp_rule *list;
    size_t count;
};
void opp_rules_free(struct opp_rules *rules);

const char *opp_rule_fn_name(enum opp_rule_fn fn);
/* Whether a file of the sources holds rules: not profile.lua, not in lib/. */
bool opp_rule_file(const char *name);

/* Runs one file and appends its rules to lua->rules; only their functions unless facts are wanted. Leaves the rules'
 * table on the main stack. OPP_E_SCRIPT: err->where is file:line or the file. OPP_E_LIMIT, OPP_E_MEMORY. */
enum opp_code opp_rules_read(struct opp_policy_lua *lua, const struct opp_policy_file *file, bool facts,
                             struct opp_err *err);
/* Ends loading: freezes all that is on the main stack and empties it. Codes as opp_rules_read. */
enum opp_code opp_rules_seal(struct opp_policy_lua *lua, struct opp_err *err);
/* Both, for all files of the sources, functions only. */
enum opp_code opp_rules_load(struct opp_policy_lua *lua, struct opp_err *err);

#endif
