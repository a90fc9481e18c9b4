/* SPDX-License-Identifier: MIT */
#include "core/blame.h"

#include "base/json.h"
#include "core/rejudge.h"

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

/* Verdicts are compared as texts, and not by opp_verdict_changed: in a replay each of them may differ, and to parse
 * both takes a quarter of its time. A member of canonical JSON, whose members stand in the order of their names; length
 * 0: there are no more. */
struct member {
    const char *name, *value;
    size_t length, value_length;
};

/* Where a value ends: at the comma or brace behind it. */
static const char *end_of(const char *at)
{
    bool quoted = false;

    for (int depth = 0; *at != '\0' && (quoted || depth > 0 || (*at != ',' && *at != '}')); at++) {
        if (quoted && *at == '\\' && at[1] != '\0')
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (!quoted)
            depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
    }
    return at;
}

static struct member next_member(const char **at)
{
    struct member member = { .length = 0 };
    const char *end;

    if (**at == '\0' || (*at)[1] != '"')
        return member;
    member.name = *at + 2; /* behind a brace or a comma, and a quote */
    end = strchr(member.name, '"');
    if (end == NULL || end[1] != ':')
        return member;
    member.length = (size_t)(end - member.name);
    member.value = end + 2;
    *at = end_of(member.value);
    member.value_length = (size_t)(*at - member.value);
    return member;
}

/* What is not there comes behind all that is. */
static int compare_names(const struct member *a, const struct member *b)
{
    size_t shorter = a->length < b->length ? a->length : b->length;
    int order;

    if (a->length == 0 || b->length == 0)
        return (a->length == 0) - (b->length == 0);
    order = memcmp(a->name, b->name, shorter);
    return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

static bool is_same(const struct member *a, const struct member *b)
{
    return a->value_length == b->value_length && memcmp(a->value, b->value, a->value_length) == 0;
}

static bool is_called(const struct member *member, const char *name)
{
    return member->length == strlen(name) && memcmp(member->name, name, member->length) == 0;
}

/* The member by which two verdicts differ: the outcome or its code if they do, else the first. */
static struct member first_difference(const char *from, const char *to)
{
    struct member a = next_member(&from), b = next_member(&to), found = { .length = 0 };

    while (a.length != 0 || b.length != 0) {
        int order = compare_names(&a, &b);
        const struct member *first = order <= 0 ? &a : &b;

        if (order != 0 || !is_same(&a, &b)) {
            if (is_called(first, "outcome") || is_called(first, "code"))
                return *first;
            found = found.length == 0 ? *first : found;
        }
        if (order <= 0)
            a = next_member(&from);
        if (order >= 0)
            b = next_member(&to);
    }
    return found;
}

/* Who set an obligation; NULL: nobody, or it is none. */
static const char *setter(const struct opp_blame *side, const struct member *member)
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
        if (is_called(member, all[i].name))
            return all[i].rule;
    return NULL;
}

const char *opp_blame(const struct opp_blame *from, const char *from_verdict, const struct opp_blame *to,
                      const char *to_verdict)
{
    struct member differs = first_difference(from_verdict, to_verdict);
    const char *rule = setter(to, &differs);

    if (rule == NULL)
        rule = setter(from, &differs);
    if (rule != NULL)
        return rule;
    return to->rule == NULL || to->outcome < from->outcome ? from->rule : to->rule;
}
