/* SPDX-License-Identifier: MIT */
#include "core/policy_change.h"

#include "core/staging_kit.h"
#include "script/starving.h"
#include "store/tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdlib.h>

/* Stores the generation of a number as the newest in force, and has its commit told, which the nth allocation fails. */
struct putting {
    int64_t number;
    int nth;
    bool failed;
};

static enum opp_code store_number(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    const struct putting *putting = arg;
    char id[OPP_POLICY_ID_MAX], text[] = "p";
    struct opp_generation_record record = {
        .head = { .id = id, .profile = text, .sha256 = text, .adapters = text, .turn = putting->number },
        .sources = json_object(),
    };
    enum opp_code rc;

    opp_policy_id(putting->number, id);
    rc = opp_tx_insert(tx, &OPP_GENERATION_RECORD, &record, err);
    json_decref(record.sources);
    opp_generation_ready(stage.gateway.policies);
    return rc;
}

static enum opp_code tell(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct putting *putting = arg;

    (void)err;
    starving_set(putting->nth, false);
    opp_policies_committed(&stage.gateway, tx);
    putting->failed = starving_happened();
    starving_set(0, false);
    return OPP_OK;
}

static int64_t number_in_force(void)
{
    struct opp_generation *current = opp_generation_pin(stage.gateway.policies);
    int64_t number = atoll(opp_generation_label(current));

    opp_generation_unpin(current);
    return number;
}

static void put_in_force(struct putting *putting)
{
    struct opp_generation *next = stage_numbered("return {}", putting->number, 1);

    assert_int_not_equal(opp_generation_begin(stage.gateway.policies), 0);
    opp_generation_prepare(stage.gateway.policies, next, NULL);
    assert_int_equal(opp_store_now(stage.kit.store, store_number, putting, NULL), OPP_OK);
    assert_int_equal(opp_store_now(stage.kit.store, tell, putting, NULL), OPP_OK);
}

static void what_was_stored_is_in_force_also_where_memory_was_out_for_a_moment(void **state)
{
    struct putting putting = { .number = 2, .nth = 1, .failed = true };

    (void)state;
    for (; putting.failed; putting.number++, putting.nth++) {
        put_in_force(&putting);
        assert_int_equal(number_in_force(), putting.number);
    }
    assert_true(putting.nth > 2);
}

static void what_is_ready_and_was_not_stored_is_not_in_force(void **state)
{
    struct putting putting = { .number = 2 };

    (void)state;
    opp_generation_begin(stage.gateway.policies);
    opp_generation_prepare(stage.gateway.policies, stage_numbered("return {}", 2, 1), NULL);
    opp_generation_ready(stage.gateway.policies);
    assert_int_equal(opp_store_now(stage.kit.store, tell, &putting, NULL), OPP_OK);
    assert_int_equal(number_in_force(), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_stored_is_in_force_also_where_memory_was_out_for_a_moment),
        TEST(what_is_ready_and_was_not_stored_is_not_in_force),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
