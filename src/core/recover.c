/* SPDX-License-Identifier: MIT */
#include "core/recover.h"

#include "adapter/effect.h"
#include "audit/audit.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/id.h"
#include "core/evidence.h"
#include "core/execute.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/hub.h"
#include "store/store.h"
#include "store/tx.h"

#include <stdlib.h>
#include <string.h>

struct item {
    struct opp_execution *execution;
    const char *became; /* what was written; NULL: nothing */
};

struct opp_recovery {
    struct opp_gateway *gateway;
    struct item *items;
    struct opp_receipt *receipts; /* beside items */
    size_t count, capacity;
};

enum opp_code opp_recovery_new(struct opp_gateway *gateway, struct opp_recovery **out, struct opp_err *err)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory to recover");
    (*out)->gateway = gateway;
    return OPP_OK;
}

void opp_recovery_free(struct opp_recovery *recovery)
{
    if (recovery == NULL)
        return;
    for (size_t i = 0; i < recovery->count; i++) {
        opp_record_free(&OPP_EXECUTION, recovery->items[i].execution);
        json_decref(recovery->receipts[i].result);
    }
    free(recovery->items);
    free(recovery->receipts);
    free(recovery);
}

size_t opp_recovery_count(const struct opp_recovery *recovery)
{
    return recovery->count;
}

const char *opp_recovery_last(const struct opp_recovery *recovery)
{
    return recovery->count > 0 ? recovery->items[recovery->count - 1].execution->id : "";
}

static bool grow(struct opp_recovery *recovery)
{
    size_t capacity = recovery->capacity != 0 ? recovery->capacity * 2 : 16;
    struct item *items = realloc(recovery->items, capacity * sizeof *items);
    struct opp_receipt *receipts;

    if (items == NULL)
        return false;
    recovery->items = items;
    receipts = realloc(recovery->receipts, capacity * sizeof *receipts);
    if (receipts == NULL)
        return false;
    recovery->receipts = receipts;
    recovery->capacity = capacity;
    return true;
}

/* What is unknown had ended when that was found; what is pending may have ended only now, with its process. */
static int64_t ended_ms_ago(const struct opp_recovery *recovery, const struct opp_execution *execution)
{
    if (strcmp(execution->status, "unknown") != 0 || execution->finished_at == 0)
        return 0;
    return opp_clock_now_ms(recovery->gateway->clock) - execution->finished_at;
}

static enum opp_code collect(void *arg, void *record, struct opp_err *err)
{
    struct opp_recovery *recovery = arg;
    struct opp_execution *execution = record;

    if (recovery->count == recovery->capacity && !grow(recovery)) {
        opp_record_free(&OPP_EXECUTION, execution);
        return opp_fail(err, OPP_E_MEMORY, "no memory to recover");
    }
    recovery->receipts[recovery->count] = (struct opp_receipt){ .database = execution->database,
                                                                .database_id = execution->database_id,
                                                                .effect_id = execution->effect_id,
                                                                .described = execution->receipt,
                                                                .created_at_ms = execution->created_at,
                                                                .ended_ms_ago = ended_ms_ago(recovery, execution) };
    recovery->items[recovery->count++] = (struct item){ .execution = execution };
    return OPP_OK;
}

static bool is_open(const struct opp_execution *execution)
{
    return strcmp(execution->status, "pending") == 0 || strcmp(execution->status, "unknown") == 0;
}

enum opp_code opp_recovery_add(struct opp_recovery *recovery, struct opp_tx *tx, const char *execution_id,
                               struct opp_err *err)
{
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_EXECUTION_HEAD, "id", execution_id, &found, err);

    if (rc == OPP_OK && is_open(found))
        return collect(recovery, found, err);
    opp_record_free(&OPP_EXECUTION, found);
    return rc == OPP_E_ABSENT ? OPP_OK : rc;
}

enum opp_code opp_recovery_add_unknown(struct opp_recovery *recovery, struct opp_tx *tx, const char *after,
                                       struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_EXECUTION_HEAD, .order = "id", .limit = OPP_RECOVERY_MAX };

    opp_query_text(&query, "status", OPP_CONSTANT, "unknown");
    opp_query_text(&query, "id", OPP_ABOVE, after);
    return opp_tx_each(tx, &query, collect, recovery, err);
}

void opp_recovery_ask(struct opp_recovery *recovery)
{
    const struct opp_gateway *gateway = recovery->gateway;
    struct opp_generation *generation = opp_generation_pin(gateway->policies);
    struct opp_receipt_sources sources = { gateway->databases, gateway->upstreams,
                                           generation != NULL ? opp_generation_adapters(generation) : NULL };

    opp_receipts_ask(&sources, recovery->receipts, recovery->count, opp_monotonic_ms() + OPP_RECOVERY_ASK_MS);
    opp_generation_unpin(generation);
}

static enum opp_code audit_outcome(struct opp_tx *tx, const struct opp_settlement *outcome, struct opp_err *err)
{
    const struct opp_execution *execution = outcome->execution;
    json_t *details = json_pack("{s:b}", "recovered", 1);
    char request_id[OPP_ID_MAX];
    struct opp_audit_event event = { .action = "agent.action.execute",
                                     .status = outcome->code == OPP_OK ? "success" : "failed",
                                     .code = outcome->code,
                                     .app_id = execution->app_id,
                                     .org_id = outcome->draft != NULL ? outcome->draft->org_id : NULL,
                                     .key_id = execution->key_id,
                                     .actor_user_id = execution->actor_user_id,
                                     .request_id = request_id,
                                     .draft_id = execution->draft_id,
                                     .execution_id = execution->id,
                                     .details = details,
                                     .created_at = outcome->now_ms };
    enum opp_code rc = opp_evidence_bind_outcome(details, execution, err);

    opp_id_make(request_id, "req_", outcome->now_ms);
    if (rc == OPP_OK)
        rc = opp_audit_append(tx, &event, err);
    json_decref(details);
    return rc;
}

static enum opp_code code_of(enum opp_code found)
{
    if (found == OPP_E_ABSENT)
        return OPP_E_EXECUTION_FAILED;
    return found == OPP_OK ? OPP_OK : OPP_E_EXECUTION_UNKNOWN;
}

static enum opp_code write_outcome(struct opp_tx *tx, struct opp_gateway *gateway, struct opp_execution *execution,
                                   const struct opp_receipt *receipt, struct opp_err *err)
{
    enum opp_code code = code_of(receipt->rc);
    const char *reason = code == OPP_E_EXECUTION_UNKNOWN ? "outcome_unknown" : NULL;
    struct opp_settlement outcome = { .execution = execution,
                                      .code = code,
                                      .result = receipt->result,
                                      .reason = reason,
                                      .now_ms = opp_clock_now_ms(gateway->clock),
                                      .key_lifetime_ms = gateway->settings.idempotency_lifetime_ms };
    void *draft = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_DRAFT_HEAD, "id", execution->draft_id, &draft, err);

    if (rc != OPP_OK && rc != OPP_E_ABSENT) /* a draft that is gone must not keep the others from being settled */
        return rc;
    outcome.draft = draft;
    if (code != OPP_OK)
        outcome.error = json_pack("{s:s, s:s, s:s?}", "code", opp_code_name(code), "message",
                                  "The outcome was not recorded when it was known.", "reason", reason);
    rc = opp_settlement_write(tx, &outcome, err);
    if (rc == OPP_OK)
        rc = audit_outcome(tx, &outcome, err);
    json_decref(outcome.error);
    opp_record_free(&OPP_DRAFT, draft);
    return rc;
}

static enum opp_code settle(struct opp_tx *tx, struct opp_recovery *recovery, size_t i, struct opp_err *err)
{
    struct item *item = &recovery->items[i];
    const struct opp_receipt *receipt = &recovery->receipts[i];
    struct opp_execution *now = NULL;
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_EXECUTION_HEAD, "id", item->execution->id, &found, err);
    bool unknown_still;

    if (rc != OPP_OK)
        return rc;
    now = found;
    item->became = NULL;
    unknown_still = receipt->rc == OPP_E_EXECUTION_UNKNOWN && strcmp(now->status, "unknown") == 0;
    if (is_open(now) && !unknown_still) {
        rc = write_outcome(tx, recovery->gateway, now, receipt, err);
        item->became = receipt->rc == OPP_OK ? "success" : receipt->rc == OPP_E_ABSENT ? "failed" : "unknown";
    }
    opp_record_free(&OPP_EXECUTION, now);
    return rc;
}

enum opp_code opp_recovery_write(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_recovery *recovery = arg;
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; rc == OPP_OK && i < recovery->count; i++)
        rc = settle(tx, recovery, i, err);
    opp_crash_point("recovery.written");
    return rc;
}

void opp_recovery_announce(const struct opp_recovery *recovery)
{
    struct opp_gateway *gateway = recovery->gateway;

    for (size_t i = 0; i < recovery->count; i++) {
        const struct opp_execution *execution = recovery->items[i].execution;
        const char *became = recovery->items[i].became;
        bool unknown = became != NULL && strcmp(became, "unknown") == 0;

        if (became == NULL)
            continue;
        opp_log_event(gateway->log, OPP_LOG_WARN, unknown ? "execution.unknown" : "execution.recovered", "execution_id",
                      execution->id, "draft_id", execution->draft_id, "status", became, "reason",
                      unknown ? recovery->receipts[i].err.message : NULL, NULL);
        opp_hub_notify(gateway->hub, execution->draft_id);
    }
}

static enum opp_code find_all(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_EXECUTION_HEAD };
    enum opp_code rc;

    opp_query_text(&query, "status", OPP_CONSTANT, "pending");
    rc = opp_tx_each(tx, &query, collect, arg, err);
    return rc == OPP_OK ? opp_recovery_add_unknown(arg, tx, "", err) : rc;
}

enum opp_code opp_recover(struct opp_gateway *gateway, struct opp_err *err)
{
    struct opp_recovery *recovery = NULL;
    enum opp_code rc = opp_recovery_new(gateway, &recovery, err);

    if (rc == OPP_OK)
        rc = opp_store_now(gateway->store, find_all, recovery, err);
    if (rc == OPP_OK && recovery->count > 0) {
        opp_crash_point("recovery.found");
        opp_recovery_ask(recovery);
        rc = opp_store_now(gateway->store, opp_recovery_write, recovery, err);
        opp_crash_point("recovery.committed");
        if (rc == OPP_OK)
            opp_recovery_announce(recovery);
    }
    opp_recovery_free(recovery);
    return rc;
}
