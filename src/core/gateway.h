/* SPDX-License-Identifier: MIT
 *
 * core/gateway.h - what lives as long as the process and is shared by its workers, and what a worker has to itself.
 * May include: adapter, policy, store, base, core.
 */
#ifndef OPP_CORE_GATEWAY_H
#define OPP_CORE_GATEWAY_H

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/net.h"
#include "core/count.h"
#include "core/settings.h"

struct opp_app_views;
struct opp_browsers;
struct opp_databases;
struct opp_generation_slot;
struct opp_hub;
struct opp_manifest_cache;
struct opp_rate;
struct opp_registry_slot;
struct opp_replay_jobs;
struct opp_schemas;
struct opp_session;
struct opp_staging;
struct opp_sign_key;
struct opp_store;
struct opp_stranded;
struct opp_upstream_client;
struct opp_upstreams;

/* The pointers are set before the workers start and never change. */
struct opp_gateway {
    struct opp_settings settings;
    struct opp_clock *clock;
    struct opp_log *log;
    struct opp_store *store;
    struct opp_registry_slot *registry;
    struct opp_generation_slot *policies;
    struct opp_schemas *schemas;
    struct opp_rate *rate;
    struct opp_databases *databases; /* of the adapters of all generations */
    struct opp_upstreams *upstreams; /* NULL: none is configured */
    struct opp_hub *hub;
    struct opp_stranded *stranded;
    struct opp_browsers *browsers;
    struct opp_metrics *metrics; /* the worker's own meters count on it */
    struct opp_core_cells cells;
    struct opp_replay_jobs *replays;
    struct opp_staging *staging;            /* NULL while the process opens: nothing is told */
    const struct opp_sign_key *audit_key;   /* that the audit trail's checkpoints are signed with */
    const struct opp_cidr *trusted_proxies; /* whose X-Forwarded-For counts */
    size_t trusted_proxy_count;
    const char *data_dir, *policies_dir, *adapters_dir;
    size_t worker_count;
    const char *profile;                    /* the policy profile of a new data directory */
    unsigned char hmac_key[OPP_HASH_BYTES]; /* for sensitive values in witnesses */
};

struct opp_worker {
    struct opp_gateway *gateway;
    size_t index; /* among the workers */
    struct opp_loop *loop;
    struct opp_session *session;
    struct opp_manifest_cache *manifests;
    struct opp_app_views *views;
    struct opp_upstream_client *upstreams; /* NULL: none is configured */
    struct opp_meter *meter;               /* NULL: nothing is counted */
    uint64_t reads;                        /* that were allowed: one in so many is logged */
};

#endif
