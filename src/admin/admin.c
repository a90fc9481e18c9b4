/* SPDX-License-Identifier: MIT */
#include "admin/admin.h"

#include "admin/apps.h"
#include "admin/browsers.h"
#include "admin/decisions.h"
#include "admin/drafts.h"
#include "admin/events.h"
#include "admin/freeze.h"
#include "admin/policies.h"
#include "admin/tokens.h"
#include "admin/tools.h"
#include "admin/trail.h"
#include "api/endpoint.h"
#include "core/decide.h"
#include "core/resolve.h"

#define BASE "/api/agent-admin/v1"
#define ANY OPP_CALLER_PERSON, OPP_ROLE_VIEWER
#define OPERATOR OPP_CALLER_PERSON, OPP_ROLE_OPERATOR
#define OWNER OPP_CALLER_PERSON, OPP_ROLE_OWNER

/* Approving and rejecting ask for the reviewer's role themselves, after the draft was found pending. */
static const struct opp_endpoint ENDPOINTS[] = {
    { "GET", BASE "/apps", ANY, &OPP_FLOW_APP_LIST, NULL },
    { "POST", BASE "/apps", OPERATOR, &OPP_FLOW_APP_CREATE, NULL },
    { "GET", BASE "/apps/{id}", ANY, &OPP_FLOW_APP_GET, NULL },
    { "PATCH", BASE "/apps/{id}", OPERATOR, &OPP_FLOW_APP_PATCH, NULL },
    { "DELETE", BASE "/apps/{id}", OPERATOR, &OPP_FLOW_APP_DELETE, NULL },
    { "POST", BASE "/apps/{id}/revoke", OPERATOR, &OPP_FLOW_APP_REVOKE, NULL },
    { "POST", BASE "/apps/{id}/restore", OPERATOR, &OPP_FLOW_APP_RESTORE, NULL },
    { "PATCH", BASE "/apps/{id}/policy", OPERATOR, &OPP_FLOW_APP_POLICY, NULL },
    { "PATCH", BASE "/apps/{id}/auto-execute", OPERATOR, &OPP_FLOW_APP_AUTO_EXECUTE, NULL },
    { "POST", BASE "/apps/{id}/keys", OPERATOR, &OPP_FLOW_KEY_CREATE, NULL },
    { "GET", BASE "/apps/{id}/tools", ANY, &OPP_FLOW_APP_TOOLS, NULL },
    { "POST", BASE "/keys/{id}/revoke", OPERATOR, &OPP_FLOW_KEY_REVOKE, NULL },
    { "POST", BASE "/keys/{id}/rotate", OPERATOR, &OPP_FLOW_KEY_ROTATE, NULL },
    { "GET", BASE "/tools", ANY, &OPP_FLOW_TOOL_LIST, NULL },
    { "GET", BASE "/tools/{name}", ANY, &OPP_FLOW_TOOL_GET, NULL },
    { "GET", BASE "/drafts", ANY, &OPP_FLOW_ADMIN_DRAFT_LIST, NULL },
    { "GET", BASE "/drafts/{id}", ANY, &OPP_FLOW_ADMIN_DRAFT_GET, NULL },
    { "GET", BASE "/drafts/{id}/evidence", ANY, &OPP_FLOW_ADMIN_DRAFT_EVIDENCE, NULL },
    { "POST", BASE "/drafts/{id}/approve", ANY, &OPP_FLOW_APPROVE, NULL },
    { "POST", BASE "/drafts/{id}/reject", ANY, &OPP_FLOW_REJECT, NULL },
    { "POST", BASE "/drafts/{id}/resolve", OPERATOR, &OPP_FLOW_RESOLVE, NULL },
    { "GET", BASE "/audit", ANY, &OPP_FLOW_AUDIT_LIST, NULL },
    { "GET", BASE "/audit/verify", ANY, &OPP_FLOW_AUDIT_VERIFY, NULL },
    { "GET", BASE "/audit/checkpoints", ANY, &OPP_FLOW_AUDIT_CHECKPOINTS, NULL },
    { "GET", BASE "/audit/key", ANY, &OPP_FLOW_AUDIT_KEY, NULL },
    { "GET", BASE "/events", ANY, &OPP_FLOW_EVENTS, NULL },
    { "POST", BASE "/session", ANY, &OPP_FLOW_BROWSER_BEGIN, false },
    { "GET", BASE "/session", ANY, &OPP_FLOW_BROWSER_LIST, false },
    { "DELETE", BASE "/session", ANY, &OPP_FLOW_BROWSER_END, false },
    { "DELETE", BASE "/session/{id}", ANY, &OPP_FLOW_BROWSER_END, false },
    { "GET", BASE "/tokens", OWNER, &OPP_FLOW_TOKEN_LIST, NULL },
    { "POST", BASE "/tokens", OWNER, &OPP_FLOW_TOKEN_CREATE, NULL },
    { "POST", BASE "/tokens/{id}/revoke", OWNER, &OPP_FLOW_TOKEN_REVOKE, NULL },
    { "GET", BASE "/policies", ANY, &OPP_FLOW_POLICY_GET, NULL },
    { "POST", BASE "/policies/reload", OPERATOR, &OPP_FLOW_POLICY_RELOAD, NULL },
    { "GET", BASE "/policies/decisions", ANY, &OPP_FLOW_DECISION_LIST, NULL },
    { "GET", BASE "/policies/stage/report", ANY, &OPP_FLOW_STAGE_REPORT, NULL },
    { "POST", BASE "/policies/stage", OPERATOR, &OPP_FLOW_POLICY_STAGE, NULL },
    { "DELETE", BASE "/policies/stage", OPERATOR, &OPP_FLOW_POLICY_DISCARD, NULL },
    { "POST", BASE "/policies/promote", OPERATOR, &OPP_FLOW_POLICY_PROMOTE, NULL },
    { "POST", BASE "/policies/rollback", OPERATOR, &OPP_FLOW_POLICY_ROLLBACK, NULL },
    { "POST", BASE "/policies/replay", OPERATOR, &OPP_FLOW_REPLAY, NULL },
    { "POST", BASE "/policies/evaluate", ANY, &OPP_FLOW_EVALUATE, NULL },
    { "GET", BASE "/policies/jobs", ANY, &OPP_FLOW_JOB_LIST, NULL },
    { "GET", BASE "/policies/jobs/{id}", ANY, &OPP_FLOW_JOB_GET, NULL },
    { "DELETE", BASE "/policies/jobs/{id}", OPERATOR, &OPP_FLOW_JOB_CANCEL, NULL },
    { "GET", BASE "/freeze", ANY, &OPP_FLOW_FREEZE_LIST, NULL },
    { "POST", BASE "/freeze", OPERATOR, &OPP_FLOW_FREEZE_CREATE, NULL },
    { "DELETE", BASE "/freeze/{id}", OPERATOR, &OPP_FLOW_FREEZE_LIFT, NULL },
    { "GET", BASE "/whoami", ANY, &OPP_FLOW_WHOAMI, NULL },
};

enum opp_code opp_admin_routes(struct opp_router *router, struct opp_err *err)
{
    return opp_endpoints_add(router, ENDPOINTS, sizeof ENDPOINTS / sizeof ENDPOINTS[0], err);
}
