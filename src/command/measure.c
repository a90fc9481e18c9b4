/* SPDX-License-Identifier: MIT */
#include "command/process.h"
#include "http/tls.h"

#include <stdio.h>
#include <time.h>

static enum opp_code add_listener(struct opp_process *process, size_t index, struct opp_err *err)
{
    struct opp_listener *listener = &process->listeners[index];
    const char *name = index == 0 ? "main" : "admin";
    char labels[32];
    const struct opp_series ends = { .metric = OPP_M_CERTIFICATE, .labels = labels };
    enum opp_code rc = opp_router_count(listener->router, process->gateway.metrics, name, err);

    snprintf(labels, sizeof labels, "listener=\"%s\"", name);
    if (rc == OPP_OK && listener->tls != NULL)
        rc = opp_metrics_add(process->gateway.metrics, &ends, &process->certificate_ends[index], err);
    return rc;
}

enum opp_code opp_process_measure(struct opp_process *process, struct opp_err *err)
{
    static const struct opp_series build = { .metric = OPP_M_BUILD, .labels = "version=\"" OPP_VERSION "\"" };
    static const struct opp_series start = { .metric = OPP_M_START };
    struct opp_metrics *metrics = process->gateway.metrics;
    size_t build_cell = 0, start_cell = 0;
    enum opp_code rc = opp_metrics_add(metrics, &build, &build_cell, err);

    if (rc == OPP_OK)
        rc = opp_metrics_add(metrics, &start, &start_cell, err);
    for (size_t i = 0; rc == OPP_OK && i < process->listener_count; i++)
        rc = add_listener(process, i, err);
    if (rc != OPP_OK)
        return rc;
    process->meter = opp_meter_new(metrics);
    if (process->meter == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for metrics");
    opp_meter_set(process->meter, build_cell, 1);
    opp_meter_set(process->meter, start_cell, (uint64_t)time(NULL));
    opp_process_show_certificates(process);
    return OPP_OK;
}

void opp_process_show_certificates(struct opp_process *process)
{
    for (size_t i = 0; i < process->listener_count; i++)
        if (process->listeners[i].tls != NULL)
            opp_meter_set(process->meter, process->certificate_ends[i],
                          (uint64_t)opp_tls_ends_s(process->listeners[i].tls));
}
