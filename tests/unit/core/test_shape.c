/* SPDX-License-Identifier: MIT */
#include "core/shape.h"

#include "adapter/tool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static char draft_text[] = "drf_1", app_text[] = "app_1", key_text[] = "key_1", user_text[] = "user_1",
            action_text[] = "act", status_text[] = "draft", seal_text[] = "seal_now", intent_text[] = "intent";

static struct opp_draft plain_draft(void)
{
    return (struct opp_draft){ .id = draft_text,
                               .app_id = app_text,
                               .key_id = key_text,
                               .actor_user_id = user_text,
                               .action = action_text,
                               .status = status_text,
                               .seal = seal_text,
                               .intent_hash = intent_text,
                               .payload = json_object(),
                               .approvals_required = 2,
                               .created_at = 1700000000000,
                               .updated_at = 1700000000000 };
}

static void free_draft(struct opp_draft *draft)
{
    json_decref(draft->payload);
    json_decref(draft->approvals);
    json_decref(draft->review);
    json_decref(draft->policy);
}

/* Approvals of people on the seal of today: nobody counts twice, none of an older seal counts. */
static void approvals_count_people_on_the_seal_as_it_is_now(void **state)
{
    static const struct {
        const char *approvals;
        int64_t given;
    } cases[] = {
        { "[]", 0 },
        { "[{\"user_id\":\"a\",\"seal\":\"seal_now\"}]", 1 },
        { "[{\"user_id\":\"a\",\"seal\":\"seal_now\"},{\"user_id\":\"a\",\"seal\":\"seal_now\"}]", 1 },
        { "[{\"user_id\":\"a\",\"seal\":\"seal_old\"},{\"user_id\":\"a\",\"seal\":\"seal_now\"}]", 1 },
        { "[{\"user_id\":\"a\",\"seal\":\"seal_now\"},{\"user_id\":\"b\",\"seal\":\"seal_old\"}]", 1 },
        { "[{\"user_id\":\"a\",\"seal\":\"seal_now\"},{\"user_id\":\"b\",\"seal\":\"seal_now\"},"
          "{\"user_id\":\"a\",\"seal\":\"seal_now\"}]",
          2 },
        { "[{\"user_id\":\"a\"},{\"seal\":\"seal_now\"},{\"user_id\":\"b\",\"seal\":\"seal_now\"}]", 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct opp_draft draft = plain_draft();

        draft.approvals = json_loads(cases[i].approvals, 0, NULL);
        assert_int_equal(opp_approvals_given(&draft), cases[i].given);
        free_draft(&draft);
    }
}

static void an_agents_draft_has_the_contracts_fields_and_no_inner_ones(void **state)
{
    static const char *const names[] = {
        "id",
        "app_id",
        "key_id",
        "action_type",
        "payload",
        "status",
        "requires_confirmation",
        "created_at",
        "updated_at",
        "confirmed_at",
        "canceled_at",
        "seal",
        "policy",
        "auto_execute_requested",
        "expires_at",
        "approvals",
        "review",
        "failure",
        "justification",
        "preflight_hash",
        "preflight_state_witness_hash",
    };
    struct opp_draft draft = plain_draft();
    json_t *shown, *review;

    (void)state;
    draft.review = json_pack("{s:s, s:s, s:s}", "decided_at", "t", "reason", "for the agent", "note", "stays inside");
    draft.policy =
        json_pack("{s:s, s:s, s:[], s:s}", "profile", "default", "generation", "1", "reasons", "internal", "x");
    shown = opp_shape_draft(&draft);
    assert_non_null(shown);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (json_object_get(shown, names[i]) == NULL)
            fail_msg("%s is missing", names[i]);
    review = json_object_get(shown, "review");
    assert_null(json_object_get(review, "note"));
    assert_string_equal(json_string_value(json_object_get(review, "reason")), "for the agent");
    assert_null(json_object_get(json_object_get(shown, "policy"), "internal"));
    assert_null(json_object_get(shown, "decisions"));
    assert_null(json_object_get(shown, "effect"));
    assert_true(json_is_null(json_object_get(shown, "confirmed_at")));
    assert_string_equal(json_string_value(json_object_get(shown, "created_at")), "2023-11-14T22:13:20.000Z");
    json_decref(shown);
    free_draft(&draft);
}

static json_t *result_under(json_t *policy, bool sensitive_allowed, const struct opp_tool *tool)
{
    char id[] = "exe_1", status[] = "success", key[] = "k";
    struct opp_execution execution = {
        .id = id, .draft_id = draft_text, .app_id = app_text, .idempotency_key = key, .status = status
    };
    struct opp_app_entry app = { .policy.allow_sensitive_fields = sensitive_allowed };
    struct opp_draft draft = { .policy = policy };
    json_t *shown, *result;

    execution.result = json_pack("{s:{s:s}}", "transaction", "title", "secret");
    shown = opp_shape_execution(&execution, &draft, &app, tool);
    assert_non_null(shown);
    result = json_incref(json_object_get(shown, "result"));
    json_decref(shown);
    json_decref(execution.result);
    return result;
}

static json_t *result_for(bool sensitive_allowed, const struct opp_tool *tool)
{
    return result_under(NULL, sensitive_allowed, tool);
}

static void a_result_is_shown_as_the_rules_of_its_draft_wanted(void **state)
{
    struct opp_tool tool = { 0 };
    json_t *policy = json_pack("{s:[s]}", "redact", "title"), *some = result_under(policy, true, &tool);
    json_t *none = result_under(policy, true, NULL);

    (void)state;
    assert_string_equal(json_string_value(json_object_get(json_object_get(some, "transaction"), "title")),
                        "[redacted]");
    assert_true(json_is_null(none));
    json_decref(some);
    json_decref(none);
    json_decref(policy);
}

static void an_export_that_was_made_in_full_is_not_shown_to_who_may_not_see_it_all(void **state)
{
    struct opp_tool tool = { .exports = true };
    json_t *full = json_pack("{s:b}", "sensitive", 1), *redacted = json_pack("{s:b}", "sensitive", 0);
    json_t *seen = result_under(full, true, &tool), *hidden = result_under(full, false, &tool);
    json_t *harmless = result_under(redacted, false, &tool), *unsure = result_for(false, &tool);

    (void)state;
    assert_true(json_is_object(seen));
    assert_true(json_is_null(hidden));
    assert_true(json_is_object(harmless));
    assert_true(json_is_null(unsure));
    json_decref(seen);
    json_decref(hidden);
    json_decref(harmless);
    json_decref(unsure);
    json_decref(full);
    json_decref(redacted);
}

static void a_result_is_shown_as_the_app_may_see_it_today(void **state)
{
    struct opp_tool tool = { .sensitive = json_pack("{s:s}", "title", "[redacted]") };
    json_t *all = result_for(true, &tool), *some = result_for(false, &tool), *none = result_for(false, NULL);

    (void)state;
    assert_string_equal(json_string_value(json_object_get(json_object_get(all, "transaction"), "title")), "secret");
    assert_string_equal(json_string_value(json_object_get(json_object_get(some, "transaction"), "title")),
                        "[redacted]");
    assert_true(json_is_null(none));
    json_decref(all);
    json_decref(some);
    json_decref(none);
    json_decref(tool.sensitive);
}

static void a_key_shows_no_hash(void **state)
{
    char id[] = "key_1", prefix[] = "op_abc", hash[] = "the-hash";
    struct opp_key key = { .id = id, .app_id = app_text, .token_prefix = prefix, .token_hash = hash };
    json_t *shown = opp_shape_key(&key);
    char *text = json_dumps(shown, 0);

    (void)state;
    assert_null(strstr(text, "the-hash"));
    assert_int_equal(json_object_size(shown), 7);
    assert_true(json_is_null(json_object_get(shown, "expires_at")));
    free(text);
    json_decref(shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(approvals_count_people_on_the_seal_as_it_is_now),
        cmocka_unit_test(an_agents_draft_has_the_contracts_fields_and_no_inner_ones),
        cmocka_unit_test(a_result_is_shown_as_the_rules_of_its_draft_wanted),
        cmocka_unit_test(an_export_that_was_made_in_full_is_not_shown_to_who_may_not_see_it_all),
        cmocka_unit_test(a_result_is_shown_as_the_app_may_see_it_today),
        cmocka_unit_test(a_key_shows_no_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
