/* SPDX-License-Identifier: MIT
 *
 * adapter/tool.h - what a tool declares about itself, read once from its Lua table; immutable and shared by threads.
 * May include: base, adapter.
 */
#ifndef OPP_ADAPTER_TOOL_H
#define OPP_ADAPTER_TOOL_H

#include "base/error.h"
#include "base/schema.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPP_READ_PREFIX "/api/agent/v1" /* of the paths of read tools */

struct opp_adapters;

enum opp_risk {
    OPP_RISK_LOW,
    OPP_RISK_MEDIUM,
    OPP_RISK_HIGH
};
const char *opp_risk_name(enum opp_risk risk);

/* How a read tool's rows are checked: names of columns, NULL where a row has none. */
struct opp_row_resource {
    const char *kind, *id, *org_id, *user_id;
    json_t *parents; /* kind → column, or NULL */
};

struct opp_tool {
    const char *name, *description, *adapter;
    const char *audit_action; /* "agent.<name>" */
    bool is_action;
    enum opp_risk risk;
    bool confirm;              /* requiresConfirmation */
    bool exports;              /* impact.rows is held to max_export_rows */
    bool has_state;            /* there is a witness to bind */
    json_t *scopes;            /* array of strings */
    json_t *shown;             /* what rules see of it: {name, kind, risk, scopes} */
    const char *method, *path; /* a read tool's route, whole */
    json_t *input, *output;    /* JSON Schemas; output may be NULL */
    json_t *facts;             /* JSON Schema of resources, state and impact, or NULL */
    const struct opp_schema *input_schema;
    json_t *aliases;   /* other name → name, or NULL */
    json_t *sensitive; /* field → what is shown instead, or NULL */
    json_t *witness;   /* names of state's fields that are bound; NULL: all */
    const char *rate_bucket;
    int64_t rate_per_minute;           /* 0: the gateway's own limit only */
    const char *range_from, *range_to; /* payload fields held to max_days, or NULL */
    struct opp_row_resource rows;      /* kind NULL: no list of rows */
    const char *const *hidden;         /* columns of rows that output does not name, NULL-terminated */
    size_t adapter_index, tool_index;  /* where its functions are */
};

/* All tools, sorted by name. */
size_t opp_tool_count(const struct opp_adapters *adapters);
const struct opp_tool *opp_tool_at(const struct opp_adapters *adapters, size_t index);
const struct opp_tool *opp_tool_find(const struct opp_adapters *adapters, const char *name); /* NULL: unknown */
/* Lends the read tool that answers on this path; NULL: there is none. */
const struct opp_tool *opp_tool_find_read(const struct opp_adapters *adapters, const char *path);

/* Gives payload with aliases replaced by the fields they stand for. OPP_E_VALIDATION: an alias and its field are both
 * there and differ; err->where is the pointer. OPP_E_MEMORY. */
enum opp_code opp_tool_normalise(const struct opp_tool *tool, const json_t *payload, json_t **out, struct opp_err *err);

#endif
