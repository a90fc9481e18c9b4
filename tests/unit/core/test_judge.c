/* SPDX-License-Identifier: MIT */
#include "core/judge.h"

#include "adapter/tool.h"
#include "policy/decision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

#define NOW INT64_C(1790000000000)

/* No rule speaks. */
static const struct opp_policy_decision SILENT = { .max_rows = -1, .max_days = -1, .window_open = true };

/* The contract's order (section 5), written again: the first that applies. */
struct facts {
    bool high, enabled, ended, listed, needs_preflight, needs_key;
    struct opp_safeguards have;
};

static enum opp_code expected(const struct facts *facts)
{
    if (!facts->enabled)
        return OPP_E_AUTO_DISABLED;
    if (facts->ended)
        return OPP_E_AUTO_EXPIRED;
    if (!facts->listed)
        return OPP_E_AUTO_DENIED;
    if (facts->high && !facts->have.justification)
        return OPP_E_ACTION_INVALID;
    if (facts->high && facts->needs_key && !facts->have.idempotency_key)
        return OPP_E_IDEMPOTENCY_REQUIRED;
    if (facts->have.preflight_gone)
        return OPP_E_PREFLIGHT_NOT_FOUND;
    if (facts->high && facts->needs_preflight && !facts->have.preflight && !facts->have.preflight_mismatch)
        return OPP_E_PREFLIGHT_REQUIRED;
    return facts->have.preflight_mismatch ? OPP_E_PREFLIGHT_MISMATCH : OPP_OK;
}

static struct opp_window window_of(const struct facts *facts, const json_t *actions)
{
    return (struct opp_window){ .enabled = facts->enabled,
                                .expires_at = facts->ended ? NOW : NOW + 1,
                                .allowed_actions = actions,
                                .require_preflight = facts->needs_preflight,
                                .require_idempotency = facts->needs_key };
}

static void the_first_reason_in_the_contracts_order_is_given(void **state)
{
    json_t *with = json_pack("[s, s]", "other", "act"), *without = json_pack("[s]", "other");

    (void)state;
    for (unsigned bits = 0; bits < 1U << 11; bits++) {
        struct facts facts = { .high = bits & 1,
                               .enabled = bits & 2,
                               .ended = bits & 4,
                               .listed = bits & 8,
                               .needs_preflight = bits & 16,
                               .needs_key = bits & 32,
                               .have = { .justification = bits & 64,
                                         .idempotency_key = bits & 128,
                                         .preflight = bits & 256,
                                         .preflight_mismatch = bits & 512,
                                         .preflight_gone = bits & 1024 } };
        struct opp_window window = window_of(&facts, facts.listed ? with : without), shut = { 0 };
        struct opp_app_entry app = { .auto_execute = { .writes = facts.high ? shut : window,
                                                       .high_risk = facts.high ? window : shut } };
        struct opp_tool tool = { .name = "act", .risk = facts.high ? OPP_RISK_HIGH : OPP_RISK_MEDIUM };

        assert_int_equal(opp_judge(&app, &tool, &SILENT, &facts.have, NOW), expected(&facts));
    }
    json_decref(with);
    json_decref(without);
}

static void null_lists_all_actions_and_an_empty_list_none(void **state)
{
    json_t *none = json_array();
    struct opp_app_entry app = { .auto_execute.writes = { .enabled = true } };
    struct opp_tool tool = { .name = "act", .risk = OPP_RISK_LOW };

    (void)state;
    assert_int_equal(opp_judge_window_now(&app, &tool, &SILENT, NOW), OPP_OK);
    app.auto_execute.writes.allowed_actions = none;
    assert_int_equal(opp_judge_window_now(&app, &tool, &SILENT, NOW), OPP_E_AUTO_DENIED);
    json_decref(none);
}

static void what_a_refusal_says_names_what_is_required(void **state)
{
    struct opp_app_entry app = { .auto_execute.high_risk = { .require_preflight = true, .require_idempotency = true } };
    struct opp_tool high = { .name = "act", .risk = OPP_RISK_HIGH }, low = { .name = "act", .risk = OPP_RISK_LOW };
    json_t *explained = opp_judge_explain(&app, &high, &SILENT, OPP_E_ACTION_INVALID), *none, *plain;

    (void)state;
    assert_string_equal(json_string_value(json_object_get(explained, "code")), "agent.action_invalid");
    assert_string_equal(json_string_value(json_object_get(explained, "reason")), "A justification is required.");
    assert_int_equal(json_array_size(json_object_get(explained, "requires")), 3);
    none = opp_judge_requires(&app, &low, &SILENT);
    assert_int_equal(json_array_size(none), 0);
    plain = opp_judge_explain(&app, &low, &SILENT, OPP_OK);
    assert_true(json_is_null(plain));
    assert_true(opp_judge_confirms(&high));
    assert_false(opp_judge_confirms(&low));
    json_decref(explained);
    json_decref(none);
    json_decref(plain);
}

static uint64_t seed;

static unsigned pick(unsigned below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % below;
}

static struct opp_policy_decision random_ruling(void)
{
    return (struct opp_policy_decision){ .outcome = pick(3) != 0 ? OPP_OUTCOME_ALLOW : (enum opp_outcome)pick(3),
                                         .spoke = pick(2),
                                         .approvals = pick(3) != 0 ? 0 : pick(3),
                                         .require = pick(16) & pick(16),
                                         .max_rows = (int64_t)pick(3) - 1,
                                         .max_days = (int64_t)pick(3) - 1,
                                         .window_open = pick(2),
                                         .has_window = pick(2) };
}

/* What the rules may add to the contract's order, and where: never before what the app's own window says. */
static enum opp_code expected_with_rules(const struct facts *facts, const struct opp_policy_decision *ruling)
{
    const struct opp_safeguards *have = &facts->have;

    if (!facts->enabled || facts->ended || !facts->listed)
        return expected(facts);
    if (ruling->outcome != OPP_OUTCOME_ALLOW || ruling->approvals > 0)
        return OPP_E_AUTO_DENIED;
    if (have->limit_reached)
        return OPP_E_AUTO_DENIED;
    if (!ruling->window_open)
        return OPP_E_AUTO_CLOSED;
    if ((facts->high || (ruling->require & OPP_REQUIRE_JUSTIFICATION) != 0) && !have->justification)
        return OPP_E_ACTION_INVALID;
    if (((facts->high && facts->needs_key) || (ruling->require & OPP_REQUIRE_IDEMPOTENCY) != 0) &&
        !have->idempotency_key)
        return OPP_E_IDEMPOTENCY_REQUIRED;
    if (have->preflight_gone)
        return OPP_E_PREFLIGHT_NOT_FOUND;
    if (((facts->high && facts->needs_preflight) || (ruling->require & OPP_REQUIRE_PREFLIGHT) != 0) &&
        !have->preflight && !have->preflight_mismatch)
        return OPP_E_PREFLIGHT_REQUIRED;
    if ((ruling->require & OPP_REQUIRE_WITNESS) != 0 && !have->witness)
        return OPP_E_PREFLIGHT_REQUIRED;
    return have->preflight_mismatch ? OPP_E_PREFLIGHT_MISMATCH : OPP_OK;
}

static struct facts random_facts(void)
{
    return (struct facts){ .high = pick(2),
                           .enabled = pick(4) != 0,
                           .ended = pick(4) == 0,
                           .listed = pick(4) != 0,
                           .needs_preflight = pick(2),
                           .needs_key = pick(2),
                           .have = { .justification = pick(4) != 0,
                                     .idempotency_key = pick(4) != 0,
                                     .preflight = pick(2),
                                     .preflight_mismatch = pick(4) == 0,
                                     .preflight_gone = pick(4) == 0,
                                     .witness = pick(2),
                                     .limit_reached = pick(4) == 0 } };
}

static void rules_only_add_reasons_against_running_at_once(void **state)
{
    json_t *with = json_pack("[s, s]", "other", "act"), *without = json_pack("[s]", "other");
    int ran = 0;

    (void)state;
    for (uint64_t i = 0; i < 50000; i++) {
        struct facts facts;
        struct opp_policy_decision ruling;
        struct opp_window window, shut = { 0 };
        struct opp_app_entry app;
        struct opp_tool tool = { .name = "act" };
        enum opp_code said;

        seed = i * UINT64_C(2862933555777941757) + 3;
        facts = random_facts();
        ruling = random_ruling();
        window = window_of(&facts, facts.listed ? with : without);
        app = (struct opp_app_entry){ .auto_execute = { facts.high ? shut : window, facts.high ? window : shut } };
        tool.risk = facts.high ? OPP_RISK_HIGH : OPP_RISK_MEDIUM;
        said = opp_judge(&app, &tool, &ruling, &facts.have, NOW);
        assert_int_equal(said, expected_with_rules(&facts, &ruling));
        if (said == OPP_OK && !facts.have.limit_reached)
            assert_int_equal(opp_judge(&app, &tool, &SILENT, &facts.have, NOW), OPP_OK);
        ran += said == OPP_OK;
    }
    assert_true(ran > 1000);
    json_decref(with);
    json_decref(without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_reason_in_the_contracts_order_is_given),
        cmocka_unit_test(rules_only_add_reasons_against_running_at_once),
        cmocka_unit_test(null_lists_all_actions_and_an_empty_list_none),
        cmocka_unit_test(what_a_refusal_says_names_what_is_required),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
