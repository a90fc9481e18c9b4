/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/json.h"
#include "core/gateway.h"
#include "core/staging_internal.h"
#include "store/tx.h"

#include <stdio.h>
#include <string.h>

#define RETRY_MS 10000
#define PRUNE_MS 10000
#define PRUNE_STEP 2000
#define OCCASION_MAX 160

int64_t opp_staging_number(struct opp_staging_log *log, int64_t at_ms)
{
    int64_t number = opp_decision_number(at_ms);

    log->last_number = number > log->last_number ? number : log->last_number + 1;
    return log->last_number;
}

/* A log that fails is said now and then, and never to anybody who calls. */
static void complain(struct opp_staging *staging, const char *event, const struct opp_err *err)
{
    struct opp_staging_log *log = &staging->log;
    int64_t now_ms = opp_monotonic_ms();

    if (now_ms < log->retry_ms)
        return;
    log->retry_ms = now_ms + RETRY_MS;
    opp_log_event(staging->gateway->log, OPP_LOG_WARN, event, "message", err->message, NULL);
}

static enum opp_code take_newest(void *arg, void *record, struct opp_err *err)
{
    (void)err;
    *(int64_t *)arg = ((const struct opp_decision *)record)->number;
    opp_record_free(&OPP_DECISION, record);
    return OPP_OK;
}

static enum opp_code find_newest(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_DECISION, .order = "number", .descending = true, .limit = 1 };

    return opp_tx_each(tx, &query, take_newest, arg, err);
}

void opp_staging_log_open(struct opp_staging *staging)
{
    struct opp_staging_log *log = &staging->log;
    struct opp_err err = { 0 };
    int64_t newest = 0;
    enum opp_code rc;

    if (log->decisions != NULL || opp_monotonic_ms() < log->retry_ms)
        return;
    rc = opp_decisions_open(staging->dir, &log->decisions, &err);
    if (rc == OPP_OK)
        rc = opp_decisions_write(log->decisions, find_newest, &newest, &err);
    if (rc == OPP_OK) {
        log->last_number = newest > log->last_number ? newest : log->last_number;
        return;
    }
    opp_decisions_close(log->decisions);
    log->decisions = NULL;
    complain(staging, "decisions.unavailable", &err);
}

void opp_staging_log_close(struct opp_staging *staging)
{
    opp_decisions_close(staging->log.decisions);
    staging->log.decisions = NULL;
}

static void write_occasion(const struct opp_occasion *occasion, char text[OCCASION_MAX])
{
    snprintf(text, OCCASION_MAX, "%s %lld %lld", occasion->sha256, (long long)occasion->staged_at_ms,
             (long long)occasion->generation);
}

struct saving {
    struct opp_staging *staging;
    struct opp_tx *tx;
    char occasion[OCCASION_MAX];
};

static enum opp_code keep_part(void *arg, const char *id, const char *state, struct opp_err *err)
{
    static const char *const columns[] = { "occasion", "state", NULL };
    struct saving *saving = arg;
    char name[32];
    union {
        const char *in;
        char *out;
    } lent = { .in = state };
    struct opp_tally_part part = { .id = name, .occasion = saving->occasion, .state = lent.out };
    enum opp_code rc;

    snprintf(name, sizeof name, "%s", id);
    rc = opp_tx_update(saving->tx, &OPP_TALLY_PART, &part, columns, NULL);
    return rc == OPP_E_ABSENT ? opp_tx_insert(saving->tx, &OPP_TALLY_PART, &part, err) : rc;
}

static enum opp_code forget_part(void *arg, void *record, struct opp_err *err)
{
    struct saving *saving = arg;
    enum opp_code rc = opp_tx_delete(saving->tx, &OPP_TALLY_PART, record, err);

    opp_record_free(&OPP_TALLY_PART, record);
    return rc;
}

/* Or, when the generation comes back to which they belonged, they would be taken for what is counted now. */
static enum opp_code forget_counts(struct saving *saving, struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_TALLY_PART, .order = "id" };

    return saving->staging->anew ? opp_tx_each(saving->tx, &query, forget_part, saving, err) : OPP_OK;
}

/* Reading must not be held up by the disk: the parts are made under the lock, and written in the same transaction. */
static enum opp_code save_counts(struct saving *saving, struct opp_err *err)
{
    struct opp_staging *staging = saving->staging;
    enum opp_code rc = OPP_OK;

    pthread_mutex_lock(&staging->state);
    if (staging->tally != NULL) {
        write_occasion(&staging->occasion, saving->occasion);
        rc = forget_counts(saving, err);
        if (rc == OPP_OK)
            rc = opp_tally_save(staging->tally, keep_part, saving, err);
    }
    pthread_mutex_unlock(&staging->state);
    return rc;
}

static enum opp_code write_batch(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct saving *saving = arg;
    const struct opp_staging_log *log = &saving->staging->log;
    enum opp_code rc = OPP_OK;

    saving->tx = tx;
    for (size_t i = 0; rc == OPP_OK && i < log->count; i++)
        rc = opp_tx_insert(tx, &OPP_DECISION, log->batch[i], err);
    return rc == OPP_OK ? save_counts(saving, err) : rc;
}

static void forget_batch(struct opp_staging_log *log)
{
    for (size_t i = 0; i < log->count; i++)
        opp_record_free(&OPP_DECISION, log->batch[i]);
    log->count = 0;
}

/* Whether there are counts to keep. */
static bool counts_wait(struct opp_staging *staging)
{
    bool dirty;

    pthread_mutex_lock(&staging->state);
    dirty = staging->tally != NULL && opp_tally_is_dirty(staging->tally);
    pthread_mutex_unlock(&staging->state);
    return dirty;
}

/* If the counts were not kept, all of them are to be. */
static void note_kept(struct opp_staging *staging, bool kept)
{
    pthread_mutex_lock(&staging->state);
    if (kept)
        staging->anew = false;
    else if (staging->tally != NULL)
        opp_tally_touch(staging->tally);
    pthread_mutex_unlock(&staging->state);
}

/* Its file was taken away: another is begun, with all that is counted until now. */
static void leave_what_is_gone(struct opp_staging *staging)
{
    if (staging->log.decisions == NULL || !opp_decisions_is_gone(staging->log.decisions))
        return;
    opp_log_event(staging->gateway->log, OPP_LOG_WARN, "decisions.gone", "message", "the file was taken away", NULL);
    opp_staging_log_close(staging);
    note_kept(staging, false);
}

void opp_staging_log_commit(struct opp_staging *staging)
{
    struct opp_staging_log *log = &staging->log;
    struct saving saving = { .staging = staging };
    struct opp_err err = { 0 };
    enum opp_code rc = OPP_E_UNAVAILABLE;

    log->first_ms = opp_monotonic_ms();
    leave_what_is_gone(staging);
    opp_staging_log_open(staging);
    if (log->count == 0 && !counts_wait(staging))
        return;
    if (log->decisions != NULL) {
        rc = opp_decisions_write(log->decisions, write_batch, &saving, &err);
        if (rc != OPP_OK)
            complain(staging, "decisions.unwritten", &err);
    }
    atomic_fetch_add(rc == OPP_OK ? &staging->written : &staging->lost, (long long)log->count);
    note_kept(staging, rc == OPP_OK);
    forget_batch(log);
}

void opp_staging_log_add(struct opp_staging *staging, struct opp_decision *record)
{
    struct opp_staging_log *log = &staging->log;

    if (record == NULL) {
        atomic_fetch_add(&staging->lost, 1);
        return;
    }
    log->batch[log->count++] = record;
    if (log->count == OPP_STAGING_BATCH_MAX)
        opp_staging_log_commit(staging);
}

void opp_staging_log_prune(struct opp_staging *staging)
{
    struct opp_staging_log *log = &staging->log;
    int64_t now_ms = opp_monotonic_ms(), gone = 0;
    struct opp_decisions_bounds bounds = { .before_ms =
                                               opp_clock_now_ms(staging->gateway->clock) - staging->settings.max_age_ms,
                                           .rows_max = staging->settings.max_rows,
                                           .step = PRUNE_STEP };
    struct opp_err err = { 0 };

    if (log->decisions == NULL || now_ms < log->prune_ms)
        return;
    if (opp_decisions_prune(log->decisions, &bounds, &gone, &err) != OPP_OK)
        complain(staging, "decisions.unpruned", &err);
    log->prune_ms = gone < PRUNE_STEP ? now_ms + PRUNE_MS : now_ms;
}

struct restoring {
    struct opp_staging *staging;
    struct opp_tx *tx;
    char occasion[OCCASION_MAX];
    enum opp_code rc;
};

/* Parts of another occasion are gone once this one is written. */
static enum opp_code restore_part(void *arg, void *record, struct opp_err *err)
{
    struct restoring *restoring = arg;
    struct opp_tally_part *part = record;
    enum opp_code rc = OPP_OK;

    if (strcmp(part->occasion, restoring->occasion) == 0)
        restoring->rc = restoring->rc == OPP_OK ? opp_tally_restore(restoring->staging->tally, part->id, part->state)
                                                : restoring->rc;
    else
        rc = opp_tx_delete(restoring->tx, &OPP_TALLY_PART, part, err);
    opp_record_free(&OPP_TALLY_PART, part);
    return rc;
}

static enum opp_code restore_parts(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_TALLY_PART, .order = "id" };
    struct restoring *restoring = arg;

    restoring->tx = tx;
    return opp_tx_each(tx, &query, restore_part, restoring, err);
}

void opp_staging_log_restore(struct opp_staging *staging)
{
    struct restoring restoring = { .staging = staging };
    struct opp_err err = { 0 };

    if (staging->log.decisions == NULL)
        return;
    pthread_mutex_lock(&staging->state);
    if (staging->restore && staging->tally != NULL) {
        write_occasion(&staging->occasion, restoring.occasion);
        if (opp_decisions_write(staging->log.decisions, restore_parts, &restoring, &err) != OPP_OK ||
            restoring.rc != OPP_OK)
            opp_staging_begin(staging, staging->occasion.staged_at_ms);
    }
    staging->restore = false;
    pthread_mutex_unlock(&staging->state);
}
