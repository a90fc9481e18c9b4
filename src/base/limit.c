/* SPDX-License-Identifier: MIT */
#include "base/limit.h"

#include <stdio.h>

void opp_limit_format(const struct opp_limit *limit, char policy[OPP_LIMIT_TEXT_MAX], char now[OPP_LIMIT_TEXT_MAX])
{
    char window[32] = "";

    if (limit->window_s > 0)
        snprintf(window, sizeof window, ";w=%lld", (long long)limit->window_s);
    snprintf(policy, OPP_LIMIT_TEXT_MAX, "\"%s\";q=%lld%s", limit->name, (long long)limit->quota, window);
    snprintf(now, OPP_LIMIT_TEXT_MAX, "\"%s\";r=%lld;t=%lld", limit->name, (long long)limit->remaining,
             (long long)limit->reset_s);
}
