/* SPDX-License-Identifier: MIT */
#include "core/staging.h"

#include "adapter/adapter.h"
#include "adapter/sources.h"
#include "adapter/tool.h"
#include "base/jcs.h"
#include "base/json.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/registry.h"
#include "core/rejudge.h"
#include "core/staging_internal.h"
#include "policy/kit.h"
#include "store/store_kit.h"
#include "store/tx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW_MS (KIT_NOW * 1000)

/* A gateway as far as staging asks it, with two apps. */
struct stage {
    struct kit kit;
    struct opp_gateway gateway;
    struct opp_staging *staging;
    const struct opp_registry *registry;
    struct opp_generation *active;
    struct opp_tool tool;
};

static struct stage stage;

static enum opp_code insert_app(struct opp_tx *tx, const char *name, struct opp_err *err)
{
    char id[16], scope[] = "workspace", status[] = "active", org[] = "org_1";
    struct opp_app app = {
        .id = id, .scope = scope, .status = status, .name = id, .org_id = org, .service_user_id = org
    };
    enum opp_code rc;

    snprintf(id, sizeof id, "%s", name);
    app.scopes = json_array();
    app.policy = json_object();
    app.auto_execute = json_loads("{\"writes\":{\"enabled\":true}}", 0, NULL);
    rc = opp_tx_insert(tx, &OPP_APP, &app, err);
    json_decref(app.scopes);
    json_decref(app.policy);
    json_decref(app.auto_execute);
    return rc;
}

static enum opp_code populate(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_registry *registry = NULL;
    enum opp_code rc = insert_app(tx, "app_1", err);

    if (rc == OPP_OK)
        rc = insert_app(tx, "app_2", err);
    if (rc == OPP_OK)
        rc = opp_registry_load(tx, 1, &registry, err);
    *(struct opp_registry **)arg = registry;
    return rc;
}

/* Gives a generation of these rules without an adapter. */
static struct opp_generation *numbered(const char *rules, int64_t number, size_t workers)
{
    json_t *nothing = json_array();
    struct opp_adapter_sources *files = NULL;
    struct opp_loaded loaded = { .bundle = kit_bundle(rules) };
    struct opp_generation *generation = NULL;

    opp_policy_bundle_number(loaded.bundle, number);
    snprintf(loaded.sha256, sizeof loaded.sha256, "%s", opp_policy_bundle_sha256(loaded.bundle));
    assert_int_equal(opp_adapter_sources_from_json(nothing, &files, NULL), OPP_OK);
    assert_int_equal(opp_adapters_new(files, NULL, &loaded.adapters, NULL, NULL), OPP_OK);
    opp_adapter_sources_unref(files);
    json_decref(nothing);
    assert_int_equal(opp_generation_new(&loaded, workers, NOW_MS - 1000, &generation, NULL), OPP_OK);
    return generation;
}

static void open_staging(void)
{
    struct opp_staging_settings settings = { .dir = stage.kit.dir,
                                             .max_age_ms = INT64_C(1) << 50,
                                             .max_rows = 1000000 };

    assert_int_equal(opp_staging_open(&stage.gateway, &settings, &stage.staging, NULL), OPP_OK);
    stage.gateway.staging = stage.staging;
}

static int set_up(void **state)
{
    struct opp_registry *registry = NULL;

    (void)state;
    stage = (struct stage){ 0 };
    kit_make_dir(&stage.kit);
    kit_open(&stage.kit);
    stage.gateway.settings = OPP_SETTINGS_DEFAULT;
    stage.gateway.clock = stage.kit.clock;
    stage.gateway.store = stage.kit.store;
    assert_int_equal(opp_log_new(STDERR_FILENO, OPP_LOG_JSON, OPP_LOG_ERROR, &stage.gateway.log, NULL), OPP_OK);
    assert_int_equal(opp_store_now(stage.kit.store, populate, &registry, NULL), OPP_OK);
    stage.registry = registry;
    stage.active = numbered("return { { name = 'r', tools = { '*' }, decide = function(q) end } }", 1, 1);
    assert_int_equal(opp_generation_slot_new(&stage.gateway.policies, NULL), OPP_OK);
    stage.tool = (struct opp_tool){ .name = "thing.make",
                                    .is_action = true,
                                    .risk = OPP_RISK_MEDIUM,
                                    .scopes = json_array(),
                                    .shown = json_pack("{s:s}", "name", "thing.make"),
                                    .sensitive = json_pack("{s:s}", "title", "[redacted]") };
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    opp_staging_close(stage.staging);
    json_decref(stage.tool.scopes);
    json_decref(stage.tool.shown);
    json_decref(stage.tool.sensitive);
    opp_generation_unpin(stage.active);
    opp_registry_unpin(stage.registry);
    opp_generation_slot_free(stage.gateway.policies);
    opp_log_free(stage.gateway.log);
    kit_close(&stage.kit);
    kit_remove_dir(&stage.kit);
    return 0;
}

/* Gives what a worker tells of a decision in which no rule spoke; parts is JSON. */
static struct opp_told *told(enum opp_phase phase, const char *app_id, const char *parts)
{
    struct opp_told *told = calloc(1, sizeof *told);

    assert_non_null(told);
    told->registry = opp_registry_repin(stage.registry);
    told->generation = opp_generation_repin(stage.active);
    told->app = opp_registry_app(stage.registry, app_id);
    told->request_id = "req_test";
    told->shown = (struct opp_shown){ .phase = phase,
                                      .tool = &stage.tool,
                                      .app = told->app->record,
                                      .key_id = "key_1",
                                      .ip = "10.0.0.1",
                                      .now_ms = NOW_MS };
    told->core = (struct opp_core_part){ .phase = phase, .now_ms = NOW_MS, .execute = true, .settled = true };
    told->ruling = (struct opp_policy_decision){ .max_rows = -1, .max_days = -1, .window_open = true };
    told->took_ns = 1500;
    told->sample = 1;
    opp_buf_add(&told->parts, parts, strlen(parts) + 1);
    return told;
}

#define PARTS                                                                                                          \
    "{\"payload\":{\"title\":\"secret words\",\"amount\":5},\"resources\":[],\"impact\":{\"title\":\"secret words\"}," \
    "\"state\":{},\"justification\":null,\"execute\":true}"

static void tell(enum opp_phase phase, const char *app_id)
{
    opp_staging_tell(stage.staging, told(phase, app_id, PARTS));
}

static void stage_rules(const char *rules)
{
    struct opp_generation *generation = numbered(rules, 2, 0);

    assert_int_equal(opp_staging_set(stage.staging, generation, NULL), OPP_OK);
    opp_generation_unpin(generation);
}

static enum opp_code collect(void *arg, void *record, struct opp_err *err)
{
    struct opp_decision **list = arg;

    (void)err;
    while (*list != NULL)
        list++;
    *list = record;
    return OPP_OK;
}

static enum opp_code read_all(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_DECISION, .order = "number", .limit = 64 };

    return opp_tx_each(tx, &query, collect, arg, err);
}

/* Gives what is in the log, oldest first, at most 64; ended by NULL. */
static void read_log(struct opp_decision *list[65])
{
    for (size_t i = 0; i < 65; i++)
        list[i] = NULL;
    opp_staging_flush(stage.staging);
    assert_int_equal(opp_staging_read_log(stage.staging, read_all, list, NULL), OPP_OK);
}

static void free_log(struct opp_decision *list[65])
{
    for (size_t i = 0; list[i] != NULL; i++)
        opp_record_free(&OPP_DECISION, list[i]);
}

static json_t *report(void)
{
    json_t *shown = NULL;

    opp_staging_flush(stage.staging);
    assert_int_equal(opp_staging_report(stage.staging, NULL, &shown, NULL), OPP_OK);
    return shown;
}

static int64_t number(const json_t *shown, const char *name)
{
    return json_integer_value(json_object_get(shown, name));
}

/* The log holds all that the rules saw: judged again by the same rules, nothing is otherwise. */
static void a_record_is_judged_again_as_it_was(void **state)
{
    static const enum opp_phase phases[] = { OPP_PHASE_READ, OPP_PHASE_PREFLIGHT, OPP_PHASE_ACTION, OPP_PHASE_APPROVE,
                                             OPP_PHASE_EXECUTE };
    struct opp_policy_engine *engine = NULL;
    struct opp_decision *list[65];

    (void)state;
    open_staging();
    assert_int_equal(opp_policy_engine_new(opp_generation_bundle(stage.active), &engine, NULL), OPP_OK);
    for (size_t i = 0; i < 5; i++)
        tell(phases[i], "app_1");
    read_log(list);
    for (size_t i = 0; i < 5; i++) {
        struct opp_rejudged again = { 0 };

        assert_non_null(list[i]);
        assert_string_equal(list[i]->phase, opp_phase_name(phases[i]));
        assert_int_equal(opp_rejudge_logged(engine, list[i], NULL, NULL, &again), OPP_OK);
        assert_false(again.ruling.failed);
        assert_string_equal(again.verdict.bytes, list[i]->verdict);
        opp_rejudged_clear(&again);
    }
    assert_null(list[5]);
    assert_true(list[4]->number > list[3]->number);
    free_log(list);
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
    open_staging();
    tell(OPP_PHASE_ACTION, "app_1");
    tell(OPP_PHASE_PREFLIGHT, "app_1");
    tell(OPP_PHASE_ACTION, "app_2");
    read_log(list);
    for (size_t i = 0; i < 3; i++) {
        assert_null(strstr(list[i]->request, "secret"));
        assert_memory_equal(title_in(list[i]->request), "hmac:", 5);
        assert_string_equal(list[i]->hashed, "[\"title\"]");
        assert_non_null(strstr(list[i]->request, "\"amount\":5"));
    }
    assert_memory_equal(title_in(list[0]->request), title_in(list[1]->request), 69);
    assert_memory_not_equal(title_in(list[0]->request), title_in(list[2]->request), 69);
    free_log(list);
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

static bool reads_sensitive(const char *rules)
{
    struct opp_policy_engine *engine = kit_engine(rules);
    struct opp_decision *list[65];
    struct opp_rejudged again = { 0 };
    bool read;

    read_log(list);
    assert_int_equal(opp_rejudge_logged(engine, list[0], NULL, NULL, &again), OPP_OK);
    read = again.read_sensitive;
    opp_rejudged_clear(&again);
    free_log(list);
    opp_policy_engine_free(engine);
    return read;
}

static void rules_that_read_a_hash_are_told_from_those_that_do_not(void **state)
{
    (void)state;
    open_staging();
    tell(OPP_PHASE_ACTION, "app_1");
    assert_true(reads_sensitive(READS_TITLE));
    assert_true(reads_sensitive(READS_ALL));
    assert_false(reads_sensitive(READS_AMOUNT));
}

static void a_decision_that_read_a_sensitive_value_cannot_be_replayed(void **state)
{
    struct opp_told *one;
    struct opp_decision *list[65];

    (void)state;
    open_staging();
    one = told(OPP_PHASE_ACTION, "app_1", PARTS);
    one->ruling.read_watched = true;
    opp_staging_tell(stage.staging, one);
    tell(OPP_PHASE_ACTION, "app_1");
    read_log(list);
    assert_false(list[0]->replayable);
    assert_true(list[1]->replayable);
    free_log(list);
}

static void staged_rules_see_what_was_seen_and_are_counted(void **state)
{
    struct opp_decision *list[65];
    json_t *shown;

    (void)state;
    open_staging();
    stage_rules("return { { name = 'no secrets', tools = { '*' }, decide = function(q)"
                " if q.payload.title == 'secret words' then return deny('No.') end end } }");
    tell(OPP_PHASE_ACTION, "app_1");
    tell(OPP_PHASE_PREFLIGHT, "app_2");
    shown = report();
    assert_int_equal(number(shown, "decisions"), 2);
    assert_int_equal(number(shown, "same"), 0);
    assert_int_equal(json_array_size(json_object_get(shown, "differences")), 2);
    json_decref(shown);
    read_log(list);
    assert_true(list[0]->differs);
    assert_non_null(strstr(list[0]->staged, "\"rule\":\"no secrets\""));
    assert_string_equal(list[0]->verdict, "{\"outcome\":\"allow\"}");
    free_log(list);
}

/* Allowed reads that the sample left out are compared, and logged only where they differ. */
static void reads_are_sampled_and_those_that_differ_are_all_logged(void **state)
{
    struct opp_decision *list[65];
    struct opp_told *one;
    json_t *shown;

    (void)state;
    open_staging();
    stage_rules("return { { name = 'r', tools = { '*' }, decide = function(q)"
                " if q.app.id == 'app_2' then return deny('No.') end end } }");
    for (int i = 0; i < 20; i++) {
        one = told(OPP_PHASE_READ, i % 2 == 0 ? "app_1" : "app_2", "{\"payload\":{},\"resources\":[]}");
        one->sample = 0;
        opp_staging_tell(stage.staging, one);
    }
    shown = report();
    assert_int_equal(number(shown, "decisions"), 20);
    assert_int_equal(number(shown, "same"), 10);
    json_decref(shown);
    read_log(list);
    for (size_t i = 0; i < 10; i++)
        assert_string_equal(list[i]->app_id, "app_2");
    assert_null(list[10]);
    free_log(list);
}

static void a_log_that_cannot_be_written_is_counted_and_nothing_else(void **state)
{
    char path[KIT_PATH_MAX];
    json_t *shown;

    (void)state;
    kit_path(&stage.kit, "decisions.db", path);
    assert_int_equal(mkdir(path, 0700), 0);
    open_staging();
    stage_rules("return { { name = 'r', tools = { '*' }, decide = function(q) return deny('No.') end } }");
    tell(OPP_PHASE_ACTION, "app_1");
    shown = report();
    assert_int_equal(number(shown, "decisions"), 1);
    assert_int_equal(number(shown, "lost"), 1);
    json_decref(shown);
    assert_int_equal(opp_staging_read_log(stage.staging, read_all, NULL, NULL), OPP_E_UNAVAILABLE);
    assert_int_equal(rmdir(path), 0);
}

/* Puts rules in force as a reload does, so that counts know what they compare with. */
static void put_in_force(void)
{
    assert_int_not_equal(opp_generation_begin(stage.gateway.policies), 0);
    opp_generation_prepare(stage.gateway.policies, opp_generation_repin(stage.active), NULL);
    opp_generation_ready(stage.gateway.policies);
    opp_generation_commit(stage.gateway.policies);
}

static void counts_of_the_same_occasion_go_on_after_a_restart(void **state)
{
    static const char rules[] =
        "return { { name = 'r', tools = { '*' }, decide = function(q) return deny('No.') end } }";
    json_t *before, *after;

    (void)state;
    put_in_force();
    open_staging();
    stage_rules(rules);
    tell(OPP_PHASE_ACTION, "app_1");
    before = report();
    assert_int_equal(number(before, "decisions"), 1);
    opp_staging_close(stage.staging);
    open_staging();
    stage_rules(rules);
    after = report();
    assert_true(json_equal(before, after));
    json_decref(after);
    json_decref(before);
    tell(OPP_PHASE_ACTION, "app_1");
    after = report();
    assert_int_equal(number(after, "decisions"), 2);
    json_decref(after);
}

static void counts_of_another_occasion_begin_anew(void **state)
{
    json_t *shown = NULL;

    (void)state;
    put_in_force();
    open_staging();
    stage_rules("return { { name = 'r', tools = { '*' }, decide = function(q) return deny('No.') end } }");
    tell(OPP_PHASE_ACTION, "app_1");
    opp_staging_flush(stage.staging);
    stage_rules("return { { name = 's', tools = { '*' }, decide = function(q) return deny('No.') end } }");
    shown = report();
    assert_int_equal(number(shown, "decisions"), 0);
    json_decref(shown);
    assert_true(opp_staging_active(stage.staging));
    assert_int_equal(opp_staging_set(stage.staging, NULL, NULL), OPP_OK);
    assert_int_equal(opp_staging_report(stage.staging, NULL, &shown, NULL), OPP_E_ABSENT);
    assert_false(opp_staging_active(stage.staging));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_record_is_judged_again_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sensitive_values_are_logged_as_keyed_hashes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rules_that_read_a_hash_are_told_from_those_that_do_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_decision_that_read_a_sensitive_value_cannot_be_replayed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(staged_rules_see_what_was_seen_and_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_are_sampled_and_those_that_differ_are_all_logged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_cannot_be_written_is_counted_and_nothing_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_of_the_same_occasion_go_on_after_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_of_another_occasion_begin_anew, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
