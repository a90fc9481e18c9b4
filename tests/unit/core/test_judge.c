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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_reason_in_the_contracts_order_is_given),
        cmocka_unit_test(null_lists_all_actions_and_an_empty_list_none),
        cmocka_unit_test(what_a_refusal_says_names_what_is_required),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
