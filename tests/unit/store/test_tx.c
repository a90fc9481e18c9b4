/* SPDX-License-Identifier: MIT */
#include "store/tx.h"

#include "store/record_map.h"
#include "store/store_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kit kit;

static void assert_same_member(const struct opp_field *field, const char *a, const char *b)
{
    const void *left = a + field->offset, *right = b + field->offset;

    switch (field->type) {
    case OPP_FIELD_TEXT:
        assert_string_equal(*(char *const *)left, *(char *const *)right);
        break;
    case OPP_FIELD_INTEGER:
        assert_int_equal(*(const int64_t *)left, *(const int64_t *)right);
        break;
    case OPP_FIELD_BOOL:
        assert_int_equal(*(const bool *)left, *(const bool *)right);
        break;
    case OPP_FIELD_JSON:
        assert_true(json_equal(*(json_t *const *)left, *(json_t *const *)right));
        break;
    }
}

static void round_trip(struct opp_tx *tx, const struct opp_record *record, const char *id)
{
    char *written = kit_filled(record);
    void *found = NULL;

    assert_int_equal(opp_tx_insert(tx, record, written, NULL), OPP_OK);
    assert_int_equal(opp_tx_get(tx, record, record->fields[0].column, id, &found, NULL), OPP_OK);
    for (size_t i = 0; i < record->field_count; i++)
        assert_same_member(&record->fields[i], written, found);
    opp_record_free(record, found);
    opp_record_free(record, written);
}

static enum opp_code round_trips(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_app *app = kit_filled(&OPP_APP);

    (void)arg, (void)err;
    round_trip(tx, &OPP_APP, "id");
    free(app->id); /* the key's app, as kit_filled() names it */
    app->id = strdup("app_id");
    assert_int_equal(opp_tx_insert(tx, &OPP_APP, app, NULL), OPP_OK);
    opp_record_free(&OPP_APP, app);
    round_trip(tx, &OPP_KEY, "id");
    round_trip(tx, &OPP_ADMIN_TOKEN, "id");
    round_trip(tx, &OPP_DRAFT, "id");
    round_trip(tx, &OPP_EXECUTION, "id");
    round_trip(tx, &OPP_PREFLIGHT, "id");
    round_trip(tx, &OPP_IDEMPOTENCY, "id");
    round_trip(tx, &OPP_AUDIT_ROW, "1700000000000");
    round_trip(tx, &OPP_CHECKPOINT, "1700000000000");
    round_trip(tx, &OPP_SETTING, "id");
    round_trip(tx, &OPP_FREEZE, "id");
    return OPP_OK;
}

static void every_member_of_every_record_comes_back_as_it_was_written(void **state)
{
    (void)state;
    kit_run(&kit, round_trips);
}

static enum opp_code put(struct opp_tx *tx, const char *id, const char *draft_id, int64_t expires_at)
{
    char intent[] = "intent", draft[32], key[32];
    struct opp_idempotency value = { .id = key, .intent_hash = intent, .draft_id = draft, .expires_at = expires_at };

    snprintf(key, sizeof key, "%s", id);
    snprintf(draft, sizeof draft, "%s", draft_id);
    return opp_tx_insert(tx, &OPP_IDEMPOTENCY, &value, NULL);
}

static enum opp_code absent_members(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_idempotency *found;
    void *out = NULL;

    (void)arg, (void)err;
    assert_int_equal(put(tx, "a", "d", 0), OPP_OK);
    assert_int_equal(opp_tx_get(tx, &OPP_IDEMPOTENCY, "id", "a", &out, NULL), OPP_OK);
    found = out;
    assert_null(found->preflight_id);
    assert_null(found->previous_execution_id);
    assert_int_equal(found->expires_at, 0);
    opp_record_free(&OPP_IDEMPOTENCY, found);
    return OPP_OK;
}

static void absent_members_stay_absent(void **state)
{
    (void)state;
    kit_run(&kit, absent_members);
}

static enum opp_code unhappy(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    static const char *const columns[] = { "draft_id", NULL };
    char id[] = "a", none[] = "none", intent[] = "changed", draft[] = "e";
    struct opp_idempotency value = { .id = none, .intent_hash = intent, .draft_id = draft };
    struct opp_idempotency *found;
    void *out = NULL;

    (void)arg, (void)err;
    assert_int_equal(opp_tx_get(tx, &OPP_IDEMPOTENCY, "id", "a", &out, NULL), OPP_E_ABSENT);
    assert_int_equal(put(tx, "a", "d", 5), OPP_OK);
    assert_int_equal(put(tx, "a", "other", 6), OPP_E_EXISTS);
    assert_int_equal(opp_tx_update(tx, &OPP_IDEMPOTENCY, &value, columns, NULL), OPP_E_ABSENT);
    assert_int_equal(opp_tx_delete(tx, &OPP_IDEMPOTENCY, &value, NULL), OPP_E_ABSENT);
    value.id = id;
    assert_int_equal(opp_tx_update(tx, &OPP_IDEMPOTENCY, &value, columns, NULL), OPP_OK);
    assert_int_equal(opp_tx_get(tx, &OPP_IDEMPOTENCY, "id", "a", &out, NULL), OPP_OK);
    found = out;
    assert_string_equal(found->draft_id, "e");
    assert_string_equal(found->intent_hash, "intent");
    assert_int_equal(found->expires_at, 5);
    opp_record_free(&OPP_IDEMPOTENCY, found);
    assert_int_equal(opp_tx_delete(tx, &OPP_IDEMPOTENCY, &value, NULL), OPP_OK);
    assert_int_equal(opp_tx_get(tx, &OPP_IDEMPOTENCY, "id", "a", &out, NULL), OPP_E_ABSENT);
    return OPP_OK;
}

static void what_is_taken_or_absent_is_said_and_only_named_columns_change(void **state)
{
    (void)state;
    kit_run(&kit, unhappy);
}

static enum opp_code gather(void *arg, void *record, struct opp_err *err)
{
    char *all = arg;
    struct opp_idempotency *found = record;

    (void)err;
    strcat(all, found->id);
    opp_record_free(&OPP_IDEMPOTENCY, found);
    return OPP_OK;
}

static void assert_finds(struct opp_tx *tx, const struct opp_query *query, const char *expected)
{
    char all[64] = "";
    int64_t count = -1;

    assert_int_equal(opp_tx_each(tx, query, gather, all, NULL), OPP_OK);
    assert_string_equal(all, expected);
    assert_int_equal(opp_tx_count(tx, query, &count, NULL), OPP_OK);
    if (query->limit == 0)
        assert_int_equal(count, strlen(expected));
}

static struct opp_query by_id(void)
{
    return (struct opp_query){ .record = &OPP_IDEMPOTENCY, .order = "id" };
}

static enum opp_code queries(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_query query = by_id();
    json_t *list = json_pack("[s, s, s]", "d", "a", "' OR 1 --"), *none = json_array();

    (void)arg, (void)err;
    for (int i = 0; i < 5; i++)
        assert_int_equal(put(tx, (char[]){ (char)('a' + i), '\0' }, i % 2 ? "odd" : "even", i), OPP_OK);
    assert_finds(tx, &query, "abcde");
    query.descending = true;
    query.limit = 2;
    assert_finds(tx, &query, "ed");
    query = by_id();
    opp_query_text(&query, "draft_id", OPP_EQUAL, "even");
    opp_query_text(&query, "preflight_id", OPP_EQUAL, NULL);
    assert_finds(tx, &query, "ace");
    opp_query_number(&query, "expires_at", OPP_ABOVE, 0);
    opp_query_number(&query, "expires_at", OPP_BELOW, 4);
    assert_finds(tx, &query, "c");
    query = by_id();
    opp_query_list(&query, "id", list);
    opp_query_list(&query, "id", NULL);
    assert_finds(tx, &query, "ad");
    opp_query_text(&query, "draft_id", OPP_CONSTANT, "odd");
    assert_finds(tx, &query, "d");
    query.limit = 1;
    assert_finds(tx, &query, "d");
    query = by_id();
    opp_query_list(&query, "id", none);
    assert_finds(tx, &query, "");
    query = by_id();
    opp_query_text(&query, "id", OPP_EQUAL, "' OR '1'='1");
    assert_finds(tx, &query, "");
    query = by_id();
    opp_query_text(&query, "draft_id", OPP_CONSTANT, "odd' OR '1'='1");
    assert_int_equal(opp_tx_count(tx, &query, &(int64_t){ 0 }, NULL), OPP_E_INTERNAL);
    json_decref(list);
    json_decref(none);
    return OPP_OK;
}

static void queries_find_what_their_conditions_say(void **state)
{
    (void)state;
    kit_run(&kit, queries);
}

static enum opp_code removes(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_query query = by_id(), all = by_id();
    int64_t count = -1;

    (void)arg, (void)err;
    for (int i = 0; i < 5; i++)
        assert_int_equal(put(tx, (char[]){ (char)('a' + i), '\0' }, "d", i), OPP_OK);
    opp_query_number(&query, "expires_at", OPP_BELOW, 2);
    assert_int_equal(opp_tx_remove(tx, &query, &count, NULL), OPP_OK);
    assert_int_equal(count, 2);
    assert_finds(tx, &all, "cde");
    assert_int_equal(opp_tx_remove(tx, &query, &count, NULL), OPP_OK);
    assert_int_equal(count, 0);
    for (int i = 0; i < OPP_WHERE_MAX; i++)
        opp_query_text(&query, "id", OPP_EQUAL, "c");
    assert_int_equal(opp_tx_remove(tx, &query, NULL, NULL), OPP_E_INTERNAL);
    assert_finds(tx, &all, "cde");
    return OPP_OK;
}

static void what_a_query_finds_is_removed_and_nothing_else(void **state)
{
    (void)state;
    kit_run(&kit, removes);
}

static enum opp_code too_many(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_query query = by_id();
    char all[64] = "";
    int64_t count = -1;

    (void)arg, (void)err;
    assert_int_equal(put(tx, "a", "d", 0), OPP_OK);
    for (int i = 0; i < OPP_WHERE_MAX; i++)
        opp_query_text(&query, "id", OPP_EQUAL, "a");
    assert_finds(tx, &query, "a");
    opp_query_text(&query, "id", OPP_EQUAL, "b");
    assert_int_equal(opp_tx_each(tx, &query, gather, all, NULL), OPP_E_INTERNAL);
    assert_int_equal(opp_tx_count(tx, &query, &count, NULL), OPP_E_INTERNAL);
    assert_string_equal(all, "");
    return OPP_OK;
}

static void a_condition_too_many_refuses_the_query(void **state)
{
    (void)state;
    kit_run(&kit, too_many);
}

static enum opp_code stop_at_second(void *arg, void *record, struct opp_err *err)
{
    int *seen = arg;

    opp_record_free(&OPP_IDEMPOTENCY, record);
    return ++*seen == 2 ? opp_fail(err, OPP_E_STALE, "enough") : OPP_OK;
}

static enum opp_code stops(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_query query = by_id();
    struct opp_err why = { 0 };
    int seen = 0;

    (void)arg, (void)err;
    for (int i = 0; i < 5; i++)
        assert_int_equal(put(tx, (char[]){ (char)('a' + i), '\0' }, "d", i), OPP_OK);
    assert_int_equal(opp_tx_each(tx, &query, stop_at_second, &seen, &why), OPP_E_STALE);
    assert_string_equal(why.message, "enough");
    assert_int_equal(seen, 2);
    assert_finds(tx, &query, "abcde");
    return OPP_OK;
}

static void a_search_ends_where_its_caller_wants(void **state)
{
    (void)state;
    kit_run(&kit, stops);
}

struct nested {
    struct opp_tx *tx;
    int seen;
};

/* For each record other queries of many texts: as lists that show what belongs to each of their items do. */
static enum opp_code look_again(void *arg, void *record, struct opp_err *err)
{
    struct nested *nested = arg;
    static const char *const columns[] = { "id", "intent_hash", "draft_id", "created_at", "expires_at" };
    struct opp_query query = { .record = &OPP_IDEMPOTENCY, .order = columns[nested->seen % 5] };
    char all[64] = "";

    query.limit = (size_t)nested->seen + 1;
    query.descending = nested->seen % 2 == 0;
    assert_int_equal(opp_tx_each(nested->tx, &query, gather, all, err), OPP_OK);
    nested->seen++;
    opp_record_free(&OPP_IDEMPOTENCY, record);
    return OPP_OK;
}

static enum opp_code nest(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_IDEMPOTENCY };
    struct nested nested = { .tx = tx };

    (void)arg, (void)err;
    for (int i = 0; i < 20; i++)
        assert_int_equal(put(tx, (char[]){ (char)('a' + i), '\0' }, "d", i), OPP_OK);
    assert_int_equal(opp_tx_each(tx, &query, look_again, &nested, NULL), OPP_OK);
    assert_int_equal(nested.seen, 20);
    return OPP_OK;
}

static void a_search_may_search_again(void **state)
{
    (void)state;
    kit_run(&kit, nest);
}

static enum opp_code pending(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    int64_t count = -1;

    (void)arg, (void)err;
    assert_int_equal(opp_tx_pending(tx, "app_a", &count, NULL), OPP_OK);
    assert_int_equal(count, 0);
    assert_int_equal(opp_tx_pending_add(tx, "app_a", 1, NULL), OPP_OK);
    assert_int_equal(opp_tx_pending_add(tx, "app_a", 1, NULL), OPP_OK);
    assert_int_equal(opp_tx_pending_add(tx, "app_b", 1, NULL), OPP_OK);
    assert_int_equal(opp_tx_pending_add(tx, "app_a", -1, NULL), OPP_OK);
    assert_int_equal(opp_tx_pending(tx, "app_a", &count, NULL), OPP_OK);
    assert_int_equal(count, 1);
    return OPP_OK;
}

static void pending_drafts_are_counted_by_app(void **state)
{
    (void)state;
    kit_run(&kit, pending);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kit_test(every_member_of_every_record_comes_back_as_it_was_written, &kit),
        kit_test(absent_members_stay_absent, &kit),
        kit_test(what_is_taken_or_absent_is_said_and_only_named_columns_change, &kit),
        kit_test(queries_find_what_their_conditions_say, &kit),
        kit_test(what_a_query_finds_is_removed_and_nothing_else, &kit),
        kit_test(a_condition_too_many_refuses_the_query, &kit),
        kit_test(a_search_ends_where_its_caller_wants, &kit),
        kit_test(a_search_may_search_again, &kit),
        kit_test(pending_drafts_are_counted_by_app, &kit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
