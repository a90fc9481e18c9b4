/* SPDX-License-Identifier: MIT
 *
 * core/shape.h - how records are shown on the wire (contract sections 3 to 6).
 * May include: adapter, store, base, core.
 */
#ifndef OPP_CORE_SHAPE_H
#define OPP_CORE_SHAPE_H

#include "base/buf.h"
#include "core/registry.h"
#include "store/records.h"

#include <jansson.h>

struct opp_gateway;
struct opp_tool;

/* All give a new value, NULL when memory is out. */
json_t *opp_shape_time(int64_t ms); /* null for 0 */
void opp_shape_member_time(struct opp_buf *out, const char *name,
                           int64_t ms); /* the same, as a member of canonical JSON */
json_t *opp_shape_app(const struct opp_app *app);
json_t *opp_shape_key(const struct opp_key *key);
json_t *opp_shape_admin_token(const struct opp_admin_token *token);

/* As the agent whose app it is may see it: appended as canonical JSON, or as a new value. Of a damaged one (see
 * store/records.h) what can be read, and damaged: true; that one is never appended. */
void opp_shape_write_draft(struct opp_buf *out, const struct opp_draft *draft);
json_t *opp_shape_draft(const struct opp_draft *draft);
/* execution NULL gives null. The result is redacted as the app's policy of today, the draft's rules and the tool (NULL
 * if it is gone) want it. */
json_t *opp_shape_execution(const struct opp_execution *execution, const struct opp_draft *draft,
                            const struct opp_app_entry *app, const struct opp_tool *tool);

/* As people see them. */
json_t *opp_shape_admin_draft(const struct opp_draft *draft);
json_t *opp_shape_admin_draft_item(const struct opp_draft *draft, const struct opp_execution *execution);
json_t *opp_shape_admin_execution(const struct opp_execution *execution);

/* How many different people have approved the draft as it is sealed now. */
int64_t opp_approvals_given(const struct opp_draft *draft);
json_t *opp_shape_approvals(const struct opp_draft *draft); /* {required, given} */

#endif
