/* SPDX-License-Identifier: MIT */
#include "core/page.h"

#include "core/flow_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define SETTINGS 7

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

static void dispose(void *state)
{
    opp_page_clear(state);
}

static const opp_step_fn STEPS[] = { read_page, answer_page, NULL };
static const struct opp_flow LIST = { STEPS, sizeof(struct opp_page), dispose, NULL };

static void assert_page(const char *input, const char *expected)
{
    json_t *wanted = json_loads(expected, 0, NULL);

    opp_flow_start(flow_call(&flow, input), &LIST);
    assert_int_equal(flow.answer.code, OPP_OK);
    assert_non_null(wanted);
    assert_true(json_equal(flow.answer.data, wanted));
    json_decref(wanted);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pages_follow_each_other_newest_first_to_the_end),
        TEST(a_page_that_just_fits_has_no_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
