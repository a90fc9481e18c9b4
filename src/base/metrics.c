/* SPDX-License-Identifier: MIT */
#include "base/metrics.h"

#include "base/text.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name;
    enum opp_metric_kind kind;
    const char *help;
} TABLE[] = {
#define ROW(constant, name, kind, help) { name, OPP_METRIC_##kind, help },
    OPP_METRICS(ROW)
#undef ROW
};

static const struct {
    int64_t ns;
    const char *text;
} BOUNDS[OPP_HISTOGRAM_BOUNDS] = {
    { 500000, "0.0005" },  { 1000000, "0.001" },  { 2500000, "0.0025" }, { 5000000, "0.005" },  { 10000000, "0.01" },
    { 25000000, "0.025" }, { 50000000, "0.05" },  { 100000000, "0.1" },  { 250000000, "0.25" }, { 500000000, "0.5" },
    { 1000000000, "1" },   { 2500000000, "2.5" }, { 10000000000, "10" }, { 30000000000, "30" }, { 60000000000, "60" },
};
#define ABOVE OPP_HISTOGRAM_BOUNDS
#define SUM (OPP_HISTOGRAM_BOUNDS + 1)

struct opp_meter {
    struct opp_meter *next;
    size_t count;
    _Atomic uint64_t cells[];
};

struct kept {
    struct opp_series series;
    char *labels;
    size_t cell;
};

struct opp_metrics {
    pthread_mutex_t lock; /* over all but the cells of meters */
    struct kept *items;
    size_t count, room, cells;
    struct opp_meter *meters;
};

static enum opp_code out_of_memory(struct opp_err *err)
{
    return opp_fail(err, OPP_E_MEMORY, "no memory for metrics");
}

enum opp_code opp_metrics_new(struct opp_metrics **out, struct opp_err *err)
{
    struct opp_metrics *metrics = calloc(1, sizeof *metrics);

    if (metrics == NULL || pthread_mutex_init(&metrics->lock, NULL) != 0) {
        free(metrics);
        return out_of_memory(err);
    }
    *out = metrics;
    return OPP_OK;
}

void opp_metrics_free(struct opp_metrics *metrics)
{
    struct opp_meter *next;

    if (metrics == NULL)
        return;
    for (struct opp_meter *meter = metrics->meters; meter != NULL; meter = next) {
        next = meter->next;
        free(meter);
    }
    for (size_t i = 0; i < metrics->count; i++)
        free(metrics->items[i].labels);
    free(metrics->items);
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

static bool make_room(struct opp_metrics *metrics)
{
    size_t room = metrics->room * 2 + 16;
    struct kept *items;

    if (metrics->count < metrics->room)
        return true;
    items = realloc(metrics->items, room * sizeof *items);
    if (items == NULL)
        return false;
    metrics->items = items;
    metrics->room = room;
    return true;
}

static enum opp_code add(struct opp_metrics *metrics, const struct opp_series *series, size_t *cell,
                         struct opp_err *err)
{
    bool failed = !make_room(metrics);
    struct kept kept = { .series = *series, .cell = metrics->cells };

    kept.labels = opp_text_copy(series->labels, &failed);
    if (failed) {
        free(kept.labels);
        return out_of_memory(err);
    }
    if (series->by == NULL)
        kept.series.count = 1;
    metrics->items[metrics->count++] = kept;
    metrics->cells += TABLE[series->metric].kind == OPP_METRIC_HISTOGRAM ? OPP_HISTOGRAM_CELLS : kept.series.count;
    *cell = kept.cell;
    return OPP_OK;
}

enum opp_code opp_metrics_add(struct opp_metrics *metrics, const struct opp_series *series, size_t *cell,
                              struct opp_err *err)
{
    enum opp_code rc;

    pthread_mutex_lock(&metrics->lock);
    rc = add(metrics, series, cell, err);
    pthread_mutex_unlock(&metrics->lock);
    return rc;
}

static struct opp_meter *make_meter(struct opp_metrics *metrics)
{
    struct opp_meter *meter = calloc(1, sizeof *meter + metrics->cells * sizeof meter->cells[0]);

    if (meter == NULL)
        return NULL;
    meter->count = metrics->cells;
    meter->next = metrics->meters;
    metrics->meters = meter;
    return meter;
}

struct opp_meter *opp_meter_new(struct opp_metrics *metrics)
{
    struct opp_meter *meter;

    pthread_mutex_lock(&metrics->lock);
    meter = make_meter(metrics);
    pthread_mutex_unlock(&metrics->lock);
    return meter;
}

/* One thread at a time writes, so that no locked instruction is needed. */
static void change(struct opp_meter *meter, size_t cell, uint64_t by)
{
    uint64_t value;

    if (meter == NULL || cell >= meter->count)
        return;
    value = atomic_load_explicit(&meter->cells[cell], memory_order_relaxed);
    atomic_store_explicit(&meter->cells[cell], value + by, memory_order_relaxed);
}

void opp_meter_add(struct opp_meter *meter, size_t cell, uint64_t count)
{
    change(meter, cell, count);
}

void opp_meter_subtract(struct opp_meter *meter, size_t cell, uint64_t count)
{
    change(meter, cell, -count);
}

void opp_meter_set(struct opp_meter *meter, size_t cell, uint64_t value)
{
    if (meter != NULL && cell < meter->count)
        atomic_store_explicit(&meter->cells[cell], value, memory_order_relaxed);
}

void opp_meter_time(struct opp_meter *meter, size_t cell, int64_t duration_ns)
{
    size_t bucket = 0;

    while (bucket < OPP_HISTOGRAM_BOUNDS && duration_ns > BOUNDS[bucket].ns)
        bucket++;
    change(meter, cell + bucket, 1);
    change(meter, cell + SUM, duration_ns > 0 ? (uint64_t)duration_ns : 0);
}

static uint64_t sum_of(const struct opp_metrics *metrics, size_t cell)
{
    uint64_t sum = 0;

    for (const struct opp_meter *meter = metrics->meters; meter != NULL; meter = meter->next)
        if (cell < meter->count)
            sum += atomic_load_explicit(&meter->cells[cell], memory_order_relaxed);
    return sum;
}

void opp_metrics_head(struct opp_buf *out, enum opp_metric metric)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram" };

    opp_buf_format(out, "# HELP %s %s\n# TYPE %s %s\n", TABLE[metric].name, TABLE[metric].help, TABLE[metric].name,
                   kinds[TABLE[metric].kind]);
}

/* Two groups of labels, each of which may be NULL. */
static void add_labels(struct opp_buf *out, const char *some, const char *more)
{
    if (some == NULL && more == NULL)
        return;
    opp_buf_format(out, "{%s%s%s}", some != NULL ? some : "", some != NULL && more != NULL ? "," : "",
                   more != NULL ? more : "");
}

void opp_metrics_value(struct opp_buf *out, enum opp_metric metric, const char *labels, uint64_t value)
{
    opp_buf_text(out, TABLE[metric].name);
    add_labels(out, labels, NULL);
    opp_buf_format(out, " %" PRIu64 "\n", value);
}

static void write_numbers(const struct opp_metrics *metrics, const struct kept *kept, struct opp_buf *out)
{
    const struct opp_series *series = &kept->series;
    char label[128];

    for (size_t i = 0; i < series->count; i++) {
        uint64_t value = sum_of(metrics, kept->cell + i);

        if (value == 0 && series->sparse)
            continue;
        opp_buf_text(out, TABLE[series->metric].name);
        if (series->by != NULL)
            snprintf(label, sizeof label, "%s=\"%s\"", series->by, series->value(i));
        add_labels(out, kept->labels, series->by != NULL ? label : NULL);
        opp_buf_format(out, " %" PRIu64 "\n", value);
    }
}

static void write_bucket(struct opp_buf *out, const struct kept *kept, const char *bound, uint64_t count)
{
    char label[32];

    snprintf(label, sizeof label, "le=\"%s\"", bound);
    opp_buf_format(out, "%s_bucket", TABLE[kept->series.metric].name);
    add_labels(out, kept->labels, label);
    opp_buf_format(out, " %" PRIu64 "\n", count);
}

static void write_histogram(const struct opp_metrics *metrics, const struct kept *kept, struct opp_buf *out)
{
    const char *name = TABLE[kept->series.metric].name;
    uint64_t counts[OPP_HISTOGRAM_BOUNDS + 1], count = 0;

    for (size_t i = 0; i <= ABOVE; i++) {
        count += sum_of(metrics, kept->cell + i);
        counts[i] = count;
    }
    if (count == 0 && kept->series.sparse)
        return;
    for (size_t i = 0; i < OPP_HISTOGRAM_BOUNDS; i++)
        write_bucket(out, kept, BOUNDS[i].text, counts[i]);
    write_bucket(out, kept, "+Inf", count);
    opp_buf_format(out, "%s_sum", name);
    add_labels(out, kept->labels, NULL);
    opp_buf_format(out, " %.9f\n", (double)sum_of(metrics, kept->cell + SUM) / 1e9);
    opp_buf_format(out, "%s_count", name);
    add_labels(out, kept->labels, NULL);
    opp_buf_format(out, " %" PRIu64 "\n", count);
}

static void write_metric(const struct opp_metrics *metrics, enum opp_metric metric, struct opp_buf *out)
{
    bool begun = false;

    for (size_t i = 0; i < metrics->count; i++) {
        const struct kept *kept = &metrics->items[i];

        if (kept->series.metric != metric)
            continue;
        if (!begun)
            opp_metrics_head(out, metric);
        begun = true;
        if (TABLE[metric].kind == OPP_METRIC_HISTOGRAM)
            write_histogram(metrics, kept, out);
        else
            write_numbers(metrics, kept, out);
    }
}

/* The series of one metric stand together, whenever they were added. */
void opp_metrics_write(struct opp_metrics *metrics, struct opp_buf *out)
{
    pthread_mutex_lock(&metrics->lock);
    for (enum opp_metric metric = 0; metric < OPP_METRIC_COUNT; metric++)
        write_metric(metrics, metric, out);
    pthread_mutex_unlock(&metrics->lock);
}
