/* SPDX-License-Identifier: MIT
 *
 * core/recent.h - how often something was executed lately: for a rule's reasons, and exactly for its limits.
 * May include: policy, store, base, core.
 */
#ifndef OPP_CORE_RECENT_H
#define OPP_CORE_RECENT_H

#include <stdint.h>

/* request.recent: executions of the call's app in the last so many seconds, of tools that match a glob (NULL: all);
 * failed ones do not count. arg is the call. -1: the store could not say. */
int64_t opp_recent_count(void *arg, const char *tool, int64_t seconds);

/* The same as it was at a time in the past, as far as is known now, of an app; by a session that reads at once. */
struct opp_session;
int64_t opp_recent_as_of(struct opp_session *session, const char *app_id, int64_t at_ms, const char *tool,
                         int64_t seconds);

#endif
