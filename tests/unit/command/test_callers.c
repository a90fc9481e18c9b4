/* SPDX-License-Identifier: MIT
 *
 * Who may call at all: every way to be nobody, no longer somebody, or too often.
 */
#include "core/guard.h"

#include "adapter/tool.h"
#include "base/token.h"
#include "command/callers_kit.h"
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

static void a_glance_sees_what_the_guard_would_say(void **state)
{
    char authorization[96];
    struct opp_credentials shown = { .authorization = authorization }, nothing = { 0 };
    struct opp_limited limited = { 0 };
    enum opp_code rc;

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
    rc = opp_guard_glance(&kit.worker, &shown, OPP_TOKEN_AGENT, "192.0.2.1", &limited);
    assert_int_equal(rc, OPP_E_UNAVAILABLE);
    assert_int_equal(limited.retry_after_s, 1); /* as where the body had come */
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

/* --- look-ups --- */

static unsigned look_ups;

const struct opp_key_entry *__real_opp_registry_key(const struct opp_registry *registry, const char *token_hash);
const struct opp_key_entry *__wrap_opp_registry_key(const struct opp_registry *registry, const char *token_hash);
const struct opp_admin_token *__real_opp_registry_admin(const struct opp_registry *registry, const char *token_hash);
const struct opp_admin_token *__wrap_opp_registry_admin(const struct opp_registry *registry, const char *token_hash);

const struct opp_key_entry *__wrap_opp_registry_key(const struct opp_registry *registry, const char *token_hash)
{
    look_ups++;
    return __real_opp_registry_key(registry, token_hash);
}

const struct opp_admin_token *__wrap_opp_registry_admin(const struct opp_registry *registry, const char *token_hash)
{
    look_ups++;
    return __real_opp_registry_admin(registry, token_hash);
}

/* By the guard, and by the glance before a body is read. */
static void expect_look_ups(const char *token, bool as_person, enum opp_code code, unsigned wanted)
{
    char authorization[96];
    struct opp_credentials shown = { .authorization = authorization };

    look_ups = 0;
    expect((struct gateway_request){ .person = as_person, .token = token }, code);
    assert_int_equal(look_ups, wanted);
    look_ups = 0;
    snprintf(authorization, sizeof authorization, "Bearer %s", token);
    assert_int_equal(glance(&shown, "192.0.2.1"), code);
    assert_int_equal(look_ups, wanted);
}

/* Each is a good token but for one character, of the checksum or before it. */
static void expect_nothing_of_changed(const char *good, bool as_person)
{
    for (size_t behind = 1; behind <= 7; behind++) {
        char token[OPP_TOKEN_MAX];
        char *changed = token + strlen(good) - behind;

        snprintf(token, sizeof token, "%s", good);
        *changed = *changed == 'A' ? 'B' : 'A';
        expect_look_ups(token, as_person, OPP_E_TOKEN_INVALID, 0);
    }
}

static void a_token_with_a_bad_checksum_costs_no_look_up(void **state)
{
    int64_t most = kit.gateway->settings.auth_failures_per_minute;

    (void)state;
    kit.process.gateway.settings.auth_failures_per_minute = 100000;
    for (int as_person = 0; as_person < 2; as_person++) {
        const char *known = as_person ? kit.process.demo.owner.token : kit.process.demo.agent.token;
        char unknown[OPP_TOKEN_MAX];

        expect_look_ups(known, as_person, OPP_OK, 1);
        assert_int_equal(opp_token_make(as_person ? OPP_TOKEN_ADMIN : OPP_TOKEN_AGENT, unknown, NULL), OPP_OK);
        expect_look_ups(unknown, as_person, OPP_E_TOKEN_INVALID, 1);
        expect_nothing_of_changed(known, as_person);
        expect_nothing_of_changed(unknown, as_person);
    }
    kit.process.gateway.settings.auth_failures_per_minute = most;
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
        cmocka_unit_test(a_token_with_a_bad_checksum_costs_no_look_up),
        /* Last: they stay so for a minute. */
        cmocka_unit_test(strangers_who_guess_are_slowed_down),
        cmocka_unit_test(a_key_may_make_so_many_calls),
    };

    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
