/* SPDX-License-Identifier: MIT */
#include "api/api.h"

#include "adapter/tool.h"
#include "api/endpoint.h"
#include "core/action.h"
#include "core/draft.h"
#include "core/gateway.h"
#include "core/manifest.h"
#include "core/preflight.h"
#include "core/read.h"

#include <stdio.h>
#include <stdlib.h>

#define BASE "/api/agent/v1"
#define AUDIT_ACTION_MAX 128

static const struct opp_endpoint ENDPOINTS[] = {
    { "GET", BASE "/manifest", OPP_CALLER_AGENT, 0, &OPP_FLOW_MANIFEST, NULL },
    { "POST", BASE "/preflight", OPP_CALLER_AGENT, 0, &OPP_FLOW_PREFLIGHT, NULL },
    { "POST", BASE "/actions", OPP_CALLER_AGENT, 0, &OPP_FLOW_ACTION, NULL },
    { "GET", BASE "/drafts", OPP_CALLER_AGENT, 0, &OPP_FLOW_DRAFT_LIST, NULL },
    { "GET", BASE "/drafts/{id}", OPP_CALLER_AGENT, 0, &OPP_FLOW_DRAFT_GET, NULL },
    { "POST", BASE "/drafts/{id}/cancel", OPP_CALLER_AGENT, 0, &OPP_FLOW_DRAFT_CANCEL, NULL },
};

/* One read tool's endpoint and what it refers to. */
struct read_endpoint {
    struct opp_endpoint endpoint;
    struct opp_read_route route;
    char audit_action[AUDIT_ACTION_MAX];
};

struct opp_api {
    struct read_endpoint *reads;
    size_t read_count;
};

static void fill(struct read_endpoint *read, const struct opp_tool *tool)
{
    snprintf(read->audit_action, sizeof read->audit_action, "agent.%s", tool->name);
    read->route = (struct opp_read_route){ tool, read->audit_action };
    read->endpoint =
        (struct opp_endpoint){ tool->method, tool->path, OPP_CALLER_AGENT, 0, &OPP_FLOW_READ, &read->route };
}

static enum opp_code add_reads(struct opp_api *api, const struct opp_adapters *adapters, struct opp_router *router,
                               struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    api->reads = calloc(opp_tool_count(adapters) + 1, sizeof *api->reads);
    if (api->reads == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the routes");
    for (size_t i = 0; rc == OPP_OK && i < opp_tool_count(adapters); i++) {
        const struct opp_tool *tool = opp_tool_at(adapters, i);
        struct read_endpoint *read = &api->reads[api->read_count];

        if (tool->is_action)
            continue;
        fill(read, tool);
        api->read_count++;
        rc = opp_endpoints_add(router, &read->endpoint, 1, err);
    }
    return rc;
}

enum opp_code opp_api_new(struct opp_gateway *gateway, struct opp_router *router, struct opp_api **out,
                          struct opp_err *err)
{
    struct opp_api *api = calloc(1, sizeof *api);
    enum opp_code rc;

    if (api == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the routes");
    rc = opp_endpoints_add(router, ENDPOINTS, sizeof ENDPOINTS / sizeof ENDPOINTS[0], err);
    if (rc == OPP_OK)
        rc = add_reads(api, gateway->adapters, router, err);
    if (rc == OPP_OK)
        *out = api;
    else
        opp_api_free(api);
    return rc;
}

void opp_api_free(struct opp_api *api)
{
    if (api == NULL)
        return;
    free(api->reads);
    free(api);
}
