/* SPDX-License-Identifier: MIT */
#include "core/evaluate_show.h"

#include "base/json.h"
#include "core/generation.h"
#include "core/ruling.h"
#include "core/shape.h"
#include "store/records.h"

#include <string.h>

/* Whether what one rule says is the member as it came out, or a part of it. */
static bool contributes(const json_t *decision, const char *member, const json_t *value)
{
    const json_t *said = json_object_get(decision, member);
    json_t *item, *other;
    size_t i, j;

    if (said == NULL || !json_is_array(value))
        return said != NULL && json_equal(said, value) != 0;
    json_array_foreach(said, i, item)
    {
        json_array_foreach(value, j, other)
        {
            if (json_equal(item, other) != 0)
                return true;
        }
    }
    return false;
}

static json_t *rules_behind(const json_t *rules, const char *member, const json_t *value)
{
    json_t *by = json_array(), *rule;
    size_t index;

    json_array_foreach(rules, index, rule)
    {
        if (contributes(json_object_get(rule, "decision"), member, value))
            json_array_append(by, json_object_get(rule, "rule"));
    }
    return by;
}

/* A limit in a verdict is without its rule: the ruling's has it. */
static const json_t *as_ruled(const json_t *ruling, const char *member, const json_t *value)
{
    const json_t *ruled = json_object_get(ruling, member);

    return strcmp(member, "limits") == 0 && ruled != NULL ? ruled : value;
}

/* Where no rule says it, the core or the app's settings do. */
static json_t *show_combined(const json_t *rules, const json_t *ruling, json_t *decision)
{
    json_t *combined = json_array(), *value, *by;
    const char *member;

    json_object_foreach(decision, member, value)
    {
        by = rules_behind(rules, member, as_ruled(ruling, member, value));
        if (json_array_size(by) == 0 || json_object_get(ruling, member) == NULL)
            json_array_append_new(by, json_string("(core)"));
        json_array_append_new(combined, json_pack("{s:s, s:O, s:o}", "member", member, "value", value, "by", by));
    }
    return combined;
}

static const char *why(const struct opp_evaluated *evaluated, const json_t *decision)
{
    const struct opp_policy_decision *ruling = &evaluated->judged.ruling;
    const char *reason = opp_ruling_reason(ruling);
    const char *outcome = opp_json_text(decision, "outcome"), *code = opp_json_text(decision, "code");

    if (ruling->outcome != OPP_OUTCOME_ALLOW && strcmp(opp_outcome_name(ruling->outcome), outcome) == 0 &&
        *reason != '\0')
        return reason;
    if (code != NULL)
        return opp_code_message(opp_code_find(code));
    return strcmp(outcome, "draft") == 0 ? "Nobody asked for it to be executed." : "Nothing stands against it.";
}

static json_t *write_sentence(const struct opp_evaluated *evaluated, const json_t *decision)
{
    const char *outcome = opp_json_text(decision, "outcome"), *rule = opp_ruling_rule(&evaluated->judged.ruling);
    const char *reason = why(evaluated, decision);

    if (rule == NULL || strcmp(outcome, "allow") == 0)
        return json_sprintf("%s: %s", outcome, reason);
    return json_sprintf("%s: %s (%s)", outcome, reason, rule);
}

static json_t *show_recorded(const struct opp_decision *recorded)
{
    if (recorded == NULL)
        return json_null();
    return json_pack("{s:s, s:o, s:s, s:I, s:b, s:o?, s:o?}", "request_id", recorded->request_id, "at",
                     opp_shape_time(recorded->at), "profile", recorded->profile, "generation",
                     (json_int_t)recorded->generation, "replayable", (int)recorded->replayable, "ruling",
                     json_loads(recorded->ruling, 0, NULL), "decision", json_loads(recorded->verdict, 0, NULL));
}

static json_t *show_policy(const struct opp_generation *generation)
{
    const struct opp_policy_bundle *bundle = opp_generation_bundle(generation);
    int64_t number = opp_policy_bundle_generation(bundle);

    return json_pack("{s:s, s:o, s:s}", "profile", opp_policy_bundle_profile(bundle), "generation",
                     number > 0 ? json_integer(number) : json_null(), "sha256", opp_generation_sha256(generation));
}

json_t *opp_evaluated_json(const struct opp_evaluated *evaluated)
{
    const struct opp_rejudged_input *input = evaluated->input;
    json_t *decision = json_loads(evaluated->judged.verdict.bytes, 0, NULL);
    json_t *ruling = opp_policy_decision_json(&evaluated->judged.ruling);

    if (decision == NULL || ruling == NULL) {
        json_decref(decision);
        json_decref(ruling);
        return NULL;
    }
    return json_pack("{s:o, s:s, s:s, s:O, s:O, s:o, s:o, s:o, s:o, s:o, s:o}", "policy",
                     show_policy(evaluated->generation), "phase", opp_phase_name(input->core.phase), "tool",
                     input->core.tool, "request", input->request, "rules", evaluated->rules, "core",
                     opp_core_part_json(&input->core), "combined", show_combined(evaluated->rules, ruling, decision),
                     "recorded", show_recorded(evaluated->recorded), "sentence", write_sentence(evaluated, decision),
                     "ruling", ruling, "decision", decision);
}
