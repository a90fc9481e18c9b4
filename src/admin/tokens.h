/* SPDX-License-Identifier: MIT
 *
 * admin/tokens.h - people's tokens: made, listed, revoked; and who is asking.
 * May include: base.
 */
#ifndef OPP_ADMIN_TOKENS_H
#define OPP_ADMIN_TOKENS_H

#include <stdbool.h>

struct opp_admin_token;
struct opp_flow;

/* Whether whoever has one token reaches all that the other does: nobody gives, sees or ends more. */
bool opp_token_within_reach(const struct opp_admin_token *giver, const struct opp_admin_token *made);

extern const struct opp_flow OPP_FLOW_TOKEN_CREATE, OPP_FLOW_TOKEN_LIST, OPP_FLOW_TOKEN_REVOKE, OPP_FLOW_WHOAMI;

#endif
