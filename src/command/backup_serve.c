/* SPDX-License-Identifier: MIT */
#include "command/backup_serve.h"

#include "adapter/databases.h"
#include "audit/audit.h"
#include "base/id.h"
#include "base/json.h"
#include "command/backup_make.h"
#include "command/process.h"
#include "store/store.h"
#include "store/tx.h"

#include <string.h>

struct serving {
    struct opp_gateway *gateway;
    const char *path;
    enum opp_code outcome;
    char request_id[OPP_ID_MAX]; /* the same on both rows */
};

json_t *opp_backup_summary(const json_t *manifest)
{
    const json_t *files = json_object_get(manifest, "files");
    json_int_t bytes = 0;
    json_t *file;
    size_t i;

    json_array_foreach(files, i, file)
    {
        bytes += json_integer_value(json_object_get(file, "bytes"));
    }
    return json_pack("{s:O, s:i, s:I}", "created_at", json_object_get(manifest, "created_at"), "files",
                     (int)json_array_size(files), "bytes", bytes);
}

/* Adapters first: see store/backup.h. */
static enum opp_code add_databases(void *arg, struct opp_backup *backup, struct opp_err *err)
{
    const struct opp_gateway *gateway = arg;
    enum opp_code rc = opp_databases_backup(gateway->databases, backup, err);

    return rc == OPP_OK ? opp_store_backup(gateway->store, backup, err) : rc;
}

static enum opp_code record(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    const struct serving *serving = arg;
    json_t *details = json_pack("{s:s}", "path", serving->path);
    struct opp_audit_event event = { .action = "backup.create",
                                     .status = serving->outcome == OPP_OK ? "success" : "failed",
                                     .code = serving->outcome,
                                     .performed_by_user_id = "cli",
                                     .request_id = serving->request_id,
                                     .details = details,
                                     .created_at = opp_clock_now_ms(serving->gateway->clock) };
    enum opp_code rc =
        details != NULL ? opp_audit_append(tx, &event, err) : opp_fail(err, OPP_E_VALIDATION, "the path is no UTF-8");

    json_decref(details);
    return rc;
}

static enum opp_code make(struct serving *serving, const char *data_dir, const atomic_bool *stopping, json_t **manifest,
                          struct opp_err *err)
{
    struct opp_gateway *gateway = serving->gateway;
    struct opp_backup_job job = { .data_dir = data_dir,
                                  .path = serving->path,
                                  .now_ms = opp_clock_now_ms(gateway->clock),
                                  .cancel = stopping,
                                  .add = add_databases,
                                  .arg = gateway };
    struct opp_err why = { 0 };
    enum opp_code rc;

    opp_id_make(serving->request_id, "req_", job.now_ms);
    rc = opp_store_now(gateway->store, record, serving, &why);
    if (rc != OPP_OK)
        return opp_fail(err, rc, "the audit trail does not take that there is to be a backup: %s", why.message);
    serving->outcome = opp_backup_make(&job, manifest, err);
    if (serving->outcome != OPP_OK)
        opp_store_now(gateway->store, record, serving, NULL);
    return serving->outcome;
}

enum opp_code opp_backup_serve(void *arg, const json_t *request, const atomic_bool *stopping, json_t **answer,
                               struct opp_err *err)
{
    struct opp_process *process = arg;
    const char *command = opp_json_text(request, "command");
    struct serving serving = { .gateway = &process->gateway, .path = opp_json_text(request, "path") };
    struct opp_log *log = process->gateway.log;
    json_t *manifest = NULL;
    enum opp_code rc;

    if (command == NULL || strcmp(command, "backup") != 0 || serving.path == NULL || serving.path[0] != '/')
        return opp_fail(err, OPP_E_VALIDATION, "this gateway does not know what is asked for");
    rc = make(&serving, process->config->data_dir, stopping, &manifest, err);
    if (rc != OPP_OK) {
        opp_log_event(log, OPP_LOG_ERROR, "backup.failed", "path", serving.path, "message", err->message, NULL);
        return rc;
    }
    opp_log_event(log, OPP_LOG_INFO, "backup.made", "path", serving.path, NULL);
    *answer = opp_backup_summary(manifest);
    json_decref(manifest);
    return *answer != NULL ? OPP_OK : opp_fail(err, OPP_E_MEMORY, "no memory for an answer");
}
