/* SPDX-License-Identifier: MIT */
#include "core/page.h"

#include "core/draft.h"
#include "core/flow_kit.h"
#include "store/tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define SETTINGS 7
#define STEPS_MAX 5000 /* of the database, for a page of drafts: a hundred are enough for two */

static struct flow_kit flow;

static enum opp_code insert_all(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    char id[8], value[] = "v";
    struct opp_setting setting = { .id = id, .value = value };
    enum opp_code rc = OPP_OK;

    (void)arg;
    for (int i = 0; rc == OPP_OK && i < SETTINGS; i++) {
        snprintf(id, sizeof id, "s%d", (i * 3) % SETTINGS);
        rc = opp_tx_insert(tx, &OPP_SETTING, &setting, err);
    }
    return rc;
}

static int set_up(void **state)
{
    (void)state;
    flow_start(&flow);
    return opp_store_now(flow.kit.store, insert_all, NULL, NULL) == OPP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    flow_stop(&flow);
    return 0;
}

static json_t *shape(void *record, struct opp_tx *tx)
{
    (void)tx;
    return json_string(((const struct opp_setting *)record)->id);
}

static enum opp_code find_page(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_query query = { .record = &OPP_SETTING };

    return opp_page_read(call->state, call, tx, &query, shape, err);
}

static enum opp_step read_page(struct opp_call *call)
{
    return opp_flow_read(call, find_page);
}

static enum opp_step answer_page(struct opp_call *call)
{
    return opp_page_answer(call->state, call);
}

static json_t *shape_draft(void *record, struct opp_tx *tx)
{
    (void)tx;
    return json_string(((const struct opp_draft *)record)->id);
}

/* As people see drafts, of all apps; and not by looking at all of them. */
static enum opp_code find_drafts(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_query query = { .record = &OPP_DRAFT, .damaged_too = true };
    enum opp_code rc;

    opp_draft_filter(call, &query);
    opp_tx_steps(tx, STEPS_MAX);
    rc = opp_page_read(call->state, call, tx, &query, shape_draft, err);
    opp_tx_steps(tx, 0);
    return rc;
}

static enum opp_step read_drafts(struct opp_call *call)
{
    return opp_flow_read(call, find_drafts);
}

static void dispose(void *state)
{
    opp_page_clear(state);
}

static const opp_step_fn STEPS[] = { read_page, answer_page, NULL };
static const struct opp_flow LIST = { STEPS, sizeof(struct opp_page), dispose, NULL };
static const opp_step_fn DRAFT_STEPS[] = { read_drafts, answer_page, NULL };
static const struct opp_flow DRAFTS = { DRAFT_STEPS, sizeof(struct opp_page), dispose, NULL };

static void assert_listed(const struct opp_flow *list, const char *input, const char *expected)
{
    json_t *wanted = json_loads(expected, 0, NULL);

    opp_flow_start(flow_call(&flow, input), list);
    assert_int_equal(flow.answer.code, OPP_OK);
    assert_non_null(wanted);
    assert_true(json_equal(flow.answer.data, wanted));
    json_decref(wanted);
}

static void assert_page(const char *input, const char *expected)
{
    assert_listed(&LIST, input, expected);
}

static void pages_follow_each_other_newest_first_to_the_end(void **state)
{
    (void)state;
    assert_page("{\"limit\":3}", "{\"items\":[\"s6\",\"s5\",\"s4\"],\"nextCursor\":\"s4\"}");
    assert_page("{\"limit\":3,\"cursor\":\"s4\"}", "{\"items\":[\"s3\",\"s2\",\"s1\"],\"nextCursor\":\"s1\"}");
    assert_page("{\"limit\":3,\"cursor\":\"s1\"}", "{\"items\":[\"s0\"],\"nextCursor\":null}");
    assert_page("{\"limit\":3,\"cursor\":\"s0\"}", "{\"items\":[],\"nextCursor\":null}");
}

static void a_page_that_just_fits_has_no_next(void **state)
{
    (void)state;
    assert_page("{\"limit\":7}", "{\"items\":[\"s6\",\"s5\",\"s4\",\"s3\",\"s2\",\"s1\",\"s0\"],\"nextCursor\":null}");
    assert_page("{}", "{\"items\":[\"s6\",\"s5\",\"s4\",\"s3\",\"s2\",\"s1\",\"s0\"],\"nextCursor\":null}");
}

/* Two that are pending, the first and the last of many. */
static void what_waits_for_people_is_listed_as_fast_however_much_was_decided(void **state)
{
    (void)state;
    kit_sql(&flow.kit, OPP_STORE_FILE,
            "WITH RECURSIVE n(i) AS (SELECT 10000 UNION ALL SELECT i + 1 FROM n WHERE i < 29999)"
            " INSERT INTO drafts(id, app_id, key_id, actor_user_id, action, status, intent_hash, seal, payload,"
            " requires_confirmation, auto_execute_requested, approvals_required, expires_at, created_at, updated_at,"
            " confirmed_at, canceled_at) SELECT 'drf_' || i, 'app_1', 'key_1', 'user_1', 'thing.make',"
            " CASE i WHEN 10000 THEN 'draft' WHEN 29999 THEN 'draft' ELSE 'confirmed' END, '', '', '{}',"
            " 0, 0, 1, 1, 1, 1, 0, 0 FROM n");
    assert_listed(&DRAFTS, "{\"status\":\"draft\"}", "{\"items\":[\"drf_29999\",\"drf_10000\"],\"nextCursor\":null}");
    assert_listed(&DRAFTS, "{\"status\":\"draft\",\"cursor\":\"drf_29999\"}",
                  "{\"items\":[\"drf_10000\"],\"nextCursor\":null}");
    assert_listed(&DRAFTS, "{\"status\":\"draft\",\"limit\":1}",
                  "{\"items\":[\"drf_29999\"],\"nextCursor\":\"drf_29999\"}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pages_follow_each_other_newest_first_to_the_end),
        TEST(a_page_that_just_fits_has_no_next),
        TEST(what_waits_for_people_is_listed_as_fast_however_much_was_decided),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
