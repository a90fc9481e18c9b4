/* SPDX-License-Identifier: MIT
 *
 * base/metrics.h - what is counted for operators: one table of metrics, cells that each thread has to itself, and their
 * sums as Prometheus reads them (text format 0.0.4).
 * May include: base.
 *
 * A thread counts without a lock; series and meters are made, and numbers read, under one.
 */
#ifndef OPP_BASE_METRICS_H
#define OPP_BASE_METRICS_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opp_metric_kind {
    OPP_METRIC_COUNTER,
    OPP_METRIC_GAUGE,
    OPP_METRIC_HISTOGRAM /* of seconds */
};

/* X(constant, name, kind, help). The labels of each are in docs/operations.md. */
#define OPP_METRICS(X)                                                                                              \
    X(OPP_M_REQUESTS, "oppd_http_requests_total", COUNTER, "Requests that were answered.")                          \
    X(OPP_M_REQUEST_SECONDS, "oppd_http_request_duration_seconds", HISTOGRAM,                                       \
      "From the end of a request until its answer was made.")                                                       \
    X(OPP_M_REFUSALS, "oppd_http_refusals_total", COUNTER, "Requests that were refused before a handler saw them.") \
    X(OPP_M_CONNECTIONS, "oppd_http_connections", GAUGE, "Connections that are open.")                              \
    X(OPP_M_ACCEPTED, "oppd_http_connections_total", COUNTER, "Connections that were accepted.")                    \
    X(OPP_M_ENDED, "oppd_http_connections_ended_total", COUNTER, "Connections that a limit has ended.")             \
    X(OPP_M_STREAMS, "oppd_http_streams", GAUGE, "Streams of events that are open.")                                \
    X(OPP_M_AUTH_FAILURES, "oppd_authentication_failures_total", COUNTER, "Requests without a token that counts.")  \
    X(OPP_M_RATE_LIMITED, "oppd_rate_limited_total", COUNTER, "Requests over a rate limit.")                        \
    X(OPP_M_DECISIONS, "oppd_policy_decisions_total", COUNTER, "What the rules said, or allow where none spoke.")   \
    X(OPP_M_RULE_FAILURES, "oppd_policy_rule_failures_total", COUNTER, "Decisions that failed, and so denied.")     \
    X(OPP_M_TRIPS, "oppd_lua_budget_trips_total", COUNTER, "Calls of Lua that ran out of their budget.")            \
    X(OPP_M_GENERATION, "oppd_policy_generation", GAUGE, "The number of the policy generation in force.")           \
    X(OPP_M_DRAFTS, "oppd_drafts_pending", GAUGE, "Drafts that wait for a decision, by how long they have waited.") \
    X(OPP_M_FREEZES, "oppd_freezes", GAUGE, "Freezes that are in force.")                                           \
    X(OPP_M_QUEUE, "oppd_store_queue_operations", GAUGE, "Operations that wait for a database's writer.")           \
    X(OPP_M_QUEUE_BYTES, "oppd_store_queue_bytes", GAUGE, "About what these hold in memory.")                       \
    X(OPP_M_OPERATIONS, "oppd_store_operations_total", COUNTER, "Operations that a writer has ended.")              \
    X(OPP_M_COMMIT_SECONDS, "oppd_store_commit_duration_seconds", HISTOGRAM, "A commit, until it was on disk.")     \
    X(OPP_M_HEALTHY, "oppd_store_healthy", GAUGE, "1 when a database's last commit succeeded.")                     \
    X(OPP_M_STAGED, "oppd_staging_decisions_total", COUNTER,                                                        \
      "Decisions that staged rules judged too, or should have.")                                                    \
    X(OPP_M_LOGGED, "oppd_decision_log_decisions_total", COUNTER, "Decisions by what became of them in the log.")   \
    X(OPP_M_TOLD, "oppd_staging_queue_decisions", GAUGE, "Decisions that wait for the staging thread.")             \
    X(OPP_M_TOLD_BYTES, "oppd_staging_queue_bytes", GAUGE, "What these hold in memory.")                            \
    X(OPP_M_UPSTREAM_REQUESTS, "oppd_upstream_requests_total", COUNTER, "Requests to upstreams that have ended.")   \
    X(OPP_M_UPSTREAM_SECONDS, "oppd_upstream_request_duration_seconds", HISTOGRAM,                                  \
      "From when an upstream was to be asked until the answer, or why there is none, was known.")                   \
    X(OPP_M_UPSTREAM_IN_FLIGHT, "oppd_upstream_requests_in_flight", GAUGE,                                          \
      "Requests to upstreams that have not ended, those that wait for a connection too.")                           \
    X(OPP_M_CERTIFICATE, "oppd_tls_certificate_expiry_timestamp_seconds", GAUGE, "When the certificate ends.")      \
    X(OPP_M_BUILD, "oppd_build_info", GAUGE, "1; the version is a label.")                                          \
    X(OPP_M_START, "process_start_time_seconds", GAUGE, "When the process started.")                                \
    X(OPP_M_MEMORY, "process_resident_memory_bytes", GAUGE, "Memory of the process.")                               \
    X(OPP_M_DESCRIPTORS, "process_open_fds", GAUGE, "Descriptors that the process has open.")

#define OPP_METRIC_CONSTANT(constant, name, kind, help) constant,
enum opp_metric {
    OPP_METRICS(OPP_METRIC_CONSTANT) OPP_METRIC_COUNT
};
#undef OPP_METRIC_CONSTANT

/* Of a histogram: one for each bound, one for what is above all of them, and the sum in nanoseconds. */
#define OPP_HISTOGRAM_BOUNDS 15
#define OPP_HISTOGRAM_CELLS (OPP_HISTOGRAM_BOUNDS + 2)

struct opp_meter;
struct opp_metrics;

/* Series of a metric that differ in one label: its values are value(0) to value(count - 1), static texts. by NULL:
 * there is one series. Values must be plain: letters, digits, and _ . / { } - alone. */
struct opp_series {
    enum opp_metric metric;
    const char *labels; /* those that all of them have, as they are written: a="b",c="d"; copied; NULL: none */
    const char *by;
    const char *(*value)(size_t index);
    size_t count;
    bool sparse; /* those that are 0 are left out */
};

/* OPP_E_MEMORY. */
enum opp_code opp_metrics_new(struct opp_metrics **out, struct opp_err *err);
/* Its meters too; NULL allowed. */
void opp_metrics_free(struct opp_metrics *metrics);

/* Gives the first cell of the series, which follow each other; a histogram has one series only. From any thread, as all
 * below. OPP_E_MEMORY. */
enum opp_code opp_metrics_add(struct opp_metrics *metrics, const struct opp_series *series, size_t *cell,
                              struct opp_err *err);

/* Lends cells of what was added so far, for one thread, or for several under one lock; NULL when memory is out. */
struct opp_meter *opp_meter_new(struct opp_metrics *metrics);

/* For all of these meter may be NULL: then nothing is counted. */
void opp_meter_add(struct opp_meter *meter, size_t cell, uint64_t count);
void opp_meter_subtract(struct opp_meter *meter, size_t cell, uint64_t count);
void opp_meter_set(struct opp_meter *meter, size_t cell, uint64_t value);
void opp_meter_time(struct opp_meter *meter, size_t cell, int64_t duration_ns);

/* Appends all series that were added; from any thread. */
void opp_metrics_write(struct opp_metrics *metrics, struct opp_buf *out);
/* Appends a metric that is asked for only now: its head, and then its values with their labels (NULL: none). No series
 * of it may have been added. */
void opp_metrics_head(struct opp_buf *out, enum opp_metric metric);
void opp_metrics_value(struct opp_buf *out, enum opp_metric metric, const char *labels, uint64_t value);

#endif
