/* SPDX-License-Identifier: MIT
 *
 * policy/profile.h - what a profile.lua says: {description, extends, settings}.
 * May include: base, script, policy.
 */
#ifndef OPP_POLICY_PROFILE_H
#define OPP_POLICY_PROFILE_H

#include "base/error.h"

#define OPP_POLICY_PROFILE_MAX 64 /* bytes of the longest profile name */

struct opp_policy_lua;
struct opp_policy_sources;

struct opp_policy_profile {
    char description[256];
    char extends[OPP_POLICY_PROFILE_MAX + 1]; /* "" for none */
};

/* Runs <profile>/profile.lua of the sources in a state of its own. OPP_E_CONFIG: it is wrong, err->where is file:line
 * where known. OPP_E_MEMORY. */
enum opp_code opp_policy_profile_read(const struct opp_policy_sources *sources, const char *profile,
                                      struct opp_policy_profile *out, struct opp_err *err);

#endif
