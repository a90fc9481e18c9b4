/* SPDX-License-Identifier: MIT */
#include "command/config.h"

#include "base/file.h"
#include "base/json.h"
#include "base/yaml.h"
#include "command/config_check.h"
#include "command/config_schema.h"
#include "command/config_upstreams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX_BYTES (1024 * 1024)
#define WORKERS_DEFAULT_MAX 8

/* The settings that are numbers, and how many of what is kept one of what is written is. */
static const struct {
    const char *group, *name;
    size_t offset;
    int64_t factor;
} NUMBERS[] = {
    { "limits", "rate_per_minute", offsetof(struct opp_config, settings.rate_per_minute), 1 },
    { "limits", "auth_failures_per_minute", offsetof(struct opp_config, settings.auth_failures_per_minute), 1 },
    { "limits", "pending_drafts_max", offsetof(struct opp_config, settings.pending_drafts_max), 1 },
    { "lifetimes", "draft_lifetime_seconds", offsetof(struct opp_config, settings.draft_lifetime_ms), 1000 },
    { "lifetimes", "preflight_lifetime_seconds", offsetof(struct opp_config, settings.preflight_lifetime_ms), 1000 },
    { "lifetimes", "idempotency_lifetime_seconds", offsetof(struct opp_config, settings.idempotency_lifetime_ms),
      1000 },
    { "lifetimes", "session_idle_seconds", offsetof(struct opp_config, settings.session_idle_ms), 1000 },
    { "lifetimes", "session_lifetime_seconds", offsetof(struct opp_config, settings.session_lifetime_ms), 1000 },
    { "lifetimes", "window_default_seconds", offsetof(struct opp_config, settings.window_default_ms), 1000 },
    { "lifetimes", "window_max_seconds", offsetof(struct opp_config, settings.window_max_ms), 1000 },
    { "decision_log", "max_age_days", offsetof(struct opp_config, decision_log_max_age_ms), INT64_C(86400000) },
    { "decision_log", "max_rows", offsetof(struct opp_config, decision_log_max_rows), 1 },
    { "limits", "body_max_bytes", offsetof(struct opp_config, http.body_max_bytes), 1 },
    { "limits", "header_max_bytes", offsetof(struct opp_config, http.header_max_bytes), 1 },
    { "limits", "connections_max", offsetof(struct opp_config, http.connections_max), 1 },
    { "limits", "connections_per_address_max", offsetof(struct opp_config, http.connections_per_address_max), 1 },
    { "limits", "streams_max", offsetof(struct opp_config, http.streams_max), 1 },
    { "timeouts", "handshake_seconds", offsetof(struct opp_config, http.handshake_ms), 1000 },
    { "timeouts", "idle_seconds", offsetof(struct opp_config, http.idle_ms), 1000 },
    { "timeouts", "header_seconds", offsetof(struct opp_config, http.header_ms), 1000 },
    { "timeouts", "body_seconds", offsetof(struct opp_config, http.body_ms), 1000 },
    { "timeouts", "answer_seconds", offsetof(struct opp_config, http.answer_ms), 1000 },
    { "timeouts", "stream_seconds", offsetof(struct opp_config, http.stream_ms), 1000 },
    { "timeouts", "unknown_retry_seconds", offsetof(struct opp_config, settings.unknown_retry_ms), 1000 },
    { "audit", "checkpoint_rows", offsetof(struct opp_config, checkpoint_rows), 1 },
    { "audit", "checkpoint_seconds", offsetof(struct opp_config, checkpoint_period_ms), 1000 },
};

static int64_t number_at(const json_t *document, const char *group, const char *name)
{
    return opp_json_integer(json_object_get(document, group), name);
}

static void read_numbers(struct opp_config *config)
{
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++) {
        int64_t value = number_at(config->document, NUMBERS[i].group, NUMBERS[i].name) * NUMBERS[i].factor;

        memcpy((char *)config + NUMBERS[i].offset, &value, sizeof value);
    }
}

static void read_texts(struct opp_config *config)
{
    config->data_dir = opp_json_text(config->document, "data");
    config->policies_dir = opp_json_text(config->document, "policies");
    config->profile = opp_json_text(config->document, "profile");
    config->adapters_dir = opp_json_text(config->document, "adapters");
    config->credentials = opp_json_text(config->document, "credentials");
    config->checkpoint_file = opp_json_text(json_object_get(config->document, "audit"), "checkpoint_file");
    config->insecure = opp_json_true(config->document, "insecure");
    config->demo = opp_json_true(config->document, "demo");
}

static void read_log(struct opp_config *config)
{
    static const char *const levels[] = { "debug", "info", "warn", "error" };
    const json_t *log = json_object_get(config->document, "log");
    const char *level = opp_json_text(log, "level");

    config->log_format = strcmp(opp_json_text(log, "format"), "text") == 0 ? OPP_LOG_TEXT : OPP_LOG_JSON;
    for (int i = OPP_LOG_DEBUG; i <= OPP_LOG_ERROR; i++)
        if (strcmp(level, levels[i]) == 0)
            config->log_level = (enum opp_log_level)i;
}

static void read_workers(struct opp_config *config)
{
    json_int_t workers = opp_json_integer(config->document, "workers");
    long cores;

    if (workers == 0) {
        cores = sysconf(_SC_NPROCESSORS_ONLN);
        workers = cores < 1 ? 1 : cores > WORKERS_DEFAULT_MAX ? WORKERS_DEFAULT_MAX : cores;
    }
    config->workers = (unsigned)workers;
}

/* group: what the document calls it. One file without the other is a mistake, and must not mean no TLS. */
static enum opp_code read_tls(const struct opp_config_source *source, const struct opp_config *config,
                              const char *group, struct opp_config_tls *out)
{
    const json_t *files = json_object_get(config->document, group);
    char pointer[32];

    out->certificate = opp_json_text(files, "certificate");
    out->key = opp_json_text(files, "key");
    if ((out->certificate == NULL) == (out->key == NULL))
        return OPP_OK;
    snprintf(pointer, sizeof pointer, "/%s/%s", group, out->key == NULL ? "certificate" : "key");
    return opp_config_blame(source, pointer, out->key == NULL ? "needs a key besides" : "needs a certificate besides");
}

/* name: what the document calls it. */
static enum opp_code read_endpoint(const struct opp_config_source *source, const struct opp_config *config,
                                   const char *name, const struct opp_config_tls *tls, struct opp_endpoint *out)
{
    const char *text = opp_json_text(config->document, name);
    struct opp_err why = { 0 };
    char pointer[32];

    if (text == NULL)
        return OPP_OK;
    snprintf(pointer, sizeof pointer, "/%s", name);
    if (opp_endpoint_parse(text, out, &why) != OPP_OK)
        return opp_config_blame(source, pointer, why.message);
    if (config->insecure || tls->certificate != NULL || opp_endpoint_is_loopback(out))
        return OPP_OK;
    return opp_config_blame(source, pointer,
                            "can be reached by other machines and has no TLS: listen on 127.0.0.1, name a certificate "
                            "and its key, or set insecure: true if a proxy before it ends TLS");
}

static enum opp_code read_endpoints(const struct opp_config_source *source, struct opp_config *config)
{
    enum opp_code rc = read_tls(source, config, "tls", &config->tls);

    if (rc == OPP_OK)
        rc = read_tls(source, config, "admin_tls", &config->admin_tls);
    if (rc == OPP_OK)
        rc = read_endpoint(source, config, "listen", &config->tls, &config->listen);
    if (rc == OPP_OK)
        rc = read_endpoint(source, config, "admin_listen", &config->admin_tls, &config->admin_listen);
    if (rc == OPP_OK && config->admin_tls.certificate != NULL && config->admin_listen.host[0] == '\0')
        rc = opp_config_blame(source, "/admin_tls/certificate", "needs an admin_listen to be for");
    return rc;
}

static enum opp_code read_proxies(const struct opp_config_source *source, struct opp_config *config)
{
    const json_t *texts = json_object_get(config->document, "trusted_proxies");
    size_t count = json_array_size(texts);
    struct opp_err why = { 0 };
    char pointer[48];

    if (count == 0)
        return OPP_OK;
    config->trusted_proxies = calloc(count, sizeof *config->trusted_proxies);
    if (config->trusted_proxies == NULL)
        return opp_fail(source->err, OPP_E_MEMORY, "no memory for the configuration");
    config->trusted_proxy_count = count;
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(texts, i));

        if (opp_cidr_parse(text, &config->trusted_proxies[i], &why) == OPP_OK)
            continue;
        snprintf(pointer, sizeof pointer, "/trusted_proxies/%zu", i);
        return opp_config_blame(source, pointer, "must be an IP address or a CIDR block, such as 10.0.0.0/8");
    }
    return OPP_OK;
}

/* It names a directory below another one, and nothing else. */
static enum opp_code check_profile(const struct opp_config_source *source, const struct opp_config *config)
{
    static const char wanted[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

    if (config->profile[strspn(config->profile, wanted)] == '\0')
        return OPP_OK;
    return opp_config_blame(source, "/profile", "must be a name of letters, digits, _ and -");
}

/* Puts the defaults, the file and the flags on each other. */
static enum opp_code merge(const struct opp_config_source *source, const json_t *schema, json_t **out)
{
    json_t *document = NULL,
           *file = source->file != NULL ? json_deep_copy(opp_yaml_value(source->file)) : json_object();
    json_t *flags = source->flags != NULL ? json_deep_copy(source->flags) : json_object();
    enum opp_code rc = opp_config_defaults(schema, &document, source->err);

    if (rc == OPP_OK &&
        (json_object_update_recursive(document, file) != 0 || json_object_update_recursive(document, flags) != 0))
        rc = opp_fail(source->err, OPP_E_MEMORY, "no memory for the configuration");
    if (rc == OPP_OK)
        rc = opp_config_fill_upstreams(schema, document, source->err);
    json_decref(file);
    json_decref(flags);
    if (rc == OPP_OK)
        *out = document;
    else
        json_decref(document);
    return rc;
}

static enum opp_code read_document(const struct opp_config_source *source, struct opp_config *config)
{
    enum opp_code rc;

    read_texts(config);
    read_numbers(config);
    read_log(config);
    read_workers(config);
    rc = read_endpoints(source, config);
    if (rc == OPP_OK)
        rc = read_proxies(source, config);
    if (rc == OPP_OK)
        rc = opp_config_read_upstreams(source, config);
    return rc == OPP_OK ? check_profile(source, config) : rc;
}

static enum opp_code read_file(const char *file, struct opp_yaml **out, struct opp_err *err)
{
    char *text = NULL;
    size_t length = 0;
    struct opp_err why = { 0 };
    enum opp_code rc = opp_file_read(file, FILE_MAX_BYTES, &text, &length, &why);

    /* Whatever the reason, it is the name that was given that is wrong. */
    if (rc != OPP_OK)
        rc = opp_fail(err, OPP_E_CONFIG, "%s", why.message);
    else
        rc = opp_yaml_parse(file, text, length, out, err);
    free(text);
    return rc;
}

enum opp_code opp_config_load(const char *file, const json_t *flags, struct opp_config *out, struct opp_err *err)
{
    struct opp_config config = { .settings = OPP_SETTINGS_DEFAULT };
    struct opp_yaml *yaml = NULL;
    json_t *schema = NULL;
    struct opp_config_source source = { .name = file, .flags = flags, .err = err };
    enum opp_code rc = opp_config_schema(&schema, err);

    if (rc == OPP_OK && file != NULL)
        rc = read_file(file, &yaml, err);
    source.file = yaml;
    if (rc == OPP_OK)
        rc = opp_config_check(&source, schema);
    if (rc == OPP_OK)
        rc = merge(&source, schema, &config.document);
    if (rc == OPP_OK)
        rc = read_document(&source, &config);
    if (rc == OPP_OK)
        *out = config;
    else
        opp_config_clear(&config);
    json_decref(schema);
    opp_yaml_free(yaml);
    return rc;
}

void opp_config_clear(struct opp_config *config)
{
    free(config->trusted_proxies);
    free(config->upstreams);
    json_decref(config->document);
    *config = (struct opp_config){ .workers = 0 };
}
