/* SPDX-License-Identifier: MIT
 *
 * POST actions where others are quicker, keys are used again, and what was stored is not what it was.
 */
#include "core/action.h"

#include "admin/apps.h"
#include "command/failing.h"
#include "command/gateway_kit.h"
#include "core/decide.h"
#include "core/preflight.h"
#include "core/stranded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define GATEWAY "gateway.db"

static struct gateway_kit kit;
static char key[32], draft[OPP_ID_MAX]; /* the last draft that was made */
static unsigned count;

static int set_up_all(void **state)
{
    struct gateway_request open = { .flow = &OPP_FLOW_APP_AUTO_EXECUTE,
                                    .person = true,
                                    .input = "{\"writes\":{\"enabled\":true},\"high_risk\":{\"enabled\":true}}" };
    struct gateway_answer answer;

    (void)state;
    gateway_start(&kit);
    open.id = kit.process.demo.agent.app_id;
    assert_int_equal(gateway_run(&kit, &open, &answer), OPP_OK);
    gateway_forget(&answer);
    return 0;
}

static int tear_down_all(void **state)
{
    (void)state;
    gateway_stop(&kit);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(key, sizeof key, "key %u", ++count);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    failing_before_write(NULL, NULL);
    failing_before_effect(NULL, NULL);
    failing_effects(OPP_E_INTERNAL);
    failing_short_waits(false);
    return 0;
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* A new transaction; its title is the test's own. more: members beside the payload, after a comma. */
static enum opp_code act(const char *notes, const char *more, struct gateway_answer *answer)
{
    struct gateway_request request = { .flow = &OPP_FLOW_ACTION, .key = key };
    char input[1024];

    snprintf(input, sizeof input,
             "{\"action\":\"transaction.create\",\"payload\":{\"ledgerId\":\"ledger_main\",\"kind\":\"expense\","
             "\"title\":\"%u\",\"amount_home\":1,\"notes\":\"%s\"}%s}",
             count, notes, more);
    request.input = input;
    gateway_run(&kit, &request, answer);
    if (json_object_get(answer->data, "draft") != NULL)
        snprintf(draft, sizeof draft, "%s", text_of(json_object_get(answer->data, "draft"), "id"));
    return answer->code;
}

static enum opp_code ask(const char *input, struct gateway_answer *answer)
{
    struct gateway_request request = { .flow = &OPP_FLOW_ACTION, .key = key, .input = input };

    return gateway_run(&kit, &request, answer);
}

/* Acts, and wants this code, and in the answer or its details this text. */
static void expect(const char *notes, const char *more, enum opp_code code, const char *name, const char *text)
{
    struct gateway_answer answer;

    if (act(notes, more, &answer) != code)
        fail_msg("%s instead of %s", opp_code_name(answer.code), opp_code_name(code));
    if (name != NULL)
        assert_string_equal(text_of(code == OPP_OK ? answer.data : answer.details, name), text);
    gateway_forget(&answer);
}

static void make_draft(void)
{
    expect("", "", OPP_OK, "status", "draft");
}

static void make_execution(void)
{
    expect("", ",\"execute\":true", OPP_OK, "status", "executed");
}

#define RUN ",\"execute\":true"

/* --- keys --- */

static void a_key_is_trimmed_and_is_one_line_of_ascii(void **state)
{
    static const struct {
        const char *header, *field;
        enum opp_code code;
    } rows[] = { { " a \t", "a", OPP_OK },
                 { " \t ", "b", OPP_OK },
                 { "c", " ", OPP_OK },
                 { "d\x01", NULL, OPP_E_VALIDATION },
                 { "e\x7f", NULL, OPP_E_VALIDATION },
                 { "f", "g", OPP_E_VALIDATION },
                 { NULL, "h\\u00e4", OPP_E_VALIDATION } };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct gateway_request request = { .flow = &OPP_FLOW_ACTION, .key = rows[i].header };
        struct gateway_answer answer;
        char input[512];

        snprintf(input, sizeof input,
                 "{\"action\":\"transaction.create\",\"payload\":{\"ledgerId\":\"ledger_main\",\"kind\":\"expense\","
                 "\"title\":\"keys %zu\",\"amount_home\":1},\"idempotencyKey\":%s%s%s}",
                 i, rows[i].field != NULL ? "\"" : "", rows[i].field != NULL ? rows[i].field : "\"\"",
                 rows[i].field != NULL ? "\"" : "");
        request.input = input;
        assert_int_equal(gateway_run(&kit, &request, &answer), rows[i].code);
        gateway_forget(&answer);
    }
}

static void a_key_has_at_most_255_characters(void **state)
{
    char longest[257];
    struct gateway_request request = { .flow = &OPP_FLOW_ACTION, .key = longest };
    struct gateway_answer answer;

    (void)state;
    request.input = "{\"action\":\"transaction.create\",\"payload\":{\"ledgerId\":\"ledger_main\",\"kind\":\"expense\","
                    "\"title\":\"long\",\"amount_home\":1}}";
    memset(longest, 'x', 256);
    longest[256] = '\0';
    assert_int_equal(gateway_run(&kit, &request, &answer), OPP_E_VALIDATION);
    gateway_forget(&answer);
    longest[255] = '\0';
    assert_int_equal(gateway_run(&kit, &request, &answer), OPP_OK);
    gateway_forget(&answer);
}

static void an_action_is_of_something(void **state)
{
    struct gateway_answer answer;

    (void)state;
    assert_int_equal(ask("{\"action\":\"transaction.create\"}", &answer), OPP_E_VALIDATION);
    gateway_forget(&answer);
}

static void a_draft_that_is_overdue_has_expired(void **state)
{
    (void)state;
    make_draft();
    gateway_sql(&kit, GATEWAY, "UPDATE drafts SET expires_at = 1 WHERE id = '%s'", draft);
    expect("", RUN, OPP_OK, "status", "draft"); /* as it is: canceled */
}

static void a_key_that_has_expired_is_free_again(void **state)
{
    char first[OPP_ID_MAX];

    (void)state;
    make_draft();
    memcpy(first, draft, sizeof first);
    gateway_sql(&kit, GATEWAY, "UPDATE idempotency SET expires_at = 9000000000000 WHERE draft_id = '%s'", first);
    make_draft();
    assert_string_equal(first, draft);
    gateway_sql(&kit, GATEWAY, "UPDATE idempotency SET expires_at = 1 WHERE draft_id = '%s'", first);
    make_draft();
    assert_string_not_equal(first, draft);
}

static void a_key_whose_draft_is_lost_is_free_again(void **state)
{
    (void)state;
    make_draft();
    gateway_sql(&kit, GATEWAY, "DELETE FROM drafts WHERE id = '%s'", draft);
    make_draft();
}

static void a_failed_execution_is_named_by_the_next(void **state)
{
    struct gateway_answer answer;

    (void)state;
    failing_effects(OPP_E_EXECUTION_FAILED);
    expect("", RUN, OPP_E_EXECUTION_FAILED, NULL, NULL);
    expect("", "", OPP_OK, "status", "draft");
    gateway_sql(&kit, GATEWAY, "UPDATE drafts SET status = 'failed' WHERE id = '%s'", draft);
    expect("", "", OPP_OK, "status", "draft"); /* that one had no execution */
    set_up(NULL);
    expect("", RUN, OPP_E_EXECUTION_FAILED, NULL, NULL);
    failing_effects(OPP_E_INTERNAL);
    assert_int_equal(act("", RUN, &answer), OPP_OK);
    assert_non_null(text_of(json_object_get(answer.data, "details"), "previousExecutionId"));
    gateway_forget(&answer);
}

/* --- what is confirmed already --- */

static void an_execution_that_is_lost_or_unknown_is_not_made_again(void **state)
{
    (void)state;
    make_execution();
    gateway_sql(&kit, GATEWAY, "UPDATE executions SET status = 'unknown' WHERE draft_id = '%s'", draft);
    expect("", RUN, OPP_E_EXECUTION_UNKNOWN, "draftId", draft);
    gateway_sql(&kit, GATEWAY, "DELETE FROM executions WHERE draft_id = '%s'", draft);
    expect("", RUN, OPP_E_EXECUTION_UNKNOWN, "draftId", draft);
}

static void while_the_same_intent_is_unknown_another_key_is_refused(void **state)
{
    (void)state;
    make_execution();
    gateway_sql(&kit, GATEWAY, "UPDATE executions SET status = 'unknown' WHERE draft_id = '%s'", draft);
    key[0] = 'o';
    expect("", RUN, OPP_E_PRECONDITION, "draftId", draft);
    gateway_sql(&kit, GATEWAY, "UPDATE executions SET status = 'success' WHERE draft_id = '%s'", draft);
    make_draft();
    gateway_sql(&kit, GATEWAY, "UPDATE executions SET status = 'unknown' WHERE draft_id <> '%s'", draft);
    expect("", RUN, OPP_E_PRECONDITION, "reason", "outcome_unknown");
    gateway_sql(&kit, GATEWAY, "UPDATE executions SET status = 'success'");
}

static void who_waits_for_a_running_execution_is_told_in_time(void **state)
{
    unsigned n = 0;

    (void)state;
    make_execution();
    gateway_sql(&kit, GATEWAY, "UPDATE executions SET status = 'pending' WHERE draft_id = '%s'", draft);
    failing_short_waits(true);
    expect("", RUN, OPP_E_KEY_BUSY, "draftId", draft);
    do {
        struct gateway_answer answer;

        failing_set(++n);
        act("", RUN, &answer);
        assert_int_not_equal(answer.code, OPP_OK);
        gateway_forget(&answer);
    } while (failing_happened());
    failing_set(0);
}

static void who_waits_for_a_running_execution_may_leave(void **state)
{
    struct gateway_request request = { .flow = &OPP_FLOW_ACTION, .key = key };
    struct gateway_answer answer;
    char input[512];

    (void)state;
    make_execution();
    gateway_sql(&kit, GATEWAY, "UPDATE executions SET status = 'pending' WHERE draft_id = '%s'", draft);
    snprintf(input, sizeof input,
             "{\"action\":\"transaction.create\",\"execute\":true,\"payload\":{\"ledgerId\":\"ledger_main\","
             "\"kind\":\"expense\",\"title\":\"%u\",\"amount_home\":1,\"notes\":\"\"}}",
             count);
    request.input = input;
    gateway_ask(&kit, &request, &answer);
    assert_false(answer.given);
    answer.gone(answer.call, answer.gone_arg);
    gateway_wait(&kit, &answer);
    assert_int_equal(answer.code, OPP_E_KEY_BUSY);
    gateway_forget(&answer);
}

/* --- pending drafts --- */

static void a_draft_whose_record_was_changed_does_not_run(void **state)
{
    (void)state;
    make_draft();
    gateway_sql(&kit, GATEWAY, "UPDATE drafts SET seal = 'x' WHERE id = '%s'", draft);
    expect("", RUN, OPP_E_PRECONDITION, "reason", "seal_mismatch");
}

static void a_draft_is_completed_once(void **state)
{
    (void)state;
    expect("a person in the end", ",\"justification\":\"first\"", OPP_OK, "status", "draft");
    expect("a person in the end", RUN, OPP_OK, "status", "draft");
    expect("a person in the end", RUN, OPP_OK, "status", "draft");
}

static void a_rule_may_want_people_in_the_end(void **state)
{
    (void)state;
    expect("denied in the end", RUN, OPP_E_POLICY_DENIED, NULL, NULL);
    set_up(NULL);
    expect("approvals in the end", RUN, OPP_OK, "status", "draft");
    set_up(NULL);
    expect("approvals", RUN, OPP_OK, "status", "draft");
    set_up(NULL);
    expect("denied", RUN, OPP_E_POLICY_DENIED, "tag", "notes");
    expect("a broken rule", RUN, OPP_E_POLICY_DENIED, NULL, NULL);
}

/* --- preflights --- */

static void preflight(const char *notes, char id[OPP_ID_MAX], char hash[OPP_HASH_HEX])
{
    struct gateway_request request = { .flow = &OPP_FLOW_PREFLIGHT };
    struct gateway_answer answer;
    char input[512];

    snprintf(input, sizeof input,
             "{\"action\":\"transaction.create\",\"payload\":{\"ledgerId\":\"ledger_main\",\"kind\":\"expense\","
             "\"title\":\"%u\",\"amount_home\":1,\"notes\":\"%s\"}}",
             count, notes);
    request.input = input;
    assert_int_equal(gateway_run(&kit, &request, &answer), OPP_OK);
    snprintf(id, OPP_ID_MAX, "%s", text_of(answer.data, "preflightId"));
    snprintf(hash, OPP_HASH_HEX, "%s", text_of(answer.data, "impactHash"));
    gateway_forget(&answer);
}

static void expect_handle(const char *id, enum opp_code code)
{
    struct gateway_answer answer;
    char input[256];

    snprintf(input, sizeof input, "{\"action\":\"transaction.create\",\"execute\":true,\"preflightId\":\"%s\"}", id);
    if (ask(input, &answer) != code)
        fail_msg("%s instead of %s", opp_code_name(answer.code), opp_code_name(code));
    gateway_forget(&answer);
}

static void a_preflight_hash_is_compared(void **state)
{
    char id[OPP_ID_MAX], hash[OPP_HASH_HEX], more[256];

    (void)state;
    preflight("", id, hash);
    snprintf(more, sizeof more, RUN ",\"preflightHash\":\"%s\"", hash);
    expect("", more, OPP_OK, "status", "executed");
    set_up(NULL);
    expect("", RUN ",\"preflightHash\":\"x\"", OPP_OK, "autoExecuteDeniedCode", "agent.preflight_mismatch");
}

static void a_handle_of_another_impact_does_not_count(void **state)
{
    char id[OPP_ID_MAX], hash[OPP_HASH_HEX], more[256];

    (void)state;
    preflight("", id, hash);
    gateway_sql(&kit, GATEWAY, "UPDATE preflights SET impact_hash = 'x' WHERE id = '%s'", id);
    snprintf(more, sizeof more, RUN ",\"preflightId\":\"%s\"", id);
    expect("", more, OPP_OK, "autoExecuteDeniedCode", "agent.preflight_mismatch");
}

static void a_handle_is_its_person_s_and_ends(void **state)
{
    char id[OPP_ID_MAX], hash[OPP_HASH_HEX];

    (void)state;
    preflight("", id, hash);
    gateway_sql(&kit, GATEWAY, "UPDATE preflights SET actor_user_id = 'x' WHERE id = '%s'", id);
    expect_handle(id, OPP_E_PREFLIGHT_NOT_FOUND);
    preflight("", id, hash);
    gateway_sql(&kit, GATEWAY, "UPDATE preflights SET expires_at = 1 WHERE id = '%s'", id);
    expect_handle(id, OPP_E_PREFLIGHT_NOT_FOUND);
    expect_handle("pfl_none", OPP_E_PREFLIGHT_NOT_FOUND);
}

/* The handle that a key was taken with, or that its draft was completed with, stands for the intent for good. */
static void a_key_and_a_handle_stand_for_one_intent(void **state)
{
    char id[OPP_ID_MAX], other[OPP_ID_MAX], hash[OPP_HASH_HEX], more[128];

    (void)state;
    preflight("a person in the end", id, hash);
    preflight("", other, hash);
    snprintf(more, sizeof more, RUN ",\"preflightId\":\"%s\"", id);
    expect("a person in the end", more, OPP_OK, "status", "draft");
    expect_handle(other, OPP_E_KEY_MISMATCH);
    gateway_sql(&kit, GATEWAY, "UPDATE preflights SET expires_at = 1 WHERE id = '%s'", id);
    expect_handle(id, OPP_OK); /* the draft is there, though the handle has ended */
    gateway_sql(&kit, GATEWAY, "DELETE FROM preflights WHERE id = '%s'", id);
    expect_handle(id, OPP_OK);
    expect_handle("pfl_none", OPP_E_KEY_MISMATCH);

    set_up(NULL);
    preflight("a person in the end", id, hash);
    expect("a person in the end", "", OPP_OK, "status", "draft");
    expect_handle(id, OPP_OK); /* whose intent is the key's */
    snprintf(more, sizeof more, RUN ",\"preflightId\":\"%s\"", id);
    expect("a person in the end", more, OPP_OK, "status", "draft"); /* completes the draft */
    gateway_sql(&kit, GATEWAY, "DELETE FROM preflights WHERE id = '%s'", id);
    expect_handle(id, OPP_OK);
}

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
        assert_string_equal(text_of(answer.details, "reason"), reason);
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
    snprintf(witness, sizeof witness, "%s", text_of(answer.data, "stateWitnessHash"));
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
        TEST(a_key_is_trimmed_and_is_one_line_of_ascii),
        TEST(a_key_has_at_most_255_characters),
        TEST(an_action_is_of_something),
        TEST(a_draft_that_is_overdue_has_expired),
        TEST(a_key_that_has_expired_is_free_again),
        TEST(a_key_whose_draft_is_lost_is_free_again),
        TEST(a_failed_execution_is_named_by_the_next),
        TEST(an_execution_that_is_lost_or_unknown_is_not_made_again),
        TEST(while_the_same_intent_is_unknown_another_key_is_refused),
        TEST(who_waits_for_a_running_execution_is_told_in_time),
        TEST(who_waits_for_a_running_execution_may_leave),
        TEST(a_draft_whose_record_was_changed_does_not_run),
        TEST(a_draft_is_completed_once),
        TEST(a_rule_may_want_people_in_the_end),
        TEST(a_preflight_hash_is_compared),
        TEST(a_handle_of_another_impact_does_not_count),
        TEST(a_handle_is_its_person_s_and_ends),
        TEST(a_key_and_a_handle_stand_for_one_intent),
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
        TEST(what_is_offered_as_a_draft_is_one),
        TEST(an_effect_that_was_late_is_tried_again),
        TEST(an_effect_on_what_has_changed_is_judged_again),
    };

    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
