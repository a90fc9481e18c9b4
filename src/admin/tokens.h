/* SPDX-License-Identifier: MIT
 *
 * admin/tokens.h - people's tokens: made, listed, revoked; and who is asking.
 * May include: base.
 */
#ifndef OPP_ADMIN_TOKENS_H
#define OPP_ADMIN_TOKENS_H

struct opp_flow;

extern const struct opp_flow OPP_FLOW_TOKEN_CREATE, OPP_FLOW_TOKEN_LIST, OPP_FLOW_TOKEN_REVOKE, OPP_FLOW_WHOAMI;

#endif
