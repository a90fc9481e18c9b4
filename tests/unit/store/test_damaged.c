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

static struct kit kit;

static enum opp_code spoiled(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_app *app = kit_filled(&OPP_APP);
    void *out = NULL;

    (void)arg, (void)err;
    json_decref(app->policy);
    app->policy = NULL; /* NOT NULL in the schema */
    assert_int_equal(opp_tx_insert(tx, &OPP_APP, app, NULL), OPP_E_EXISTS);
    app->policy = json_object();
    assert_int_equal(opp_tx_insert(tx, &OPP_APP, app, NULL), OPP_OK);
    opp_record_free(&OPP_APP, app);
    assert_int_equal(opp_tx_get(tx, &OPP_APP, "id", "id", &out, NULL), OPP_OK);
    opp_record_free(&OPP_APP, out);
    return OPP_OK;
}

static enum opp_code read_spoiled(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_err why = { 0 };
    void *out = NULL;

    (void)arg, (void)err;
    assert_int_equal(opp_tx_get(tx, &OPP_APP, "id", "id", &out, &why), OPP_E_UNAVAILABLE);
    assert_null(out);
    assert_string_equal(why.message, "the row id of apps is damaged: its policy cannot be read");
    return OPP_OK;
}

static enum opp_code store_draft(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_draft *draft = kit_filled(&OPP_DRAFT);
    enum opp_code rc = opp_tx_insert(tx, &OPP_DRAFT, draft, err);

    (void)arg;
    opp_record_free(&OPP_DRAFT, draft);
    return rc;
}

static enum opp_code read_what_is_left(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    void *out = NULL;
    struct opp_draft *draft;

    (void)arg, (void)err;
    assert_int_equal(opp_tx_get(tx, &OPP_DRAFT, "id", "id", &out, NULL), OPP_E_UNAVAILABLE);
    assert_int_equal(opp_tx_get_any(tx, &OPP_DRAFT, "id", "id", &out, NULL), OPP_OK);
    draft = out;
    assert_true(draft->damaged);
    assert_null(draft->effect);
    assert_non_null(draft->payload);
    assert_string_equal(draft->seal, "seal");
    opp_record_free(&OPP_DRAFT, out);
    assert_int_equal(opp_tx_get(tx, &OPP_DRAFT_HEAD, "id", "id", &out, NULL), OPP_OK);
    draft = out;
    assert_false(draft->damaged);
    assert_null(draft->payload);
    assert_string_equal(draft->status, "status");
    opp_record_free(&OPP_DRAFT, out);
    return OPP_OK;
}

static void what_is_left_of_a_damaged_record_is_given_to_who_asks_for_it(void **state)
{
    (void)state;
    kit_run(&kit, store_draft);
    kit_close(&kit);
    kit_sql(&kit, "gateway.db", "UPDATE drafts SET effect = '{'");
    kit_open(&kit);
    kit_run(&kit, read_what_is_left);
}

static void what_is_stored_and_no_json_is_not_read_as_absent(void **state)
{
    (void)state;
    kit_run(&kit, spoiled);
    kit_close(&kit);
    kit_sql(&kit, "gateway.db", "UPDATE apps SET policy='{\"data\":'");
    kit_open(&kit);
    kit_run(&kit, read_spoiled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kit_test(what_is_stored_and_no_json_is_not_read_as_absent, &kit),
        kit_test(what_is_left_of_a_damaged_record_is_given_to_who_asks_for_it, &kit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
