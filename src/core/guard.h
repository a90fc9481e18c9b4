/* SPDX-License-Identifier: MIT
 *
 * core/guard.h - who is calling, and may they call at all: the checks before any flow, in the contract's order.
 * May include: base, core.
 */
#ifndef OPP_CORE_GUARD_H
#define OPP_CORE_GUARD_H

#include "core/browser.h"
#include "core/call.h"

enum opp_role {
    OPP_ROLE_VIEWER = 1,
    OPP_ROLE_REVIEWER = 2,
    OPP_ROLE_OPERATOR = 4,
    OPP_ROLE_OWNER = 8
};

/* The role of a name; 0: none. */
unsigned opp_role_of(const char *name);

/* How a request shows who sends it; all lent, and NULL where it does not. */
struct opp_credentials {
    const char *authorization;
    const char *cookie;                     /* looked at where there is no authorization, and for people only */
    const char *csrf_token, *origin, *host; /* what has to come with a cookie where the request changes something */
    bool changes;
    bool secure; /* it came by TLS */
};

/* Fills in key and app from an Authorization header (may be NULL), or refuses. OPP_NEXT: admitted. */
enum opp_step opp_guard_agent(struct opp_call *call, const char *authorization);
/* Fills in admin, or refuses; roles as opp_guard_require. A browser's session is that of its token, as that is now. */
enum opp_step opp_guard_admin(struct opp_call *call, const struct opp_credentials *shown, unsigned roles);

/* Counts the call in its tool's bucket, once, if the tool has one and an agent calls; refuses when it is full, or gives
 * OPP_NEXT. */
struct opp_tool;
enum opp_step opp_guard_limit_tool(struct opp_call *call, const struct opp_tool *tool);

/* The token's fate alone, before a body is accepted: what the guard says of it in the end, but for what is put on
 * record. kind: the tokens that are wanted (base/token.h). OPP_OK, or the code to answer with; a stranger's failure is
 * counted, a request of a key is not. OPP_E_RATE_LIMITED: *limited tells by what. OPP_E_UNAVAILABLE: and when to ask
 * again. */
enum opp_code opp_guard_glance(const struct opp_worker *worker, const struct opp_credentials *shown, const char *kind,
                               const char *ip, struct opp_limited *limited);

/* guard_browser.c. Gives the session of a Cookie header; codes as opp_browser_find. */
enum opp_code opp_guard_cookie(const struct opp_worker *worker, const char *cookie, struct opp_browser_session *out);
/* Refuses a change that a session's own pages have not asked for, or gives OPP_NEXT. */
enum opp_step opp_guard_own_page(struct opp_call *call, const struct opp_credentials *shown);

/* Refuses a person who has none of these roles (viewer: any role will do), or gives OPP_NEXT. */
enum opp_step opp_guard_require(struct opp_call *call, unsigned roles);

/* Whether a person has any of these roles. */
bool opp_guard_has_role(const struct opp_admin_token *admin, unsigned roles);

/* Looks the caller up in the registry of now, after it has changed. OPP_E_TOKEN_INVALID: the caller is out. */
enum opp_code opp_guard_renew(struct opp_call *call);

/* A call that waits for others holds up nothing that is replaced meanwhile: it gives its generation up, and has the one
 * in force when it goes on. OPP_DONE: there is none, and it is refused. */
void opp_guard_let_go(struct opp_call *call);
enum opp_step opp_guard_go_on(struct opp_call *call);

/* Whether a person may see an object of this organisation (NULL: of none). */
bool opp_guard_sees_org(const struct opp_admin_token *admin, const char *org_id);

#endif
