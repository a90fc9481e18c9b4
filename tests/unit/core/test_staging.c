/* SPDX-License-Identifier: MIT */
#include "core/staging_kit.h"

#include "base/jcs.h"
#include "base/json.h"
#include "core/rejudge.h"
#include "store/tx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The log holds all that the rules saw: judged again by the same rules, nothing is otherwise. */
static void a_record_is_judged_again_as_it_was(void **state)
{
    static const enum opp_phase phases[] = { OPP_PHASE_READ, OPP_PHASE_PREFLIGHT, OPP_PHASE_ACTION, OPP_PHASE_APPROVE,
                                             OPP_PHASE_EXECUTE };
    struct opp_policy_engine *engine = NULL;
    struct opp_decision *list[65];

    (void)state;
    stage_open();
    assert_int_equal(opp_policy_engine_new(opp_generation_bundle(stage.active), &engine, NULL), OPP_OK);
    for (size_t i = 0; i < 5; i++)
        stage_tell(phases[i], "app_1");
    stage_read_log(list);
    for (size_t i = 0; i < 5; i++) {
        struct opp_rejudged again = { 0 };

        assert_non_null(list[i]);
        assert_string_equal(list[i]->phase, opp_phase_name(phases[i]));
        assert_int_equal(opp_rejudge_logged(engine, list[i], NULL, NULL, true, &again), OPP_OK);
        assert_false(again.ruling.failed);
        assert_string_equal(again.verdict.bytes, list[i]->verdict);
        opp_rejudged_clear(&again);
    }
    assert_null(list[5]);
    assert_true(list[4]->number > list[3]->number);
    stage_free_log(list);
    opp_policy_engine_free(engine);
}

/* The value after "title": in a request. */
static const char *title_in(const char *request)
{
    const char *at = strstr(request, "\"title\":\"");

    assert_non_null(at);
    return at + strlen("\"title\":\"");
}

static void sensitive_values_are_logged_as_keyed_hashes(void **state)
{
    struct opp_decision *list[65];

    (void)state;
    stage_open();
    stage_tell(OPP_PHASE_ACTION, "app_1");
    stage_tell(OPP_PHASE_PREFLIGHT, "app_1");
    stage_tell(OPP_PHASE_ACTION, "app_2");
    stage_read_log(list);
    for (size_t i = 0; i < 3; i++) {
        assert_null(strstr(list[i]->request, "secret"));
        assert_memory_equal(title_in(list[i]->request), "hmac:", 5);
        assert_string_equal(list[i]->hashed, "[\"title\"]");
        assert_non_null(strstr(list[i]->request, "\"amount\":5"));
    }
    assert_memory_equal(title_in(list[0]->request), title_in(list[1]->request), 69);
    assert_memory_not_equal(title_in(list[0]->request), title_in(list[2]->request), 69);
    stage_free_log(list);
}

#define READS_TITLE                                                                                                  \
    "return { { name = 't', tools = { '*' }, decide = function(q) if q.payload.title == 'x' then return deny('no') " \
    "end end } }"
#define READS_ALL                                                                                                   \
    "return { { name = 't', tools = { '*' }, decide = function(q) for _, v in pairs(q.payload) do tostring(v) end " \
    "end } }"
#define READS_AMOUNT                                                                                                   \
    "return { { name = 't', tools = { '*' }, decide = function(q) if q.payload.amount > 9 then return deny('no') end " \
    "end } }"

/* Judges the first record by these rules; of what is given the scalars count. */
static struct opp_rejudged judge_first(const char *rules, bool timed)
{
    struct opp_policy_engine *engine = kit_engine(rules);
    struct opp_decision *list[65];
    struct opp_rejudged again = { 0 }, scalars;

    stage_read_log(list);
    assert_int_equal(opp_rejudge_logged(engine, list[0], NULL, NULL, timed, &again), OPP_OK);
    scalars = (struct opp_rejudged){ .read_sensitive = again.read_sensitive, .ns = again.ns };
    opp_rejudged_clear(&again);
    stage_free_log(list);
    opp_policy_engine_free(engine);
    return scalars;
}

/* Or those that no rule is asked about would be all of them, and the others a sample. */
static void a_decision_is_measured_whether_or_not_a_rule_is_asked(void **state)
{
    (void)state;
    stage_open();
    stage_tell(OPP_PHASE_PREFLIGHT, "app_1");
    assert_true(judge_first(READS_AMOUNT, true).ns > 0);
    assert_int_equal(judge_first("return {}", true).ns, 0);
    assert_true(judge_first(READS_AMOUNT, false).ns < 0);
    assert_true(judge_first("return {}", false).ns < 0);
}

static void rules_that_read_a_hash_are_told_from_those_that_do_not(void **state)
{
    (void)state;
    stage_open();
    stage_tell(OPP_PHASE_ACTION, "app_1");
    assert_true(judge_first(READS_TITLE, true).read_sensitive);
    assert_true(judge_first(READS_ALL, true).read_sensitive);
    assert_false(judge_first(READS_AMOUNT, true).read_sensitive);
}

static void a_decision_that_read_a_sensitive_value_cannot_be_replayed(void **state)
{
    struct opp_told *one;
    struct opp_decision *list[65];

    (void)state;
    stage_open();
    one = stage_told(OPP_PHASE_ACTION, "app_1", PARTS);
    one->ruling = calloc(1, sizeof *one->ruling);
    assert_non_null(one->ruling);
    one->ruled = true;
    opp_policy_decision_clear(one->ruling);
    one->ruling->read_watched = true;
    opp_staging_tell(stage.staging, one);
    stage_tell(OPP_PHASE_ACTION, "app_1");
    stage_read_log(list);
    assert_false(list[0]->replayable);
    assert_true(list[1]->replayable);
    stage_free_log(list);
}

static void staged_rules_see_what_was_seen_and_are_counted(void **state)
{
    struct opp_decision *list[65];
    json_t *shown;

    (void)state;
    stage_open();
    stage_rules("return { { name = 'no secrets', tools = { '*' }, decide = function(q)"
                " if q.payload.title == 'secret words' then return deny('No.') end end } }");
    stage_tell(OPP_PHASE_ACTION, "app_1");
    stage_tell(OPP_PHASE_PREFLIGHT, "app_2");
    shown = stage_report();
    assert_int_equal(stage_number(shown, "decisions"), 2);
    assert_int_equal(stage_number(shown, "same"), 0);
    assert_int_equal(json_array_size(json_object_get(shown, "differences")), 2);
    json_decref(shown);
    stage_read_log(list);
    assert_true(list[0]->differs);
    assert_non_null(strstr(list[0]->staged, "\"rule\":\"no secrets\""));
    assert_string_equal(list[0]->verdict, "{\"outcome\":\"allow\"}");
    stage_free_log(list);
}

/* Allowed reads that the sample left out are compared, and logged only where they differ. */
static void reads_are_sampled_and_those_that_differ_are_all_logged(void **state)
{
    struct opp_decision *list[65];
    struct opp_told *one;
    json_t *shown;

    (void)state;
    stage_open();
    stage_rules("return { { name = 'r', tools = { '*' }, decide = function(q)"
                " if q.app.id == 'app_2' then return deny('No.') end end } }");
    for (int i = 0; i < 20; i++) {
        one = stage_told(OPP_PHASE_READ, i % 2 == 0 ? "app_1" : "app_2", "{\"payload\":{},\"resources\":[]}");
        one->sample = 0;
        opp_staging_tell(stage.staging, one);
    }
    shown = stage_report();
    assert_int_equal(stage_number(shown, "decisions"), 20);
    assert_int_equal(stage_number(shown, "same"), 10);
    json_decref(shown);
    stage_read_log(list);
    for (size_t i = 0; i < 10; i++)
        assert_string_equal(list[i]->app_id, "app_2");
    assert_null(list[10]);
    stage_free_log(list);
}

static void a_log_that_cannot_be_written_is_counted_and_nothing_else(void **state)
{
    char path[KIT_PATH_MAX];
    json_t *shown;

    (void)state;
    kit_path(&stage.kit, "decisions.db", path);
    assert_int_equal(mkdir(path, 0700), 0);
    stage_open();
    stage_rules("return { { name = 'r', tools = { '*' }, decide = function(q) return deny('No.') end } }");
    stage_tell(OPP_PHASE_ACTION, "app_1");
    shown = stage_report();
    assert_int_equal(stage_number(shown, "decisions"), 1);
    assert_int_equal(stage_number(shown, "lost"), 1);
    json_decref(shown);
    assert_int_equal(opp_staging_read_log(stage.staging, stage_read_all, NULL, NULL), OPP_E_UNAVAILABLE);
    assert_int_equal(rmdir(path), 0);
}

static void counts_of_the_same_occasion_go_on_after_a_restart(void **state)
{
    static const char rules[] =
        "return { { name = 'r', tools = { '*' }, decide = function(q) return deny('No.') end } }";
    json_t *before, *after;

    (void)state;
    stage_open();
    stage_rules(rules);
    stage_tell(OPP_PHASE_ACTION, "app_1");
    before = stage_report();
    assert_int_equal(stage_number(before, "decisions"), 1);
    opp_staging_close(stage.staging);
    stage_open();
    stage_rules(rules);
    after = stage_report();
    assert_true(json_equal(before, after));
    json_decref(after);
    json_decref(before);
    stage_tell(OPP_PHASE_ACTION, "app_1");
    after = stage_report();
    assert_int_equal(stage_number(after, "decisions"), 2);
    json_decref(after);
}

static void counts_of_another_occasion_begin_anew(void **state)
{
    json_t *shown = NULL;

    (void)state;
    stage_open();
    stage_rules("return { { name = 'r', tools = { '*' }, decide = function(q) return deny('No.') end } }");
    stage_tell(OPP_PHASE_ACTION, "app_1");
    opp_staging_flush(stage.staging);
    stage_rules("return { { name = 's', tools = { '*' }, decide = function(q) return deny('No.') end } }");
    shown = stage_report();
    assert_int_equal(stage_number(shown, "decisions"), 0);
    json_decref(shown);
    assert_true(opp_staging_active(stage.staging));
    assert_int_equal(opp_staging_set(stage.staging, NULL, NULL), OPP_OK);
    assert_int_equal(opp_staging_report(stage.staging, NULL, &shown, NULL), OPP_E_ABSENT);
    assert_false(opp_staging_active(stage.staging));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_record_is_judged_again_as_it_was, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(sensitive_values_are_logged_as_keyed_hashes, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(rules_that_read_a_hash_are_told_from_those_that_do_not, stage_set_up,
                                        stage_tear_down),
        cmocka_unit_test_setup_teardown(a_decision_is_measured_whether_or_not_a_rule_is_asked, stage_set_up,
                                        stage_tear_down),
        cmocka_unit_test_setup_teardown(a_decision_that_read_a_sensitive_value_cannot_be_replayed, stage_set_up,
                                        stage_tear_down),
        cmocka_unit_test_setup_teardown(staged_rules_see_what_was_seen_and_are_counted, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(reads_are_sampled_and_those_that_differ_are_all_logged, stage_set_up,
                                        stage_tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_cannot_be_written_is_counted_and_nothing_else, stage_set_up,
                                        stage_tear_down),
        cmocka_unit_test_setup_teardown(counts_of_the_same_occasion_go_on_after_a_restart, stage_set_up,
                                        stage_tear_down),
        cmocka_unit_test_setup_teardown(counts_of_another_occasion_begin_anew, stage_set_up, stage_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
