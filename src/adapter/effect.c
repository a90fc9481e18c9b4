/* SPDX-License-Identifier: MIT */
#include "adapter/effect.h"

#include "adapter/effect_internal.h"
#include "adapter/http_effect.h"
#include "base/json.h"
#include "store/db.h"
#include "store/writer.h"

#include <stdlib.h>
#include <string.h>

#define OPERATION_BYTES 4096 /* what an effect without recorded rows holds, about */

struct opp_effect_run {
    struct opp_effect_op *op;
    struct opp_write write;
    json_t *result;
};

json_t *opp_effect_data(const struct opp_effect *effect)
{
    return effect->data;
}

const char *opp_effect_database(const struct opp_effect *effect)
{
    return effect->database != NULL ? effect->database->name : NULL;
}

const char *opp_effect_database_id(const struct opp_effect *effect)
{
    return effect->database != NULL ? effect->database->identity : NULL;
}

void opp_effect_free(struct opp_effect *effect)
{
    if (effect == NULL)
        return;
    json_decref(effect->data);
    json_decref(effect->loaded);
    opp_recording_free(&effect->queries);
    free(effect);
}

static const struct opp_database *database_of(const struct opp_adapter *adapter, const char *name)
{
    for (size_t i = 0; name != NULL && i < adapter->database_count; i++)
        if (strcmp(adapter->databases[i]->name, name) == 0)
            return adapter->databases[i];
    return NULL;
}

/* Leaves only the queries of the effect's own database: no transaction covers two. */
static void keep_queries(struct opp_effect *effect)
{
    size_t kept = 0;

    for (size_t i = 0; i < effect->queries.count; i++) {
        struct opp_recorded *recorded = &effect->queries.list[i];

        if (recorded->database == effect->database)
            effect->queries.list[kept++] = *recorded;
        else
            opp_recorded_free(recorded);
    }
    effect->queries.count = kept;
}

enum opp_code opp_effect_make(struct opp_adapter_call *run, struct opp_effect **out, struct opp_err *err)
{
    struct opp_effect *effect = calloc(1, sizeof *effect);

    if (effect == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for an effect");
    effect->data = run->effect;
    effect->loaded = json_incref(json_object_get(effect->data, "loaded"));
    json_object_del(effect->data, "loaded");
    effect->queries = run->queries;
    run->effect = NULL;
    run->queries = (struct opp_recording){ 0 };
    effect->database = database_of(run->lane->adapter, opp_json_text(effect->data, "database"));
    effect->upstream = opp_adapter_upstream_find(run->lane->adapter, opp_json_text(effect->data, "upstream"));
    keep_queries(effect);
    *out = effect;
    return OPP_OK;
}

static struct opp_sql_host host_of(const struct opp_effect_op *op)
{
    return (struct opp_sql_host){ .effect_id = op->effect_id,
                                  .new_ids = json_object_get(op->effect->data, "new_ids"),
                                  .now_ms = op->now_ms };
}

/* On the writer's thread. */
static enum opp_code apply(struct opp_db *db, void *arg, struct opp_err *err)
{
    struct opp_effect_run *run = arg;
    struct opp_sql_host host = host_of(run->op);

    return opp_sql_apply(db, run->op->effect, run->op->action, &host, &run->result, err);
}

/* What a caller can act on is told apart; whatever else it was, nothing was applied. */
static enum opp_code outcome(enum opp_code rc)
{
    switch (rc) {
    case OPP_OK:
    case OPP_E_STALE:
    case OPP_E_PRECONDITION:
    case OPP_E_ACTION_INVALID:
    case OPP_E_EXECUTION_UNKNOWN:
    case OPP_E_MEMORY:
        return rc;
    default:
        return OPP_E_EXECUTION_FAILED;
    }
}

void opp_effect_finish(struct opp_effect_op *op, enum opp_code rc, const struct opp_err *err)
{
    op->rc = outcome(rc);
    if (op->rc != OPP_OK) {
        op->err = *err;
        op->err.code = op->rc;
    }
    op->done(op->arg);
}

/* On the loop, after the commit. A result of what was undone with its batch is nothing. */
static void on_written(void *arg)
{
    struct opp_effect_run *run = arg;
    struct opp_effect_op *op = run->op;
    struct opp_err err = run->write.err;
    enum opp_code rc = run->write.rc;

    if (rc == OPP_OK)
        op->result = run->result;
    else
        json_decref(run->result);
    op->run = NULL;
    free(run);
    opp_effect_finish(op, rc, &err);
}

static void answer_value(struct opp_effect_op *op)
{
    struct opp_sql_host host = host_of(op);
    struct opp_err err = { 0 };
    enum opp_code rc = opp_symbols_resolve(json_object_get(op->effect->data, "result"), &host, NULL, &op->result, &err);

    opp_effect_finish(op, rc, &err);
}

static size_t bytes_of(const struct opp_effect *effect)
{
    size_t bytes = OPERATION_BYTES;

    for (size_t i = 0; i < effect->queries.count; i++)
        bytes += opp_rows_bytes(effect->queries.list[i].rows);
    return bytes;
}

void opp_effect_apply(struct opp_effect_op *op)
{
    struct opp_err err = { 0 };
    struct opp_effect_run *run;

    op->result = NULL;
    op->reason = NULL;
    op->retry_after_s = 0;
    op->err = (struct opp_err){ 0 };
    if (op->effect->upstream != NULL) {
        opp_http_apply(op);
        return;
    }
    if (op->effect->database == NULL) {
        answer_value(op);
        return;
    }
    run = calloc(1, sizeof *run);
    if (run == NULL) {
        opp_fail(&err, OPP_E_MEMORY, "no memory for an effect");
        opp_effect_finish(op, OPP_E_MEMORY, &err);
        return;
    }
    op->run = run;
    run->op = op;
    run->write = (struct opp_write){
        .apply = apply, .done = on_written, .arg = run, .loop = op->loop, .bytes = bytes_of(op->effect)
    };
    if (opp_writer_submit(op->effect->database->writer, &run->write) == OPP_OK)
        return;
    free(run);
    op->run = NULL;
    opp_fail(&err, OPP_E_UNAVAILABLE, "the database takes no more writes now");
    opp_effect_finish(op, OPP_E_UNAVAILABLE, &err);
}
