/* SPDX-License-Identifier: MIT
 *
 * Who may call at all: every way to be nobody, no longer somebody, or not what a call needs.
 */
#include "core/guard.h"

#include "adapter/adapter.h"
#include "adapter/tool.h"
#include "base/token.h"
#include "command/failing.h"
#include "command/gateway_kit.h"
#include "command/grant.h"
#include "core/browser.h"
#include "core/freeze.h"
#include "core/generation.h"
#include "core/registry.h"

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

static int set_up_all(void **state)
{
    (void)state;
    gateway_start(&kit);
    return 0;
}

static int tear_down_all(void **state)
{
    (void)state;
    gateway_stop(&kit);
    return 0;
}

/* What a call that was admitted does. */
static enum opp_step (*inside)(struct opp_call *call);

static enum opp_step run_inside(struct opp_call *call)
{
    return inside != NULL ? inside(call) : OPP_NEXT;
}

static enum opp_step end(struct opp_call *call)
{
    return opp_call_answer(call, json_object());
}

static const opp_step_fn STEPS[] = { run_inside, end, NULL };
static const struct opp_flow FLOW = { STEPS, 0, NULL, NULL };

static void expect(struct gateway_request request, enum opp_code code)
{
    struct gateway_answer answer;

    request.flow = &FLOW;
    if (gateway_run(&kit, &request, &answer) != code)
        fail_msg("%s instead of %s", opp_code_name(answer.code), opp_code_name(code));
    gateway_forget(&answer);
}

static void agent(enum opp_code code)
{
    expect((struct gateway_request){ 0 }, code);
}

static void person(enum opp_code code)
{
    expect((struct gateway_request){ .person = true }, code);
}

static void set(const char *sql)
{
    gateway_sql(&kit, GATEWAY, "PRAGMA foreign_keys = OFF; %s", sql);
    gateway_registry_changed(&kit);
}

struct row {
    const char *broken, *mended;
    enum opp_code code;
};

static void an_agent_is_let_in_by_a_living_key_of_a_living_app(void **state)
{
    static const struct row rows[] = {
        { "UPDATE keys SET revoked_at = 1", "UPDATE keys SET revoked_at = 0", OPP_E_TOKEN_INVALID },
        { "UPDATE keys SET expires_at = 1", "UPDATE keys SET expires_at = 0", OPP_E_TOKEN_EXPIRED },
        { "UPDATE keys SET expires_at = 9000000000000", "UPDATE keys SET expires_at = 0", OPP_OK },
        { "UPDATE apps SET status = 'revoked'", "UPDATE apps SET status = 'active'", OPP_E_TOKEN_INVALID },
        { "UPDATE apps SET deleted_at = 1", "UPDATE apps SET deleted_at = 0", OPP_E_TOKEN_INVALID },
        { "UPDATE apps SET id = 'x' || id", "UPDATE apps SET id = substr(id, 2)", OPP_E_TOKEN_INVALID },
        { "UPDATE apps SET policy = '[]'", "UPDATE apps SET policy = '{}'", OPP_E_FORBIDDEN },
        { "UPDATE apps SET org_id = NULL", "UPDATE apps SET org_id = 'org_demo'", OPP_E_FORBIDDEN },
        { "UPDATE apps SET service_user_id = NULL", "UPDATE apps SET service_user_id = 'svc_org_demo'",
          OPP_E_FORBIDDEN },
        { "UPDATE apps SET scope = 'personal'", "UPDATE apps SET user_id = 'user_demo'", OPP_E_FORBIDDEN },
        { "UPDATE apps SET name = name", "UPDATE apps SET scope = 'workspace', user_id = NULL", OPP_OK },
        { "UPDATE apps SET policy = '{\"network\":{\"allowed_ips\":[\"198.51.100.0/24\"]}}'",
          "UPDATE apps SET policy = '{}'", OPP_E_POLICY_DENIED },
    };
    char token[OPP_TOKEN_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        set(rows[i].broken);
        agent(rows[i].code);
        set(rows[i].mended);
    }
    agent(OPP_OK);
    assert_int_equal(opp_token_make(OPP_TOKEN_AGENT, token, NULL), OPP_OK);
    expect((struct gateway_request){ .token = token }, OPP_E_TOKEN_INVALID);
}

static void a_person_is_let_in_by_a_living_token(void **state)
{
    char token[OPP_TOKEN_MAX];

    (void)state;
    person(OPP_OK);
    set("UPDATE admin_tokens SET revoked_at = 1");
    person(OPP_E_TOKEN_INVALID);
    set("UPDATE admin_tokens SET revoked_at = 0, expires_at = 1");
    person(OPP_E_TOKEN_EXPIRED);
    set("UPDATE admin_tokens SET expires_at = 9000000000000");
    person(OPP_OK);
    assert_int_equal(opp_token_make(OPP_TOKEN_ADMIN, token, NULL), OPP_OK);
    expect((struct gateway_request){ .person = true, .token = token }, OPP_E_TOKEN_INVALID);
    expect((struct gateway_request){ .token = kit.process.demo.owner.token }, OPP_E_TOKEN_INVALID);
    expect((struct gateway_request){ .person = true, .token = kit.process.demo.agent.token }, OPP_E_TOKEN_INVALID);
}

static void while_there_is_nothing_to_judge_by_nobody_is_let_in(void **state)
{
    struct opp_generation_slot *none = NULL, *slot = kit.gateway->policies;

    (void)state;
    opp_registry_swap(kit.gateway->registry, NULL);
    agent(OPP_E_UNAVAILABLE);
    person(OPP_E_UNAVAILABLE);
    gateway_registry_changed(&kit);
    assert_int_equal(opp_generation_slot_new(&none, NULL), OPP_OK);
    kit.gateway->policies = none;
    agent(OPP_E_UNAVAILABLE);
    kit.gateway->policies = slot;
    opp_generation_slot_free(none);
}

static void a_read_that_is_gone_is_no_route(void **state)
{
    (void)state;
    expect((struct gateway_request){ .read_path = "/api/agent/v1/gone" }, OPP_E_ROUTE_UNKNOWN);
    expect((struct gateway_request){ .read_path = "/api/agent/v1/ledgers" }, OPP_OK);
}

static enum opp_code glance(const struct opp_credentials *shown, const char *ip)
{
    int retry_after_s = 0;

    return opp_guard_glance(&kit.worker, shown, ip, &retry_after_s);
}

static void a_glance_sees_what_the_guard_would_say(void **state)
{
    char authorization[96];
    struct opp_credentials shown = { .authorization = authorization }, nothing = { 0 };

    (void)state;
    snprintf(authorization, sizeof authorization, "bearer  %s", kit.process.demo.owner.token);
    assert_int_equal(glance(&shown, "192.0.2.1"), OPP_OK);
    snprintf(authorization, sizeof authorization, "Bearer %s", kit.process.demo.agent.token);
    assert_int_equal(glance(&shown, "192.0.2.1"), OPP_OK);
    set("UPDATE keys SET expires_at = 1");
    assert_int_equal(glance(&shown, "no address"), OPP_E_TOKEN_EXPIRED);
    set("UPDATE keys SET expires_at = 0");
    assert_int_equal(glance(&nothing, "192.0.2.1"), OPP_E_TOKEN_INVALID);
    opp_registry_swap(kit.gateway->registry, NULL);
    assert_int_equal(glance(&shown, "192.0.2.1"), OPP_E_UNAVAILABLE);
    gateway_registry_changed(&kit);
    shown.cookie = "x=y";
    shown.authorization = "Basic x";
    assert_int_equal(glance(&shown, "192.0.2.1"), OPP_E_TOKEN_INVALID);
    shown.authorization = NULL;
    assert_int_equal(glance(&shown, "192.0.2.1"), OPP_E_TOKEN_INVALID);
}

static void call_until_limited(const char *token)
{
    struct gateway_request request = { .flow = &FLOW, .token = token };
    struct gateway_answer answer;
    enum opp_code rc = OPP_OK;

    for (int i = 0; i < 100 && rc != OPP_E_RATE_LIMITED; i++) {
        rc = gateway_run(&kit, &request, &answer);
        gateway_forget(&answer);
    }
    assert_int_equal(rc, OPP_E_RATE_LIMITED);
}

static void strangers_who_guess_are_slowed_down(void **state)
{
    (void)state;
    call_until_limited("x");
    assert_int_equal(glance(&(struct opp_credentials){ 0 }, "192.0.2.1"), OPP_E_RATE_LIMITED);
    agent(OPP_OK);
}

/* --- what fails --- */

static enum opp_code load_registry(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_registry *registry = NULL;
    enum opp_code rc = opp_registry_load(tx, 1, &registry, err);

    (void)arg;
    assert_true((rc == OPP_OK) == (registry != NULL));
    opp_registry_unpin(registry);
    return rc;
}

static enum opp_code write_uses(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    const struct opp_registry *registry = opp_registry_pin(kit.gateway->registry);
    enum opp_code rc = opp_registry_write_uses(registry, tx, err);

    (void)arg;
    opp_registry_unpin(registry);
    return rc;
}

static enum opp_code grant_to_person(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    json_t *roles = json_pack("[s]", "owner");
    struct opp_grant_person wish = { .user_id = "u", .name = "n", .roles = roles, .made_by = "test", .now_ms = 1 };
    struct opp_grant made;
    enum opp_code rc = opp_grant_to_person(tx, &wish, &made, err);

    (void)arg;
    json_decref(roles);
    return rc == OPP_OK ? OPP_E_STALE : rc; /* nothing is to stay */
}

static enum opp_code grant_to_app(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    json_t *scopes = json_array();
    struct opp_grant_app wish = { .name = "n", .org_id = "o", .scopes = scopes, .made_by = "test", .now_ms = 1 };
    struct opp_grant made;
    enum opp_code rc = opp_grant_to_app(tx, &wish, &made, err);

    (void)arg;
    json_decref(scopes);
    return rc == OPP_OK ? OPP_E_STALE : rc;
}

static enum opp_code grant_to_nobody(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    json_t *roles = json_array();
    struct opp_grant_person wish = { .user_id = "\xff", .name = "n", .roles = roles, .made_by = "test", .now_ms = 1 };
    struct opp_grant made;
    enum opp_code rc = opp_grant_to_person(tx, &wish, &made, err);

    (void)arg;
    json_decref(roles);
    return rc;
}

static void expect_failures(opp_tx_fn run)
{
    enum opp_code rc;
    unsigned n = 0;

    do {
        failing_set(++n);
        rc = opp_store_now(kit.gateway->store, run, NULL, NULL);
    } while (failing_happened());
    failing_set(0);
    assert_true(rc == OPP_OK || rc == OPP_E_STALE);
    assert_true(n > 1);
    gateway_registry_changed(&kit); /* where it could not be loaded, nobody was let in */
}

static void what_fails_lets_nobody_in(void **state)
{
    struct opp_registry_slot *slot = NULL;
    struct opp_browsers *browsers = NULL;

    (void)state;
    expect_failures(load_registry);
    agent(OPP_OK);
    person(OPP_OK);
    expect_failures(write_uses);
    expect_failures(grant_to_person);
    expect_failures(grant_to_app);
    assert_int_equal(opp_store_now(kit.gateway->store, grant_to_nobody, NULL, NULL), OPP_E_VALIDATION);
    opp_registry_slot_free(NULL);
    failing_set(1);
    assert_int_equal(opp_registry_slot_new(&slot, NULL), OPP_E_MEMORY);
    failing_set(1);
    assert_int_equal(opp_browsers_new(1, 1, &browsers, NULL), OPP_E_MEMORY);
    failing_set(0);
    opp_browsers_free(NULL);
}

static void without_randomness_there_are_no_secrets(void **state)
{
    struct opp_browsers *browsers = NULL;
    struct opp_browser_session wish = { .id = "ses_1" };
    struct opp_grant made;
    struct opp_grant_person person_wish = { .user_id = "u" };
    struct opp_grant_app app_wish = { .name = "n" };
    char secret[OPP_BROWSER_SECRET_MAX];

    (void)state;
    failing_randomness(true);
    assert_int_equal(opp_browsers_new(1, 1, &browsers, NULL), OPP_E_INTERNAL);
    assert_int_equal(opp_browser_begin(kit.gateway->browsers, &wish, 1, secret, NULL), OPP_E_INTERNAL);
    assert_int_equal(opp_grant_to_person(NULL, &person_wish, &made, NULL), OPP_E_INTERNAL);
    assert_int_equal(opp_grant_to_app(NULL, &app_wish, &made, NULL), OPP_E_INTERNAL);
    failing_randomness(false);
}

/* --- limits --- */

static void a_key_may_make_so_many_calls(void **state)
{
    int64_t most = kit.gateway->settings.rate_per_minute;

    (void)state;
    kit.process.gateway.settings.rate_per_minute = 0;
    agent(OPP_OK);
    kit.process.gateway.settings.rate_per_minute = 1;
    call_until_limited(NULL);
    kit.process.gateway.settings.rate_per_minute = most;
}

static struct opp_tool seldom = { .adapter = "test", .rate_bucket = "b" };

static enum opp_step twice(struct opp_call *call)
{
    enum opp_step step = opp_guard_limit_tool(call, &seldom);

    return step == OPP_NEXT ? opp_guard_limit_tool(call, &seldom) : step;
}

static void a_call_counts_once_in_its_tool_s_limit(void **state)
{
    (void)state;
    inside = twice;
    agent(OPP_OK);
    seldom.rate_per_minute = 1;
    person(OPP_OK);
    agent(OPP_OK);
    agent(OPP_E_RATE_LIMITED);
    inside = NULL;
}

/* --- the caller again, after the registry changed --- */

static const char *meanwhile;
static enum opp_code renewed;

static enum opp_step renew(struct opp_call *call)
{
    if (meanwhile == NULL)
        opp_registry_swap(kit.gateway->registry, NULL);
    else
        set(meanwhile);
    renewed = opp_guard_renew(call);
    assert_non_null(call->registry);
    return OPP_NEXT;
}

static void expect_renewed(bool as_person, const char *sql, enum opp_code code, const char *mended)
{
    inside = renew;
    meanwhile = sql;
    expect((struct gateway_request){ .person = as_person }, OPP_OK);
    assert_int_equal(renewed, code);
    inside = NULL;
    set(mended);
}

static void a_caller_is_looked_up_again(void **state)
{
    (void)state;
    expect_renewed(false, "UPDATE apps SET name = name", OPP_OK, "UPDATE apps SET name = name");
    expect_renewed(true, "UPDATE apps SET name = name", OPP_OK, "UPDATE apps SET name = name");
    expect_renewed(false, "UPDATE keys SET revoked_at = 1", OPP_E_TOKEN_INVALID, "UPDATE keys SET revoked_at = 0");
    expect_renewed(true, "UPDATE admin_tokens SET revoked_at = 1", OPP_E_TOKEN_INVALID,
                   "UPDATE admin_tokens SET revoked_at = 0");
    expect_renewed(false, NULL, OPP_E_UNAVAILABLE, "UPDATE apps SET name = name");
}

static enum opp_step without_rules(struct opp_call *call)
{
    struct opp_generation_slot *none = NULL, *slot = kit.gateway->policies;

    assert_int_equal(opp_generation_slot_new(&none, NULL), OPP_OK);
    kit.gateway->policies = none;
    renewed = opp_guard_renew(call); /* goes on with those that it has */
    assert_non_null(call->generation);
    kit.gateway->policies = slot;
    opp_generation_slot_free(none);
    return OPP_NEXT;
}

static void where_there_are_no_newer_rules_a_call_keeps_its_own(void **state)
{
    (void)state;
    inside = without_rules;
    agent(OPP_OK);
    assert_int_equal(renewed, OPP_OK);
    inside = NULL;
}

/* --- sessions --- */

static char session_id[OPP_ID_MAX];

static enum opp_step renew_in_session(struct opp_call *call)
{
    snprintf(call->session_id, sizeof call->session_id, "%s", session_id);
    renewed = opp_guard_renew(call);
    return OPP_NEXT;
}

static void a_session_that_has_ended_is_out(void **state)
{
    struct opp_browser_session wish = { 0 };
    char secret[OPP_BROWSER_SECRET_MAX];

    (void)state;
    opp_id_make(wish.id, "ses_", 1);
    opp_token_hash(kit.process.demo.owner.token, wish.token_hash);
    assert_int_equal(opp_browser_begin(kit.gateway->browsers, &wish, 1, secret, NULL), OPP_OK);
    memcpy(session_id, wish.id, sizeof session_id);
    inside = renew_in_session;
    person(OPP_OK);
    assert_int_equal(renewed, OPP_OK);
    assert_true(opp_browser_end(kit.gateway->browsers, session_id));
    person(OPP_OK);
    assert_int_equal(renewed, OPP_E_TOKEN_INVALID);
    inside = NULL;
    failing_set(1);
    assert_int_equal(opp_browser_begin(kit.gateway->browsers, &wish, 1, secret, NULL), OPP_E_MEMORY);
    failing_set(0);
}

static void a_cookie_stands_for_its_token(void **state)
{
    struct opp_browser_session wish = { 0 };
    char secret[OPP_BROWSER_SECRET_MAX], cookie[128];
    struct opp_credentials shown = { .cookie = cookie };

    (void)state;
    opp_id_make(wish.id, "ses_", 1);
    opp_token_hash(kit.process.demo.owner.token, wish.token_hash);
    assert_int_equal(opp_browser_begin(kit.gateway->browsers, &wish, 1, secret, NULL), OPP_OK);
    snprintf(cookie, sizeof cookie, OPP_BROWSER_COOKIE "=%s", secret);
    assert_int_equal(glance(&shown, "192.0.2.1"), OPP_OK);
    expect((struct gateway_request){ .person = true, .cookie = cookie }, OPP_E_FORBIDDEN); /* no page of its own */
    expect((struct gateway_request){ .person = true, .cookie = cookie, .reads = true }, OPP_OK);
}

static struct opp_tool thing = { .name = "thing" };

static enum opp_step note_freeze(struct opp_call *call)
{
    const struct opp_freeze *freeze = opp_freeze_of(call->app, thing.name);

    assert_non_null(freeze);
    assert_string_equal(freeze->id, "frz_1");
    return OPP_NEXT;
}

static void of_two_freezes_the_older_counts_unless_the_newer_is_stricter(void **state)
{
    (void)state;
    set("INSERT INTO freezes SELECT column1, 'gateway', NULL, 'drafts_only', 'r', NULL, 'u', NULL, 1, 0 FROM"
        " (VALUES ('frz_1'), ('frz_2'))");
    inside = note_freeze;
    agent(OPP_OK);
    inside = NULL;
    set("DELETE FROM freezes");
}

static size_t origin;

static enum opp_step own_page(struct opp_call *call)
{
    const struct opp_credentials rows[] = { { .changes = true },
                                            { .changes = true, .origin = "https://a" },
                                            { .changes = true, .origin = "https://a", .host = "b" },
                                            { .changes = true, .origin = "http://a", .host = "b" },
                                            { .changes = true, .origin = "ftp://a", .host = "a" } };

    return opp_guard_own_page(call, &rows[origin]);
}

static void a_change_comes_from_the_gateway_s_own_page(void **state)
{
    (void)state;
    inside = own_page;
    for (origin = 0; origin < 5; origin++)
        person(OPP_E_FORBIDDEN);
    inside = NULL;
}

/* --- roles --- */

static void a_role_has_a_name(void **state)
{
    (void)state;
    assert_int_equal(opp_role_of("owner"), OPP_ROLE_OWNER);
    assert_int_equal(opp_role_of("nobody"), 0);
    assert_int_equal(opp_role_of(NULL), 0);
}

static enum opp_step require_owner(struct opp_call *call)
{
    return opp_guard_require(call, OPP_ROLE_OWNER);
}

static void a_role_is_asked_for(void **state)
{
    (void)state;
    inside = require_owner;
    person(OPP_OK);
    set("UPDATE admin_tokens SET roles = '[\"viewer\", 7]'");
    person(OPP_E_FORBIDDEN);
    set("UPDATE admin_tokens SET roles = '[\"owner\"]'");
    inside = NULL;
}

static void an_organisation_is_seen_by_who_may(void **state)
{
    struct opp_admin_token all = { 0 }, some = { .org_ids = json_pack("[s, s]", "a", "b") };

    (void)state;
    assert_true(opp_guard_sees_org(&all, NULL));
    assert_true(opp_guard_sees_org(&some, "b"));
    assert_false(opp_guard_sees_org(&some, "c"));
    assert_false(opp_guard_sees_org(&some, NULL));
    json_decref(some.org_ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agent_is_let_in_by_a_living_key_of_a_living_app),
        cmocka_unit_test(a_person_is_let_in_by_a_living_token),
        cmocka_unit_test(while_there_is_nothing_to_judge_by_nobody_is_let_in),
        cmocka_unit_test(a_read_that_is_gone_is_no_route),
        cmocka_unit_test(a_glance_sees_what_the_guard_would_say),
        cmocka_unit_test(a_call_counts_once_in_its_tool_s_limit),
        cmocka_unit_test(a_caller_is_looked_up_again),
        cmocka_unit_test(where_there_are_no_newer_rules_a_call_keeps_its_own),
        cmocka_unit_test(a_session_that_has_ended_is_out),
        cmocka_unit_test(a_cookie_stands_for_its_token),
        cmocka_unit_test(of_two_freezes_the_older_counts_unless_the_newer_is_stricter),
        cmocka_unit_test(what_fails_lets_nobody_in),
        cmocka_unit_test(without_randomness_there_are_no_secrets),
        cmocka_unit_test(a_change_comes_from_the_gateway_s_own_page),
        cmocka_unit_test(a_role_has_a_name),
        cmocka_unit_test(a_role_is_asked_for),
        cmocka_unit_test(an_organisation_is_seen_by_who_may),
        /* Last: they stay so for a minute. */
        cmocka_unit_test(strangers_who_guess_are_slowed_down),
        cmocka_unit_test(a_key_may_make_so_many_calls),
    };

    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
