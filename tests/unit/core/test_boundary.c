/* SPDX-License-Identifier: MIT */
#include "core/boundary.h"

#include "adapter/tool.h"
#include "base/date.h"
#include "base/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char workspace[] = "workspace", personal[] = "personal", org[] = "org_1", user[] = "user_1";

/* An app of that scope in org_1, of user_1, with the data policy of a text ("" for none). */
struct subject {
    struct opp_app record;
    struct opp_app_entry entry;
    json_t *data;
};

static void make_subject(struct subject *subject, char *scope, const char *data)
{
    *subject = (struct subject){ .record = { .scope = scope, .org_id = org, .user_id = user } };
    subject->entry.record = &subject->record;
    subject->entry.sound = true;
    if (data[0] != '\0') {
        subject->data = json_loads(data, 0, NULL);
        assert_non_null(subject->data);
        subject->entry.policy.data = subject->data;
        subject->entry.policy.max_days = json_integer_value(json_object_get(subject->data, "max_days"));
    }
}

static bool admits(char *scope, const char *data, const char *resources_text)
{
    json_t *resources = json_loads(resources_text, JSON_DECODE_ANY, NULL);
    struct subject subject;
    bool admitted;

    assert_non_null(resources);
    make_subject(&subject, scope, data);
    admitted = opp_boundary_admits(&subject.entry, resources);
    json_decref(resources);
    json_decref(subject.data);
    return admitted;
}

/* Of every owner there can be, each scope is let in where it is its own and nowhere else. */
static void each_scope_passes_where_the_owner_is_its_own(void **state)
{
    static const char *const owners[] = { "null", "\"org_1\"", "\"org_2\"", "\"user_1\"", "\"user_2\"", "\"\"", "7" };

    (void)state;
    for (size_t i = 0; i < COUNT(owners); i++)
        for (size_t j = 0; j < COUNT(owners); j++) {
            char text[256];

            snprintf(text, sizeof text, "[{\"kind\":\"ledger\",\"id\":\"a\",\"org_id\":%s,\"user_id\":%s}]", owners[i],
                     owners[j]);
            assert_int_equal(admits(workspace, "", text), i == 1);
            assert_int_equal(admits(personal, "", text), j == 3);
            assert_int_equal(admits(workspace, "{\"max_days\":7}", text), i == 1);
        }
}

static void an_app_without_an_owner_of_its_own_passes_nowhere(void **state)
{
    struct subject subject;
    json_t *resources = json_loads("[{\"kind\":\"ledger\",\"id\":\"a\"}]", 0, NULL);

    (void)state;
    make_subject(&subject, workspace, "");
    subject.record.org_id = NULL;
    assert_false(opp_boundary_admits(&subject.entry, resources));
    make_subject(&subject, personal, "");
    subject.record.user_id = NULL;
    assert_false(opp_boundary_admits(&subject.entry, resources));
    json_decref(resources);
}

struct matrix {
    const char *data;
    const char *resource;
    bool admitted;
};

#define OWN "\"org_id\":\"org_1\",\"user_id\":\"user_1\""

static const struct matrix MATRIX[] = {
    { "{\"allowed_ledger_ids\":[\"a\",\"b\"]}", "{\"kind\":\"ledger\",\"id\":\"b\"," OWN "}", true },
    { "{\"allowed_ledger_ids\":[\"a\",\"b\"]}", "{\"kind\":\"ledger\",\"id\":\"c\"," OWN "}", false },
    { "{\"allowed_ledger_ids\":[\"a\"]}", "{\"kind\":\"ledger\",\"id\":\"a \"," OWN "}", false },
    { "{\"allowed_ledger_ids\":[\"a\"]}", "{\"kind\":\"ledger\"," OWN "}", false },
    { "{\"allowed_ledger_ids\":[\"a\"]}", "{\"id\":\"a\"," OWN "}", false },
    { "{\"allowed_ledger_ids\":[\"a\"]}", "{\"kind\":\"transaction\",\"id\":\"t\"," OWN "}", true },
    { "{\"allowed_ledger_ids\":[]}", "{\"kind\":\"ledger\",\"id\":\"a\"," OWN "}", false },
    { "{\"allowed_ledger_ids\":null}", "{\"kind\":\"ledger\",\"id\":\"a\"," OWN "}", false },
    { "{\"allowed_ledger_ids\":[\"a\"]}",
      "{\"kind\":\"transaction\",\"id\":\"t\",\"parents\":[{\"kind\":\"ledger\",\"id\":\"a\"}]," OWN "}", true },
    { "{\"allowed_ledger_ids\":[\"a\"]}",
      "{\"kind\":\"transaction\",\"id\":\"t\",\"parents\":[{\"kind\":\"ledger\",\"id\":\"b\"}]," OWN "}", false },
    { "{\"allowed_ledger_ids\":[\"a\"]}",
      "{\"kind\":\"transaction\",\"id\":\"t\",\"parents\":[{\"kind\":\"ledger\",\"id\":\"a\"},"
      "{\"kind\":\"ledger\",\"id\":\"b\"}]," OWN "}",
      false },
    { "{\"allowed_ledger_ids\":[\"a\"]}",
      "{\"kind\":\"transaction\",\"id\":\"t\",\"parents\":[{\"kind\":\"ledger\"}]," OWN "}", false },
    { "{\"allowed_ledger_ids\":[\"a\"],\"allowed_transaction_ids\":[\"t\"]}",
      "{\"kind\":\"transaction\",\"id\":\"u\",\"parents\":[{\"kind\":\"ledger\",\"id\":\"a\"}]," OWN "}", false },
    { "{\"allowed_org_ids\":[\"org_1\"]}", "{\"kind\":\"ledger\",\"id\":\"a\"," OWN "}", true },
    { "{\"allowed_org_ids\":[\"org_2\"]}", "{\"kind\":\"ledger\",\"id\":\"a\"," OWN "}", false },
    { "{\"allowed_org_ids\":[\"org_1\"]}", "{\"kind\":\"ledger\",\"id\":\"a\",\"user_id\":\"user_1\"}", false },
};

static void allowed_ids_restrict_resources_and_parents(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(MATRIX); i++) {
        char list[512];

        snprintf(list, sizeof list, "[%s]", MATRIX[i].resource);
        if (admits(workspace, MATRIX[i].data, list) != MATRIX[i].admitted ||
            admits(personal, MATRIX[i].data, list) != MATRIX[i].admitted)
            fail_msg("%s %s", MATRIX[i].data, MATRIX[i].resource);
    }
}

static void one_resource_outside_refuses_all(void **state)
{
    (void)state;
    assert_true(admits(workspace, "", "[{\"kind\":\"a\",\"id\":\"1\"," OWN "},{\"kind\":\"a\",\"id\":\"2\"," OWN "}]"));
    assert_false(admits(workspace, "",
                        "[{\"kind\":\"a\",\"id\":\"1\"," OWN "},{\"kind\":\"a\",\"id\":\"2\",\"org_id\":\"org_2\"}]"));
}

static void what_is_no_list_of_resources_is_refused(void **state)
{
    struct subject subject;

    (void)state;
    make_subject(&subject, workspace, "");
    assert_false(opp_boundary_admits(&subject.entry, NULL));
    assert_false(admits(workspace, "", "null"));
    assert_false(admits(workspace, "", "{\"kind\":\"a\",\"id\":\"1\"," OWN "}"));
    assert_false(admits(workspace, "", "[7]"));
    assert_false(admits(workspace, "{\"max_days\":1}",
                        "[{\"kind\":\"a\",\"id\":\"1\",\"parents\":{\"kind\":\"b\",\"id\":\"2\"}," OWN "}]"));
}

static void add_text(struct opp_rows *rows, const char *text)
{
    if (text == NULL)
        opp_rows_add_null(rows);
    else
        opp_rows_add_text(rows, text, strlen(text));
}

static void every_row_of_a_list_is_checked_by_its_columns(void **state)
{
    static const char *const columns[] = { "id", "ledger_id", "organization_id", "owner" };
    struct opp_tool tool = { .rows = {
                                 .kind = "transaction", .id = "id", .org_id = "organization_id", .user_id = "owner" } };
    struct subject subject, of_person;
    struct opp_rows *rows = NULL;

    (void)state;
    tool.rows.parents = json_pack("{s:s}", "ledger", "ledger_id");
    make_subject(&subject, workspace, "{\"allowed_ledger_ids\":[\"a\"]}");
    make_subject(&of_person, personal, "");
    assert_int_equal(opp_rows_new(columns, 4, &rows, NULL), OPP_OK);
    add_text(rows, "t"), add_text(rows, "a"), add_text(rows, "org_1"), add_text(rows, "user_2");
    add_text(rows, "t"), add_text(rows, "b"), add_text(rows, "org_1"), add_text(rows, "user_1");
    add_text(rows, "t"), add_text(rows, "a"), add_text(rows, "org_2"), add_text(rows, "user_1");
    add_text(rows, "t"), add_text(rows, NULL), add_text(rows, "org_1"), add_text(rows, NULL);
    add_text(rows, "t"), add_text(rows, "a"), add_text(rows, NULL), add_text(rows, "user_1");
    add_text(rows, "t"), opp_rows_add_integer(rows, 7), add_text(rows, "org_1"), add_text(rows, "user_1");
    assert_int_equal(opp_rows_check(rows, NULL), OPP_OK);
    for (size_t row = 0; row < opp_rows_count(rows); row++) {
        static const bool of_owner[] = { false, true, true, false, true, true };

        assert_int_equal(opp_boundary_admits_rows(&subject.entry, &tool, rows, row, 1), row == 0);
        assert_int_equal(opp_boundary_admits_rows(&of_person.entry, &tool, rows, row, 1), of_owner[row]);
    }
    tool.rows.org_id = "no_such_column";
    assert_false(opp_boundary_admits_rows(&subject.entry, &tool, rows, 0, 1));
    opp_rows_free(rows);
    json_decref(tool.rows.parents);
    json_decref(subject.data);
}

static void what_a_tool_may_select_by_is_what_the_app_is_held_to(void **state)
{
    struct subject subject;
    json_t *view, *expected = json_loads("{\"org_id\":\"org_1\",\"user_id\":null,\"allowed\":{\"ledger\":[\"a\"]},"
                                         "\"allowed_org_ids\":[\"org_1\"]}",
                                         0, NULL);

    (void)state;
    make_subject(&subject, workspace,
                 "{\"allowed_ledger_ids\":[\"a\"],\"allowed_org_ids\":[\"org_1\"],\"max_days\":3}");
    view = opp_boundary_view(&subject.entry);
    assert_true(json_equal(view, expected));
    json_decref(view);
    json_decref(subject.data);
    make_subject(&subject, personal, "");
    view = opp_boundary_view(&subject.entry);
    assert_string_equal(json_string_value(json_object_get(view, "user_id")), "user_1");
    assert_true(json_is_null(json_object_get(view, "org_id")));
    json_decref(view);
    json_decref(expected);
}

struct range {
    const char *from, *to;
    enum opp_code rc;
    const char *held_from, *held_to;
};

/* Seven days; now is 2026-03-20T12:00:00Z. */
static const struct range RANGES[] = {
    { NULL, NULL, OPP_OK, "2026-03-13T12:00:00.000Z", "2026-03-20T12:00:00.000Z" },
    { "2026-03-01", NULL, OPP_OK, "2026-03-01", "2026-03-08T00:00:00.000Z" },
    { "2026-03-19", NULL, OPP_OK, "2026-03-19", "2026-03-20T12:00:00.000Z" },
    { NULL, "2026-03-10", OPP_OK, "2026-03-03T23:59:59.999Z", "2026-03-10" },
    { NULL, "2026-03-10T06:00:00+01:00", OPP_OK, "2026-03-03T05:00:00.000Z", "2026-03-10T06:00:00+01:00" },
    { "2026-03-01", "2026-03-07", OPP_OK, "2026-03-01", "2026-03-07" },
    { "2026-03-01", "2026-03-08", OPP_E_POLICY_DENIED, NULL, NULL },
    { "2026-03-01T00:00:00Z", "2026-03-08T00:00:00Z", OPP_OK, "2026-03-01T00:00:00Z", "2026-03-08T00:00:00Z" },
    { "2026-03-01T00:00:00Z", "2026-03-08T00:00:00.001Z", OPP_E_POLICY_DENIED, NULL, NULL },
    { "0001-01-01", "9999-12-31", OPP_E_POLICY_DENIED, NULL, NULL },
    { "2026-03-07", "2026-03-01", OPP_OK, "2026-03-07", "2026-03-01" }, /* the tool refuses it as invalid */
    { "soon", NULL, OPP_OK, "soon", NULL },                             /* so it does this */
};

static void a_date_range_is_held_to_max_days(void **state)
{
    struct opp_tool tool = { .range_from = "startDate", .range_to = "endDate" };
    struct subject subject;
    int64_t now;

    (void)state;
    make_subject(&subject, workspace, "{\"max_days\":7}");
    assert_int_equal(opp_date_parse("2026-03-20T12:00:00Z", &now, NULL), OPP_OK);
    for (size_t i = 0; i < COUNT(RANGES); i++) {
        const struct range *range = &RANGES[i];
        json_t *payload = json_pack("{s:s*, s:s*}", "startDate", range->from, "endDate", range->to);
        json_t *held = json_pack("{s:s*, s:s*}", "startDate", range->held_from, "endDate", range->held_to);

        assert_int_equal(opp_boundary_range(subject.entry.policy.max_days, &tool, payload, now), range->rc);
        if (range->rc == OPP_OK && !json_equal(payload, held))
            fail_msg("range %zu: %s", i, json_dumps(payload, 0));
        json_decref(payload);
        json_decref(held);
    }
    json_decref(subject.data);
}

static void without_max_days_or_a_range_nothing_is_filled_in(void **state)
{
    struct opp_tool tool = { .range_from = "startDate", .range_to = "endDate" }, none = { 0 };
    struct subject free_one, bound;
    json_t *payload = json_object();

    (void)state;
    make_subject(&free_one, workspace, "");
    make_subject(&bound, workspace, "{\"max_days\":7}");
    assert_int_equal(opp_boundary_range(free_one.entry.policy.max_days, &tool, payload, 0), OPP_OK);
    assert_int_equal(opp_boundary_range(bound.entry.policy.max_days, &none, payload, 0), OPP_OK);
    assert_int_equal(json_object_size(payload), 0);
    json_decref(payload);
    json_decref(bound.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_scope_passes_where_the_owner_is_its_own),
        cmocka_unit_test(an_app_without_an_owner_of_its_own_passes_nowhere),
        cmocka_unit_test(allowed_ids_restrict_resources_and_parents),
        cmocka_unit_test(one_resource_outside_refuses_all),
        cmocka_unit_test(what_is_no_list_of_resources_is_refused),
        cmocka_unit_test(every_row_of_a_list_is_checked_by_its_columns),
        cmocka_unit_test(what_a_tool_may_select_by_is_what_the_app_is_held_to),
        cmocka_unit_test(a_date_range_is_held_to_max_days),
        cmocka_unit_test(without_max_days_or_a_range_nothing_is_filled_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
