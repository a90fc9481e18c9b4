/* SPDX-License-Identifier: MIT
 *
 * policy/answer.h - what allow{}, draft() and deny() give: an outcome with obligations, checked when it is made.
 * May include: base, script, policy.
 */
#ifndef OPP_POLICY_ANSWER_H
#define OPP_POLICY_ANSWER_H

#include "policy/decision.h"
#include "script/sandbox.h"

enum opp_limit_by {
    OPP_LIMIT_BY_APP,
    OPP_LIMIT_BY_KEY,
    OPP_LIMIT_BY_ACTOR,
    OPP_LIMIT_BY_TOOL
};

/* The payload of an answer's userdata; its texts and lists are user values. */
struct opp_answer {
    enum opp_outcome outcome;
    unsigned require;
    int64_t approvals, expires_in_s;  /* 0: nothing said */
    int64_t max_rows, max_days;       /* -1: nothing said */
    int64_t limit_count, limit_per_s; /* per 0: no limit */
    enum opp_limit_by limit_by;
};

enum opp_answer_slot {
    OPP_ANSWER_REASON = 1,
    OPP_ANSWER_TAG,
    OPP_ANSWER_REDACT, /* a table of names, none else's */
    OPP_ANSWER_TOOLS,  /* the same of a limit's tools; nil: the rule's */
    OPP_ANSWER_SLOTS = OPP_ANSWER_TOOLS
};

/* allow, draft, deny. */
extern const struct opp_script_function opp_answer_constructors[];
/* Makes the metatable; inside a protected call. May jump. */
void lj_answer_register(struct lua_State *L);

/* Lends the answer at index, NULL when it is none. Neither raises nor allocates, as the rest here. */
const struct opp_answer *opp_answer_of(struct lua_State *L, int index);
/* Lends a text of the answer at index, "" for none, while the answer is reachable. */
const char *opp_answer_text(struct lua_State *L, int index, enum opp_answer_slot slot);
/* Gives a list of the answer at index as a JSON array; JSON null when there is none; NULL when memory is out. */
json_t *opp_answer_list(struct lua_State *L, int index, enum opp_answer_slot slot);

#endif
