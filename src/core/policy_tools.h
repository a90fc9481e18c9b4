/* SPDX-License-Identifier: MIT
 *
 * core/policy_tools.h - what the rules may know of the adapters' tools.
 * May include: policy, adapter, base.
 */
#ifndef OPP_CORE_POLICY_TOOLS_H
#define OPP_CORE_POLICY_TOOLS_H

#include "base/error.h"
#include "policy/facts.h"

struct opp_adapters;

/* Gives a list of all tools; its entries lend from the adapters. OPP_E_MEMORY. */
enum opp_code opp_policy_tools_list(const struct opp_adapters *adapters, struct opp_policy_tools *out,
                                    struct opp_err *err);
void opp_policy_tools_free(struct opp_policy_tools *tools);

#endif
