/* SPDX-License-Identifier: MIT */
#include "command/archive_serve.h"

#include "audit/archive.h"
#include "base/id.h"
#include "base/json.h"
#include "command/process.h"

enum opp_code opp_archive_serve(void *arg, const json_t *request, const atomic_bool *stopping, json_t **answer,
                                struct opp_err *err)
{
    struct opp_process *process = arg;
    struct opp_gateway *gateway = &process->gateway;
    char request_id[OPP_ID_MAX];
    struct opp_archive archive = { .store = gateway->store,
                                   .dir = process->config->data_dir,
                                   .key = process->audit_key,
                                   .path = opp_json_text(request, "path"),
                                   .before_ms = json_integer_value(json_object_get(request, "before")),
                                   .now_ms = opp_clock_now_ms(gateway->clock),
                                   .by = "cli",
                                   .request_id = request_id,
                                   .cancel = stopping };
    enum opp_code rc;

    if (archive.path == NULL || archive.path[0] != '/' || !json_is_integer(json_object_get(request, "before")))
        return opp_fail(err, OPP_E_VALIDATION, "this gateway does not know what is asked for");
    opp_id_make(request_id, "req_", archive.now_ms);
    rc = opp_audit_archive(&archive, err);
    if (rc != OPP_OK) {
        opp_log_event(gateway->log, OPP_LOG_ERROR, "archive.failed", "path", archive.path, "message", err->message,
                      NULL);
        return rc;
    }
    if (archive.to != 0)
        opp_log_event(gateway->log, OPP_LOG_INFO, "archive.made", "path", archive.path, NULL);
    *answer = json_pack("{s:I, s:I, s:s}", "from", (json_int_t)archive.from, "to", (json_int_t)archive.to, "hash",
                        archive.hash);
    return *answer != NULL ? OPP_OK : opp_fail(err, OPP_E_MEMORY, "no memory for an answer");
}
