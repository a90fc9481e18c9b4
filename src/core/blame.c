/* SPDX-License-Identifier: MIT */
#include "core/blame.h"

#include "base/json.h"
#include "core/ruling.h"

#include <string.h>

struct opp_blame opp_blame_of(const struct opp_policy_decision *ruling)
{
    return (struct opp_blame){ .outcome = ruling->outcome,
                               .rule = opp_ruling_rule(ruling),
                               .limits = opp_json_text(json_array_get(ruling->limits, 0), "rule"),
                               .set_by = ruling->set_by };
}

static enum opp_outcome outcome_of(const char *name)
{
    int outcome = OPP_OUTCOME_ALLOW;

    while (outcome < OPP_OUTCOME_DENY &&
           (name == NULL || strcmp(opp_outcome_name((enum opp_outcome)outcome), name) != 0))
        outcome++;
    return (enum opp_outcome)outcome;
}

/* As opp_ruling_rule says it of a ruling that was not written yet. */
static const char *rule_of(const json_t *logged, enum opp_outcome outcome)
{
    const char *rule = opp_json_text(json_object_get(logged, "error"), "rule"), *said;
    json_t *spoken;
    size_t index;

    if (rule == NULL && outcome == OPP_OUTCOME_ALLOW)
        rule = opp_json_text(logged, "window_rule");
    json_array_foreach(json_object_get(logged, "reasons"), index, spoken)
    {
        said = opp_json_text(spoken, "outcome");
        if (rule == NULL && said != NULL && strcmp(said, opp_outcome_name(outcome)) == 0)
            rule = opp_json_text(spoken, "rule");
    }
    return rule;
}

struct opp_blame opp_blame_read(const json_t *logged)
{
    const json_t *set_by = json_object_get(logged, "set_by");
    enum opp_outcome outcome = outcome_of(opp_json_text(logged, "outcome"));

    return (struct opp_blame){ .outcome = outcome,
                               .rule = rule_of(logged, outcome),
                               .limits = opp_json_text(json_array_get(json_object_get(logged, "limits"), 0), "rule"),
                               .set_by = { .approvals = opp_json_text(set_by, "approvals"),
                                           .expires_in = opp_json_text(set_by, "expires_in"),
                                           .max_days = opp_json_text(set_by, "max_days"),
                                           .max_rows = opp_json_text(set_by, "max_rows"),
                                           .redact = opp_json_text(set_by, "redact"),
                                           .require = opp_json_text(set_by, "require") } };
}

/* The outcome or its code if they differ, else the first; NULL: nothing does. */
static const struct opp_verdict_member *foremost(const struct opp_verdict_difference *difference)
{
    for (size_t i = 0; i < difference->count; i++) {
        const struct opp_verdict_member *member = &difference->members[i];

        if (opp_verdict_member_is(member, "outcome") || opp_verdict_member_is(member, "code"))
            return member;
    }
    return difference->count > 0 ? &difference->members[0] : NULL;
}

/* Who set an obligation; NULL: nobody, or it is none. */
static const char *setter(const struct opp_blame *side, const struct opp_verdict_member *member)
{
    const struct {
        const char *name, *rule;
    } all[] = {
        { "approvals", side->set_by.approvals },
        { "expires_in", side->set_by.expires_in },
        { "limits", side->limits },
        { "max_days", side->set_by.max_days },
        { "max_rows", side->set_by.max_rows },
        { "redact", side->set_by.redact },
        { "require", side->set_by.require },
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (opp_verdict_member_is(member, all[i].name))
            return all[i].rule;
    return NULL;
}

const char *opp_blame(const struct opp_blame *from, const struct opp_blame *to,
                      const struct opp_verdict_difference *difference)
{
    const struct opp_verdict_member *differs = foremost(difference);
    const char *rule = differs != NULL ? setter(to, differs) : NULL;

    if (rule == NULL && differs != NULL)
        rule = setter(from, differs);
    if (rule != NULL)
        return rule;
    return to->rule == NULL || to->outcome < from->outcome ? from->rule : to->rule;
}
