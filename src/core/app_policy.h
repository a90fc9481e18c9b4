/* SPDX-License-Identifier: MIT
 *
 * core/app_policy.h - an app's own settings, checked and ready to be asked: policy (contract section 3) and windows.
 * May include: base, core.
 */
#ifndef OPP_CORE_APP_POLICY_H
#define OPP_CORE_APP_POLICY_H

#include "base/error.h"
#include "base/net.h"
#include "core/settings.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opp_app_policy {
    struct opp_cidr *allowed_ips; /* NULL: any address */
    size_t allowed_ip_count;
    json_t *data;     /* lent by the document: allowed_<kind>_ids and allowed_org_ids are asked by name */
    int64_t max_days; /* 0: no bound */
    bool allow_sensitive_fields;
};

/* Makes *out, which lends from document. OPP_E_VALIDATION: it is no policy, as a damaged record may hold (what
 * OPP_SCHEMA_APP_POLICY has checked is one), or an address or block cannot be read; err->where is its JSON pointer.
 * OPP_E_MEMORY. */
enum opp_code opp_app_policy_read(const json_t *document, struct opp_app_policy *out, struct opp_err *err);
void opp_app_policy_clear(struct opp_app_policy *policy);

bool opp_app_policy_admits(const struct opp_app_policy *policy, const char *address);

/* One section of auto_execute: when an app's actions may run without a person. */
struct opp_window {
    bool enabled;
    int64_t expires_at;            /* 0: none */
    const json_t *allowed_actions; /* lent; NULL: all */
    bool require_preflight, require_idempotency;
    int64_t max_export_rows;
};

struct opp_auto_execute {
    struct opp_window writes, high_risk;
};

/* Reads a stored document (what opp_auto_execute_merge gave); *out lends from it. */
void opp_auto_execute_read(const json_t *document, struct opp_auto_execute *out);

/* Gives the document after a change whose shape was checked by OPP_SCHEMA_AUTO_EXECUTE: a section in the change (NULL:
 * none) replaces that section whole, one not in it stays. current NULL: the defaults (off). OPP_E_VALIDATION: an end
 * that is no time, or beyond the longest window; err->where is its pointer. OPP_E_MEMORY. */
enum opp_code opp_auto_execute_merge(const json_t *current, const json_t *change, const struct opp_settings *settings,
                                     int64_t now_ms, json_t **out, struct opp_err *err);

#endif
