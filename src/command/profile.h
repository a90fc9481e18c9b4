/* SPDX-License-Identifier: MIT
 *
 * command/profile.h - whether a policy profile is there and says nothing that would be ignored.
 * May include: base.
 */
#ifndef OPP_COMMAND_PROFILE_H
#define OPP_COMMAND_PROFILE_H

#include "base/error.h"

/* OPP_E_CONFIG: there is no directory of this name below dir, it has no profile.lua, or it has rules or builds on
 * another profile, which this version cannot judge by. */
enum opp_code opp_profile_check(const char *dir, const char *name, struct opp_err *err);

#endif
