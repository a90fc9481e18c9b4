/* SPDX-License-Identifier: MIT */
#include "admin/policies.h"

#include "base/file.h"
#include "core/call.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/hub.h"
#include "core/policy_load.h"
#include "store/tx.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define LOADER_STACK_BYTES ((size_t)4 * 1024 * 1024)

/* The names of the directories that are profiles. */
static json_t *list_profiles(const char *policies_dir)
{
    json_t *profiles = json_array();
    char **names = NULL, path[PATH_MAX], **files;

    if (opp_file_list(policies_dir, "", &names, NULL) != OPP_OK)
        return profiles;
    for (size_t i = 0; names[i] != NULL; i++) {
        snprintf(path, sizeof path, "%s/%s", policies_dir, names[i]);
        if (opp_file_list(path, "profile.lua", &files, NULL) != OPP_OK)
            continue;
        if (files[0] != NULL)
            json_array_append_new(profiles, json_string(names[i]));
        opp_names_free(files);
    }
    opp_names_free(names);
    return profiles;
}

static json_t *previous_of(const struct opp_generation_record *record)
{
    if (record == NULL)
        return json_null();
    return json_pack("{s:s, s:I, s:s}", "profile", record->profile, "generation", (json_int_t)atoll(record->id),
                     "sha256", record->sha256);
}

struct looking {
    struct opp_generation_record *newest[2];
    size_t count;
};

static enum opp_code take(void *arg, void *record, struct opp_err *err)
{
    struct looking *looking = arg;

    (void)err;
    looking->newest[looking->count++] = record;
    return OPP_OK;
}

static enum opp_code find(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_query query = { .record = &OPP_GENERATION_RECORD, .order = "id", .descending = true, .limit = 2 };

    return opp_tx_each(tx, &query, take, call->state, err);
}

static enum opp_step look(struct opp_call *call)
{
    return opp_flow_read(call, find);
}

static enum opp_step answer(struct opp_call *call)
{
    const struct looking *looking = call->state;
    struct opp_gateway *gateway = call->worker->gateway;

    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    return opp_call_answer(call, json_pack("{s:o, s:n, s:o, s:o}", "active", opp_policies_active(gateway), "staged",
                                           "previous", previous_of(looking->newest[1]), "profiles",
                                           list_profiles(gateway->policies_dir)));
}

static void forget(void *state)
{
    struct looking *looking = state;

    for (size_t i = 0; i < looking->count; i++)
        opp_record_free(&OPP_GENERATION_RECORD, looking->newest[i]);
}

static const opp_step_fn GET_STEPS[] = { look, answer, NULL };
const struct opp_flow OPP_FLOW_POLICY_GET = { GET_STEPS, sizeof(struct looking), forget, NULL };

/* A load runs on a thread of its own: reading files and running every test would hold up the loop's other requests. */
struct reloading {
    struct opp_call *call;
    struct opp_post post;
    enum opp_code rc;
    struct opp_err err;
    json_t *issues, *warnings;
};

static void loaded(void *arg)
{
    struct reloading *reloading = arg;

    opp_flow_resume(reloading->call);
}

static void *load(void *arg)
{
    struct reloading *reloading = arg;
    struct opp_worker *worker = reloading->call->worker;

    reloading->rc = opp_policies_prepare(worker->gateway, &reloading->issues, &reloading->warnings, &reloading->err);
    reloading->post = (struct opp_post){ .run = loaded, .arg = reloading };
    opp_loop_post(worker->loop, &reloading->post);
    return NULL;
}

static enum opp_step start(struct opp_call *call)
{
    struct reloading *reloading = call->state;
    pthread_attr_t attributes;
    pthread_t thread;
    int failed;

    reloading->call = call;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, LOADER_STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    failed = pthread_create(&thread, &attributes, load, reloading);
    pthread_attr_destroy(&attributes);
    return failed != 0 ? opp_call_refuse(call, OPP_E_UNAVAILABLE, NULL, NULL) : OPP_WAIT;
}

/* What could not be read at all has no line, and is an issue like the others. */
static json_t *issues_of(struct reloading *reloading)
{
    json_t *issues = reloading->issues;

    if (json_array_size(issues) > 0)
        return json_incref(issues);
    return json_pack("[{s:s, s:i, s:s}]", "file", reloading->err.where, "line", 0, "message", reloading->err.message);
}

static enum opp_code write_reload(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    enum opp_code rc = opp_policies_store(call->worker->gateway, tx, err);

    return rc == OPP_OK ? opp_call_audit(call, tx, "policy.reload", OPP_OK, NULL, err) : rc;
}

static enum opp_step store(struct opp_call *call)
{
    struct reloading *reloading = call->state;

    if (reloading->rc == OPP_E_CONFIG || reloading->rc == OPP_E_IO)
        return opp_call_refuse(call, OPP_E_VALIDATION, "The adapters or policies do not load; what was in force stays.",
                               json_pack("{s:o}", "issues", issues_of(reloading)));
    if (reloading->rc != OPP_OK)
        return opp_call_refuse(call, reloading->rc == OPP_E_KEY_BUSY ? OPP_E_UNAVAILABLE : reloading->rc, NULL, NULL);
    return opp_flow_write(call, write_reload);
}

static enum opp_step reloaded(struct opp_call *call)
{
    struct reloading *reloading = call->state;
    struct opp_gateway *gateway = call->worker->gateway;

    if (call->op.rc != OPP_OK) {
        opp_generation_abandon(gateway->policies);
        return opp_call_fail(call, call->op.rc, &call->op.err);
    }
    opp_hub_notify(gateway->hub, NULL);
    return opp_call_answer_recorded(call, json_pack("{s:b, s:o, s:O?}", "ok", 1, "active", opp_policies_active(gateway),
                                                    "warnings", reloading->warnings));
}

static void dispose(void *state)
{
    struct reloading *reloading = state;

    json_decref(reloading->issues);
    json_decref(reloading->warnings);
}

static const opp_step_fn RELOAD_STEPS[] = { start, store, reloaded, NULL };
const struct opp_flow OPP_FLOW_POLICY_RELOAD = { RELOAD_STEPS, sizeof(struct reloading), dispose, "policy.reload" };
