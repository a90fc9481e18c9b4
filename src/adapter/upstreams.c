/* SPDX-License-Identifier: MIT */
#include "adapter/upstream_internal.h"

#include "base/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order of the cells: those without an answer, then by the answer's status. */
static const char *const OUTCOMES[] = { "not_sent", "unknown", "2xx", "3xx", "4xx", "5xx" };

static const char *outcome_name(size_t index)
{
    return OUTCOMES[index];
}

/* Those that say what a request is and where it ends; a credential must not speak for them. */
static bool is_ours(const char *header)
{
    static const char *const names[] = { "Host",
                                         "Content-Length",
                                         "Transfer-Encoding",
                                         "Connection",
                                         "Expect",
                                         "Content-Type",
                                         "Idempotency-Key",
                                         "If-Match",
                                         "Upgrade",
                                         "traceparent",
                                         "Accept",
                                         "User-Agent",
                                         "TE",
                                         "Trailer",
                                         "Accept-Encoding" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(header, names[i]) == 0)
            return true;
    return false;
}

static enum opp_code check_credential(const struct opp_upstream_settings *settings, struct opp_err *err)
{
    const char *header = settings->credential_header, *prefix = settings->credential_prefix;

    if (header == NULL)
        return OPP_OK;
    if (!opp_upstream_is_token(header, strlen(header)) || is_ours(header))
        return opp_fail_at(err, OPP_E_CONFIG, "/credential/header", "must be a header's name, such as Authorization");
    if (prefix != NULL && prefix[0] != '\0' && !opp_upstream_is_value(prefix))
        return opp_fail_at(err, OPP_E_CONFIG, "/credential/prefix", "must not have control bytes");
    if ((settings->credential_file == NULL) == (settings->credential_env == NULL))
        return opp_fail_at(err, OPP_E_CONFIG, "/credential", "needs either a file or an env that the secret is in");
    return OPP_OK;
}

enum opp_code opp_upstream_check(const struct opp_upstream_settings *settings, struct opp_err *err)
{
    char *base = NULL;
    enum opp_code rc = opp_upstream_base(settings, &base, err);

    free(base);
    if (rc == OPP_OK && settings->client_certificate != NULL && settings->client_key == NULL)
        rc = opp_fail_at(err, OPP_E_CONFIG, "/client_certificate", "needs a client_key besides");
    if (rc == OPP_OK && settings->client_certificate == NULL && settings->client_key != NULL)
        rc = opp_fail_at(err, OPP_E_CONFIG, "/client_key", "needs a client_certificate besides");
    return rc == OPP_OK ? check_credential(settings, err) : rc;
}

static enum opp_code measure(struct opp_upstream *upstream, struct opp_metrics *metrics, struct opp_err *err)
{
    char labels[96];
    struct opp_series requests = { .metric = OPP_M_UPSTREAM_REQUESTS,
                                   .labels = labels,
                                   .by = "outcome",
                                   .value = outcome_name,
                                   .count = sizeof OUTCOMES / sizeof *OUTCOMES,
                                   .sparse = true };
    struct opp_series seconds = { .metric = OPP_M_UPSTREAM_SECONDS, .labels = labels, .sparse = true };
    struct opp_series in_flight = { .metric = OPP_M_UPSTREAM_IN_FLIGHT, .labels = labels };
    enum opp_code rc;

    if (metrics == NULL)
        return OPP_OK;
    snprintf(labels, sizeof labels, "upstream=\"%s\"", upstream->settings.name);
    rc = opp_metrics_add(metrics, &requests, &upstream->outcomes, err);
    if (rc == OPP_OK)
        rc = opp_metrics_add(metrics, &seconds, &upstream->seconds, err);
    return rc == OPP_OK ? opp_metrics_add(metrics, &in_flight, &upstream->in_flight, err) : rc;
}

static enum opp_code fill(struct opp_upstreams *upstreams, const struct opp_upstream_settings *settings,
                          struct opp_metrics *metrics, struct opp_err *err)
{
    struct opp_upstream *upstream = &upstreams->items[upstreams->count];
    enum opp_code rc;

    *upstream = (struct opp_upstream){ .set = upstreams, .settings = *settings, .index = upstreams->count };
    upstreams->count++;
    rc = opp_upstream_base(settings, &upstream->base, err);
    if (rc != OPP_OK)
        return rc;
    upstream->tls = strncmp(upstream->base, "https:", 6) == 0;
    rc = opp_upstream_files_read(settings, &upstream->files, err);
    return rc == OPP_OK ? measure(upstream, metrics, err) : rc;
}

enum opp_code opp_upstreams_new(const struct opp_upstream_settings *settings, size_t count, struct opp_metrics *metrics,
                                struct opp_upstreams **out, struct opp_err *err)
{
    struct opp_upstreams *upstreams = calloc(1, sizeof *upstreams + count * sizeof upstreams->items[0]);
    enum opp_code rc = OPP_OK;

    if (upstreams == NULL || pthread_mutex_init(&upstreams->lock, NULL) != 0) {
        free(upstreams);
        return opp_fail(err, OPP_E_MEMORY, "no memory for upstreams");
    }
    upstreams->started = count > 0 && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (count > 0 && !upstreams->started)
        rc = opp_fail(err, OPP_E_IO, "the HTTP client cannot be started");
    for (size_t i = 0; rc == OPP_OK && i < count; i++)
        rc = fill(upstreams, &settings[i], metrics, err);
    if (rc == OPP_OK)
        *out = upstreams;
    else
        opp_upstreams_free(upstreams);
    return rc;
}

void opp_upstreams_free(struct opp_upstreams *upstreams)
{
    if (upstreams == NULL)
        return;
    for (size_t i = 0; i < upstreams->count; i++) {
        opp_upstream_files_unref(upstreams->items[i].files);
        free(upstreams->items[i].base);
    }
    if (upstreams->started)
        curl_global_cleanup();
    pthread_mutex_destroy(&upstreams->lock);
    free(upstreams);
}

/* What was read for an upstream, and then what it had before. */
struct reread {
    struct opp_upstream_files *files;
};

static void swap_files(struct opp_upstreams *upstreams, struct reread *reread)
{
    pthread_mutex_lock(&upstreams->lock);
    for (size_t i = 0; i < upstreams->count; i++) {
        struct opp_upstream_files *old = upstreams->items[i].files;

        upstreams->items[i].files = reread[i].files;
        reread[i].files = old;
    }
    pthread_mutex_unlock(&upstreams->lock);
}

enum opp_code opp_upstreams_reload(struct opp_upstreams *upstreams, struct opp_err *err)
{
    struct reread *reread = calloc(upstreams->count + 1, sizeof *reread);
    enum opp_code rc = OPP_OK;

    if (reread == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for upstreams");
    for (size_t i = 0; rc == OPP_OK && i < upstreams->count; i++)
        rc = opp_upstream_files_read(&upstreams->items[i].settings, &reread[i].files, err);
    if (rc == OPP_OK)
        swap_files(upstreams, reread);
    for (size_t i = 0; i < upstreams->count; i++)
        opp_upstream_files_unref(reread[i].files);
    free(reread);
    return rc;
}

struct opp_upstream_files *opp_upstream_files_pin(const struct opp_upstream *upstream)
{
    struct opp_upstream_files *files;

    pthread_mutex_lock(&upstream->set->lock);
    files = upstream->files;
    atomic_fetch_add(&files->references, 1);
    pthread_mutex_unlock(&upstream->set->lock);
    return files;
}

const struct opp_upstream *opp_upstreams_find(const struct opp_upstreams *upstreams, const char *name)
{
    for (size_t i = 0; upstreams != NULL && i < upstreams->count; i++)
        if (strcmp(upstreams->items[i].settings.name, name) == 0)
            return &upstreams->items[i];
    return NULL;
}

const char *opp_upstream_place(const struct opp_upstream *upstream)
{
    return upstream->base;
}
