/* SPDX-License-Identifier: MIT
 *
 * Looking at drafts, waiting for them, canceling them.
 */
#include "core/draft.h"

#include "admin/drafts.h"
#include "command/approvals_kit.h"
#include "command/failing.h"
#include "core/action.h"
#include "core/decide.h"
#include "core/generation.h"
#include "core/hub.h"
#include "core/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define WAIT "{\"wait\":\"5\"}"

static void begin(struct gateway_answer *answer)
{
    struct gateway_request request = { .flow = &OPP_FLOW_DRAFT_GET, .id = draft, .input = WAIT };

    gateway_ask(&kit, &request, answer);
    assert_false(answer->given);
}

static void expect_end(struct gateway_answer *answer, enum opp_code code)
{
    gateway_wait(&kit, answer);
    assert_int_equal(answer->code, code);
    gateway_forget(answer);
}

static void who_waits_for_a_draft_is_told_when_it_ends_or_time_is_up(void **state)
{
    struct gateway_answer answer;
    unsigned n = 0;

    (void)state;
    make_draft("");
    begin(&answer);
    set_draft("status = 'canceled'");
    opp_hub_notify(kit.gateway->hub, draft);
    expect_end(&answer, OPP_OK);
    expect_of(&OPP_FLOW_DRAFT_GET, WAIT, OPP_OK, NULL); /* at once */
    make_draft("");
    begin(&answer);
    answer.gone(answer.call, answer.gone_arg);
    expect_end(&answer, OPP_OK);
    failing_short_waits(true);
    expect_of(&OPP_FLOW_DRAFT_GET, WAIT, OPP_OK, NULL);
    expect_of(&OPP_FLOW_DRAFT_GET, "{\"wait\":\"x\"}", OPP_E_VALIDATION, NULL);
    do {
        struct gateway_request request = { .flow = &OPP_FLOW_DRAFT_GET, .id = draft, .input = WAIT };

        failing_set(++n);
        gateway_run(&kit, &request, &answer);
        gateway_forget(&answer);
    } while (failing_happened());
    failing_set(0);
}

static void an_execution_is_waited_for_too(void **state)
{
    struct gateway_answer answer;

    (void)state;
    make_draft("");
    approve(OPP_OK, NULL);
    gateway_sql(&kit, GATEWAY, "UPDATE executions SET status = 'pending' WHERE draft_id = '%s'", draft);
    begin(&answer);
    gateway_sql(&kit, GATEWAY, "UPDATE executions SET status = 'success' WHERE draft_id = '%s'", draft);
    opp_hub_notify(kit.gateway->hub, draft);
    expect_end(&answer, OPP_OK);
}

/* broken and mended: SQL, about the caller. */
static void wait_and_break(const char *broken, const char *mended)
{
    struct gateway_answer answer;

    make_draft("");
    begin(&answer);
    gateway_sql(&kit, GATEWAY, "PRAGMA foreign_keys = OFF; %s", broken);
    gateway_registry_changed(&kit);
    opp_hub_notify(kit.gateway->hub, draft);
    expect_end(&answer, OPP_E_TOKEN_INVALID);
    gateway_sql(&kit, GATEWAY, "PRAGMA foreign_keys = OFF; %s", mended);
    gateway_registry_changed(&kit);
}

static void who_is_out_waits_no_longer(void **state)
{
    struct gateway_answer answer;
    struct opp_generation_slot *none = NULL, *slot = kit.gateway->policies;

    (void)state;
    wait_and_break("UPDATE keys SET revoked_at = 1", "UPDATE keys SET revoked_at = 0");
    wait_and_break("UPDATE apps SET status = 'revoked'", "UPDATE apps SET status = 'active'");
    wait_and_break("UPDATE keys SET token_hash = 'x' || token_hash",
                   "UPDATE keys SET token_hash = substr(token_hash, 2)");
    wait_and_break("UPDATE apps SET id = 'x' || id", "UPDATE apps SET id = substr(id, 2)");

    make_draft("");
    begin(&answer);
    opp_registry_swap(kit.gateway->registry, NULL);
    opp_hub_notify(kit.gateway->hub, draft);
    expect_end(&answer, OPP_E_TOKEN_INVALID);
    gateway_registry_changed(&kit);

    assert_int_equal(opp_generation_slot_new(&none, NULL), OPP_OK);
    begin(&answer);
    kit.gateway->policies = none;
    opp_hub_notify(kit.gateway->hub, draft);
    expect_end(&answer, OPP_E_UNAVAILABLE);
    kit.gateway->policies = slot;
    opp_generation_slot_free(none);
}

static void a_draft_is_its_app_s(void **state)
{
    (void)state;
    make_draft("");
    set_draft("app_id = 'other'");
    expect_of(&OPP_FLOW_DRAFT_GET, NULL, OPP_E_DRAFT_NOT_FOUND, NULL);
    expect_of(&OPP_FLOW_DRAFT_CANCEL, NULL, OPP_E_DRAFT_NOT_FOUND, NULL);
    set_draft("app_id = (SELECT id FROM apps)");
    expect_of(&OPP_FLOW_DRAFT_CANCEL, NULL, OPP_OK, NULL);
    expect_of(&OPP_FLOW_DRAFT_CANCEL, NULL, OPP_E_DRAFT_FINAL, NULL);
    snprintf(draft, sizeof draft, "drf_none");
    approve(OPP_E_DRAFT_NOT_FOUND, NULL);
}

static void a_draft_that_somebody_else_ended_in_time_is_not_expired(void **state)
{
    (void)state;
    make_draft("");
    set_draft("expires_at = 1");
    change = "status = 'canceled'";
    failing_before_write(the_draft_changes, NULL);
    expect_of(&OPP_FLOW_DRAFT_GET, NULL, OPP_OK, NULL);
}

/* Each is asked of a draft that is overdue, and the store does not take that it is expired. */
static void a_draft_that_cannot_be_expired_is_a_failure(void **state)
{
    char input[512], key[32];
    struct gateway_request look = { .flow = &OPP_FLOW_ADMIN_DRAFT_GET, .person = true, .id = draft };
    struct gateway_request again = { .flow = &OPP_FLOW_ACTION, .input = input, .key = key };
    struct gateway_answer answer;

    (void)state;
    make_draft("");
    set_draft("expires_at = 1");
    gateway_sql(&kit, GATEWAY, "CREATE TRIGGER refuse BEFORE UPDATE ON drafts BEGIN SELECT RAISE(FAIL, 'no'); END");
    expect_of(&OPP_FLOW_DRAFT_GET, NULL, OPP_E_EXISTS, NULL);
    expect_of(&OPP_FLOW_DRAFT_GET, WAIT, OPP_E_EXISTS, NULL);
    expect_of(&OPP_FLOW_REJECT, NULL, OPP_E_EXISTS, NULL);
    approve(OPP_E_EXISTS, NULL);
    assert_int_equal(gateway_run(&kit, &look, &answer), OPP_E_EXISTS);
    gateway_forget(&answer);
    snprintf(key, sizeof key, "%u", count);
    write_action(input, sizeof input, key, "", "");
    assert_int_equal(gateway_run(&kit, &again, &answer), OPP_E_EXISTS);
    gateway_forget(&answer);
    gateway_sql(&kit, GATEWAY, "DROP TRIGGER refuse");
    expect_of(&OPP_FLOW_DRAFT_GET, NULL, OPP_OK, NULL);
    approve(OPP_E_DRAFT_FINAL, NULL);
}

static void when_the_gateway_ends_nobody_waits(void **state)
{
    (void)state;
    make_draft("");
    opp_hub_close(kit.gateway->hub);
    expect_of(&OPP_FLOW_DRAFT_GET, WAIT, OPP_OK, NULL);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_waits_for_a_draft_is_told_when_it_ends_or_time_is_up),
        TEST(an_execution_is_waited_for_too),
        TEST(who_is_out_waits_no_longer),
        TEST(a_draft_is_its_app_s),
        TEST(a_draft_that_somebody_else_ended_in_time_is_not_expired),
        TEST(a_draft_that_cannot_be_expired_is_a_failure),
        TEST(when_the_gateway_ends_nobody_waits), /* for good */
    };

    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
