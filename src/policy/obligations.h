/* SPDX-License-Identifier: MIT
 *
 * policy/obligations.h - the tables that answers take: approvals, expires_in, require, redact, max_rows, limit…
 * May include: base, script, policy.
 */
#ifndef OPP_POLICY_OBLIGATIONS_H
#define OPP_POLICY_OBLIGATIONS_H

#include "policy/answer.h"

#define OPP_POLICY_LIST_MAX 64 /* elements of redact, of a limit's tools */
#define OPP_POLICY_SECONDS_MAX ((int64_t)366 * 86400)

/* Reads the obligations at index (nil: none) into the answer on top. Anything unknown or out of its bounds is an error
 * that names it. May jump. */
void lj_obligations_read(struct lua_State *L, int index, struct opp_answer *answer);
/* The same of what deny takes: a tag. May jump. */
void lj_deny_options_read(struct lua_State *L, int index);

#endif
