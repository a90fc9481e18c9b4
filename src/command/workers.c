/* SPDX-License-Identifier: MIT */
#include "command/workers.h"

#include "adapter/upstream.h"
#include "api/api.h"
#include "core/app_view.h"
#include "core/background.h"
#include "core/gateway.h"
#include "core/manifest.h"
#include "http/crowd.h"
#include "store/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Lua's own recursion is bounded below 1 MiB; sanitizers make frames larger. */
#define STACK_BYTES ((size_t)4 * 1024 * 1024)

struct worker {
    struct opp_worker worker;
    struct opp_workers *all;
    struct opp_http *servers[OPP_LISTENERS_MAX];
    struct opp_background *background; /* the first worker's */
    struct opp_post drain;
    pthread_t thread;
    bool started;
};

struct opp_workers {
    struct opp_gateway *gateway;
    struct worker *items;
    struct opp_crowd *crowd;
    size_t count, server_count; /* servers of one worker */
    atomic_bool failed;
    pthread_mutex_t lock;
    pthread_cond_t drained;
    size_t serving; /* servers that are not drained yet */
};

static enum opp_code open_server(struct worker *worker, size_t index, struct opp_listener *listener,
                                 struct opp_err *err)
{
    struct opp_http_context context = {
        .loop = worker->worker.loop,
        .router = listener->router,
        .clock = worker->worker.gateway->clock,
        .log = worker->worker.gateway->log,
        .worker = &worker->worker,
        .meter = worker->worker.meter,
        .log_requests = listener->log_requests,
        .tls = listener->tls,
        .crowd = worker->all->crowd,
        .trusted_proxies = worker->worker.gateway->trusted_proxies,
        .trusted_proxy_count = worker->worker.gateway->trusted_proxy_count,
        .admit = opp_api_admit,
    };
    enum opp_code rc = OPP_OK;
    int fd = listener->fd;

    listener->fd = -1;
    if (fd < 0)
        rc = opp_http_bind_again(&listener->settings, listener->settings.port, &fd, err);
    return rc == OPP_OK ? opp_http_open(&context, &listener->settings, fd, &worker->servers[index], err) : rc;
}

static enum opp_code open_upstreams(struct worker *worker, struct opp_err *err)
{
    const struct opp_gateway *gateway = worker->worker.gateway;

    if (gateway->upstreams == NULL)
        return OPP_OK;
    return opp_upstream_client_open(gateway->upstreams, worker->worker.loop, worker->worker.meter, worker->all->count,
                                    &worker->worker.upstreams, err);
}

static enum opp_code open_worker(struct opp_workers *all, struct worker *worker, struct opp_listener *listeners,
                                 struct opp_err *err)
{
    struct opp_gateway *gateway = all->gateway;
    enum opp_code rc = opp_loop_new(&worker->worker.loop, err);

    worker->all = all;
    worker->worker.gateway = gateway;
    worker->worker.index = (size_t)(worker - all->items);
    worker->worker.meter = opp_meter_new(gateway->metrics);
    if (rc == OPP_OK && worker->worker.meter == NULL)
        rc = opp_fail(err, OPP_E_MEMORY, "no memory for metrics");
    if (rc == OPP_OK)
        rc = opp_session_open(gateway->store, worker->worker.loop, &worker->worker.session, err);
    if (rc == OPP_OK)
        rc = opp_manifest_cache_new(&worker->worker.manifests, err);
    if (rc == OPP_OK)
        rc = opp_app_views_new(gateway->hmac_key, &worker->worker.views, err);
    if (rc == OPP_OK)
        rc = open_upstreams(worker, err);
    for (size_t i = 0; rc == OPP_OK && i < all->server_count; i++)
        rc = open_server(worker, i, &listeners[i], err);
    return rc;
}

static enum opp_code open_all(struct opp_workers *workers, struct opp_listener *listeners, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; rc == OPP_OK && i < workers->count; i++)
        rc = open_worker(workers, &workers->items[i], listeners, err);
    return rc == OPP_OK ? opp_background_start(&workers->items[0].worker, &workers->items[0].background, err) : rc;
}

/* Waiting for a drain must not depend on the machine's clock being set. */
static enum opp_code init_waiting(struct opp_workers *workers, struct opp_err *err)
{
    pthread_condattr_t attributes;
    int failed = pthread_condattr_init(&attributes);

    if (failed == 0) {
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        failed = pthread_cond_init(&workers->drained, &attributes);
        pthread_condattr_destroy(&attributes);
    }
    if (failed == 0)
        failed = pthread_mutex_init(&workers->lock, NULL);
    return failed == 0 ? OPP_OK : opp_fail(err, OPP_E_MEMORY, "no memory for the workers");
}

enum opp_code opp_workers_open(struct opp_gateway *gateway, struct opp_listener *listeners, size_t listener_count,
                               size_t count, struct opp_workers **out, struct opp_err *err)
{
    struct opp_workers *workers = calloc(1, sizeof *workers);
    enum opp_code rc;

    if (workers == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the workers");
    rc = init_waiting(workers, err);
    if (rc != OPP_OK) {
        free(workers);
        return rc;
    }
    workers->gateway = gateway;
    workers->count = count;
    workers->server_count = listener_count;
    workers->items = calloc(count, sizeof *workers->items);
    workers->crowd = opp_crowd_new();
    rc = workers->items != NULL && workers->crowd != NULL ? open_all(workers, listeners, err)
                                                          : opp_fail(err, OPP_E_MEMORY, "no memory for the workers");
    if (rc == OPP_OK)
        *out = workers;
    else
        opp_workers_close(workers);
    return rc;
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    struct opp_err err = { 0 };

    if (opp_loop_run(worker->worker.loop, &err) == OPP_OK)
        return NULL;
    opp_log_event(worker->worker.gateway->log, OPP_LOG_ERROR, "worker.failed", "message", err.message, NULL);
    atomic_store(&worker->all->failed, true);
    kill(getpid(), SIGTERM);
    return NULL;
}

enum opp_code opp_workers_start(struct opp_workers *workers, struct opp_err *err)
{
    pthread_attr_t attributes;
    int failed = pthread_attr_init(&attributes);

    if (failed == 0)
        failed = pthread_attr_setstacksize(&attributes, STACK_BYTES);
    for (size_t i = 0; failed == 0 && i < workers->count; i++) {
        failed = pthread_create(&workers->items[i].thread, &attributes, run, &workers->items[i]);
        workers->items[i].started = failed == 0;
    }
    pthread_attr_destroy(&attributes);
    return failed == 0 ? OPP_OK : opp_fail(err, OPP_E_IO, "cannot start a worker: %s", strerror(failed));
}

static void on_drained(void *arg)
{
    struct opp_workers *workers = arg;

    pthread_mutex_lock(&workers->lock);
    workers->serving--;
    pthread_cond_signal(&workers->drained);
    pthread_mutex_unlock(&workers->lock);
}

/* On the worker's loop. */
static void start_drain(void *arg)
{
    struct worker *worker = arg;

    opp_background_stop(worker->background);
    worker->background = NULL;
    for (size_t i = 0; i < worker->all->server_count; i++)
        opp_http_drain(worker->servers[i], on_drained, worker->all);
}

static bool wait_until_drained(struct opp_workers *workers, int64_t timeout_ms)
{
    struct timespec until;
    int failed = 0;
    bool drained;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    pthread_mutex_lock(&workers->lock);
    while (workers->serving > 0 && failed == 0)
        failed = pthread_cond_timedwait(&workers->drained, &workers->lock, &until);
    drained = workers->serving == 0;
    pthread_mutex_unlock(&workers->lock);
    return drained;
}

bool opp_workers_drain(struct opp_workers *workers, int64_t timeout_ms)
{
    size_t running = 0;

    while (running < workers->count && workers->items[running].started)
        running++;
    workers->serving = running * workers->server_count;
    for (size_t i = 0; i < running; i++) {
        struct worker *worker = &workers->items[i];

        worker->drain = (struct opp_post){ .run = start_drain, .arg = worker };
        opp_loop_post(worker->worker.loop, &worker->drain);
    }
    return wait_until_drained(workers, timeout_ms);
}

bool opp_workers_failed(const struct opp_workers *workers)
{
    return atomic_load(&workers->failed);
}

static void stop(struct worker *worker)
{
    if (!worker->started)
        return;
    opp_loop_stop(worker->worker.loop);
    pthread_join(worker->thread, NULL);
    worker->started = false;
}

static void close_worker(struct worker *worker)
{
    opp_background_stop(worker->background);
    opp_upstream_client_close(worker->worker.upstreams);
    for (size_t i = 0; i < OPP_LISTENERS_MAX; i++)
        opp_http_free(worker->servers[i]);
    opp_manifest_cache_free(worker->worker.manifests);
    opp_app_views_free(worker->worker.views);
    opp_session_close(worker->worker.session);
    opp_loop_free(worker->worker.loop);
}

void opp_workers_close(struct opp_workers *workers)
{
    if (workers == NULL)
        return;
    for (size_t i = 0; workers->items != NULL && i < workers->count; i++)
        stop(&workers->items[i]);
    for (size_t i = 0; workers->items != NULL && i < workers->count; i++)
        close_worker(&workers->items[i]);
    free(workers->items);
    opp_crowd_free(workers->crowd);
    pthread_cond_destroy(&workers->drained);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}
