/* SPDX-License-Identifier: MIT
 *
 * POST actions where others are quicker, limits are reached, and effects come to something else.
 */
#include "base/json.h"
#include "core/action.h"

#include "command/actions_kit.h"
#include "command/failing.h"
#include "core/preflight.h"
#include "core/stranded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- others are quicker --- */

static void the_key_is_gone(void *arg)
{
    (void)arg;
    gateway_sql(&kit, GATEWAY, "DELETE FROM idempotency WHERE draft_id = '%s'", draft);
}

static void a_key_that_ends_meanwhile_is_taken_anew(void **state)
{
    char first[OPP_ID_MAX];

    (void)state;
    make_draft();
    memcpy(first, draft, sizeof first);
    failing_before_write(the_key_is_gone, NULL);
    make_execution();
    assert_string_not_equal(first, draft);
}

static char others[OPP_ID_MAX];

static void the_key_is_taken(void *arg)
{
    (void)arg;
    gateway_sql(
        &kit, GATEWAY,
        "INSERT INTO idempotency SELECT '%s ' || '%s', intent_hash, id, NULL, NULL, 1, 0 FROM drafts WHERE id = "
        "'%s'",
        kit.process.demo.agent.app_id, key, others);
}

static void a_key_that_is_taken_meanwhile_is_another_s(void **state)
{
    (void)state;
    make_draft();
    memcpy(others, draft, sizeof others);
    set_up(NULL);
    failing_before_write(the_key_is_taken, NULL);
    expect("", "", OPP_E_KEY_MISMATCH, NULL, NULL);
}

static char two[2][OPP_ID_MAX];
static unsigned times;

static void the_key_changes_hands(void *arg)
{
    (void)arg;
    gateway_sql(&kit, GATEWAY, "UPDATE idempotency SET draft_id = '%s' WHERE id LIKE '%% %s'", two[times++ % 2], key);
    failing_before_write(the_key_changes_hands, NULL);
}

static void who_is_always_late_gives_up(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        expect("", ",\"requestId\":\"late\"", OPP_OK, "status", "draft");
        memcpy(two[i], draft, sizeof two[i]);
        gateway_sql(&kit, GATEWAY, "UPDATE drafts SET status = 'failed' WHERE id = '%s'", draft);
    }
    failing_before_write(the_key_changes_hands, NULL);
    expect("", "", OPP_E_UNAVAILABLE, NULL, NULL);
    assert_true(times > 10);
}

static void the_draft_is_canceled(void *arg)
{
    (void)arg;
    gateway_sql(&kit, GATEWAY, "UPDATE drafts SET status = 'canceled' WHERE id = '%s'", draft);
}

static void a_draft_that_is_decided_meanwhile_is_not_touched(void **state)
{
    (void)state;
    expect("a person in the end", "", OPP_OK, "status", "draft");
    failing_before_write(the_draft_is_canceled, NULL);
    expect("a person in the end", RUN, OPP_OK, "status", "draft");
    set_up(NULL);
    make_draft();
    failing_before_write(the_draft_is_canceled, NULL);
    expect("", RUN, OPP_OK, "status", "draft");
}

static unsigned changes;

static void the_registry_changes(void *arg)
{
    gateway_registry_changed(&kit);
    if (++changes < 10)
        failing_before_write(the_registry_changes, arg);
}

static void what_was_judged_by_an_old_registry_is_judged_again(void **state)
{
    (void)state;
    changes = 9;
    failing_before_write(the_registry_changes, NULL);
    make_execution();
    set_up(NULL);
    changes = 0;
    failing_before_write(the_registry_changes, NULL);
    expect("", RUN, OPP_E_UNAVAILABLE, NULL, NULL);
}

static void the_key_is_revoked(void *arg)
{
    gateway_sql(&kit, GATEWAY, "UPDATE keys SET revoked_at = %d", arg != NULL);
    gateway_registry_changed(&kit);
}

static void who_was_revoked_meanwhile_is_out(void **state)
{
    (void)state;
    failing_before_write(the_key_is_revoked, &kit);
    expect("", RUN, OPP_E_TOKEN_INVALID, NULL, NULL);
    the_key_is_revoked(NULL);
    make_execution();
}

/* Of which nobody knows yet what became: the first may have happened. */
static void while_the_same_intent_is_stranded_it_is_waited_for(void **state)
{
    (void)state;
    make_execution();
    gateway_sql(&kit, GATEWAY, "UPDATE executions SET status = 'pending' WHERE draft_id = '%s'", draft);
    opp_stranded_add(kit.gateway->stranded, calloc(1, sizeof(struct opp_stranded_item)), "exe_1", draft);
    key[0] = 'o';
    expect("", RUN, OPP_E_UNAVAILABLE, NULL, NULL);
}

static void a_limit_that_is_used_up_leaves_it_to_a_person(void **state)
{
    (void)state;
    gateway_sql(&kit, GATEWAY, "UPDATE executions SET created_at = 1");
    expect("one an hour", RUN, OPP_OK, "status", "executed");
    set_up(NULL);
    expect("one an hour", RUN, OPP_OK, "status", "draft");
}

static void an_app_has_only_so_many_pending_drafts(void **state)
{
    int64_t most = kit.gateway->settings.pending_drafts_max;

    (void)state;
    kit.process.gateway.settings.pending_drafts_max = 0;
    expect("", "", OPP_E_RATE_LIMITED, "reason", "pending_drafts");
    kit.process.gateway.settings.pending_drafts_max = most;
}

/* --- effects --- */

static void an_effect_that_fails_is_told(void **state)
{
    static const struct {
        enum opp_code effect, answer;
    } rows[] = { { OPP_E_STALE, OPP_E_PRECONDITION },
                 { OPP_E_PRECONDITION, OPP_E_PRECONDITION },
                 { OPP_E_ACTION_INVALID, OPP_E_PRECONDITION },
                 { OPP_E_EXECUTION_UNKNOWN, OPP_E_EXECUTION_UNKNOWN },
                 { OPP_E_EXECUTION_FAILED, OPP_E_EXECUTION_FAILED } };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        failing_effects(rows[i].effect);
        expect("", RUN, rows[i].answer, NULL, NULL);
        set_up(NULL);
    }
}

static void what_could_not_be_asked_for_its_receipt_is_not_claimed(void **state)
{
    (void)state;
    failing_receipts(true);
    expect("", RUN, OPP_E_MEMORY, NULL, NULL);
    failing_receipts(false);
    make_execution(); /* its key is free, and nothing of it is unknown */
}

static void the_transaction_changes(void *arg)
{
    gateway_sql(&kit, "ledger.db",
                "UPDATE transactions SET updated_at = '2026-11-20T08:31:00.%03uZ' WHERE id = 'txn_1'", ++times);
    if (arg == NULL)
        failing_before_effect(NULL, NULL); /* no more */
}

static void the_state_is_as_it_was(void *arg)
{
    (void)arg;
    if (++times == 2)
        failing_effects(OPP_E_INTERNAL);
}

static void an_effect_that_was_late_is_tried_again(void **state)
{
    (void)state;
    times = 0;
    failing_effects(OPP_E_STALE);
    failing_before_effect(the_state_is_as_it_was, NULL);
    make_execution();
}

/* Whose rule binds more of the state, tells that deletes are drafts, and breaks over one. */
static void delete (const char *id, enum opp_code code)
{
    struct gateway_answer answer;
    char input[256];

    snprintf(input, sizeof input,
             "{\"action\":\"transaction.delete\",\"execute\":true,\"justification\":\"j\",\"payload\":{"
             "\"transactionId\":\"%s\"}}",
             id);
    if (ask(input, &answer) != code)
        fail_msg("%s instead of %s", opp_code_name(answer.code), opp_code_name(code));
    gateway_forget(&answer);
    set_up(NULL);
}

static void what_is_offered_as_a_draft_is_one(void **state)
{
    (void)state;
    delete ("txn_3", OPP_OK);
    delete ("txn_2", OPP_OK);
    delete ("txn_4", OPP_E_POLICY_DENIED);
    delete ("txn_main_01", OPP_E_POLICY_DENIED);
}

static char witness[OPP_HASH_HEX];

static void update(const char *more, enum opp_code code, const char *reason)
{
    struct gateway_answer answer;
    char input[512];

    snprintf(input, sizeof input,
             "{\"action\":\"transaction.update\",\"execute\":true,\"payload\":{\"transactionId\":\"txn_1\",\"title\":"
             "\"%u\"}%s}",
             count, more);
    if (ask(input, &answer) != code)
        fail_msg("%s instead of %s", opp_code_name(answer.code), opp_code_name(code));
    if (reason != NULL)
        assert_string_equal(opp_json_text(answer.details, "reason"), reason);
    gateway_forget(&answer);
}

static void an_effect_on_what_has_changed_is_judged_again(void **state)
{
    struct gateway_request request = { .flow = &OPP_FLOW_PREFLIGHT };
    struct gateway_answer answer;
    char more[128];

    (void)state;
    failing_before_effect(the_transaction_changes, &kit);
    update("", OPP_E_PRECONDITION, "state_witness_mismatch");
    failing_before_effect(NULL, NULL);
    set_up(NULL);
    request.input = "{\"action\":\"transaction.update\",\"payload\":{\"transactionId\":\"txn_1\",\"title\":\"w\"}}";
    assert_int_equal(gateway_run(&kit, &request, &answer), OPP_OK);
    snprintf(witness, sizeof witness, "%s", opp_json_text(answer.data, "stateWitnessHash"));
    gateway_forget(&answer);
    snprintf(more, sizeof more, ",\"stateWitnessHash\":\"%s\"", witness);
    failing_before_effect(the_transaction_changes, NULL);
    update(more, OPP_E_PRECONDITION, "state_witness_mismatch");
    set_up(NULL);
    update(more, OPP_E_PRECONDITION, "state_witness_mismatch");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_that_ends_meanwhile_is_taken_anew),
        TEST(a_key_that_is_taken_meanwhile_is_another_s),
        TEST(who_is_always_late_gives_up),
        TEST(a_draft_that_is_decided_meanwhile_is_not_touched),
        TEST(what_was_judged_by_an_old_registry_is_judged_again),
        TEST(who_was_revoked_meanwhile_is_out),
        TEST(while_the_same_intent_is_stranded_it_is_waited_for),
        TEST(a_limit_that_is_used_up_leaves_it_to_a_person),
        TEST(an_app_has_only_so_many_pending_drafts),
        TEST(an_effect_that_fails_is_told),
        TEST(what_could_not_be_asked_for_its_receipt_is_not_claimed),
        TEST(what_is_offered_as_a_draft_is_one),
        TEST(an_effect_that_was_late_is_tried_again),
        TEST(an_effect_on_what_has_changed_is_judged_again),
    };

    return cmocka_run_group_tests(tests, set_up_all_open, tear_down_all);
}
