/* SPDX-License-Identifier: MIT
 *
 * policy/facts.h - what rules know of the tools that exist: given by whoever loaded the adapters.
 * May include: base.
 */
#ifndef OPP_POLICY_FACTS_H
#define OPP_POLICY_FACTS_H

#include <jansson.h>
#include <stddef.h>

/* All lent; a bundle keeps copies. */
struct opp_policy_tool {
    const char *name;
    const char *kind;     /* "read" or "action" */
    const char *risk;     /* "low", "medium" or "high" */
    const json_t *scopes; /* array of strings */
    const json_t *facts;  /* JSON Schema of the object {resources, state, impact}, or NULL: nothing is known of them */
};

struct opp_policy_tools {
    const struct opp_policy_tool *list;
    size_t count;
};

#endif
