/* SPDX-License-Identifier: MIT */
#include "core/recover.h"

#include "adapter/effect.h"
#include "audit/audit.h"
#include "base/crash.h"
#include "base/id.h"
#include "core/execute.h"
#include "core/gateway.h"
#include "store/store.h"
#include "store/tx.h"

#include <stdlib.h>
#include <string.h>

struct pending {
    struct opp_execution **items;
    size_t count;
};

struct settling {
    struct opp_gateway *gateway;
    struct opp_execution *execution;
    struct opp_draft *draft;
    enum opp_code found; /* what the receipt says */
    json_t *result;
};

static enum opp_code collect(void *arg, void *record, struct opp_err *err)
{
    struct pending *pending = arg;
    struct opp_execution **grown = realloc(pending->items, (pending->count + 1) * sizeof(struct opp_execution *));

    if (grown == NULL) {
        opp_record_free(&OPP_EXECUTION, record);
        return opp_fail(err, OPP_E_MEMORY, "no memory to recover");
    }
    pending->items = grown;
    pending->items[pending->count++] = record;
    return OPP_OK;
}

static enum opp_code find_pending(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_EXECUTION };

    opp_query_text(&query, "status", OPP_CONSTANT, "pending");
    return opp_tx_each(tx, &query, collect, arg, err);
}

static enum opp_code find_draft(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct settling *settling = arg;
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_DRAFT, "id", settling->execution->draft_id, &found, err);

    settling->draft = found;
    return rc;
}

static enum opp_code write_outcome(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct settling *settling = arg;
    struct opp_gateway *gateway = settling->gateway;
    char request_id[OPP_ID_MAX];
    int64_t now_ms = opp_clock_now_ms(gateway->clock);
    const char *reason = settling->found == OPP_E_EXECUTION_UNKNOWN ? "outcome_unknown" : NULL;
    json_t *error = settling->found == OPP_OK
                        ? NULL
                        : json_pack("{s:s, s:s, s:s?}", "code", opp_code_name(settling->found), "message",
                                    "The outcome was not recorded when it was known.", "reason", reason);
    struct opp_settlement outcome = { .draft = settling->draft,
                                      .execution = settling->execution,
                                      .code = settling->found,
                                      .result = settling->result,
                                      .error = error,
                                      .reason = reason,
                                      .now_ms = now_ms,
                                      .key_lifetime_ms = gateway->settings.idempotency_lifetime_ms };
    struct opp_audit_event event = { .action = "agent.action.execute",
                                     .status = settling->found == OPP_OK ? "success" : "failed",
                                     .code = settling->found,
                                     .app_id = settling->draft->app_id,
                                     .org_id = settling->draft->org_id,
                                     .key_id = settling->draft->key_id,
                                     .actor_user_id = settling->draft->actor_user_id,
                                     .request_id = request_id,
                                     .draft_id = settling->draft->id,
                                     .execution_id = settling->execution->id,
                                     .created_at = now_ms };
    json_t *details = json_pack("{s:b}", "recovered", 1);
    enum opp_code rc = opp_settlement_write(tx, &outcome, err);

    opp_id_make(request_id, "req_", now_ms);
    event.details = details;
    if (rc == OPP_OK)
        rc = opp_audit_append(tx, &event, err);
    json_decref(details);
    json_decref(error);
    opp_crash_point("recovery.written");
    return rc;
}

static void ask_receipt(struct settling *settling)
{
    settling->found = opp_effect_receipt(settling->gateway->databases, settling->draft->effect,
                                         settling->execution->effect_id, &settling->result, NULL);
    if (settling->found == OPP_E_ABSENT)
        settling->found = OPP_E_EXECUTION_FAILED;
    else if (settling->found != OPP_OK)
        settling->found = OPP_E_EXECUTION_UNKNOWN;
}

static enum opp_code settle(struct opp_gateway *gateway, struct opp_execution *execution, struct opp_err *err)
{
    struct settling settling = { .gateway = gateway, .execution = execution };
    enum opp_code rc = opp_store_now(gateway->store, find_draft, &settling, err);

    if (rc == OPP_OK) {
        opp_crash_point("recovery.found");
        ask_receipt(&settling);
        rc = opp_store_now(gateway->store, write_outcome, &settling, err);
        opp_crash_point("recovery.committed");
        opp_log_event(gateway->log, OPP_LOG_WARN, "execution.recovered", "execution_id", execution->id, "status",
                      execution->status, NULL);
    }
    json_decref(settling.result);
    opp_record_free(&OPP_DRAFT, settling.draft);
    return rc;
}

enum opp_code opp_recover_one(struct opp_gateway *gateway, struct opp_tx *tx, const char *execution_id, bool *settled,
                              struct opp_err *err)
{
    struct settling settling = { .gateway = gateway };
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_EXECUTION, "id", execution_id, &found, err);

    if (rc != OPP_OK)
        return rc;
    settling.execution = found;
    *settled = strcmp(settling.execution->status, "pending") != 0;
    if (!*settled)
        rc = find_draft(tx, &settling, err);
    if (!*settled && rc == OPP_OK) {
        ask_receipt(&settling);
        *settled = settling.found != OPP_E_EXECUTION_UNKNOWN;
        if (*settled)
            rc = write_outcome(tx, &settling, err);
    }
    json_decref(settling.result);
    opp_record_free(&OPP_DRAFT, settling.draft);
    opp_record_free(&OPP_EXECUTION, settling.execution);
    return rc;
}

enum opp_code opp_recover(struct opp_gateway *gateway, struct opp_err *err)
{
    struct pending pending = { 0 };
    enum opp_code rc = opp_store_now(gateway->store, find_pending, &pending, err);

    for (size_t i = 0; rc == OPP_OK && i < pending.count; i++)
        rc = settle(gateway, pending.items[i], err);
    for (size_t i = 0; i < pending.count; i++)
        opp_record_free(&OPP_EXECUTION, pending.items[i]);
    free(pending.items);
    return rc;
}
