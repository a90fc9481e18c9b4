/* SPDX-License-Identifier: MIT */
#include "api/api.h"

#include "adapter/tool.h"
#include "api/endpoint.h"
#include "core/action.h"
#include "core/draft.h"
#include "core/manifest.h"
#include "core/preflight.h"
#include "core/read.h"

#define BASE "/api/agent/v1"

static const struct opp_endpoint ENDPOINTS[] = {
    { "GET", BASE "/manifest", OPP_CALLER_AGENT, 0, &OPP_FLOW_MANIFEST, false },
    { "POST", BASE "/preflight", OPP_CALLER_AGENT, 0, &OPP_FLOW_PREFLIGHT, false },
    { "POST", BASE "/actions", OPP_CALLER_AGENT, 0, &OPP_FLOW_ACTION, false },
    { "GET", BASE "/drafts", OPP_CALLER_AGENT, 0, &OPP_FLOW_DRAFT_LIST, false },
    { "GET", BASE "/drafts/{id}", OPP_CALLER_AGENT, 0, &OPP_FLOW_DRAFT_GET, false },
    { "POST", BASE "/drafts/{id}/cancel", OPP_CALLER_AGENT, 0, &OPP_FLOW_DRAFT_CANCEL, false },
};

/* Every read tool's, on the paths that are in force. */
static const struct opp_endpoint READS = {
    .method = "GET", .path = BASE "/", .caller = OPP_CALLER_AGENT, .flow = &OPP_FLOW_READ, .reads = true
};

enum opp_code opp_api_routes(struct opp_router *router, struct opp_err *err)
{
    enum opp_code rc = opp_endpoints_add(router, ENDPOINTS, sizeof ENDPOINTS / sizeof ENDPOINTS[0], err);

    return rc == OPP_OK ? opp_endpoint_add_reads(router, &READS, err) : rc;
}
