/* SPDX-License-Identifier: MIT
 *
 * core/settings.h - the protocol's numbers that an operator may choose, with their defaults in one place.
 * May include: base.
 */
#ifndef OPP_CORE_SETTINGS_H
#define OPP_CORE_SETTINGS_H

#include <stdint.h>

struct opp_settings {
    int64_t rate_per_minute;          /* requests a key and address may make; the burst is as many */
    int64_t auth_failures_per_minute; /* by address */
    int64_t pending_drafts_max;       /* by app */
    int64_t draft_lifetime_ms;
    int64_t preflight_lifetime_ms;
    int64_t idempotency_lifetime_ms; /* after the draft is final */
    int64_t session_idle_ms;         /* a browser's session without use */
    int64_t session_lifetime_ms;     /* at all */
    int64_t window_default_ms;       /* an app window that names no end */
    int64_t window_max_ms;           /* 0: none */
    int64_t unknown_retry_ms;        /* how often receipts of unknown executions are asked for again */
};

#define OPP_SETTINGS_DEFAULT                                              \
    ((struct opp_settings){ .rate_per_minute = 240,                       \
                            .auth_failures_per_minute = 30,               \
                            .pending_drafts_max = 1000,                   \
                            .draft_lifetime_ms = 7 * INT64_C(86400000),   \
                            .preflight_lifetime_ms = 10 * INT64_C(60000), \
                            .idempotency_lifetime_ms = INT64_C(86400000), \
                            .session_idle_ms = 15 * INT64_C(60000),       \
                            .session_lifetime_ms = 8 * INT64_C(3600000),  \
                            .window_default_ms = 60 * INT64_C(60000),     \
                            .window_max_ms = 0,                           \
                            .unknown_retry_ms = 30 * INT64_C(1000) })

#endif
