/* SPDX-License-Identifier: MIT */
#include "core/staging_kit.h"

#include "adapter/adapter.h"
#include "adapter/sources.h"
#include "store/tx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct stage stage;

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
        rc = opp_registry_load(tx, 1, 1, &registry, err);
    *(struct opp_registry **)arg = registry;
    return rc;
}

/* Gives a generation of these rules without an adapter. */
struct opp_generation *stage_numbered(const char *rules, int64_t number, size_t workers)
{
    json_t *nothing = json_array();
    struct opp_adapter_sources *files = NULL;
    struct opp_loaded loaded = { .bundle = kit_bundle(rules) };
    struct opp_generation *generation = NULL;

    opp_policy_bundle_number(loaded.bundle, number);
    snprintf(loaded.sha256, sizeof loaded.sha256, "%s",
             opp_policy_sources_sha256(opp_policy_bundle_sources(loaded.bundle)));
    assert_int_equal(opp_adapter_sources_from_json(nothing, &files, NULL), OPP_OK);
    assert_int_equal(opp_adapters_new(files, NULL, &loaded.adapters, NULL, NULL), OPP_OK);
    opp_adapter_sources_unref(files);
    json_decref(nothing);
    assert_int_equal(opp_generation_new(&loaded, workers, NOW_MS - 1000, &generation, NULL), OPP_OK);
    return generation;
}

void stage_open(void)
{
    struct opp_staging_settings settings = { .dir = stage.kit.dir,
                                             .max_age_ms = INT64_C(1) << 50,
                                             .max_rows = 1000000 };

    assert_int_equal(opp_staging_open(&stage.gateway, &settings, &stage.staging, NULL), OPP_OK);
    stage.gateway.staging = stage.staging;
}

/* Puts rules in force as a reload does, so that counts know what they compare with. */
static void put_in_force(void)
{
    assert_int_not_equal(opp_generation_begin(stage.gateway.policies), 0);
    opp_generation_prepare(stage.gateway.policies, opp_generation_repin(stage.active), NULL);
    opp_generation_ready(stage.gateway.policies);
    opp_generation_commit(stage.gateway.policies);
}

int stage_set_up(void **state)
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
    stage.active = stage_numbered("return { { name = 'r', tools = { '*' }, decide = function(q) end } }", 1, 1);
    assert_int_equal(opp_generation_slot_new(&stage.gateway.policies, NULL), OPP_OK);
    put_in_force();
    stage.tool = (struct opp_tool){ .name = "thing.make",
                                    .is_action = true,
                                    .risk = OPP_RISK_MEDIUM,
                                    .scopes = json_array(),
                                    .shown = json_pack("{s:s}", "name", "thing.make"),
                                    .sensitive = json_pack("{s:s}", "title", "[redacted]") };
    return 0;
}

int stage_tear_down(void **state)
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
struct opp_told *stage_told(enum opp_phase phase, const char *app_id, const char *parts)
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
    told->took_ns = 1500;
    told->sample = 1;
    opp_buf_add(&told->parts, parts, strlen(parts) + 1);
    return told;
}

void stage_tell(enum opp_phase phase, const char *app_id)
{
    opp_staging_tell(stage.staging, stage_told(phase, app_id, PARTS));
}

void stage_rules(const char *rules)
{
    struct opp_generation *generation = stage_numbered(rules, 2, 0);

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

enum opp_code stage_read_all(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_DECISION, .order = "number", .limit = 64 };

    return opp_tx_each(tx, &query, collect, arg, err);
}

/* Gives what is in the log, oldest first, at most 64; ended by NULL. */
void stage_read_log(struct opp_decision *list[65])
{
    for (size_t i = 0; i < 65; i++)
        list[i] = NULL;
    opp_staging_flush(stage.staging);
    assert_int_equal(opp_staging_read_log(stage.staging, stage_read_all, list, NULL), OPP_OK);
}

void stage_free_log(struct opp_decision *list[65])
{
    for (size_t i = 0; list[i] != NULL; i++)
        opp_record_free(&OPP_DECISION, list[i]);
}

json_t *stage_report(void)
{
    json_t *shown = NULL;

    opp_staging_flush(stage.staging);
    assert_int_equal(opp_staging_report(stage.staging, NULL, &shown, NULL), OPP_OK);
    return shown;
}

int64_t stage_number(const json_t *shown, const char *name)
{
    return json_integer_value(json_object_get(shown, name));
}
