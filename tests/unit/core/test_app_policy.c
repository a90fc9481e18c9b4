/* SPDX-License-Identifier: MIT */
#include "core/app_policy.h"

#include "base/date.h"
#include "core/schemas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define NOW INT64_C(1790000000000)

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);

    assert_non_null(value);
    return value;
}

static void an_empty_policy_bounds_nothing(void **state)
{
    json_t *document = json_object();
    struct opp_app_policy policy = { 0 };

    (void)state;
    assert_int_equal(opp_app_policy_read(document, &policy, NULL), OPP_OK);
    assert_true(policy.allow_sensitive_fields);
    assert_int_equal(policy.max_days, 0);
    assert_true(opp_app_policy_admits(&policy, "203.0.113.9"));
    opp_app_policy_clear(&policy);
    json_decref(document);
}

static void addresses_and_blocks_of_both_families_are_held_to(void **state)
{
    json_t *document = parse("{\"network\":{\"allowed_ips\":[\"10.0.0.0/8\",\"192.0.2.7\",\"2001:db8::/32\"]},"
                             "\"data\":{\"max_days\":31,\"allow_sensitive_fields\":false}}");
    struct opp_app_policy policy = { 0 };

    (void)state;
    assert_int_equal(opp_app_policy_read(document, &policy, NULL), OPP_OK);
    assert_false(policy.allow_sensitive_fields);
    assert_int_equal(policy.max_days, 31);
    assert_true(opp_app_policy_admits(&policy, "10.255.1.2"));
    assert_true(opp_app_policy_admits(&policy, "::ffff:10.1.1.1"));
    assert_true(opp_app_policy_admits(&policy, "192.0.2.7"));
    assert_true(opp_app_policy_admits(&policy, "2001:db8:1::1"));
    assert_false(opp_app_policy_admits(&policy, "192.0.2.8"));
    assert_false(opp_app_policy_admits(&policy, "11.0.0.1"));
    assert_false(opp_app_policy_admits(&policy, "2001:db9::1"));
    assert_false(opp_app_policy_admits(&policy, "nonsense"));
    assert_false(opp_app_policy_admits(&policy, ""));
    opp_app_policy_clear(&policy);
    json_decref(document);
}

static void an_address_that_cannot_be_read_is_named(void **state)
{
    json_t *document = parse("{\"network\":{\"allowed_ips\":[\"10.0.0.0/8\",\"10.0.0.1/8\"]}}");
    struct opp_app_policy policy = { 0 };
    struct opp_err err = { 0 };

    (void)state;
    assert_int_equal(opp_app_policy_read(document, &policy, &err), OPP_E_VALIDATION);
    assert_string_equal(err.where, "/network/allowed_ips/1");
    assert_null(policy.allowed_ips);
    json_decref(document);
}

static void an_empty_list_admits_nobody(void **state)
{
    json_t *document = parse("{\"network\":{\"allowed_ips\":[]}}");
    struct opp_app_policy policy = { 0 };

    (void)state;
    assert_int_equal(opp_app_policy_read(document, &policy, NULL), OPP_OK);
    assert_false(opp_app_policy_admits(&policy, "10.0.0.1"));
    opp_app_policy_clear(&policy);
    json_decref(document);
}

static json_t *merge(const json_t *current, const char *change_text, const struct opp_settings *settings)
{
    json_t *change = parse(change_text), *out = NULL;
    struct opp_err err = { 0 };

    if (opp_auto_execute_merge(current, change, settings, NOW, &out, &err) != OPP_OK)
        fail_msg("%s: %s", change_text, err.message);
    json_decref(change);
    return out;
}

static struct opp_auto_execute read_back(const json_t *document)
{
    struct opp_auto_execute windows;

    opp_auto_execute_read(document, &windows);
    return windows;
}

static void windows_are_shut_and_safe_by_default(void **state)
{
    struct opp_settings settings = OPP_SETTINGS_DEFAULT;
    json_t *document = merge(NULL, "{}", &settings);
    struct opp_auto_execute windows = read_back(document);

    (void)state;
    assert_false(windows.writes.enabled);
    assert_false(windows.high_risk.enabled);
    assert_true(windows.high_risk.require_preflight);
    assert_true(windows.high_risk.require_idempotency);
    assert_int_equal(windows.high_risk.max_export_rows, 1000);
    assert_null(windows.writes.allowed_actions);
    json_decref(document);
}

static void a_window_without_an_end_gets_the_default_one(void **state)
{
    struct opp_settings settings = OPP_SETTINGS_DEFAULT;
    json_t *document =
        merge(NULL, "{\"writes\":{\"enabled\":true},\"high_risk\":{\"enabled\":true,\"expires_in\":60}}", &settings);
    struct opp_auto_execute windows = read_back(document);

    (void)state;
    assert_true(windows.writes.enabled);
    assert_int_equal(windows.writes.expires_at, NOW + 3600000);
    assert_int_equal(windows.high_risk.expires_at, NOW + 60000);
    json_decref(document);
}

static void a_given_section_replaces_that_section_whole_and_no_other(void **state)
{
    struct opp_settings settings = OPP_SETTINGS_DEFAULT;
    json_t *first = merge(NULL,
                          "{\"writes\":{\"enabled\":true,\"allowed_actions\":[\"a\"]},\"high_risk\":{\"enabled\":true,"
                          "\"require_preflight\":false,\"max_export_rows\":500,\"allowed_actions\":[]}}",
                          &settings);
    json_t *second = merge(first, "{\"high_risk\":{\"enabled\":false}}", &settings);
    struct opp_auto_execute windows = read_back(second);

    (void)state;
    assert_true(json_equal(json_object_get(first, "writes"), json_object_get(second, "writes")));
    assert_int_equal(json_array_size(windows.writes.allowed_actions), 1);
    assert_false(windows.high_risk.enabled);
    assert_true(windows.high_risk.require_preflight);
    assert_int_equal(windows.high_risk.max_export_rows, 1000);
    assert_null(windows.high_risk.allowed_actions);
    json_decref(first);
    json_decref(second);
}

static void none_may_be_listed_which_is_not_all(void **state)
{
    struct opp_settings settings = OPP_SETTINGS_DEFAULT;
    json_t *document = merge(NULL, "{\"writes\":{\"enabled\":true,\"allowed_actions\":[]}}", &settings);
    struct opp_auto_execute windows = read_back(document);

    (void)state;
    assert_non_null(windows.writes.allowed_actions);
    assert_int_equal(json_array_size(windows.writes.allowed_actions), 0);
    json_decref(document);
}

/* Also one at the very beginning of time, which is as long ago as any. */
static void a_window_that_ended_in_the_past_is_closed(void **state)
{
    static const char *const ends[] = { "2020-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z",
                                        "1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z" };
    struct opp_settings settings = OPP_SETTINGS_DEFAULT;

    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct opp_auto_execute windows;
        char change[128];
        json_t *document;

        snprintf(change, sizeof change, "{\"writes\":{\"enabled\":true,\"expires_at\":\"%s\"}}", ends[i]);
        document = merge(NULL, change, &settings);
        windows = read_back(document);
        assert_true(windows.writes.expires_at != 0);
        assert_true(windows.writes.expires_at < NOW);
        json_decref(document);
    }
}

static void assert_refused(const char *change_text, const struct opp_settings *settings, const char *where)
{
    json_t *change = parse(change_text), *out = NULL;
    struct opp_err err = { 0 };

    assert_int_equal(opp_auto_execute_merge(NULL, change, settings, NOW, &out, &err), OPP_E_VALIDATION);
    assert_null(out);
    assert_string_equal(err.where, where);
    json_decref(change);
}

static void an_end_that_is_no_time_or_too_far_is_refused(void **state)
{
    struct opp_settings settings = OPP_SETTINGS_DEFAULT;
    json_t *document;
    struct opp_auto_execute windows;

    (void)state;
    assert_refused("{\"writes\":{\"enabled\":true,\"expires_at\":\"soon\"}}", &settings, "/writes/expires_at");
    settings.window_max_ms = 1800000;
    assert_refused("{\"high_risk\":{\"enabled\":true,\"expires_in\":1801}}", &settings, "/high_risk/expires_at");
    document =
        merge(NULL, "{\"high_risk\":{\"enabled\":true,\"expires_in\":1800},\"writes\":{\"enabled\":true}}", &settings);
    windows = read_back(document);
    assert_int_equal(windows.high_risk.expires_at, NOW + 1800000);
    assert_int_equal(windows.writes.expires_at, NOW + 1800000); /* the default end, held to the longest window */
    json_decref(document);
}

static void a_stored_end_that_cannot_be_read_shuts_the_window(void **state)
{
    json_t *document = parse("{\"writes\":{\"enabled\":true,\"expires_at\":\"spoiled\",\"allowed_actions\":null}}");

    (void)state;
    assert_false(read_back(document).writes.enabled);
    json_decref(document);
}

static void assert_policy(const struct opp_schemas *schemas, enum opp_schema_name name, const char *text,
                          enum opp_code expected)
{
    json_t *document = parse(text), *issues = NULL;
    enum opp_code rc = opp_schemas_check(schemas, name, document, &issues, NULL);

    if (rc != expected)
        fail_msg("%s: %d", text, (int)rc);
    json_decref(issues);
    json_decref(document);
}

static void the_shape_of_settings_is_checked_before_they_are_read(void **state)
{
    static const char *const refused[] = {
        "{\"network\":{\"allowed_ips\":[]}}",
        "{\"network\":{\"allowed_ips\":\"10.0.0.1\"}}",
        "{\"network\":{\"allowed_ip\":[\"10.0.0.1\"]}}",
        "{\"data\":{\"max_days\":0}}",
        "{\"data\":{\"max_days\":-1}}",
        "{\"data\":{\"max_days\":1.5}}",
        "{\"data\":{\"max_days\":\"7\"}}",
        "{\"data\":{\"allowed_ledger_ids\":[]}}",
        "{\"data\":{\"allowed_ledger_ids\":[7]}}",
        "{\"data\":{\"allowed_ledger_ids\":null}}",
        "{\"data\":{\"allowed_org_ids\":[]}}",
        "{\"data\":{\"allow_sensitive_fields\":\"false\"}}",
        "{\"data\":{\"allow_sensitive_fields\":0}}",
        "{\"data\":{\"nonsense\":true}}",
        "{\"nonsense\":{}}",
        "[]",
    };
    static const char *const windows[] = {
        "{\"writes\":{\"enabled\":null}}",
        "{\"writes\":{\"enabled\":1}}",
        "{\"writes\":{\"enabled\":true,\"require_preflight\":false}}",
        "{\"writes\":{\"enabled\":true,\"allowed_actions\":\"all\"}}",
        "{\"high_risk\":{\"enabled\":true,\"max_export_rows\":99}}",
        "{\"high_risk\":{\"enabled\":true,\"max_export_rows\":5001}}",
        "{\"high_risk\":{\"enabled\":true,\"expires_in\":0}}",
        "{\"high\":{\"enabled\":true}}",
    };
    struct opp_schemas *schemas = NULL;

    (void)state;
    assert_int_equal(opp_schemas_new(&schemas, NULL), OPP_OK);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_policy(schemas, OPP_SCHEMA_APP_POLICY, refused[i], OPP_E_VALIDATION);
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++)
        assert_policy(schemas, OPP_SCHEMA_AUTO_EXECUTE, windows[i], OPP_E_VALIDATION);
    assert_policy(schemas, OPP_SCHEMA_APP_POLICY,
                  "{\"network\":{\"allowed_ips\":[\"::1\"]},\"data\":{\"allowed_ledger_ids\":[\"a\"],"
                  "\"allowed_org_ids\":[\"b\"],\"max_days\":1,\"allow_sensitive_fields\":true}}",
                  OPP_OK);
    assert_policy(schemas, OPP_SCHEMA_AUTO_EXECUTE,
                  "{\"writes\":{\"enabled\":true,\"expires_at\":null,\"allowed_actions\":null},"
                  "\"high_risk\":{\"enabled\":true,\"max_export_rows\":100,\"require_idempotency\":false}}",
                  OPP_OK);
    opp_schemas_free(schemas);
}

static void a_damaged_policy_is_not_read_as_none(void **state)
{
    static const char *const damaged[] = {
        "[]",
        "{\"data\":[]}",
        "{\"data\":null}",
        "{\"network\":\"10.0.0.0/8\"}",
        "{\"network\":{\"allowed_ips\":\"10.0.0.0/8\"}}",
        "{\"network\":{\"allowed_ips\":[1]}}",
        "{\"data\":{\"max_days\":\"7\"}}",
        "{\"data\":{\"max_days\":0}}",
        "{\"data\":{\"allow_sensitive_fields\":\"no\"}}",
        "{\"data\":{\"allowed_ledger_ids\":\"ledger_ops\"}}",
        "{\"data\":{\"allowed_ledger_ids\":[null]}}",
        "{\"data\":{\"nonsense\":true}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        json_t *document = parse(damaged[i]);
        struct opp_app_policy policy = { 0 };

        if (opp_app_policy_read(document, &policy, NULL) != OPP_E_VALIDATION)
            fail_msg("%s", damaged[i]);
        json_decref(document);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_policy_bounds_nothing),
        cmocka_unit_test(addresses_and_blocks_of_both_families_are_held_to),
        cmocka_unit_test(an_address_that_cannot_be_read_is_named),
        cmocka_unit_test(an_empty_list_admits_nobody),
        cmocka_unit_test(a_damaged_policy_is_not_read_as_none),
        cmocka_unit_test(windows_are_shut_and_safe_by_default),
        cmocka_unit_test(a_window_without_an_end_gets_the_default_one),
        cmocka_unit_test(a_given_section_replaces_that_section_whole_and_no_other),
        cmocka_unit_test(none_may_be_listed_which_is_not_all),
        cmocka_unit_test(a_window_that_ended_in_the_past_is_closed),
        cmocka_unit_test(an_end_that_is_no_time_or_too_far_is_refused),
        cmocka_unit_test(a_stored_end_that_cannot_be_read_shuts_the_window),
        cmocka_unit_test(the_shape_of_settings_is_checked_before_they_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
