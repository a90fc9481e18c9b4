/* SPDX-License-Identifier: MIT
 *
 * Approving and rejecting, where others are quicker, and what was stored is not what it was.
 */
#include "base/json.h"
#include "core/decide.h"

#include "command/approvals_kit.h"
#include "command/failing.h"
#include "core/action.h"
#include "core/draft_make.h"
#include "core/execute.h"
#include "core/moved.h"
#include "store/tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* --- who may --- */

static void approvals_that_are_not_this_person_s_do_not_count(void **state)
{
    (void)state;
    make_draft("");
    set_draft("approvals = '[{}, {\"user_id\":\"owner\"}, {\"user_id\":\"owner\",\"seal\":\"x\"}]'");
    approve(OPP_OK, NULL);
    make_draft("");
    set_draft("approvals = json_array(json_object('user_id', 'other', 'seal', seal))");
    approve(OPP_OK, NULL);
    make_draft("two people");
    approve(OPP_OK, NULL);
    approve(OPP_E_FORBIDDEN, "already_approved");
}

static void nobody_approves_what_acts_for_them(void **state)
{
    (void)state;
    make_draft("");
    gateway_sql(&kit, GATEWAY, "UPDATE admin_tokens SET user_id = 'svc_org_demo'");
    gateway_registry_changed(&kit);
    approve(OPP_E_FORBIDDEN, "own_draft");
    gateway_sql(&kit, GATEWAY, "UPDATE admin_tokens SET user_id = 'owner'");
    gateway_registry_changed(&kit);
}

static void set_makers(const char *app, const char *key)
{
    gateway_sql(&kit, GATEWAY, "UPDATE apps SET created_by = %s; UPDATE keys SET created_by = %s", app, key);
    gateway_registry_changed(&kit);
}

static void where_two_must_approve_neither_has_made_the_app_or_key(void **state)
{
    (void)state;
    make_draft("two people");
    set_makers("'owner'", "NULL");
    approve(OPP_E_FORBIDDEN, "own_app");
    set_makers("NULL", "'owner'");
    approve(OPP_E_FORBIDDEN, "own_app");
    make_draft("three people in the end");
    approve(OPP_E_FORBIDDEN, "own_app");
    set_makers("'demo'", "'demo'");
    approve(OPP_OK, NULL);
}

static void a_draft_that_was_changed_is_only_rejected(void **state)
{
    (void)state;
    make_draft("");
    set_draft("seal = 'x'");
    approve(OPP_E_PRECONDITION, "seal_mismatch");
    make_draft("");
    expect_of(&OPP_FLOW_APPROVE, "{\"seal\":\"0000000000000000000000000000000000000000000000000000000000000000\"}",
              OPP_E_PRECONDITION, "seal_mismatch");
    gateway_sql(&kit, GATEWAY, "UPDATE admin_tokens SET org_ids = '[\"org_other\"]'");
    gateway_registry_changed(&kit);
    approve(OPP_E_DRAFT_NOT_FOUND, NULL);
    gateway_sql(&kit, GATEWAY, "UPDATE admin_tokens SET org_ids = NULL");
    gateway_registry_changed(&kit);
    set_draft("payload = '{'");
    approve(OPP_E_PRECONDITION, "damaged");
    expect_of(&OPP_FLOW_REJECT, NULL, OPP_OK, NULL);
    expect_of(&OPP_FLOW_REJECT, NULL, OPP_E_DRAFT_FINAL, NULL);
}

static void what_people_are_shown_is_sealed_too(void **state)
{
    (void)state;
    make_draft("");
    set_draft("impact = json_set(impact, '$.more', 1)");
    approve(OPP_E_PRECONDITION, "seal_mismatch");
    set_draft("impact = json_remove(impact, '$.more')");
    approve(OPP_OK, NULL);
    make_draft("");
    set_draft("draft_hash = NULL"); /* as older drafts are */
    approve(OPP_OK, NULL);
}

/* --- who asked --- */

static void try_without(const char *broken, const char *mended)
{
    make_draft("two people");
    gateway_sql(&kit, GATEWAY, "PRAGMA foreign_keys = OFF; %s", broken);
    gateway_registry_changed(&kit);
    approve(OPP_E_PRECONDITION, "key_revoked");
    gateway_sql(&kit, GATEWAY, "PRAGMA foreign_keys = OFF; %s", mended);
    gateway_registry_changed(&kit);
}

static void what_a_dead_app_or_key_asked_for_fails(void **state)
{
    (void)state;
    try_without("UPDATE apps SET status = 'revoked'", "UPDATE apps SET status = 'active'");
    try_without("UPDATE apps SET deleted_at = 1", "UPDATE apps SET deleted_at = 0");
    try_without("UPDATE apps SET id = 'x' || id", "UPDATE apps SET id = substr(id, 2)");
    try_without("UPDATE keys SET revoked_at = 1", "UPDATE keys SET revoked_at = 0");
    try_without("UPDATE keys SET id = 'x' || id", "UPDATE keys SET id = substr(id, 2)");
}

static void a_rule_may_refuse_in_the_end(void **state)
{
    (void)state;
    make_draft("denied in the end");
    approve(OPP_E_POLICY_DENIED, NULL);
}

/* --- others are quicker --- */

static void a_draft_that_changes_meanwhile_is_looked_at_again(void **state)
{
    static const struct {
        const char *change;
        enum opp_code code;
    } rows[] = { { "approvals = json_array(json_object('user_id', 'other', 'seal', seal))", OPP_OK },
                 { "status = 'canceled'", OPP_E_DRAFT_FINAL },
                 { "seal = 'x'", OPP_E_PRECONDITION },
                 { "expires_at = 1", OPP_E_DRAFT_FINAL } };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make_draft("");
        change = rows[i].change;
        failing_before_write(the_draft_changes, NULL);
        approve(rows[i].code, NULL);
    }
    make_draft("two people");
    change = "status = 'canceled'";
    failing_before_write(the_draft_changes, NULL);
    approve(OPP_E_DRAFT_FINAL, NULL);
    make_draft("");
    failing_before_write(the_draft_changes, NULL);
    expect_of(&OPP_FLOW_REJECT, NULL, OPP_E_DRAFT_FINAL, NULL);
}

static unsigned changes;

static void the_registry_changes(void *arg)
{
    gateway_registry_changed(&kit);
    if (++changes < 10)
        failing_before_write(the_registry_changes, arg);
}

static void the_token_is_revoked(void *arg)
{
    gateway_sql(&kit, GATEWAY, "UPDATE admin_tokens SET revoked_at = %d", arg != NULL);
    gateway_registry_changed(&kit);
}

static void what_was_judged_by_an_old_registry_is_judged_again(void **state)
{
    (void)state;
    make_draft("");
    changes = 9;
    failing_before_write(the_registry_changes, NULL);
    approve(OPP_OK, NULL);
    make_draft("");
    changes = 0;
    failing_before_write(the_registry_changes, NULL);
    approve(OPP_E_UNAVAILABLE, NULL);
    failing_before_write(the_token_is_revoked, &kit);
    approve(OPP_E_TOKEN_INVALID, NULL);
    the_token_is_revoked(NULL);
    approve(OPP_OK, NULL);
}

static void a_limit_and_an_unknown_execution_are_waited_for(void **state)
{
    char first[OPP_ID_MAX];

    (void)state;
    make_draft("one an hour");
    gateway_sql(&kit, GATEWAY, "UPDATE executions SET created_at = 1");
    approve(OPP_OK, NULL);
    make_draft("one an hour");
    approve(OPP_E_RATE_LIMITED, "limit");
    make_draft("");
    memcpy(first, draft, sizeof first);
    approve(OPP_OK, NULL);
    count--; /* the same intent */
    gateway_sql(&kit, GATEWAY, "DELETE FROM idempotency");
    make_draft("");
    gateway_sql(&kit, GATEWAY, "UPDATE executions SET status = 'unknown' WHERE draft_id = '%s'", first);
    approve(OPP_E_PRECONDITION, "outcome_unknown");
    gateway_sql(&kit, GATEWAY, "UPDATE executions SET status = 'success'");
}

static unsigned times;

static void the_state_is_as_it_was(void *arg)
{
    (void)arg;
    if (++times == 2)
        failing_effects(OPP_E_INTERNAL);
}

static void an_effect_that_was_late_is_tried_again(void **state)
{
    (void)state;
    make_draft("");
    times = 0;
    failing_effects(OPP_E_STALE);
    failing_before_effect(the_state_is_as_it_was, NULL);
    approve(OPP_OK, NULL);
}

/* Two who approve at once: to the second the world looks as if it had moved, because the first has moved it. */
static void who_was_second_is_told_what_became_of_it(void **state)
{
    struct gateway_request request = { .flow = &OPP_FLOW_ACTION };
    struct gateway_answer answer;

    (void)state;
    request.input =
        "{\"action\":\"transaction.update\",\"payload\":{\"transactionId\":\"txn_2\",\"title\":\"second\"}}";
    assert_int_equal(gateway_run(&kit, &request, &answer), OPP_OK);
    snprintf(draft, sizeof draft, "%s", opp_json_text(json_object_get(answer.data, "draft"), "id"));
    gateway_forget(&answer);
    gateway_sql(&kit, "ledger.db", "UPDATE transactions SET title = 'moved' WHERE id = 'txn_2'");
    change = "status = 'canceled'";
    failing_before_write(the_draft_changes, NULL);
    approve(OPP_E_DRAFT_FINAL, NULL);
}

/* A flow that only refuses the draft. */
static struct opp_draft *to_refuse;

static enum opp_step take_draft(struct opp_call *call)
{
    ((struct opp_intent *)call->state)->draft = to_refuse;
    to_refuse = NULL;
    return OPP_NEXT;
}

static enum opp_step refuse(struct opp_call *call)
{
    return opp_moved_refuse(call, OPP_E_ACTION_INVALID, NULL, json_object());
}

static void dispose(void *state)
{
    opp_intent_clear(state);
}

static enum opp_code read_draft(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_DRAFT, "id", arg, &found, err);

    to_refuse = found;
    return rc;
}

static void what_is_no_longer_valid_fails(void **state)
{
    static const opp_step_fn steps[] = { take_draft, refuse, opp_step_moved_write, opp_step_moved_written, NULL };
    static const struct opp_flow flow = { steps, sizeof(struct opp_intent), dispose, "test.refuse" };

    (void)state;
    make_draft("");
    assert_int_equal(opp_store_now(kit.gateway->store, read_draft, draft, NULL), OPP_OK);
    expect_of(&flow, NULL, OPP_E_ACTION_INVALID, NULL);
    approve(OPP_E_DRAFT_FINAL, NULL);
}

static void a_seal_may_be_named(void **state)
{
    char input[128];

    (void)state;
    make_draft("");
    assert_int_equal(opp_store_now(kit.gateway->store, read_draft, draft, NULL), OPP_OK);
    snprintf(input, sizeof input, "{\"seal\":\"%s\"}", to_refuse->seal);
    opp_record_free(&OPP_DRAFT, to_refuse);
    expect_of(&OPP_FLOW_APPROVE, input, OPP_OK, NULL);
}

/* --- effects on what was judged again --- */

static void the_ledger_is_closed(void *arg)
{
    (void)arg;
    failing_before_effect(NULL, NULL);
    failing_effects(OPP_E_INTERNAL);
    gateway_sql(&kit, "ledger.db",
                "PRAGMA foreign_keys = OFF; UPDATE ledgers SET id = 'ledger_mine' WHERE id = "
                "'ledger_main'");
}

static unsigned defect;

static void the_tool_breaks(void *arg)
{
    (void)arg;
    failing_before_effect(NULL, NULL);
    failing_set(defect);
}

static void an_effect_that_cannot_be_judged_again_has_failed(void **state)
{
    bool happened = true;

    (void)state;
    make_draft("");
    failing_effects(OPP_E_STALE);
    failing_before_effect(the_ledger_is_closed, NULL);
    approve(OPP_E_POLICY_DENIED, NULL);
    gateway_sql(&kit, "ledger.db",
                "PRAGMA foreign_keys = OFF; UPDATE ledgers SET id = 'ledger_main' WHERE id = "
                "'ledger_mine'");
    for (defect = 1; happened; defect++) {
        struct gateway_request request = { .flow = &OPP_FLOW_APPROVE, .person = true };
        struct gateway_answer answer;

        make_draft("");
        request.id = draft;
        failing_effects(OPP_E_STALE);
        failing_before_effect(the_tool_breaks, NULL);
        assert_int_not_equal(gateway_run(&kit, &request, &answer), OPP_OK);
        happened = failing_happened();
        failing_set(0);
        gateway_forget(&answer);
    }
}

/* --- keys of what ends --- */

static void only_a_draft_s_own_key_ends_with_it(void **state)
{
    (void)state;
    make_draft("");
    gateway_sql(&kit, GATEWAY, "UPDATE idempotency SET draft_id = 'other' WHERE draft_id = '%s'", draft);
    approve(OPP_OK, NULL);
    make_draft("");
    gateway_sql(&kit, GATEWAY, "DELETE FROM idempotency WHERE draft_id = '%s'", draft);
    approve(OPP_OK, NULL);
}

static enum opp_code settle_without_a_draft(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    void *found = NULL;
    struct opp_settlement outcome = { .code = OPP_E_EXECUTION_FAILED, .now_ms = 1 };
    enum opp_code rc = opp_tx_get(tx, &OPP_EXECUTION, "draft_id", arg, &found, err);

    outcome.execution = found;
    if (rc == OPP_OK)
        rc = opp_settlement_write(tx, &outcome, err);
    opp_record_free(&OPP_EXECUTION, found);
    return rc;
}

static void an_execution_ends_though_its_draft_is_gone(void **state)
{
    (void)state;
    make_draft("");
    approve(OPP_OK, NULL);
    assert_int_equal(opp_store_now(kit.gateway->store, settle_without_a_draft, draft, NULL), OPP_OK);
}

static void what_a_draft_does_not_say_is_what_it_began_with(void **state)
{
    json_t *policy = json_object();
    struct opp_draft old = { .policy = policy, .created_at = 7 };

    (void)state;
    assert_int_equal(opp_draft_asked_at(&old), 7);
    opp_draft_set_denied(&old, OPP_E_AUTO_DENIED);
    assert_int_equal(opp_draft_denied(&old), OPP_E_AUTO_DENIED);
    opp_draft_set_denied(&old, OPP_OK);
    assert_int_equal(opp_draft_denied(&old), OPP_OK);
    json_decref(policy);
}

static void a_draft_ends_with_its_key_or_as_a_rule_says(void **state)
{
    (void)state;
    make_draft("soon over");
    make_draft("late over");
    gateway_sql(&kit, GATEWAY, "UPDATE keys SET expires_at = 9000000000000");
    gateway_registry_changed(&kit);
    make_draft("");
    gateway_sql(&kit, GATEWAY, "UPDATE keys SET expires_at = (strftime('%%s') + 60) * 1000");
    gateway_registry_changed(&kit);
    make_draft("");
    gateway_sql(&kit, GATEWAY, "UPDATE keys SET expires_at = 0");
    gateway_registry_changed(&kit);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(approvals_that_are_not_this_person_s_do_not_count),
        TEST(nobody_approves_what_acts_for_them),
        TEST(where_two_must_approve_neither_has_made_the_app_or_key),
        TEST(a_draft_that_was_changed_is_only_rejected),
        TEST(what_people_are_shown_is_sealed_too),
        TEST(what_a_dead_app_or_key_asked_for_fails),
        TEST(a_rule_may_refuse_in_the_end),
        TEST(a_draft_that_changes_meanwhile_is_looked_at_again),
        TEST(what_was_judged_by_an_old_registry_is_judged_again),
        TEST(a_limit_and_an_unknown_execution_are_waited_for),
        TEST(an_effect_that_was_late_is_tried_again),
        TEST(who_was_second_is_told_what_became_of_it),
        TEST(what_is_no_longer_valid_fails),
        TEST(a_seal_may_be_named),
        TEST(an_effect_that_cannot_be_judged_again_has_failed),
        TEST(only_a_draft_s_own_key_ends_with_it),
        TEST(an_execution_ends_though_its_draft_is_gone),
        TEST(what_a_draft_does_not_say_is_what_it_began_with),
        TEST(a_draft_ends_with_its_key_or_as_a_rule_says),
    };

    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
