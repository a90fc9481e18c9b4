/* SPDX-License-Identifier: MIT */
#include "core/background.h"

#include "base/id.h"
#include "core/asker.h"
#include "core/draft.h"
#include "core/gateway.h"
#include "core/hub.h"
#include "core/registry.h"
#include "store/store.h"
#include "store/tx.h"

#include <stdlib.h>

#define PERIOD_MS 1000
#define STEP_MAX 200 /* records a transaction, so that no request waits long behind one */

struct opp_background {
    struct opp_worker *worker;
    struct opp_timer *timer;
    struct opp_store_op op;
    bool busy, stopping, found_drafts;
    const struct opp_registry *registry; /* while the transaction runs, as the next */
    struct opp_asker *asker;
    struct opp_tx *tx;
};

static void schedule(struct opp_background *background);

static enum opp_code expire_draft(void *arg, void *record, struct opp_err *err)
{
    struct opp_background *background = arg;
    struct opp_gateway *gateway = background->worker->gateway;
    struct opp_draft *draft = record;
    char request_id[OPP_ID_MAX];
    enum opp_code rc;

    opp_id_make(request_id, "req_", opp_clock_now_ms(gateway->clock));
    rc = opp_draft_expire(background->tx, draft, gateway, request_id, err);
    background->found_drafts = true;
    opp_record_free(&OPP_DRAFT, draft);
    return rc;
}

static enum opp_code drop_preflight(void *arg, void *record, struct opp_err *err)
{
    struct opp_background *background = arg;
    enum opp_code rc = opp_tx_delete(background->tx, &OPP_PREFLIGHT, record, err);

    opp_record_free(&OPP_PREFLIGHT, record);
    return rc;
}

static enum opp_code drop_key(void *arg, void *record, struct opp_err *err)
{
    struct opp_background *background = arg;
    enum opp_code rc = opp_tx_delete(background->tx, &OPP_IDEMPOTENCY, record, err);

    opp_record_free(&OPP_IDEMPOTENCY, record);
    return rc;
}

static enum opp_code sweep(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_background *background = arg;
    int64_t now_ms = opp_clock_now_ms(background->worker->gateway->clock);
    struct opp_query drafts = { .record = &OPP_DRAFT_HEAD, .limit = STEP_MAX };
    struct opp_query preflights = { .record = &OPP_PREFLIGHT, .limit = STEP_MAX };
    struct opp_query keys = { .record = &OPP_IDEMPOTENCY, .limit = STEP_MAX };
    enum opp_code rc;

    background->tx = tx;
    opp_query_text(&drafts, "status", OPP_CONSTANT, "draft");
    opp_query_number(&drafts, "expires_at", OPP_BELOW, now_ms + 1);
    opp_query_number(&preflights, "expires_at", OPP_BELOW, now_ms - OPP_CLOCK_BEHIND_MAX_MS);
    opp_query_number(&keys, "expires_at", OPP_BELOW, now_ms);
    opp_query_number(&keys, "expires_at", OPP_ABOVE, 0);
    rc = opp_tx_each(tx, &drafts, expire_draft, background, err);
    if (rc == OPP_OK)
        rc = opp_tx_each(tx, &preflights, drop_preflight, background, err);
    if (rc == OPP_OK)
        rc = opp_tx_each(tx, &keys, drop_key, background, err);
    if (background->registry == NULL) /* it could not be loaded after a change, and nobody may call: once more */
        opp_tx_registry_changed(tx);
    else if (rc == OPP_OK)
        rc = opp_registry_write_uses(background->registry, tx, err);
    return rc;
}

static void swept(void *arg)
{
    struct opp_background *background = arg;

    background->busy = false;
    if (background->op.rc == OPP_OK && background->registry != NULL)
        opp_registry_uses_written(background->registry);
    opp_registry_unpin(background->registry);
    background->registry = NULL;
    if (background->found_drafts)
        opp_hub_notify(background->worker->gateway->hub, NULL);
    background->found_drafts = false;
    if (background->stopping)
        free(background);
    else
        schedule(background);
}

static void on_timer(void *arg)
{
    struct opp_background *background = arg;

    background->timer = NULL;
    background->busy = true;
    background->registry = opp_registry_pin(background->worker->gateway->registry);
    background->op = (struct opp_store_op){ .run = sweep, .done = swept, .arg = background };
    opp_store_write(background->worker->session, &background->op);
}

static void schedule(struct opp_background *background)
{
    background->timer = opp_timer_start(background->worker->loop, PERIOD_MS, on_timer, background);
    if (background->timer == NULL)
        opp_log_event(background->worker->gateway->log, OPP_LOG_ERROR, "background.stopped", NULL);
}

enum opp_code opp_background_start(struct opp_worker *worker, struct opp_background **out, struct opp_err *err)
{
    struct opp_background *background = calloc(1, sizeof *background);

    if (background == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the background work");
    background->worker = worker;
    if (opp_asker_start(worker, &background->asker, err) != OPP_OK) {
        free(background);
        return OPP_E_MEMORY;
    }
    schedule(background);
    *out = background;
    return OPP_OK;
}

void opp_background_stop(struct opp_background *background)
{
    if (background == NULL)
        return;
    opp_asker_stop(background->asker);
    opp_timer_cancel(background->timer);
    background->timer = NULL;
    background->stopping = true;
    if (!background->busy)
        free(background);
}
