/* SPDX-License-Identifier: MIT */
#include "core/staging_kit.h"

#include "store/tx.h"

#include <stdio.h>

/* What was remembered of a read must not be taken for another. */
static void a_read_that_differs_in_one_thing_is_judged_by_itself(void **state)
{
    static const struct {
        const char *app, *key, *name, *ip, *parts;
        int64_t later_ms;
        bool denied;
    } reads[] = { { "app_1", "key_1", NULL, "10.0.0.1", "{\"payload\":{\"n\":1}}", 0, false },
                  { "app_1", "key_1", NULL, "10.0.0.1", "{\"payload\":{\"n\":1}}", 999, false },
                  { "app_2", "key_1", NULL, "10.0.0.1", "{\"payload\":{\"n\":1}}", 0, true },
                  { "app_1", "key_2", NULL, "10.0.0.1", "{\"payload\":{\"n\":1}}", 0, true },
                  { "app_1", NULL, NULL, "10.0.0.1", "{\"payload\":{\"n\":1}}", 0, true },
                  { "app_1", "key_1", "", "10.0.0.1", "{\"payload\":{\"n\":1}}", 0, true },
                  { "app_1", NULL, "key_1", "10.0.0.1", "{\"payload\":{\"n\":1}}", 0, true },
                  { "app_1", "key_1", NULL, "10.0.0.2", "{\"payload\":{\"n\":1}}", 0, true },
                  { "app_1", "key_1", NULL, "10.0.0.1", "{\"payload\":{\"n\":2}}", 0, true },
                  { "app_1", "key_1", NULL, "10.0.0.1", "{\"payload\":{\"n\":1}}", 1000, true },
                  { "app_1", "key_1", NULL, "10.0.0.1", "{\"payload\":{\"n\":1}}", 0, false } };
    size_t count = sizeof reads / sizeof *reads;
    struct opp_decision *list[65];
    char rules[512];

    (void)state;
    stage_open();
    snprintf(rules, sizeof rules,
             "return { { name = 'r', tools = { '*' }, decide = function(q) if q.app.id ~= 'app_1'"
             " or q.key.id ~= 'key_1' or q.key.name ~= null or q.ip ~= '10.0.0.1' or q.payload.n ~= 1"
             " or q.now ~= %lld then return deny('No.') end end } }",
             (long long)KIT_NOW);
    stage_rules(rules);
    for (size_t i = 0; i < count; i++) {
        struct opp_told *one = stage_told(OPP_PHASE_READ, reads[i].app, reads[i].parts);

        one->shown.key_id = reads[i].key;
        one->shown.key_name = reads[i].name;
        one->shown.ip = reads[i].ip;
        one->shown.now_ms = one->core.now_ms = NOW_MS + reads[i].later_ms;
        opp_staging_tell(stage.staging, one);
    }
    stage_read_log(list);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(list[i]->differs, reads[i].denied);
    stage_free_log(list);
    stage_rules("return { { name = 's', tools = { '*' }, decide = function(q) return deny('No.') end } }");
    opp_staging_tell(stage.staging, stage_told(OPP_PHASE_READ, "app_1", "{\"payload\":{\"n\":1}}"));
    stage_read_log(list);
    assert_true(list[count]->differs);
    stage_free_log(list);
}

static enum opp_code insert_execution(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    char text[] = "exe_1", app[] = "app_1", status[] = "success", action[] = "thing.make";
    struct opp_execution execution = { .id = text,
                                       .draft_id = text,
                                       .app_id = app,
                                       .key_id = text,
                                       .actor_user_id = text,
                                       .action = action,
                                       .intent_hash = text,
                                       .effect_id = text,
                                       .status = status,
                                       .created_at = NOW_MS - 10,
                                       .finished_at = NOW_MS - 10 };

    (void)arg;
    return opp_tx_insert(tx, &OPP_EXECUTION, &execution, err);
}

static void what_the_rules_counted_is_counted_each_time(void **state)
{
    struct opp_decision *list[65];

    (void)state;
    stage_open();
    stage_rules("return { { name = 'r', tools = { '*' }, decide = function(q)"
                " if q.recent { seconds = 60 } > 0 then return deny('No.') end end } }");
    stage_tell(OPP_PHASE_READ, "app_1");
    opp_staging_flush(stage.staging);
    assert_int_equal(opp_store_now(stage.kit.store, insert_execution, NULL, NULL), OPP_OK);
    stage_tell(OPP_PHASE_READ, "app_1");
    stage_read_log(list);
    assert_false(list[0]->differs);
    assert_true(list[1]->differs);
    stage_free_log(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_read_that_differs_in_one_thing_is_judged_by_itself, stage_set_up,
                                        stage_tear_down),
        cmocka_unit_test_setup_teardown(what_the_rules_counted_is_counted_each_time, stage_set_up, stage_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
