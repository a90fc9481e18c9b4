/* SPDX-License-Identifier: MIT
 *
 * What lets callers in, and may fail to: registries, grants, sessions, roles, freezes.
 */
#include "command/grant.h"

#include "adapter/tool.h"
#include "base/token.h"
#include "command/callers_kit.h"
#include "command/failing.h"
#include "core/browser.h"
#include "core/freeze.h"
#include "core/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* --- what fails --- */

static enum opp_code load_registry(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_registry *registry = NULL;
    enum opp_code rc = opp_registry_load(tx, 1, 1, &registry, err);

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

/* --- sessions --- */

static enum opp_code renewed;
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
        cmocka_unit_test(a_session_that_has_ended_is_out),
        cmocka_unit_test(a_cookie_stands_for_its_token),
        cmocka_unit_test(of_two_freezes_the_older_counts_unless_the_newer_is_stricter),
        cmocka_unit_test(what_fails_lets_nobody_in),
        cmocka_unit_test(without_randomness_there_are_no_secrets),
        cmocka_unit_test(a_change_comes_from_the_gateway_s_own_page),
        cmocka_unit_test(a_role_has_a_name),
        cmocka_unit_test(a_role_is_asked_for),
        cmocka_unit_test(an_organisation_is_seen_by_who_may),
    };

    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
