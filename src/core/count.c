/* SPDX-License-Identifier: MIT */
#include "core/count.h"

#include "core/call.h"
#include "core/freeze.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/staging.h"
#include "store/tx.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

static const char *outcome_at(size_t index)
{
    return opp_outcome_name((enum opp_outcome)index);
}

static const char *trip_at(size_t index)
{
    static const char *const names[OPP_TRIP_COUNT] = { "policy", "adapter" };

    return names[index];
}

static const char *rate_kind_at(size_t index)
{
    static const char *const names[OPP_RATE_KIND_COUNT] = { "key", "tool", "authentication" };

    return names[index];
}

static enum opp_code add_decisions(struct opp_metrics *metrics, struct opp_core_cells *cells, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;
    char labels[32];

    for (enum opp_phase phase = 0; rc == OPP_OK && phase < OPP_PHASE_COUNT; phase++) {
        struct opp_series series = { OPP_M_DECISIONS, labels, "outcome", outcome_at, OPP_OUTCOME_DENY + 1, false };

        snprintf(labels, sizeof labels, "phase=\"%s\"", opp_phase_name(phase));
        rc = opp_metrics_add(metrics, &series, &cells->decisions[phase], err);
    }
    return rc;
}

enum opp_code opp_core_cells_add(struct opp_metrics *metrics, struct opp_core_cells *cells, struct opp_err *err)
{
    const struct opp_series failures = { .metric = OPP_M_RULE_FAILURES };
    const struct opp_series strangers = { .metric = OPP_M_AUTH_FAILURES };
    const struct opp_series trips = { OPP_M_TRIPS, NULL, "of", trip_at, OPP_TRIP_COUNT, false };
    const struct opp_series limited = { OPP_M_RATE_LIMITED, NULL, "limit", rate_kind_at, OPP_RATE_KIND_COUNT, false };
    enum opp_code rc = add_decisions(metrics, cells, err);

    if (rc == OPP_OK)
        rc = opp_metrics_add(metrics, &failures, &cells->rule_failures, err);
    if (rc == OPP_OK)
        rc = opp_metrics_add(metrics, &strangers, &cells->auth_failures, err);
    if (rc == OPP_OK)
        rc = opp_metrics_add(metrics, &trips, &cells->trips, err);
    return rc == OPP_OK ? opp_metrics_add(metrics, &limited, &cells->rate_limited, err) : rc;
}

void opp_count_trip(const struct opp_call *call, enum opp_trip what)
{
    opp_meter_add(call->worker->meter, call->worker->gateway->cells.trips + what, 1);
}

void opp_count_decision(const struct opp_call *call, enum opp_phase phase, const struct opp_policy_decision *decision)
{
    const struct opp_core_cells *cells = &call->worker->gateway->cells;

    opp_meter_add(call->worker->meter, cells->decisions[phase] + decision->outcome, 1);
    if (!decision->failed)
        return;
    opp_meter_add(call->worker->meter, cells->rule_failures, 1);
    if (decision->error.code == OPP_E_LIMIT || decision->error.code == OPP_E_MEMORY)
        opp_count_trip(call, OPP_TRIP_POLICY);
}

/* Pending drafts by how long they have waited: up to each of these, and longer than all. */
static const struct {
    int64_t ms;
    const char *labels;
} AGES[] = {
    { 3600000, "age=\"1h\"" },
    { 86400000, "age=\"1d\"" },
    { 604800000, "age=\"7d\"" },
    { INT64_MAX, "age=\"more\"" },
};
#define AGE_COUNT (sizeof AGES / sizeof AGES[0])

struct shown {
    int64_t drafts[AGE_COUNT];
};

static enum opp_code count_older(struct opp_tx *tx, int64_t created_before, int64_t *out, struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_DRAFT };

    opp_query_text(&query, "status", OPP_CONSTANT, "draft");
    opp_query_number(&query, "created_at", OPP_BELOW, created_before);
    return opp_tx_count(tx, &query, out, err);
}

static enum opp_code count_drafts(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct shown *shown = call->state;
    int64_t now_ms = opp_call_now_ms(call), older = 0, all = 0;
    enum opp_code rc = count_older(tx, INT64_MAX, &all, err);

    for (size_t i = 0; rc == OPP_OK && i < AGE_COUNT; i++) {
        older = 0;
        if (AGES[i].ms != INT64_MAX)
            rc = count_older(tx, now_ms - AGES[i].ms, &older, err);
        shown->drafts[i] = all - older;
        all = older;
    }
    return rc;
}

static enum opp_step read_drafts(struct opp_call *call)
{
    return opp_flow_read(call, count_drafts);
}

static void write_drafts(const struct shown *shown, struct opp_buf *out)
{
    opp_metrics_head(out, OPP_M_DRAFTS);
    for (size_t i = 0; i < AGE_COUNT; i++)
        opp_metrics_value(out, OPP_M_DRAFTS, AGES[i].labels, (uint64_t)shown->drafts[i]);
}

static void write_freezes(const struct opp_call *call, struct opp_buf *out)
{
    const struct opp_registry *registry = opp_registry_pin(call->worker->gateway->registry);
    struct opp_freeze *const *freezes;
    uint64_t off = 0;
    size_t count;

    if (registry == NULL)
        return;
    freezes = opp_registry_freezes(registry, &count);
    for (size_t i = 0; i < count; i++)
        off += opp_freeze_is_off(freezes[i]);
    opp_metrics_head(out, OPP_M_FREEZES);
    opp_metrics_value(out, OPP_M_FREEZES, "mode=\"drafts_only\"", count - off);
    opp_metrics_value(out, OPP_M_FREEZES, "mode=\"off\"", off);
    opp_registry_unpin(registry);
}

static void write_staging(const struct opp_call *call, struct opp_buf *out)
{
    struct opp_staging_counts counts = { 0 };

    if (call->worker->gateway->staging != NULL)
        opp_staging_count(call->worker->gateway->staging, &counts);
    opp_metrics_head(out, OPP_M_STAGED);
    opp_metrics_value(out, OPP_M_STAGED, "result=\"same\"", (uint64_t)counts.same);
    opp_metrics_value(out, OPP_M_STAGED, "result=\"different\"", (uint64_t)counts.different);
    opp_metrics_value(out, OPP_M_STAGED, "result=\"failed\"", (uint64_t)counts.failed);
    opp_metrics_value(out, OPP_M_STAGED, "result=\"skipped\"", (uint64_t)counts.skipped_staged);
    opp_metrics_head(out, OPP_M_LOGGED);
    opp_metrics_value(out, OPP_M_LOGGED, "result=\"written\"", (uint64_t)counts.written);
    opp_metrics_value(out, OPP_M_LOGGED, "result=\"lost\"", (uint64_t)counts.lost);
    opp_metrics_value(out, OPP_M_LOGGED, "result=\"skipped\"", (uint64_t)counts.skipped);
    opp_metrics_head(out, OPP_M_TOLD);
    opp_metrics_value(out, OPP_M_TOLD, NULL, counts.queued);
    opp_metrics_head(out, OPP_M_TOLD_BYTES);
    opp_metrics_value(out, OPP_M_TOLD_BYTES, NULL, counts.queued_bytes);
}

static void write_generation(const struct opp_call *call, struct opp_buf *out)
{
    struct opp_generation *generation = opp_generation_pin(call->worker->gateway->policies);

    if (generation == NULL)
        return;
    opp_metrics_head(out, OPP_M_GENERATION);
    opp_metrics_value(out, OPP_M_GENERATION, NULL, strtoull(opp_generation_label(generation), NULL, 10));
    opp_generation_unpin(generation);
}

static uint64_t resident_bytes(void)
{
    uint64_t all = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (file == NULL)
        return 0;
    if (fscanf(file, "%" SCNu64 " %" SCNu64, &all, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Without the three that are here for looking. */
static uint64_t descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    uint64_t count = 0;

    if (dir == NULL)
        return 0;
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count > 3 ? count - 3 : 0;
}

static void write_process(struct opp_buf *out)
{
    opp_metrics_head(out, OPP_M_MEMORY);
    opp_metrics_value(out, OPP_M_MEMORY, NULL, resident_bytes());
    opp_metrics_head(out, OPP_M_DESCRIPTORS);
    opp_metrics_value(out, OPP_M_DESCRIPTORS, NULL, descriptors());
}

static enum opp_step answer(struct opp_call *call)
{
    struct opp_reply reply = { .code = OPP_OK, .content_type = CONTENT_TYPE };

    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    opp_metrics_write(call->worker->gateway->metrics, &reply.bytes);
    write_generation(call, &reply.bytes);
    write_drafts(call->state, &reply.bytes);
    write_freezes(call, &reply.bytes);
    write_staging(call, &reply.bytes);
    write_process(&reply.bytes);
    return opp_call_reply(call, &reply);
}

static const opp_step_fn STEPS[] = { read_drafts, answer, NULL };
const struct opp_flow OPP_FLOW_METRICS = { STEPS, sizeof(struct shown), NULL, NULL };
