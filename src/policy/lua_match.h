/* SPDX-License-Identifier: MIT
 *
 * policy/lua_match.h - glob(pattern, s) and ip_in(ip, cidr), as scripts call them; request.recent{}.
 * May include: base, script, policy.
 */
#ifndef OPP_POLICY_LUA_MATCH_H
#define OPP_POLICY_LUA_MATCH_H

#include "script/sandbox.h"

extern const struct opp_script_function opp_match_functions[];
/* What a request that can count executions has besides its fields. */
extern const struct opp_script_function opp_request_methods[];

#endif
