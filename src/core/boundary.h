/* SPDX-License-Identifier: MIT
 *
 * core/boundary.h - whether an app may touch a resource: its tenant and its data policy (contract section 3).
 * May include: adapter, base, core.
 */
#ifndef OPP_CORE_BOUNDARY_H
#define OPP_CORE_BOUNDARY_H

#include "base/error.h"
#include "core/registry.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct opp_rows;
struct opp_tool;

/* Every resource of an array of {kind, id, org_id, user_id, parents} is inside. What is no array is not. */
bool opp_boundary_admits(const struct opp_app_entry *app, const json_t *resources);

/* Each of count rows from first on, of a list that a tool returned, is inside. */
bool opp_boundary_admits_rows(const struct opp_app_entry *app, const struct opp_tool *tool, const struct opp_rows *rows,
                              size_t first, size_t count);

/* Gives what a tool may select by: {org_id, user_id, allowed: {kind: [ids]}, allowed_org_ids}, which shares nothing
 * with the app. NULL: no memory. */
json_t *opp_boundary_view(const struct opp_app_entry *app);

/* Holds a tool's date range to so many days (0: no bound): fills in ends that payload leaves out, relative to now.
 * OPP_E_POLICY_DENIED: the range is longer. OPP_E_MEMORY. Ends that are no dates are left to the tool. */
enum opp_code opp_boundary_range(int64_t max_days, const struct opp_tool *tool, json_t *payload, int64_t now_ms);
/* The days, begun ones included, that a payload asks for with both ends; 0: it leaves one open, or the tool has no
 * range. opp_boundary_range denies it with fewer days as max_days. */
int64_t opp_boundary_days(const struct opp_tool *tool, const json_t *payload);

#endif
