/* SPDX-License-Identifier: MIT */
#include "http/count.h"

#include "http/state.h"

#include <stdio.h>
#include <string.h>

_Static_assert((int)OPP_ENDED_HANDSHAKE == (int)OPP_PHASE_HANDSHAKE && (int)OPP_ENDED_STREAM == (int)OPP_PHASE_STREAM,
               "phases are counted by their number");

static const char *code_at(size_t index)
{
    return opp_code_name((enum opp_code)index);
}

static const char *reason_at(size_t index)
{
    static const char *const names[OPP_ENDED_COUNT] = { "handshake", "idle",   "header", "body",
                                                        "answer",    "stream", "address" };

    return names[index];
}

enum opp_code opp_request_cells_add(struct opp_metrics *metrics, const char *labels, size_t *requests, size_t *seconds,
                                    struct opp_err *err)
{
    struct opp_series counts = { OPP_M_REQUESTS, labels, "code", code_at, OPP_CODE_COUNT, true };
    struct opp_series times = { .metric = OPP_M_REQUEST_SECONDS, .labels = labels, .sparse = true };
    enum opp_code rc = opp_metrics_add(metrics, &counts, requests, err);

    return rc == OPP_OK ? opp_metrics_add(metrics, &times, seconds, err) : rc;
}

enum opp_code opp_http_cells_add(struct opp_metrics *metrics, const char *listener, struct opp_http_cells *cells,
                                 struct opp_err *err)
{
    char labels[64], other[96];
    const struct opp_series refusals = { OPP_M_REFUSALS, labels, "code", code_at, OPP_CODE_COUNT, true };
    const struct opp_series ended = { OPP_M_ENDED, labels, "reason", reason_at, OPP_ENDED_COUNT, false };
    const struct opp_series open = { .metric = OPP_M_CONNECTIONS, .labels = labels };
    const struct opp_series accepted = { .metric = OPP_M_ACCEPTED, .labels = labels };
    const struct opp_series streams = { .metric = OPP_M_STREAMS, .labels = labels };
    const struct {
        const struct opp_series *series;
        size_t *cell;
    } all[] = { { &refusals, &cells->refusals },
                { &ended, &cells->ended },
                { &open, &cells->connections },
                { &accepted, &cells->accepted },
                { &streams, &cells->streams } };
    enum opp_code rc = OPP_OK;

    snprintf(labels, sizeof labels, "listener=\"%s\"", listener);
    snprintf(other, sizeof other, "%s,method=\"other\",route=\"other\"", labels);
    for (size_t i = 0; rc == OPP_OK && i < sizeof all / sizeof all[0]; i++)
        rc = opp_metrics_add(metrics, all[i].series, all[i].cell, err);
    return rc == OPP_OK ? opp_request_cells_add(metrics, other, &cells->requests, &cells->seconds, err) : rc;
}

void opp_count_request(const struct opp_request *request, enum opp_code code, int64_t duration_ns)
{
    const struct opp_http_context *context = &request->http->context;
    const struct opp_http_cells *cells = opp_router_cells(context->router);
    size_t requests, seconds;

    if (cells == NULL || context->meter == NULL)
        return;
    requests = cells->requests;
    seconds = cells->seconds;
    if (request->route != NULL)
        opp_route_cells(request->route, &requests, &seconds);
    opp_meter_add(context->meter, requests + code, 1);
    opp_meter_time(context->meter, seconds, duration_ns);
}

void opp_count_refusal(const struct opp_http *http, enum opp_code code)
{
    const struct opp_http_cells *cells = opp_router_cells(http->context.router);

    if (cells != NULL)
        opp_meter_add(http->context.meter, cells->refusals + code, 1);
}

void opp_count_ended(const struct opp_http *http, enum opp_ended why)
{
    const struct opp_http_cells *cells = opp_router_cells(http->context.router);

    if (cells != NULL)
        opp_meter_add(http->context.meter, cells->ended + why, 1);
}

/* Numbers of what is open are those that the guard keeps. */
static void show_open(const struct opp_http *http, const struct opp_http_cells *cells)
{
    opp_meter_set(http->context.meter, cells->connections, http->guard.count);
    opp_meter_set(http->context.meter, cells->streams, http->guard.streams);
}

void opp_count_opened(const struct opp_http *http)
{
    const struct opp_http_cells *cells = opp_router_cells(http->context.router);

    if (cells == NULL)
        return;
    opp_meter_add(http->context.meter, cells->accepted, 1);
    show_open(http, cells);
}

void opp_count_open(const struct opp_http *http)
{
    const struct opp_http_cells *cells = opp_router_cells(http->context.router);

    if (cells != NULL)
        show_open(http, cells);
}
