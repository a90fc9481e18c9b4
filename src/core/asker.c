/* SPDX-License-Identifier: MIT */
#include "core/asker.h"

#include "core/gateway.h"
#include "core/recover.h"
#include "core/stranded.h"
#include "store/store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define PERIOD_MS 1000
#define STACK_BYTES ((size_t)1024 * 1024)

struct opp_asker {
    struct opp_worker *worker;
    struct opp_timer *timer;
    struct opp_recovery *recovery; /* of this round */
    struct opp_stranded_item *stranded;
    struct opp_store_op op;
    struct opp_post post;
    pthread_t thread;
    bool asking;  /* there is a thread to be joined */
    bool pending; /* a completion will come: the asker must live until then */
    bool stopping;
    bool due;               /* this round asks about unknown ones */
    int64_t unknown_at_ms;  /* when they are asked about next */
    char after[OPP_ID_MAX]; /* where the last of them were found; "": at the beginning */
};

static void schedule(struct opp_asker *asker);

/* What was stranded is settled by the round's transaction, or kept for the next one. */
static void end_round(struct opp_asker *asker, bool written)
{
    for (struct opp_stranded_item *item = asker->stranded; item != NULL; item = item->next)
        item->settled = written;
    opp_stranded_return(asker->worker->gateway->stranded, asker->stranded);
    asker->stranded = NULL;
    if (written)
        opp_recovery_announce(asker->recovery);
    opp_recovery_free(asker->recovery);
    asker->recovery = NULL;
    if (asker->stopping)
        free(asker);
    else
        schedule(asker);
}

static void written(void *arg)
{
    struct opp_asker *asker = arg;

    asker->pending = false;
    end_round(asker, asker->op.rc == OPP_OK);
}

static void join(struct opp_asker *asker)
{
    if (asker->asking)
        pthread_join(asker->thread, NULL);
    asker->asking = false;
}

static enum opp_code write_all(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    return opp_recovery_write(tx, ((struct opp_asker *)arg)->recovery, err);
}

/* On the loop, after the thread has asked. */
static void asked(void *arg)
{
    struct opp_asker *asker = arg;

    asker->pending = false;
    join(asker);
    if (asker->stopping) {
        end_round(asker, false);
        return;
    }
    asker->pending = true;
    asker->op = (struct opp_store_op){ .run = write_all, .done = written, .arg = asker };
    opp_store_write(asker->worker->session, &asker->op);
}

static void *ask(void *arg)
{
    struct opp_asker *asker = arg;

    opp_recovery_ask(asker->recovery);
    opp_loop_post(asker->worker->loop, &asker->post);
    return NULL;
}

/* Gives false when there is no thread to be had; then it is tried again. */
static bool start_asking(struct opp_asker *asker)
{
    pthread_attr_t attributes;

    asker->post = (struct opp_post){ .run = asked, .arg = asker };
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    asker->asking = pthread_create(&asker->thread, &attributes, ask, asker) == 0;
    pthread_attr_destroy(&attributes);
    asker->pending = asker->asking;
    return asker->asking;
}

static enum opp_code find(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_asker *asker = arg;
    enum opp_code rc = OPP_OK;

    for (struct opp_stranded_item *item = asker->stranded; rc == OPP_OK && item != NULL; item = item->next)
        rc = opp_recovery_add(asker->recovery, tx, item->execution_id, err);
    if (rc == OPP_OK && asker->due)
        rc = opp_recovery_add_unknown(asker->recovery, tx, asker->after, err);
    return rc;
}

/* A full round of unknown ones goes on where it ended, without a pause; then it starts over. */
static void plan_next(struct opp_asker *asker)
{
    const char *last = opp_recovery_last(asker->recovery);

    if (!asker->due)
        return;
    if (opp_recovery_count(asker->recovery) < OPP_RECOVERY_MAX) {
        asker->unknown_at_ms = opp_monotonic_ms() + asker->worker->gateway->settings.unknown_retry_ms;
        last = "";
    }
    snprintf(asker->after, sizeof asker->after, "%s", last);
}

static void on_timer(void *arg)
{
    struct opp_asker *asker = arg;
    struct opp_gateway *gateway = asker->worker->gateway;

    asker->timer = NULL;
    asker->due = opp_monotonic_ms() >= asker->unknown_at_ms;
    asker->stranded = opp_stranded_take(gateway->stranded);
    if (asker->stranded == NULL && !asker->due) {
        schedule(asker);
        return;
    }
    if (opp_recovery_new(gateway, &asker->recovery, NULL) != OPP_OK ||
        opp_session_now(asker->worker->session, find, asker, NULL) != OPP_OK) {
        end_round(asker, false);
        return;
    }
    plan_next(asker);
    if (opp_recovery_count(asker->recovery) == 0)
        end_round(asker, true);
    else if (!start_asking(asker))
        end_round(asker, false);
}

static void schedule(struct opp_asker *asker)
{
    asker->timer = opp_timer_start(asker->worker->loop, PERIOD_MS, on_timer, asker);
    if (asker->timer == NULL)
        opp_log_event(asker->worker->gateway->log, OPP_LOG_ERROR, "asker.stopped", NULL);
}

enum opp_code opp_asker_start(struct opp_worker *worker, struct opp_asker **out, struct opp_err *err)
{
    struct opp_asker *asker = calloc(1, sizeof *asker);

    if (asker == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory to ask for receipts");
    asker->worker = worker;
    asker->unknown_at_ms = opp_monotonic_ms() + worker->gateway->settings.unknown_retry_ms;
    schedule(asker);
    *out = asker;
    return OPP_OK;
}

void opp_asker_stop(struct opp_asker *asker)
{
    if (asker == NULL)
        return;
    opp_timer_cancel(asker->timer);
    asker->timer = NULL;
    asker->stopping = true;
    join(asker);
    if (!asker->pending)
        free(asker);
}
