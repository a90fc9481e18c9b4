/* SPDX-License-Identifier: MIT */
#include "policy/kit.h"

#include "base/jcs.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULES 6

/* Each rule answers what the payload tells it to, so that one bundle can be any set of rules. */
static const char rules[] = "local function rule(i)\n"
                            "  local function mine(request) return request.payload.rules[i] end\n"
                            "  return {\n"
                            "    name = 'r' .. i, tools = { '*' },\n"
                            "    decide = function(request)\n"
                            "      local m = mine(request)\n"
                            "      if m.say == 'allow' then return allow(m.with) end\n"
                            "      if m.say == 'draft' then return draft(m.reason, m.with) end\n"
                            "      if m.say == 'deny' then return deny(m.reason, m.tag and { tag = m.tag }) end\n"
                            "      if m.say == 'error' then error(m.reason) end\n"
                            "      if m.say == 'nonsense' then return m.reason end\n"
                            "    end,\n"
                            "    window = function(request)\n"
                            "      local w = mine(request).window\n"
                            "      if w then return between { from = w[1], to = w[2] } end\n"
                            "    end,\n"
                            "  }\n"
                            "end\n"
                            "local all = {}\n"
                            "for i = 1, 6 do all[i] = rule(i) end\n"
                            "return all";

/* A small generator of its own, so that a case can be run again by its number. */
static uint64_t seed;

static unsigned pick(unsigned below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % below;
}

static json_t *pick_names(const char *const *names, unsigned count)
{
    json_t *list = json_array();

    for (unsigned i = 1 + pick(3); i > 0; i--)
        json_array_append_new(list, json_string(names[pick(count)]));
    return list;
}

static json_t *random_obligations(void)
{
    static const char *const fields[] = { "title", "notes", "amount", "a", "zz" };
    static const char *const safeguards[] = { "preflight", "idempotency", "justification", "witness" };
    json_t *with = json_object();

    if (pick(3) == 0)
        json_object_set_new(with, "approvals", json_integer(1 + pick(4)));
    if (pick(3) == 0)
        json_object_set_new(with, "expires_in", json_integer(1 + pick(5000)));
    if (pick(4) == 0)
        json_object_set_new(with, "max_rows", json_integer(pick(50)));
    if (pick(4) == 0)
        json_object_set_new(with, "max_days", json_integer(1 + pick(50)));
    if (pick(4) == 0)
        json_object_set_new(with, "redact", pick_names(fields, 5));
    if (pick(4) == 0)
        json_object_set_new(with, "require", pick_names(safeguards, 4));
    if (pick(5) == 0)
        json_object_set_new(with, "limit", json_pack("{s:i, s:i}", "count", (int)pick(9), "per", 1 + (int)pick(99)));
    return with;
}

static json_t *random_rule(void)
{
    static const char *const says[] = { "nothing", "allow", "allow", "allow", "draft", "draft", "deny" };
    const char *say = pick(40) == 0 ? (pick(2) == 0 ? "error" : "nonsense") : says[pick(7)];
    json_t *rule = json_pack("{s:s, s:o}", "say", say, "reason", json_sprintf("reason %u", pick(1000)));

    if (strcmp(say, "deny") != 0 && pick(3) != 0)
        json_object_set_new(rule, "with", random_obligations());
    if (strcmp(say, "deny") == 0 && pick(2) == 0)
        json_object_set_new(rule, "tag", json_sprintf("tag%u", pick(9)));
    if (pick(4) == 0)
        json_object_set_new(rule, "window",
                            json_pack("[I,I]", (json_int_t)KIT_NOW - 5 + pick(8), (json_int_t)KIT_NOW + 5 + pick(8)));
    return rule;
}

static json_t *random_rules(void)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < RULES; i++)
        json_array_append_new(list, random_rule());
    return list;
}

static void decide(struct opp_policy_engine *engine, const json_t *list, enum opp_phase phase,
                   struct opp_policy_decision *out)
{
    struct opp_policy_request request = { .phase = phase, .tool = "thing.make", .now_s = KIT_NOW };
    json_t *payload = json_pack("{s:o}", "rules", json_deep_copy(list));

    request.request = kit_request(phase, NULL);
    json_object_set_new(request.request, "payload", payload);
    opp_policy_decide(engine, &request, out);
    json_decref(request.request);
    if (opp_policy_engine_stale(engine))
        assert_int_equal(opp_policy_engine_renew(engine, NULL), OPP_OK);
}

/* The model: written from the description alone, over JSON, one property at a time. */

static int rank(const json_t *rule, enum opp_phase phase)
{
    const char *say = opp_json_text(rule, "say");

    if (strcmp(say, "deny") == 0 || (strcmp(say, "draft") == 0 && phase == OPP_PHASE_READ))
        return 3;
    return strcmp(say, "draft") == 0 ? 2 : strcmp(say, "allow") == 0 ? 1 : 0;
}

static bool any_fails(const json_t *list)
{
    for (size_t i = 0; i < RULES; i++) {
        const char *say = opp_json_text(json_array_get(list, i), "say");

        if (strcmp(say, "error") == 0 || strcmp(say, "nonsense") == 0)
            return true;
    }
    return false;
}

static void model_number(const json_t *list, const char *name, bool most, json_t *out)
{
    json_int_t best = 0;
    bool said = false;

    for (size_t i = 0; i < RULES; i++) {
        const json_t *value = json_object_get(json_object_get(json_array_get(list, i), "with"), name);
        bool counts = rank(json_array_get(list, i), OPP_PHASE_ACTION) > 0;
        json_int_t number = json_integer_value(value);

        if (value == NULL || !counts)
            continue;
        if (!said || (most ? number > best : number < best))
            best = number;
        said = true;
    }
    if (said)
        json_object_set_new(out, name, json_integer(best));
}

static void model_union(const json_t *list, const char *name, const char *const *order, json_t *out)
{
    json_t *made = json_array();

    for (; *order != NULL; order++) {
        bool found = false;

        for (size_t i = 0; i < RULES; i++) {
            const json_t *names = json_object_get(json_object_get(json_array_get(list, i), "with"), name);

            for (size_t j = 0; j < json_array_size(names); j++)
                found = found || (rank(json_array_get(list, i), OPP_PHASE_ACTION) > 0 &&
                                  strcmp(json_string_value(json_array_get(names, j)), *order) == 0);
        }
        if (found)
            json_array_append_new(made, json_string(*order));
    }
    if (json_array_size(made) > 0)
        json_object_set(out, name, made);
    json_decref(made);
}

static void model_lists(const json_t *list, enum opp_phase phase, json_t *out)
{
    static const char *const outcomes[] = { "", "allow", "draft", "deny" };
    json_t *reasons = json_array(), *limits = json_array();

    for (size_t i = 0; i < RULES; i++) {
        const json_t *rule = json_array_get(list, i), *limit = json_object_get(json_object_get(rule, "with"), "limit");
        json_t *name = json_sprintf("r%zu", i + 1);

        if (rank(rule, phase) > 0)
            json_array_append_new(
                reasons,
                json_pack("{s:O, s:s, s:s*}", "rule", name, "outcome", outcomes[rank(rule, phase)], "reason",
                          strcmp(opp_json_text(rule, "say"), "allow") == 0 ? NULL : opp_json_text(rule, "reason")));
        if (rank(rule, phase) > 0 && limit != NULL)
            json_array_append_new(limits, json_pack("{s:O, s:O, s:O, s:s, s:[s]}", "rule", name, "count",
                                                    json_object_get(limit, "count"), "per",
                                                    json_object_get(limit, "per"), "by", "app", "tools", "*"));
        json_decref(name);
    }
    if (json_array_size(reasons) > 0)
        json_object_set(out, "reasons", reasons);
    if (json_array_size(limits) > 0)
        json_object_set(out, "limits", limits);
    json_decref(reasons);
    json_decref(limits);
}

static void model_outcome(const json_t *list, enum opp_phase phase, json_t *out)
{
    int strictest = 0;

    json_object_set_new(out, "outcome", json_string("allow"));
    for (size_t i = 0; i < RULES; i++) {
        const json_t *rule = json_array_get(list, i);

        if (rank(rule, phase) <= strictest || rank(rule, phase) < 2)
            continue;
        strictest = rank(rule, phase);
        json_object_set_new(out, "outcome", json_string(strictest == 3 ? "deny" : "draft"));
        json_object_set(out, "reason", json_object_get(rule, "reason"));
        json_object_del(out, "tag");
        if (json_object_get(rule, "tag") != NULL)
            json_object_set(out, "tag", json_object_get(rule, "tag"));
    }
}

static void model_window(const json_t *list, json_t *out)
{
    for (size_t i = 0; i < RULES; i++) {
        const json_t *window = json_object_get(json_array_get(list, i), "window");
        bool open = json_integer_value(json_array_get(window, 0)) <= KIT_NOW &&
                    KIT_NOW < json_integer_value(json_array_get(window, 1));

        if (window == NULL)
            continue;
        if (!open || json_object_get(out, "window") == NULL)
            json_object_set_new(out, "window", json_string(open ? "open" : "closed"));
    }
}

static json_t *model(const json_t *list, enum opp_phase phase)
{
    static const char *const fields[] = { "a", "amount", "notes", "title", "zz", NULL };
    static const char *const safeguards[] = { "preflight", "idempotency", "justification", "witness", NULL };
    json_t *out = json_object();

    json_object_set_new(out, "failed", json_false());
    model_outcome(list, phase, out);
    model_number(list, "approvals", true, out);
    model_number(list, "expires_in", false, out);
    model_number(list, "max_rows", false, out);
    model_number(list, "max_days", false, out);
    model_union(list, "redact", fields, out);
    model_union(list, "require", safeguards, out);
    model_lists(list, phase, out);
    if (phase != OPP_PHASE_READ && phase != OPP_PHASE_APPROVE)
        model_window(list, out);
    return out;
}

static void fail_case(uint64_t at, const json_t *list, const json_t *said, const json_t *expected)
{
    char *rule_text = json_dumps(list, 0), *said_text = json_dumps(said, JSON_SORT_KEYS);
    char *expected_text = json_dumps(expected, JSON_SORT_KEYS);

    print_error("case %llu: %s\nsaid     %s\nexpected %s\n", (unsigned long long)at, rule_text, said_text,
                expected_text);
    free(rule_text);
    free(said_text);
    free(expected_text);
    fail();
}

static void decisions_agree_with_the_model(void **state)
{
    static const enum opp_phase phases[] = { OPP_PHASE_READ, OPP_PHASE_PREFLIGHT, OPP_PHASE_ACTION, OPP_PHASE_APPROVE,
                                             OPP_PHASE_EXECUTE };
    struct opp_policy_engine *engine = kit_engine(rules);

    (void)state;
    for (uint64_t i = 0; i < 50000; i++) {
        struct opp_policy_decision decision;
        enum opp_phase phase;
        json_t *list, *said, *expected;

        seed = i * UINT64_C(2862933555777941757) + 7;
        phase = phases[pick(5)];
        list = random_rules();
        decide(engine, list, phase, &decision);
        if (any_fails(list)) {
            assert_true(decision.failed);
            assert_int_equal(decision.outcome, OPP_OUTCOME_DENY);
        } else {
            said = opp_policy_decision_json(&decision);
            expected = model(list, phase);
            if (!opp_json_equal(said, expected))
                fail_case(i, list, said, expected);
            json_decref(said);
            json_decref(expected);
        }
        json_decref(list);
        opp_policy_decision_clear(&decision);
    }
    opp_policy_engine_free(engine);
}

static bool holds_all(const json_t *more, const json_t *fewer)
{
    for (size_t i = 0; i < json_array_size(fewer); i++) {
        bool found = false;

        for (size_t j = 0; j < json_array_size(more); j++)
            found = found || opp_json_equal(json_array_get(more, j), json_array_get(fewer, i));
        if (!found)
            return false;
    }
    return true;
}

static bool not_above(int64_t after, int64_t before, int64_t unsaid)
{
    return before == unsaid || (after != unsaid && after <= before);
}

static bool is_narrower(const struct opp_policy_decision *after, const struct opp_policy_decision *before)
{
    if (after->failed)
        return after->outcome == OPP_OUTCOME_DENY && !after->window_open;
    return !before->failed && after->outcome >= before->outcome && after->approvals >= before->approvals &&
           not_above(after->expires_in_s, before->expires_in_s, 0) &&
           not_above(after->max_rows, before->max_rows, -1) && not_above(after->max_days, before->max_days, -1) &&
           (after->require & before->require) == before->require && holds_all(after->redact, before->redact) &&
           holds_all(after->limits, before->limits) && (before->window_open || !after->window_open);
}

static void adding_a_rule_never_widens(void **state)
{
    struct opp_policy_engine *engine = kit_engine(rules);

    (void)state;
    for (uint64_t i = 0; i < 10000; i++) {
        struct opp_policy_decision before, after;
        json_t *list, *added;
        size_t at;

        seed = i * UINT64_C(3202034522624059733) + 11;
        list = random_rules();
        at = pick(RULES);
        added = json_incref(json_array_get(list, at));
        json_array_set_new(list, at, json_pack("{s:s}", "say", "nothing"));
        decide(engine, list, OPP_PHASE_ACTION, &before);
        json_array_set_new(list, at, added);
        decide(engine, list, OPP_PHASE_ACTION, &after);
        if (!is_narrower(&after, &before))
            fail_case(i, list, opp_policy_decision_json(&after), opp_policy_decision_json(&before));
        json_decref(list);
        opp_policy_decision_clear(&before);
        opp_policy_decision_clear(&after);
    }
    opp_policy_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions_agree_with_the_model),
        cmocka_unit_test(adding_a_rule_never_widens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
