/* SPDX-License-Identifier: MIT */
#include "adapter/adapter_fixture.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fixture f;

static int set_up(void **state)
{
    (void)state;
    fixture_begin(&f);
    snprintf(f.adapters_dir, sizeof f.adapters_dir, "%s/adapters", OPP_SOURCE_DIR);
    fixture_must_open(&f);
    return 0;
}

static void it_has_its_seven_tools_in_order(void **state)
{
    (void)state;
    assert_int_equal(opp_tool_count(f.adapters), 7);
    assert_string_equal(opp_tool_at(f.adapters, 0)->name, "ledger.list");
    assert_string_equal(opp_tool_at(f.adapters, 6)->name, "transactions.export_csv");
    assert_null(opp_tool_find(f.adapters, "transaction.undelete"));
    assert_string_equal(opp_tool_find(f.adapters, "ledger.list")->path, "/api/agent/v1/ledgers");
}

static void ledgers_are_listed_without_columns_that_the_output_does_not_name(void **state)
{
    (void)state;
    fixture_reads(&f, "ledger.list", "{}",
                  "{\"items\":[{\"currency_home\":\"USD\",\"id\":\"ledger_main\",\"name\":\"Main\",\"organization_id\":"
                  "\"org_demo\",\"tz\":\"America/New_York\"},{\"currency_home\":\"USD\",\"id\":\"ledger_ops\",\"name\":"
                  "\"Operations\",\"organization_id\":\"org_demo\",\"tz\":\"Europe/Berlin\"}]}");
}

static void transactions_are_listed_redacted(void **state)
{
    static const char *const redacted[] = { "notes", "null", "title", "\"[redacted]\"", NULL };
    struct opp_read_options options = { .redacted = redacted };
    struct opp_tool_call call = fixture_call(&f, "transaction.list", "{\"ledgerId\":\"ledger_main\",\"pageSize\":1}");
    char *text = fixture_read(&call, &options);

    (void)state;
    assert_non_null(text);
    assert_non_null(strstr(text, "\"title\":\"[redacted]\""));
    assert_non_null(strstr(text, "\"notes\":null"));
    assert_null(strstr(text, "Coffee"));
    assert_null(strstr(text, "org_id"));
    free(text);
    fixture_call_free(&call);
}

static void a_transaction_is_created_once(void **state)
{
    struct opp_tool_call call = fixture_call(
        &f, "transaction.create",
        "{\"ledgerId\":\"ledger_main\",\"kind\":\"expense\",\"title\":\":new_id_1\",\"amount_home\":\"12.5\"}");
    json_t *first = NULL, *second = NULL, *asked = NULL, *none = NULL;
    const json_t *made;

    (void)state;
    assert_int_equal(fixture_apply(&f, &call, "eff_create", &first), OPP_OK);
    made = json_object_get(first, "transaction");
    assert_string_equal(opp_json_text(made, "title"), ":new_id_1");
    assert_string_equal(opp_json_text(made, "created_at"), "2026-11-18T11:06:40.123Z");
    assert_memory_equal(opp_json_text(made, "id"), "txn_", 4);
    assert_int_equal(fixture_apply_effect(&f, call.effect, "eff_create", &second), OPP_OK);
    assert_true(opp_json_equal(first, second));
    assert_int_equal(fixture_receipt(&f, "ledger", "eff_create", &asked), OPP_OK);
    assert_true(opp_json_equal(first, asked));
    assert_int_equal(fixture_receipt(&f, "ledger", "eff_other", &none), OPP_E_ABSENT);
    json_decref(first);
    json_decref(second);
    json_decref(asked);
    fixture_call_free(&call);
}

static void an_update_says_what_it_touches_changes_and_depends_on(void **state)
{
    struct opp_tool_call call = fixture_call(
        &f, "transaction.update", "{\"transactionId\":\"txn_1\",\"ledgerId\":\"ledger_ops\",\"title\":\"Beans\"}");
    json_t *result = NULL;

    (void)state;
    assert_int_equal(fixture_apply(&f, &call, "eff_update", &result), OPP_OK);
    assert_int_equal(json_array_size(call.resources), 2);
    assert_json(json_object_get(call.impact, "changes"),
                "{\"ledger_id\":{\"from\":\"ledger_main\",\"to\":\"ledger_ops\"},\"title\":{\"from\":\"Coffee beans\","
                "\"to\":\"Beans\"}}");
    assert_json(call.witness, "{\"id\":\"txn_1\",\"is_deleted\":false,\"kind\":\"resource_version\",\"ledger_id\":"
                              "\"ledger_main\",\"resource\":\"transaction\",\"updated_at\":"
                              "\"2026-11-19T08:31:00.000Z\"}");
    assert_string_equal(opp_json_text(json_object_get(result, "transaction"), "ledger_id"), "ledger_ops");
    json_decref(result);
    fixture_call_free(&call);
}

static void a_delete_that_another_overtook_is_stale(void **state)
{
    struct opp_tool_call first = fixture_call(&f, "transaction.delete", "{\"transactionId\":\"txn_1\"}");
    struct opp_tool_call second = fixture_call(&f, "transaction.hard_delete", "{\"transactionId\":\"txn_1\"}");
    json_t *result = NULL;

    (void)state;
    assert_int_equal(fixture_inspect(&second), OPP_OK);
    assert_int_equal(fixture_apply(&f, &first, "eff_first", &result), OPP_OK);
    assert_json(result, "{\"deleted\":{\"deleted\":true,\"id\":\"txn_1\"}}");
    json_decref(result);
    assert_int_equal(fixture_apply_effect(&f, second.effect, "eff_second", &result), OPP_E_STALE);
    assert_null(result);
    fixture_call_free(&first);
    fixture_call_free(&second);
    first = fixture_call(&f, "transaction.delete", "{\"transactionId\":\"txn_1\"}");
    assert_int_equal(fixture_inspect(&first), OPP_E_ABSENT);
    fixture_call_free(&first);
}

static void an_export_writes_nothing_and_is_answered_at_once(void **state)
{
    struct opp_tool_call call =
        fixture_call(&f, "transactions.export_csv", "{\"ledgerId\":\"ledger_main\",\"limit\":1}");
    json_t *result = NULL, *none = NULL;

    (void)state;
    assert_int_equal(fixture_apply(&f, &call, "eff_export", &result), OPP_OK);
    assert_json(json_object_get(call.impact, "rows"), "1");
    assert_json(json_object_get(json_object_get(result, "export"), "rowCount"), "1");
    assert_null(opp_effect_database(call.effect));
    assert_int_equal(fixture_receipt(&f, NULL, "eff_export", &none), OPP_E_ABSENT);
    json_decref(result);
    fixture_call_free(&call);
}

static void what_is_not_there_is_absent(void **state)
{
    struct opp_tool_call call = fixture_call(&f, "transaction.delete", "{\"transactionId\":\"txn_none\"}");

    (void)state;
    assert_int_equal(fixture_inspect(&call), OPP_E_ABSENT);
    fixture_call_free(&call);
}

static void an_amount_that_is_no_number_points_into_the_payload(void **state)
{
    struct opp_tool_call call =
        fixture_call(&f, "transaction.update", "{\"transactionId\":\"txn_1\",\"date\":\"yesterday\"}");

    (void)state;
    assert_int_equal(fixture_inspect(&call), OPP_E_ACTION_INVALID);
    assert_string_equal(call.refusal.path, "/date");
    assert_false(call.refusal.defect);
    fixture_call_free(&call);
}

static void aliases_are_one_field(void **state)
{
    const struct opp_tool *tool = opp_tool_find(f.adapters, "transaction.update");
    json_t *given = json_pack("{s:s, s:s}", "id", "txn_1", "transaction_id", "txn_1"), *out = NULL;
    struct opp_err err = { 0 };

    (void)state;
    assert_int_equal(opp_tool_normalise(tool, given, &out, &err), OPP_OK);
    assert_json(out, "{\"transactionId\":\"txn_1\"}");
    json_decref(out);
    json_object_set_new(given, "transactionId", json_string("txn_2"));
    assert_int_equal(opp_tool_normalise(tool, given, &out, &err), OPP_E_VALIDATION);
    assert_true(err.where[0] == '/');
    json_decref(given);
}

#define with_ledger(test) cmocka_unit_test_prestate_setup_teardown(test, set_up, fixture_tear_down, &f)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_ledger(it_has_its_seven_tools_in_order),
        with_ledger(ledgers_are_listed_without_columns_that_the_output_does_not_name),
        with_ledger(transactions_are_listed_redacted),
        with_ledger(a_transaction_is_created_once),
        with_ledger(an_update_says_what_it_touches_changes_and_depends_on),
        with_ledger(a_delete_that_another_overtook_is_stale),
        with_ledger(an_export_writes_nothing_and_is_answered_at_once),
        with_ledger(what_is_not_there_is_absent),
        with_ledger(an_amount_that_is_no_number_points_into_the_payload),
        with_ledger(aliases_are_one_field),
    };

    return cmocka_run_group_tests_name("the ledger", tests, NULL, NULL);
}
