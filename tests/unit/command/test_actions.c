/* SPDX-License-Identifier: MIT
 *
 * POST actions whose keys and handles are used again, and where what was stored is not what it was.
 */
#include "base/json.h"
#include "core/action.h"

#include "command/actions_kit.h"
#include "command/failing.h"
#include "core/preflight.h"
#include "core/staging.h"
#include "store/tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

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

/* While the staging thread, which looks at it too, has nothing to judge. */
static void set_lifetime(int64_t lifetime_ms)
{
    opp_staging_flush(kit.gateway->staging);
    kit.process.gateway.settings.draft_lifetime_ms = lifetime_ms;
}

static void a_draft_that_is_overdue_has_expired(void **state)
{
    int64_t lifetime_ms = kit.gateway->settings.draft_lifetime_ms;

    (void)state;
    set_lifetime(0);
    make_draft();
    set_lifetime(lifetime_ms);
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
    memcpy(first, draft, sizeof first);
    make_draft(); /* and is held again */
    assert_string_equal(first, draft);
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
    assert_non_null(opp_json_text(json_object_get(answer.data, "details"), "previousExecutionId"));
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
    snprintf(id, OPP_ID_MAX, "%s", opp_json_text(answer.data, "preflightId"));
    snprintf(hash, OPP_HASH_HEX, "%s", opp_json_text(answer.data, "impactHash"));
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

/* --- seals --- */

/* What a draft's record has beside its id. */
struct sealed {
    char seal[OPP_HASH_HEX], draft_hash[OPP_HASH_HEX];
};

static enum opp_code read_sealed(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct sealed *sealed = arg;
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_DRAFT, "id", draft, &found, err);
    struct opp_draft *record = found;

    if (rc != OPP_OK)
        return rc;
    snprintf(sealed->seal, sizeof sealed->seal, "%s", record->seal);
    snprintf(sealed->draft_hash, sizeof sealed->draft_hash, "%s",
             record->draft_hash != NULL ? record->draft_hash : "none");
    opp_record_free(&OPP_DRAFT, record);
    return rc;
}

static void expect_sealed(const struct sealed *wanted)
{
    struct sealed sealed;

    expect("a person in the end", RUN, OPP_OK, "status", "draft");
    assert_int_equal(opp_store_now(kit.gateway->store, read_sealed, &sealed, NULL), OPP_OK);
    assert_string_equal(sealed.seal, wanted->seal);
    assert_string_equal(sealed.draft_hash, wanted->draft_hash);
}

static void a_draft_that_lacks_nothing_but_its_hash_is_given_that(void **state)
{
    char id[OPP_ID_MAX], hash[OPP_HASH_HEX], more[128];
    struct sealed sealed;

    (void)state;
    preflight("a person in the end", id, hash);
    snprintf(more, sizeof more, ",\"justification\":\"first\",\"preflightId\":\"%s\"", id);
    expect("a person in the end", more, OPP_OK, "status", "draft");
    assert_int_equal(opp_store_now(kit.gateway->store, read_sealed, &sealed, NULL), OPP_OK);
    expect_sealed(&sealed);
    gateway_sql(&kit, GATEWAY, "UPDATE drafts SET draft_hash = NULL WHERE id = '%s'", draft); /* as older ones are */
    expect_sealed(&sealed);
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
        TEST(a_draft_that_lacks_nothing_but_its_hash_is_given_that),
    };

    return cmocka_run_group_tests(tests, set_up_all_open, tear_down_all);
}
