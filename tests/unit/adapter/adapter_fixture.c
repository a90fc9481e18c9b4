/* SPDX-License-Identifier: MIT */
#include "adapter/adapter_fixture.h"

#include "adapter/internal.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/jcs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char init_head[] =
    "local function thing(call) return call.sql('things'):row('SELECT id, name, amount, org_id FROM things WHERE id ="
    " :id', { id = call.payload.id }) end\n"
    "local function touched(_, thing) return { { kind = 'thing', id = thing.id, org_id = thing.org_id } } end\n"
    "local function nothing() return value { result = {} } end\n"
    "return { name = 'a', description = 'A test.', databases = { things = { file = 'things.db', migrations = { '1.sql' "
    "}, demo = 'demo.sql' } },\ntools = {\n";

void fixture_write(struct fixture *f, const char *name, const char *text)
{
    char path[1024], *slash;

    snprintf(path, sizeof path, "%s/%s", f->adapters_dir, name);
    slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(opp_file_make_dir(path, 0700, NULL), OPP_OK);
    *slash = '/';
    assert_int_equal(opp_file_write(path, 0600, text, strlen(text), NULL), OPP_OK);
}

void fixture_begin(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    strcpy(f->dir, "/tmp/opp-adapter-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->adapters_dir, sizeof f->adapters_dir, "%s/adapters", f->dir);
    snprintf(f->data_dir, sizeof f->data_dir, "%s/data", f->dir);
    assert_int_equal(opp_file_make_dir(f->adapters_dir, 0700, NULL), OPP_OK);
    assert_int_equal(opp_file_make_dir(f->data_dir, 0700, NULL), OPP_OK);
    fixture_write(f, "a/1.sql",
                  "CREATE TABLE things (id TEXT PRIMARY KEY, name TEXT NOT NULL, amount ANY, org_id TEXT,"
                  " parent TEXT REFERENCES things (id) DEFERRABLE INITIALLY DEFERRED, raw BLOB) STRICT;");
    fixture_write(f, "a/demo.sql",
                  "INSERT INTO things (id, name, amount, org_id) VALUES ('t1', 'one', 1, 'org'), ('t2', 'two', 2.5, "
                  "'org'), ('t3', 'three', NULL, 'far');");
}

void fixture_tools(struct fixture *f, const char *tools)
{
    size_t size = sizeof init_head + strlen(tools) + 16;
    char *text = malloc(size);

    assert_non_null(text);
    snprintf(text, size, "%s%s\n} }\n", init_head, tools);
    fixture_write(f, "a/init.lua", text);
    free(text);
}

static void on_unknown(const char *name, const char *message)
{
    fprintf(stderr, "%s: %s\n", name, message);
    abort();
}

enum opp_code fixture_load(struct fixture *f, struct opp_adapters **out, json_t *issues)
{
    struct opp_adapter_sources *sources = NULL;
    struct opp_adapters *adapters = NULL;
    enum opp_code rc;

    f->err = (struct opp_err){ 0 };
    rc = opp_adapter_sources_read(f->adapters_dir, &sources, &f->err);
    if (rc == OPP_OK)
        rc = opp_adapters_new(sources, NULL, &adapters, issues, &f->err);
    opp_adapter_sources_unref(sources);
    if (rc == OPP_OK)
        rc = opp_adapters_connect(adapters, f->databases, f->behind, issues, &f->err);
    if (rc == OPP_OK)
        *out = adapters;
    else
        opp_adapters_free(adapters);
    return rc;
}

enum opp_code fixture_open(struct fixture *f)
{
    struct opp_databases_settings settings = {
        .data_dir = f->data_dir, .demo = true, .queue_max_bytes = (size_t)1 << 20, .on_unknown = on_unknown
    };
    enum opp_code rc = OPP_OK;

    f->err = (struct opp_err){ 0 };
    if (f->databases == NULL)
        rc = opp_databases_new(&settings, &f->databases, &f->err);
    if (rc == OPP_OK)
        rc = fixture_load(f, &f->adapters, NULL);
    if (rc == OPP_OK)
        rc = opp_loop_new(&f->loop, &f->err);
    return rc == OPP_OK ? opp_adapter_session_open(f->adapters, &f->session, &f->err) : rc;
}

void fixture_must_open(struct fixture *f)
{
    if (fixture_open(f) != OPP_OK)
        fail_msg("%s: %s", f->err.where, f->err.message);
}

void fixture_open_with(struct fixture *f, const char *tools)
{
    fixture_tools(f, tools);
    fixture_must_open(f);
}

void fixture_close(struct fixture *f)
{
    opp_adapter_session_close(f->session);
    opp_adapters_free(f->adapters);
    opp_databases_close(f->databases);
    f->databases = NULL;
    if (f->loop != NULL)
        opp_loop_free(f->loop);
    f->session = NULL;
    f->adapters = NULL;
    f->loop = NULL;
}

void fixture_end(struct fixture *f)
{
    char command[128];

    fixture_close(f);
    snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    assert_int_equal(system(command), 0);
}

int fixture_set_up(void **state)
{
    fixture_begin(*state);
    return 0;
}

int fixture_tear_down(void **state)
{
    fixture_end(*state);
    return 0;
}

static void count(void *arg)
{
    ++*(int *)arg;
}

struct opp_tool_call fixture_call(struct fixture *f, const char *tool, const char *payload)
{
    struct opp_tool_call call = { .session = f->session, .done = count, .arg = &f->done };

    call.input.tool = opp_tool_find(f->adapters, tool);
    assert_non_null(call.input.tool);
    call.input.payload = json_loads(payload, 0, NULL);
    assert_non_null(call.input.payload);
    call.input.actor = json_pack("{s:s}", "user_id", "user");
    call.input.app = json_pack("{s:s, s:s, s:n}", "id", "app", "org_id", "org_demo", "policy");
    call.input.limits = json_object();
    call.input.boundary = json_pack("{s:s, s:n, s:{}}", "org_id", "org_demo", "user_id", "allowed");
    call.input.effect_id = "eff_1";
    call.input.now_ms = INT64_C(1795000000000);
    return call;
}

void fixture_call_free(struct opp_tool_call *call)
{
    opp_tool_close(call);
    json_decref(call->input.payload);
    json_decref(call->input.actor);
    json_decref(call->input.app);
    json_decref(call->input.limits);
    json_decref(call->input.boundary);
}

enum opp_code fixture_inspect(struct opp_tool_call *call)
{
    opp_tool_load(call);
    if (call->rc == OPP_OK)
        opp_tool_inspect(call);
    return call->rc;
}

static void stop(void *arg)
{
    struct fixture *f = arg;

    f->done++;
    opp_loop_stop(f->loop);
}

enum opp_code fixture_apply_effect(struct fixture *f, const struct opp_effect *effect, const char *effect_id,
                                   json_t **result)
{
    struct opp_effect_op op = { .effect = effect,
                                .action = "a.action",
                                .effect_id = effect_id,
                                .now_ms = INT64_C(1795000000123),
                                .loop = f->loop,
                                .done = stop,
                                .arg = f };
    int before = f->done;

    opp_effect_apply(&op);
    while (f->done == before) /* an earlier stop may still end a run at once */
        assert_int_equal(opp_loop_run(f->loop, NULL), OPP_OK);
    f->err = op.err;
    *result = op.result;
    return op.rc;
}

enum opp_code fixture_apply(struct fixture *f, struct opp_tool_call *call, const char *effect_id, json_t **result)
{
    if (fixture_inspect(call) != OPP_OK)
        fail_msg("inspect: %s", call->refusal.message);
    return fixture_apply_effect(f, call->effect, effect_id, result);
}

char *fixture_read(struct opp_tool_call *call, const struct opp_read_options *options)
{
    struct opp_buf out = { 0 };
    char *text = NULL;

    opp_tool_load(call);
    if (call->rc == OPP_OK)
        opp_tool_read(call, options, &out);
    if (call->rc == OPP_OK)
        text = opp_buf_take(&out);
    opp_buf_free(&out);
    return text;
}

enum opp_code fixture_receipt(struct fixture *f, const char *database, const char *effect_id, json_t **result)
{
    const struct opp_database *found = database != NULL ? opp_databases_find(f->databases, database) : NULL;
    struct opp_receipt receipt = { .database = database,
                                   .database_id = found != NULL ? found->identity : NULL,
                                   .effect_id = effect_id };

    opp_receipts_ask(&(struct opp_receipt_sources){ f->databases, NULL, NULL }, &receipt, 1,
                     opp_monotonic_ms() + 10000);
    *result = receipt.result;
    return receipt.rc;
}

void fixture_reads(struct fixture *f, const char *tool, const char *payload, const char *answer)
{
    struct opp_read_options options = { 0 };
    struct opp_tool_call call = fixture_call(f, tool, payload);
    char *text = fixture_read(&call, &options);

    if (text == NULL)
        fail_msg("%d %s", (int)call.rc, call.refusal.message);
    assert_string_equal(text, answer);
    free(text);
    fixture_call_free(&call);
}

void assert_json(const json_t *value, const char *text)
{
    struct opp_buf out = { 0 };
    char *made;

    assert_non_null(value);
    opp_jcs_write(&out, value);
    made = opp_buf_take(&out);
    assert_non_null(made);
    assert_string_equal(made, text);
    free(made);
}
