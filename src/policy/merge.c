/* SPDX-License-Identifier: MIT */
#include "policy/merge.h"

#include <stdio.h>
#include <string.h>

#define FAILED_REASON "A policy rule failed."

void opp_decision_start(struct opp_policy_decision *out)
{
    *out = (struct opp_policy_decision){ .max_rows = -1, .max_days = -1, .window_open = true };
}

static json_t *outcome_json(enum opp_outcome outcome)
{
    return json_string_nocheck(opp_outcome_name(outcome));
}

static bool add_reason(struct opp_policy_decision *out, enum opp_outcome outcome, const struct opp_spoken *spoken)
{
    json_t *row = json_object();

    if (out->reasons == NULL)
        out->reasons = json_array();
    if (json_object_set_new_nocheck(row, "rule", json_string_nocheck(spoken->rule)) != 0 ||
        json_object_set_new_nocheck(row, "outcome", outcome_json(outcome)) != 0 ||
        (*spoken->reason != '\0' &&
         json_object_set_new_nocheck(row, "reason", json_string_nocheck(spoken->reason)) != 0)) {
        json_decref(row);
        return false;
    }
    return json_array_append_new(out->reasons, row) == 0;
}

/* Keeps the array sorted and without doubles. */
static bool add_name(json_t *sorted, json_t *name)
{
    size_t at = 0;

    for (; at < json_array_size(sorted); at++) {
        int order = strcmp(json_string_value(json_array_get(sorted, at)), json_string_value(name));

        if (order == 0)
            return true;
        if (order > 0)
            break;
    }
    return json_array_insert(sorted, at, name) == 0;
}

static bool merge_redact(struct opp_policy_decision *out, const struct opp_spoken *spoken)
{
    const json_t *names = spoken->redact;
    size_t i, before = json_array_size(out->redact);
    json_t *name;

    if (!json_is_array(names))
        return true;
    if (out->redact == NULL)
        out->redact = json_array();
    json_array_foreach(names, i, name)
    {
        if (!add_name(out->redact, name))
            return false;
    }
    if (json_array_size(out->redact) > before)
        out->set_by.redact = spoken->rule;
    return out->redact != NULL;
}

static json_t *copy_names(const json_t *names)
{
    json_t *copy = json_array(), *name;
    size_t i;

    json_array_foreach(names, i, name)
    {
        if (json_array_append_new(copy, json_string_nocheck(json_string_value(name))) != 0) {
            json_decref(copy);
            return NULL;
        }
    }
    return copy;
}

/* Gives {rule, count, per, by, tools}, a member at a time: what packs it by a format takes three times as long, and
 * every call of a tool with a limit makes one. */
static json_t *limit_row(const struct opp_spoken *spoken)
{
    static const char *const by[] = { "app", "key", "actor", "tool" };
    const struct opp_answer *answer = spoken->answer;
    const json_t *tools = json_array_size(spoken->limit_tools) > 0 ? spoken->limit_tools : spoken->tools;
    json_t *row = json_object();

    if (json_object_set_new_nocheck(row, "rule", json_string_nocheck(spoken->rule)) == 0 &&
        json_object_set_new_nocheck(row, "count", json_integer(answer->limit_count)) == 0 &&
        json_object_set_new_nocheck(row, "per", json_integer(answer->limit_per_s)) == 0 &&
        json_object_set_new_nocheck(row, "by", json_string_nocheck(by[answer->limit_by])) == 0 &&
        json_object_set_new_nocheck(row, "tools", copy_names(tools)) == 0)
        return row;
    json_decref(row);
    return NULL;
}

static bool add_limit(struct opp_policy_decision *out, const struct opp_spoken *spoken)
{
    if (spoken->answer->limit_per_s == 0)
        return true;
    if (out->limits == NULL)
        out->limits = json_array();
    return json_array_append_new(out->limits, limit_row(spoken)) == 0;
}

/* The lower counts. */
static void merge_number(int64_t *number, int64_t said, int64_t unsaid, const char **set_by, const char *rule)
{
    if (said == unsaid || (*number != unsaid && *number <= said))
        return;
    *number = said;
    *set_by = rule;
}

static void merge_numbers(struct opp_policy_decision *out, const struct opp_spoken *spoken)
{
    const struct opp_answer *answer = spoken->answer;
    struct opp_policy_setters *set_by = &out->set_by;

    merge_number(&out->expires_in_s, answer->expires_in_s, 0, &set_by->expires_in, spoken->rule);
    merge_number(&out->max_rows, answer->max_rows, -1, &set_by->max_rows, spoken->rule);
    merge_number(&out->max_days, answer->max_days, -1, &set_by->max_days, spoken->rule);
    if (answer->approvals > out->approvals) {
        out->approvals = answer->approvals;
        set_by->approvals = spoken->rule;
    }
    if ((answer->require & ~out->require) != 0) {
        out->require |= answer->require;
        set_by->require = spoken->rule;
    }
}

static void merge_outcome(struct opp_policy_decision *out, enum opp_outcome outcome, const struct opp_spoken *spoken)
{
    if (outcome <= out->outcome)
        return;
    out->outcome = outcome;
    snprintf(out->reason, sizeof out->reason, "%s", spoken->reason);
    snprintf(out->tag, sizeof out->tag, "%s", spoken->tag);
}

enum opp_code opp_decision_merge(struct opp_policy_decision *out, enum opp_phase phase, const struct opp_spoken *spoken)
{
    const struct opp_answer *answer = spoken->answer;
    enum opp_outcome outcome = answer->outcome;

    if (phase == OPP_PHASE_READ && outcome == OPP_OUTCOME_DRAFT) {
        outcome = OPP_OUTCOME_DENY;
        out->drafted_read = true;
    }
    out->spoke = true;
    merge_outcome(out, outcome, spoken);
    merge_numbers(out, spoken);
    if (add_reason(out, outcome, spoken) && merge_redact(out, spoken) && add_limit(out, spoken))
        return OPP_OK;
    return OPP_E_MEMORY;
}

void opp_decision_fail(struct opp_policy_decision *out, const char *rule, const struct opp_err *err)
{
    bool read_watched = out->read_watched;

    opp_policy_decision_clear(out);
    out->read_watched = read_watched;
    out->outcome = OPP_OUTCOME_DENY;
    out->spoke = out->failed = true;
    out->window_open = false;
    out->failed_rule = rule;
    out->error = *err;
    snprintf(out->reason, sizeof out->reason, "%s", FAILED_REASON);
    out->reasons =
        json_pack("[{s:s, s:s, s:s}]", "rule", rule != NULL ? rule : "", "outcome", "deny", "reason", FAILED_REASON);
}
