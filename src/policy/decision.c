/* SPDX-License-Identifier: MIT */
#include "policy/decision.h"

#include <string.h>

static const char *const phases[OPP_PHASE_COUNT] = { "discover", "read", "preflight", "action", "approve", "execute" };
static const char *const safeguards[] = { "preflight", "idempotency", "justification", "witness", NULL };

const char *opp_phase_name(enum opp_phase phase)
{
    return phases[phase];
}

enum opp_phase opp_phase_find(const char *name)
{
    int i = 0;

    while (i < OPP_PHASE_COUNT && strcmp(phases[i], name) != 0)
        i++;
    return (enum opp_phase)i;
}

const char *opp_outcome_name(enum opp_outcome outcome)
{
    static const char *const names[] = { "allow", "draft", "deny" };

    return names[outcome];
}

unsigned opp_require_find(const char *name)
{
    for (unsigned i = 0; safeguards[i] != NULL; i++)
        if (strcmp(safeguards[i], name) == 0)
            return 1U << i;
    return 0;
}

void opp_policy_decision_clear(struct opp_policy_decision *decision)
{
    json_decref(decision->reasons);
    json_decref(decision->redact);
    json_decref(decision->limits);
    *decision = (struct opp_policy_decision){ .max_rows = -1, .max_days = -1, .window_open = true };
}

json_t *opp_require_json(unsigned require)
{
    json_t *list;

    if (require == 0)
        return NULL;
    list = json_array();
    for (unsigned i = 0; safeguards[i] != NULL; i++)
        if ((require & (1U << i)) != 0)
            json_array_append_new(list, json_string(safeguards[i]));
    return list;
}

static json_t *text_or_none(const char *text)
{
    return *text != '\0' ? json_string(text) : NULL;
}

static json_t *number_or_none(int64_t number, int64_t none)
{
    return number > none ? json_integer(number) : NULL;
}

json_t *opp_policy_decision_json(const struct opp_policy_decision *decision)
{
    const char *window = decision->window_open ? "open" : "closed";

    return json_pack("{s:s, s:o*, s:o*, s:O*, s:o*, s:o*, s:o*, s:O*, s:o*, s:o*, s:O*, s:s*, s:b}", "outcome",
                     opp_outcome_name(decision->outcome), "reason", text_or_none(decision->reason), "tag",
                     text_or_none(decision->tag), "reasons", decision->reasons, "approvals",
                     number_or_none(decision->approvals, 0), "expires_in", number_or_none(decision->expires_in_s, 0),
                     "require", opp_require_json(decision->require), "redact", decision->redact, "max_rows",
                     number_or_none(decision->max_rows, -1), "max_days", number_or_none(decision->max_days, -1),
                     "limits", decision->limits, "window", decision->has_window ? window : NULL, "failed",
                     (int)decision->failed);
}
