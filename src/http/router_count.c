/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "http/router_internal.h"

const struct opp_http_cells *opp_router_cells(const struct opp_router *router)
{
    return router->counts ? &router->cells : NULL;
}

void opp_route_cells(const struct opp_route *route, size_t *requests, size_t *seconds)
{
    const struct counted_route *counted = (const struct counted_route *)route;

    *requests = counted->requests;
    *seconds = counted->seconds;
}

/* more: what stands for the rest of the path, where it is open. */
static enum opp_code count_route(struct counted_route *counted, const char *more, struct opp_metrics *metrics,
                                 const char *listener, struct opp_err *err)
{
    struct opp_buf labels = { 0 };
    enum opp_code rc;

    opp_buf_format(&labels, "listener=\"%s\",method=\"%s\",route=\"%s%s\"", listener, counted->route.method,
                   counted->route.path, more);
    opp_buf_char(&labels, '\0');
    rc = opp_buf_check(&labels, err);
    if (rc == OPP_OK)
        rc = opp_request_cells_add(metrics, labels.bytes, &counted->requests, &counted->seconds, err);
    opp_buf_free(&labels);
    return rc;
}

static enum opp_code count_node(struct node *node, struct opp_metrics *metrics, const char *listener,
                                struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; rc == OPP_OK && i < OPP_METHOD_HEAD; i++)
        if (node->routes[i].route.handle != NULL && (node->routes[i].route.flags & OPP_ROUTE_HIDDEN) == 0)
            rc = count_route(&node->routes[i], "", metrics, listener, err);
    for (size_t i = 0; rc == OPP_OK && i < node->count; i++)
        rc = count_node(node->children[i], metrics, listener, err);
    return rc == OPP_OK && node->param != NULL ? count_node(node->param, metrics, listener, err) : rc;
}

enum opp_code opp_router_count(struct opp_router *router, struct opp_metrics *metrics, const char *listener,
                               struct opp_err *err)
{
    enum opp_code rc = opp_http_cells_add(metrics, listener, &router->cells, err);

    router->counts = rc == OPP_OK;
    if (rc == OPP_OK && router->open.route.handle != NULL)
        rc = count_route(&router->open, "{read}", metrics, listener, err);
    return rc == OPP_OK ? count_node(&router->root, metrics, listener, err) : rc;
}
