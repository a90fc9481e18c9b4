/* SPDX-License-Identifier: MIT
 *
 * command/config.h - what the gateway is told: the defaults, under oppd.yaml, under the flags.
 * May include: core, adapter, base, command.
 */
#ifndef OPP_COMMAND_CONFIG_H
#define OPP_COMMAND_CONFIG_H

#include "adapter/upstream.h"
#include "base/error.h"
#include "base/log.h"
#include "base/net.h"
#include "command/endpoint.h"
#include "core/settings.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Files, as PEM; NULL both: no TLS. */
struct opp_config_tls {
    const char *certificate, *key;
};

/* What the guard before the HTTP server allows; the numbers of connections are those of the whole process. */
struct opp_config_http {
    int64_t body_max_bytes, header_max_bytes;
    int64_t connections_max, connections_per_address_max, streams_max;
    int64_t handshake_ms, idle_ms, header_ms, body_ms, answer_ms, stream_ms;
};

struct opp_config {
    struct opp_endpoint listen, admin_listen; /* admin_listen.host empty: shares the main one */
    struct opp_config_tls tls, admin_tls;
    bool insecure, demo;
    struct opp_cidr *trusted_proxies;
    size_t trusted_proxy_count;
    const char *data_dir, *policies_dir, *profile, *adapters_dir;
    const char *credentials; /* or NULL */
    unsigned workers;        /* at least 1 */
    enum opp_log_format log_format;
    enum opp_log_level log_level;
    struct opp_config_http http;
    int64_t decision_log_max_age_ms, decision_log_max_rows;
    const char *checkpoint_file; /* or NULL */
    int64_t checkpoint_rows, checkpoint_period_ms;
    struct opp_upstream_settings *upstreams;
    size_t upstream_count;
    struct opp_settings settings;
    json_t *document; /* owns the texts */
};

/* Gives the configuration of a file (NULL: none) and of what the flags say (an object of the same shape), which counts
 * more. Clear it by opp_config_clear.
 * OPP_E_CONFIG: something in the file is wrong, err->where is file:line. OPP_E_VALIDATION: a flag is wrong, err->where
 * is the JSON pointer of its member. OPP_E_IO, OPP_E_MEMORY. */
enum opp_code opp_config_load(const char *file, const json_t *flags, struct opp_config *out, struct opp_err *err);
void opp_config_clear(struct opp_config *config);

#endif
