/* SPDX-License-Identifier: MIT */
#include "core/staging.h"

#include "base/clock.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/staging_internal.h"
#include "policy/engine.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define STACK_BYTES ((size_t)4 * 1024 * 1024) /* rules run on it */
#define NICE 10                               /* on a busy machine callers go first */
#define REST_MS 20   /* between two looks at the queue, so that who tells need not wake anybody */
#define LINGER_MS 50 /* between two commits */
#define IDLE_MS 1000 /* between two looks at what is to be pruned */
#define FULL_ENOUGH 512

struct opp_told *opp_staging_blank(struct opp_staging *staging)
{
    return opp_told_spares_take(&staging->spares);
}

void opp_staging_tell(struct opp_staging *staging, struct opp_told *told)
{
    bool room, wake;
    size_t bytes = told != NULL ? opp_told_bytes(told) : 0;

    pthread_mutex_lock(&staging->lock);
    room = told != NULL && !told->parts.failed && staging->queued < OPP_STAGING_QUEUE_MAX &&
           staging->queued_bytes + bytes <= OPP_STAGING_QUEUE_MAX_BYTES;
    if (room) {
        told->next = NULL;
        *staging->last = told;
        staging->last = &told->next;
        staging->queued++;
        staging->queued_bytes += bytes;
    } else {
        staging->skipped++;
        atomic_fetch_add(&staging->skipped_all, 1);
    }
    wake = staging->resting || staging->queued == FULL_ENOUGH;
    staging->resting = false;
    pthread_mutex_unlock(&staging->lock);
    if (wake)
        pthread_cond_signal(&staging->wake);
    if (!room)
        opp_told_free(told);
}

bool opp_staging_active(const struct opp_staging *staging)
{
    return atomic_load_explicit(&staging->active, memory_order_relaxed);
}

/* Nothing waits: for a moment if there was something just now, else until somebody is told. The lock is held. */
static void rest(struct opp_staging *staging)
{
    bool busy = staging->busy || staging->log.count != 0;
    int64_t ns = opp_monotonic_ns() + (busy ? REST_MS : IDLE_MS) * 1000000;
    struct timespec at = { .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };

    if (staging->stopping || staging->changed || staging->flushed != staging->flushes ||
        staging->queued >= FULL_ENOUGH || (!busy && staging->first != NULL))
        return;
    staging->resting = !busy;
    pthread_cond_timedwait(&staging->wake, &staging->lock, &at);
    staging->resting = false;
}

/* What is staged from here on; the lock is held. */
static struct opp_policy_engine *adopt(struct opp_staging *staging)
{
    struct opp_policy_engine *last = staging->engine;

    if (!staging->changed)
        return NULL;
    staging->engine = staging->next;
    staging->epoch = staging->next_epoch;
    staging->next = NULL;
    staging->changed = false;
    return last;
}

/* Gives all that waits. */
static struct opp_told *take(struct opp_staging *staging, int64_t *skipped)
{
    struct opp_told *told;
    struct opp_policy_engine *dropped;

    pthread_mutex_lock(&staging->lock);
    dropped = adopt(staging);
    told = staging->first;
    staging->first = NULL;
    staging->last = &staging->first;
    staging->queued = staging->queued_bytes = 0;
    *skipped = staging->skipped;
    staging->skipped = 0;
    pthread_mutex_unlock(&staging->lock);
    opp_policy_engine_free(dropped);
    return told;
}

static void count_skipped(struct opp_staging *staging, int64_t skipped)
{
    if (skipped == 0)
        return;
    pthread_mutex_lock(&staging->state);
    if (staging->tally != NULL) {
        opp_tally_skip(staging->tally, skipped);
        atomic_fetch_add(&staging->skipped_staged, skipped);
    }
    pthread_mutex_unlock(&staging->state);
}

/* Judges all that waits, and says whether anything did. */
static bool work(struct opp_staging *staging)
{
    int64_t skipped;
    struct opp_told *all = take(staging, &skipped);
    bool any = all != NULL || skipped != 0;

    opp_staging_log_restore(staging);
    count_skipped(staging, skipped);
    for (struct opp_told *told = all; told != NULL; told = told->next) {
        opp_staging_judge(staging, told);
        opp_told_clear(told);
    }
    opp_told_spares_give(&staging->spares, all);
    return any;
}

/* Gives false when all is done and the process ends; *flushes is what is waited for. */
static bool wait_for_work(struct opp_staging *staging, unsigned *flushes)
{
    bool goes_on;

    pthread_mutex_lock(&staging->lock);
    rest(staging);
    *flushes = staging->flushes;
    goes_on = !staging->stopping || staging->first != NULL;
    pthread_mutex_unlock(&staging->lock);
    return goes_on;
}

static void tell_flushed(struct opp_staging *staging, unsigned flushes)
{
    pthread_mutex_lock(&staging->lock);
    staging->flushed = flushes;
    pthread_cond_broadcast(&staging->done);
    pthread_mutex_unlock(&staging->lock);
}

static void *run_thread(void *arg)
{
    struct opp_staging *staging = arg;
    unsigned flushes = 0;

    setpriority(PRIO_PROCESS, 0, NICE); /* of this thread alone, on Linux */
    while (wait_for_work(staging, &flushes)) {
        bool hurry = flushes != staging->flushed;

        staging->busy = work(staging);
        if (hurry || opp_monotonic_ms() - staging->log.first_ms >= LINGER_MS)
            opp_staging_log_commit(staging);
        if (hurry)
            tell_flushed(staging, flushes);
        opp_staging_log_prune(staging);
    }
    opp_staging_log_commit(staging);
    opp_staging_log_close(staging);
    return NULL;
}

void opp_staging_flush(struct opp_staging *staging)
{
    unsigned wanted;

    pthread_mutex_lock(&staging->lock);
    wanted = ++staging->flushes;
    pthread_cond_signal(&staging->wake);
    while ((int)(staging->flushed - wanted) < 0)
        pthread_cond_wait(&staging->done, &staging->lock);
    pthread_mutex_unlock(&staging->lock);
}

int64_t opp_staging_in_force(struct opp_staging *staging)
{
    struct opp_generation *current = opp_generation_pin(staging->gateway->policies);
    int64_t number = current != NULL ? opp_policy_bundle_generation(opp_generation_bundle(current)) : 0;

    opp_generation_unpin(current);
    return number;
}

enum opp_code opp_staging_begin(struct opp_staging *staging, int64_t since_ms)
{
    struct opp_tally *fresh = NULL;
    enum opp_code rc = opp_tally_new(staging->occasion.profile, since_ms, &fresh, NULL);

    opp_tally_free(staging->tally);
    staging->tally = fresh;
    return rc;
}

/* Names the occasion, and counts from now on for it. */
static enum opp_code begin_occasion(struct opp_staging *staging, const struct opp_generation *generation,
                                    unsigned epoch)
{
    struct opp_policy_bundle *bundle = generation != NULL ? opp_generation_bundle(generation) : NULL;
    struct opp_occasion occasion = { .epoch = epoch };
    enum opp_code rc = OPP_OK;

    if (generation != NULL) {
        occasion.staged_at_ms = opp_generation_loaded_at(generation);
        occasion.generation = opp_staging_in_force(staging);
        snprintf(occasion.profile, sizeof occasion.profile, "%s", opp_policy_bundle_profile(bundle));
        snprintf(occasion.sha256, sizeof occasion.sha256, "%s", opp_generation_sha256(generation));
    }
    pthread_mutex_lock(&staging->state);
    opp_policy_bundle_unref(staging->bundle);
    staging->bundle = opp_policy_bundle_ref(bundle);
    staging->occasion = occasion;
    staging->restore = bundle != NULL;
    staging->anew = false;
    if (bundle != NULL) {
        rc = opp_staging_begin(staging, occasion.staged_at_ms);
    } else {
        opp_tally_free(staging->tally);
        staging->tally = NULL;
    }
    pthread_mutex_unlock(&staging->state);
    return rc;
}

enum opp_code opp_staging_set(struct opp_staging *staging, const struct opp_generation *generation, struct opp_err *err)
{
    struct opp_policy_engine *engine = NULL, *dropped;
    enum opp_code rc =
        generation != NULL ? opp_policy_engine_new(opp_generation_bundle(generation), &engine, err) : OPP_OK;
    unsigned epoch;

    if (rc != OPP_OK)
        return rc;
    pthread_mutex_lock(&staging->lock);
    dropped = staging->next;
    staging->next = engine;
    epoch = ++staging->next_epoch;
    staging->changed = true;
    rc = begin_occasion(staging, generation, epoch);
    atomic_store(&staging->active, generation != NULL);
    pthread_cond_signal(&staging->wake);
    pthread_mutex_unlock(&staging->lock);
    opp_policy_engine_free(dropped);
    return rc == OPP_OK ? OPP_OK : opp_fail(err, rc, "no memory for a report");
}

/* What is shown shares nothing with what is counted, which the other thread goes on to change. */
static json_t *show(const struct opp_staging *staging, const json_t *org_ids)
{
    json_t *report = opp_tally_report(staging->tally, org_ids), *copy = json_deep_copy(report);

    json_decref(report);
    return copy;
}

enum opp_code opp_staging_report(struct opp_staging *staging, const json_t *org_ids, json_t **out, struct opp_err *err)
{
    enum opp_code rc = OPP_E_ABSENT;
    json_t *report = NULL, *staged = NULL;

    pthread_mutex_lock(&staging->state);
    if (staging->tally != NULL) {
        report = show(staging, org_ids);
        staged = json_pack("{s:s, s:s}", "profile", staging->occasion.profile, "sha256", staging->occasion.sha256);
        rc = OPP_OK;
    }
    pthread_mutex_unlock(&staging->state);
    if (rc == OPP_OK && (json_object_set_new(report, "staged", staged) != 0 ||
                         json_object_set_new(report, "lost", json_integer(atomic_load(&staging->lost))) != 0))
        rc = opp_fail(err, OPP_E_MEMORY, "no memory for a report");
    if (rc == OPP_OK)
        *out = report;
    else
        json_decref(report);
    return rc;
}

void opp_staging_count(struct opp_staging *staging, struct opp_staging_counts *out)
{
    *out = (struct opp_staging_counts){ .same = atomic_load(&staging->same),
                                        .different = atomic_load(&staging->different),
                                        .failed = atomic_load(&staging->failed),
                                        .skipped_staged = atomic_load(&staging->skipped_staged),
                                        .written = atomic_load(&staging->written),
                                        .lost = atomic_load(&staging->lost),
                                        .skipped = atomic_load(&staging->skipped_all) };
    pthread_mutex_lock(&staging->lock);
    out->queued = staging->queued;
    out->queued_bytes = staging->queued_bytes;
    pthread_mutex_unlock(&staging->lock);
}

struct opp_policy_bundle *opp_staging_bundle(struct opp_staging *staging)
{
    struct opp_policy_bundle *bundle;

    pthread_mutex_lock(&staging->state);
    bundle = opp_policy_bundle_ref(staging->bundle);
    pthread_mutex_unlock(&staging->state);
    return bundle;
}

enum opp_code opp_staging_read_log(struct opp_staging *staging, opp_tx_fn run, void *arg, struct opp_err *err)
{
    return opp_decisions_read(staging->dir, run, arg, err);
}

static enum opp_code start_thread(struct opp_staging *staging, struct opp_err *err)
{
    pthread_attr_t attributes;
    pthread_condattr_t monotonic;
    int failed;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&staging->lock, NULL);
    pthread_mutex_init(&staging->state, NULL);
    pthread_cond_init(&staging->wake, &monotonic);
    pthread_cond_init(&staging->done, NULL);
    pthread_condattr_destroy(&monotonic);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    failed = pthread_create(&staging->thread, &attributes, run_thread, staging);
    pthread_attr_destroy(&attributes);
    return failed == 0 ? OPP_OK : opp_fail(err, OPP_E_IO, "cannot start the staging thread");
}

enum opp_code opp_staging_open(struct opp_gateway *gateway, const struct opp_staging_settings *settings,
                               struct opp_staging **out, struct opp_err *err)
{
    struct opp_staging *staging = calloc(1, sizeof *staging);
    enum opp_code rc;

    if (staging == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for staging");
    staging->gateway = gateway;
    staging->settings = *settings;
    snprintf(staging->dir, sizeof staging->dir, "%s", settings->dir);
    staging->settings.dir = staging->dir;
    staging->last = &staging->first;
    opp_told_spares_init(&staging->spares);
    rc = opp_session_open(gateway->store, NULL, &staging->executions, err);
    if (rc == OPP_OK)
        rc = opp_app_views_new(gateway->hmac_key, &staging->views, err);
    if (rc == OPP_OK)
        rc = opp_json_cache_new(&staging->cache, err);
    opp_staging_log_open(staging); /* before anybody can read it */
    if (rc == OPP_OK)
        rc = start_thread(staging, err);
    if (rc == OPP_OK) {
        *out = staging;
        return OPP_OK;
    }
    opp_staging_log_close(staging);
    opp_json_cache_free(staging->cache);
    opp_app_views_free(staging->views);
    opp_session_close(staging->executions);
    opp_told_spares_free(&staging->spares);
    free(staging);
    return rc;
}

void opp_staging_close(struct opp_staging *staging)
{
    if (staging == NULL)
        return;
    pthread_mutex_lock(&staging->lock);
    staging->stopping = true;
    pthread_cond_signal(&staging->wake);
    pthread_mutex_unlock(&staging->lock);
    pthread_join(staging->thread, NULL);
    opp_policy_engine_free(staging->engine);
    opp_policy_engine_free(staging->next);
    opp_tally_free(staging->tally);
    opp_policy_bundle_unref(staging->bundle);
    opp_json_cache_free(staging->cache);
    opp_app_views_free(staging->views);
    opp_session_close(staging->executions);
    opp_told_spares_free(&staging->spares);
    pthread_cond_destroy(&staging->done);
    pthread_cond_destroy(&staging->wake);
    pthread_mutex_destroy(&staging->state);
    pthread_mutex_destroy(&staging->lock);
    free(staging);
}
