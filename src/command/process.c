/* SPDX-License-Identifier: MIT */
#include "command/process.h"

#include "adapter/databases.h"
#include "adapter/upstream.h"
#include "admin/admin.h"
#include "api/api.h"
#include "audit/checkpoint.h"
#include "audit/notary.h"
#include "base/json.h"
#include "command/archive_serve.h"
#include "command/backup_serve.h"
#include "command/control.h"
#include "command/data_dir.h"
#include "command/secret.h"
#include "command/unknown.h"
#include "core/browser.h"
#include "core/generation.h"
#include "core/hub.h"
#include "core/policy_change.h"
#include "core/policy_load.h"
#include "core/rate.h"
#include "core/recover.h"
#include "core/registry.h"
#include "core/replay_jobs.h"
#include "core/schemas.h"
#include "core/staging.h"
#include "core/stranded.h"
#include "http/tls.h"
#include "store/store.h"
#include "store/tx.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define QUEUE_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define LAZY_MAX_BYTES ((size_t)8 * 1024 * 1024)
#define RATE_SUBJECTS_MAX 65536

static enum opp_code open_basics(struct opp_process *process, struct opp_err *err)
{
    const struct opp_config *config = process->config;
    struct opp_gateway *gateway = &process->gateway;
    enum opp_code rc = opp_log_new(STDERR_FILENO, config->log_format, config->log_level, &gateway->log, err);

    gateway->settings = config->settings;
    gateway->profile = config->profile;
    gateway->trusted_proxies = config->trusted_proxies;
    gateway->trusted_proxy_count = config->trusted_proxy_count;
    gateway->data_dir = config->data_dir;
    gateway->policies_dir = config->policies_dir;
    gateway->adapters_dir = config->adapters_dir;
    gateway->worker_count = config->workers;
    if (rc == OPP_OK)
        rc = opp_metrics_new(&gateway->metrics, err);
    if (rc == OPP_OK)
        rc = opp_core_cells_add(gateway->metrics, &gateway->cells, err);
    if (rc == OPP_OK)
        rc = opp_generation_slot_new(&gateway->policies, err);
    if (rc == OPP_OK)
        rc = opp_clock_new(&gateway->clock, err);
    if (rc == OPP_OK)
        rc = opp_schemas_new(&gateway->schemas, err);
    if (rc == OPP_OK)
        rc = opp_rate_new(RATE_SUBJECTS_MAX, &gateway->rate, err);
    if (rc == OPP_OK)
        rc = opp_hub_new(&gateway->hub, err);
    if (rc == OPP_OK)
        rc = opp_browsers_new(gateway->settings.session_idle_ms, gateway->settings.session_lifetime_ms,
                              &gateway->browsers, err);
    if (rc == OPP_OK)
        rc = opp_stranded_new(&gateway->stranded, err);
    return rc;
}

static enum opp_code open_upstreams(struct opp_process *process, struct opp_err *err)
{
    const struct opp_config *config = process->config;

    if (config->upstream_count == 0)
        return OPP_OK;
    return opp_upstreams_new(config->upstreams, config->upstream_count, process->gateway.metrics,
                             &process->gateway.upstreams, err);
}

/* On the writer's thread. A registry that cannot be loaded, nor by a second try, closes the gate until the background
 * work can load it: a revoked key must not go on. */
static void on_registry(void *arg, struct opp_tx *tx, uint64_t version)
{
    struct opp_gateway *gateway = arg;
    struct opp_registry *registry = NULL;
    int64_t now_ms = opp_clock_now_ms(gateway->clock);
    struct opp_err err = { 0 };

    if (opp_registry_load(tx, version, now_ms, &registry, NULL) != OPP_OK &&
        opp_registry_load(tx, version, now_ms, &registry, &err) != OPP_OK)
        opp_log_event(gateway->log, OPP_LOG_ERROR, "registry.load_failed", "message", err.message, NULL);
    opp_policies_committed(gateway, tx); /* first: who pins the registry pins the generation after it */
    opp_registry_swap(gateway->registry, registry);
}

static enum opp_code load_registry(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_gateway *gateway = arg;
    struct opp_registry *registry = NULL;
    int64_t now_ms = opp_clock_now_ms(gateway->clock);
    enum opp_code rc = opp_registry_load(tx, opp_tx_registry_version(tx), now_ms, &registry, err);

    if (rc == OPP_OK)
        opp_registry_swap(gateway->registry, registry);
    return rc;
}

static enum opp_code open_store(struct opp_process *process, struct opp_err *err)
{
    struct opp_gateway *gateway = &process->gateway;
    struct opp_store_settings settings = { .dir = process->config->data_dir,
                                           .log = gateway->log,
                                           .metrics = gateway->metrics,
                                           .clock = gateway->clock,
                                           .queue_max_bytes = QUEUE_MAX_BYTES,
                                           .lazy_max_bytes = LAZY_MAX_BYTES,
                                           .on_unknown = opp_unknown_leave };
    int fresh = 0;
    enum opp_code rc = opp_data_dir_lock(settings.dir, &process->lock_fd, err);

    if (rc == OPP_OK)
        rc = opp_store_open(&settings, &gateway->store, &fresh, err);
    if (rc == OPP_OK)
        rc = opp_registry_slot_new(&gateway->registry, err);
    if (rc != OPP_OK)
        return rc;
    opp_store_on_registry(gateway->store, on_registry, gateway);
    rc = opp_store_now(gateway->store, load_registry, gateway, err);
    if (rc == OPP_OK)
        rc = opp_secret_load(gateway->store, gateway->hmac_key, err);
    return rc;
}

static enum opp_code open_audit(struct opp_process *process, struct opp_err *err)
{
    const struct opp_config *config = process->config;
    struct opp_gateway *gateway = &process->gateway;
    struct opp_notary_settings settings = { .store = gateway->store,
                                            .dir = config->data_dir,
                                            .clock = gateway->clock,
                                            .log = gateway->log,
                                            .file = config->checkpoint_file,
                                            .rows_max = config->checkpoint_rows,
                                            .period_ms = config->checkpoint_period_ms };
    bool made = false;
    enum opp_code rc = opp_audit_key_open(config->data_dir, true, &process->audit_key, &made, err);

    if (rc != OPP_OK)
        return rc;
    settings.key = gateway->audit_key = process->audit_key;
    if (made)
        opp_log_event(gateway->log, OPP_LOG_INFO, "audit.key_made", "key", opp_sign_key_id(process->audit_key), NULL);
    return opp_notary_start(&settings, &process->notary, err);
}

static enum opp_code open_generation(struct opp_process *process, struct opp_err *err)
{
    struct opp_databases_settings settings = { .data_dir = process->config->data_dir,
                                               .demo = process->config->demo,
                                               .log = process->gateway.log,
                                               .metrics = process->gateway.metrics,
                                               .queue_max_bytes = QUEUE_MAX_BYTES,
                                               .on_unknown = opp_unknown_leave };
    enum opp_code rc = opp_databases_new(&settings, &process->gateway.databases, err);

    return rc == OPP_OK ? opp_policies_open(&process->gateway, err) : rc;
}

static enum opp_code open_staging(struct opp_process *process, struct opp_err *err)
{
    struct opp_staging_settings settings = { .dir = process->config->data_dir,
                                             .max_age_ms = process->config->decision_log_max_age_ms,
                                             .max_rows = process->config->decision_log_max_rows };
    enum opp_code rc = opp_staging_open(&process->gateway, &settings, &process->gateway.staging, err);

    if (rc == OPP_OK)
        opp_policies_tell_staging(&process->gateway);
    return rc == OPP_OK ? opp_replay_jobs_new(&process->gateway, &process->gateway.replays, err) : rc;
}

static enum opp_code recover(struct opp_process *process, struct opp_err *err)
{
    return opp_recover(&process->gateway, err);
}

static size_t share_of(int64_t all, unsigned workers)
{
    return (size_t)(all + workers - 1) / workers;
}

static struct opp_listener *add_listener(struct opp_process *process, const struct opp_endpoint *endpoint)
{
    const struct opp_config *config = process->config;
    const struct opp_config_http *http = &config->http;
    struct opp_listener *listener = &process->listeners[process->listener_count++];

    listener->log_requests = config->log_level == OPP_LOG_DEBUG;
    listener->settings =
        (struct opp_http_settings){ .host = endpoint->host,
                                    .port = endpoint->port,
                                    .body_max_bytes = (size_t)http->body_max_bytes,
                                    .header_max_bytes = (size_t)http->header_max_bytes,
                                    .handshake_timeout_ms = http->handshake_ms,
                                    .idle_timeout_ms = http->idle_ms,
                                    .header_timeout_ms = http->header_ms,
                                    .body_timeout_ms = http->body_ms,
                                    .answer_timeout_ms = http->answer_ms,
                                    .stream_timeout_ms = http->stream_ms,
                                    .connections_max = share_of(http->connections_max, config->workers),
                                    .connections_per_address_max = (size_t)http->connections_per_address_max,
                                    .streams_max = share_of(http->streams_max, config->workers) };
    return listener;
}

static enum opp_code make_routers(struct opp_process *process, struct opp_err *err)
{
    struct opp_listener *listener = add_listener(process, &process->config->listen);
    enum opp_code rc = opp_router_new(&listener->router, err);

    if (rc == OPP_OK)
        rc = opp_api_routes(listener->router, err);
    if (rc == OPP_OK)
        rc = opp_health_routes(listener->router, err);
    if (rc == OPP_OK && process->config->admin_listen.host[0] != '\0') {
        listener = add_listener(process, &process->config->admin_listen);
        rc = opp_router_new(&listener->router, err);
        if (rc == OPP_OK)
            rc = opp_health_routes(listener->router, err);
    }
    if (rc == OPP_OK)
        rc = opp_metrics_route(listener->router, process->listener_count > 1, err);
    return rc == OPP_OK ? opp_admin_routes(listener->router, err) : rc;
}

static enum opp_code open_tls(struct opp_process *process, struct opp_err *err)
{
    const struct opp_config_tls *files[OPP_LISTENERS_MAX] = { &process->config->tls, &process->config->admin_tls };
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; rc == OPP_OK && i < OPP_LISTENERS_MAX && i < process->listener_count; i++)
        if (files[i]->certificate != NULL)
            rc = opp_tls_open(files[i]->certificate, files[i]->key, &process->listeners[i].tls, err);
    return rc;
}

static void write_url(const struct opp_endpoint *endpoint, const struct opp_listener *listener, char url[OPP_URL_MAX])
{
    struct opp_endpoint bound = *endpoint;

    bound.port = listener->settings.port;
    opp_endpoint_url(&bound, listener->tls != NULL, url);
}

static enum opp_code bind_ports(struct opp_process *process, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; rc == OPP_OK && i < process->listener_count; i++) {
        struct opp_listener *listener = &process->listeners[i];

        rc = opp_http_bind(&listener->settings, &listener->fd, &listener->settings.port, err);
    }
    if (rc != OPP_OK)
        return rc;
    write_url(&process->config->listen, &process->listeners[0], process->base_url);
    if (process->listener_count > 1)
        write_url(&process->config->admin_listen, &process->listeners[1], process->admin_url);
    return OPP_OK;
}

static enum opp_code make_demo(struct opp_process *process, struct opp_err *err)
{
    if (!process->config->demo)
        return OPP_OK;
    return opp_demo_make(process->gateway.store, process->gateway.clock, &process->demo, err);
}

static enum opp_code open_workers(struct opp_process *process, struct opp_err *err)
{
    return opp_workers_open(&process->gateway, process->listeners, process->listener_count, process->config->workers,
                            &process->workers, err);
}

/* What a command asks of the gateway that runs. */
static enum opp_code serve_command(void *arg, const json_t *request, const atomic_bool *stopping, json_t **answer,
                                   struct opp_err *err)
{
    const char *command = opp_json_text(request, "command");
    bool archive = command != NULL && strcmp(command, "archive") == 0;

    return (archive ? opp_archive_serve : opp_backup_serve)(arg, request, stopping, answer, err);
}

static enum opp_code open_control(struct opp_process *process, struct opp_err *err)
{
    return opp_control_start(process->config->data_dir, process->gateway.log, serve_command, process, &process->control,
                             err);
}

enum opp_code opp_process_open(struct opp_process *process, const struct opp_config *config, struct opp_err *err)
{
    static enum opp_code (*const steps[])(struct opp_process * process, struct opp_err * err) = {
        open_basics,  open_upstreams, open_store,          open_audit, open_generation, open_staging, recover,
        make_routers, open_tls,       opp_process_measure, bind_ports, make_demo,       open_workers, open_control,
    };
    enum opp_code rc = OPP_OK;

    *process = (struct opp_process){ .config = config, .lock_fd = -1, .listeners = { { .fd = -1 }, { .fd = -1 } } };
    for (size_t i = 0; rc == OPP_OK && i < sizeof steps / sizeof *steps; i++)
        rc = steps[i](process, err);
    return rc;
}

static void close_listener(struct opp_listener *listener)
{
    if (listener->fd >= 0)
        close(listener->fd);
    opp_tls_free(listener->tls);
    opp_router_free(listener->router);
}

void opp_process_close(struct opp_process *process)
{
    struct opp_gateway *gateway = &process->gateway;

    opp_control_stop(process->control);
    /* What a caller who has gone asked for may still be written: the writers post to the workers' loops. Effects end
     * first, so that what became of the last one can be recorded. */
    opp_databases_end(gateway->databases);
    opp_store_end(gateway->store);
    opp_workers_close(process->workers);
    for (size_t i = 0; i < OPP_LISTENERS_MAX; i++)
        close_listener(&process->listeners[i]);
    opp_replay_jobs_free(gateway->replays);
    opp_staging_close(gateway->staging);
    opp_notary_stop(process->notary);
    opp_sign_key_free(process->audit_key);
    opp_store_close(gateway->store);
    opp_registry_slot_free(gateway->registry);
    opp_generation_slot_free(gateway->policies);
    opp_databases_close(gateway->databases);
    opp_upstreams_free(gateway->upstreams);
    opp_hub_free(gateway->hub);
    opp_browsers_free(gateway->browsers);
    opp_stranded_free(gateway->stranded);
    opp_rate_free(gateway->rate);
    opp_schemas_free(gateway->schemas);
    opp_clock_free(gateway->clock);
    opp_metrics_free(gateway->metrics);
    opp_log_free(gateway->log);
    if (process->lock_fd >= 0)
        close(process->lock_fd);
}

static enum opp_code nothing(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    (void)tx;
    (void)arg;
    (void)err;
    return OPP_OK;
}

enum opp_code opp_process_flush(struct opp_process *process, struct opp_err *err)
{
    enum opp_code rc = opp_store_now(process->gateway.store, nothing, NULL, err);

    opp_notary_stop(process->notary);
    process->notary = NULL;
    return rc;
}
