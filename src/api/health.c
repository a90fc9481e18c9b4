/* SPDX-License-Identifier: MIT */
#include "api/api.h"

#include "api/endpoint.h"
#include "core/count.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/registry.h"
#include "http/request.h"
#include "http/server.h"
#include "store/store.h"

#include <stdlib.h>

/* The process answers. */
static void healthz(struct opp_request *request)
{
    opp_request_answer(request, json_pack("{s:s}", "status", "ok"));
}

struct probe {
    struct opp_request *request;
    struct opp_worker *worker;
    struct opp_store_op op;
};

static enum opp_code probe_store(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    (void)tx;
    (void)arg;
    (void)err;
    return OPP_OK;
}

static bool gate_open(struct opp_gateway *gateway)
{
    const struct opp_registry *registry = opp_registry_pin(gateway->registry);

    opp_registry_unpin(registry);
    return registry != NULL;
}

static bool policies_loaded(struct opp_gateway *gateway)
{
    struct opp_generation *generation = opp_generation_pin(gateway->policies);

    opp_generation_unpin(generation);
    return generation != NULL;
}

static void probed(void *arg)
{
    struct probe *probe = arg;
    struct opp_gateway *gateway = probe->worker->gateway;
    const char *reason = NULL;

    if (probe->op.rc != OPP_OK || !opp_store_healthy(gateway->store))
        reason = "the store is not writable";
    else if (!gate_open(gateway))
        reason = "the registry could not be loaded";
    else if (!policies_loaded(gateway))
        reason = "no policies are loaded";
    else if (opp_clock_behind(gateway->clock))
        reason = "the clock is behind the newest record";
    if (reason == NULL) {
        opp_request_answer(probe->request, json_pack("{s:s}", "status", "ready"));
    } else {
        opp_request_set(probe->request, "Retry-After", "1");
        opp_request_refuse(probe->request, OPP_E_UNAVAILABLE, NULL, json_pack("{s:s}", "reason", reason));
    }
    free(probe);
}

/* The writer takes part in the answer: one that is stuck is not ready. */
static void readyz(struct opp_request *request)
{
    struct probe *probe = calloc(1, sizeof *probe);

    if (probe == NULL) {
        opp_request_refuse(request, OPP_E_MEMORY, NULL, NULL);
        return;
    }
    probe->request = request;
    probe->worker = opp_request_worker(request);
    probe->op = (struct opp_store_op){ .run = probe_store, .done = probed, .arg = probe };
    opp_store_write(probe->worker->session, &probe->op);
}

enum opp_code opp_health_routes(struct opp_router *router, struct opp_err *err)
{
    static const struct opp_route routes[] = { { "GET", "/healthz", OPP_ROUTE_HIDDEN, healthz, NULL },
                                               { "GET", "/readyz", OPP_ROUTE_HIDDEN, readyz, NULL } };
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; rc == OPP_OK && i < sizeof routes / sizeof routes[0]; i++)
        rc = opp_router_add(router, &routes[i], err);
    return rc;
}

enum opp_code opp_metrics_route(struct opp_router *router, bool open, struct opp_err *err)
{
    static const struct opp_endpoint anybody = { "GET", "/metrics", OPP_CALLER_ANYBODY, 0, &OPP_FLOW_METRICS, false };
    static const struct opp_endpoint people = { "GET",           "/metrics",        OPP_CALLER_PERSON,
                                                OPP_ROLE_VIEWER, &OPP_FLOW_METRICS, false };

    return opp_endpoints_add(router, open ? &anybody : &people, 1, err);
}
