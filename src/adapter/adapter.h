/* SPDX-License-Identifier: MIT
 *
 * adapter/adapter.h - loading the adapters, and asking a tool: what would a call touch, change and do.
 * May include: script, store, base, adapter.
 */
#ifndef OPP_ADAPTER_ADAPTER_H
#define OPP_ADAPTER_ADAPTER_H

#include "adapter/tool.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/rows.h"

struct opp_adapter_session;
struct opp_adapter_sources;
struct opp_adapters;
struct opp_databases;
struct opp_effect;
struct opp_upstream_client;
struct opp_upstreams;

/* Runs and checks all adapters of the sources, to which it keeps a reference. *issues (NULL: not wanted) gets a
 * {file, line, message} appended for each adapter that is wrong. OPP_E_CONFIG: something is wrong with one; err->where
 * is file:line where known. OPP_E_MEMORY. */
enum opp_code opp_adapters_new(struct opp_adapter_sources *sources, struct opp_log *log, struct opp_adapters **out,
                               json_t *issues, struct opp_err *err);
/* Finds the upstreams that they declare among those that are configured (NULL: none), lent until the adapters are
 * freed. OPP_E_CONFIG: one is not; issues as opp_adapters_new. */
enum opp_code opp_adapters_bind(struct opp_adapters *adapters, const struct opp_upstreams *upstreams, json_t *issues,
                                struct opp_err *err);
/* Brings the databases that they declare up to date and takes them from the set, which opens those that are new to it:
 * all or nothing, but for a disk that fails. behind: what was in force comes back, and may know less than has been done
 * to the databases since. Once, and not from a loop. Codes and issues as opp_adapters_new, and OPP_E_IO,
 * OPP_E_UNAVAILABLE. */
enum opp_code opp_adapters_connect(struct opp_adapters *adapters, struct opp_databases *databases, bool behind,
                                   json_t *issues, struct opp_err *err);
/* No session of theirs is open, and no call lends from them. */
void opp_adapters_free(struct opp_adapters *adapters);
struct opp_adapter_sources *opp_adapters_sources(const struct opp_adapters *adapters); /* lent */

/* One worker's Lua states and read-only connections, used by one thread at a time. The adapters are connected to
 * databases that are files. OPP_E_CONFIG, OPP_E_IO, OPP_E_MEMORY. */
enum opp_code opp_adapter_session_open(struct opp_adapters *adapters, struct opp_adapter_session **out,
                                       struct opp_err *err);
void opp_adapter_session_close(struct opp_adapter_session *session);

/* Why a tool would not: what refuse.*{} said, or a defect of the adapter (then message is for the operator only). */
struct opp_refusal {
    char message[256];
    char reason[64];
    char path[128]; /* JSON pointer into the payload, or empty */
    int64_t retry_after_s;
    bool defect;
    bool tripped; /* a defect: the budget was exceeded */
};

/* What one call is about; lent until the call is closed. */
struct opp_tool_input {
    const struct opp_tool *tool;
    json_t *payload;                         /* normalised and valid */
    json_t *actor, *app, *limits, *boundary; /* what Lua sees under these names */
    const char *effect_id;
    const char *traceparent; /* upstreams are told it; NULL: none */
    int64_t now_ms;
};

/* One call of a tool. Zero it, set session, upstreams, input, done and arg; then load; if that was OPP_OK, inspect or
 * read; close in the end, and before it is loaded again. done is called after each of them, perhaps before it returns,
 * on the session's loop. rc: OPP_OK · OPP_E_ABSENT: the resource does not exist (load gave nil, refuse.gone) ·
 * OPP_E_ACTION_INVALID (refuse.invalid) · OPP_E_PRECONDITION (refuse.conflict) · OPP_E_EXECUTION_FAILED
 * (refuse.unavailable, or a defect) · OPP_E_POLICY_DENIED: the row check said so · OPP_E_MEMORY. */
struct opp_tool_call {
    struct opp_adapter_session *session;
    struct opp_upstream_client *upstreams; /* the session's loop's; NULL: no upstream can be asked */
    struct opp_tool_input input;
    void (*done)(void *arg);
    void *arg;
    enum opp_code rc;
    struct opp_refusal refusal;
    json_t *resources;                /* after load: array of {kind, id, org_id, user_id, parents} */
    json_t *impact, *state, *witness; /* after inspect; state and witness NULL where the tool has none */
    struct opp_effect *effect;        /* after inspect */
    struct opp_adapter_call *run;     /* the adapter's own */
};

void opp_tool_load(struct opp_tool_call *call);
void opp_tool_inspect(struct opp_tool_call *call);

/* How a read's answer is made: each list of rows is shown to check, and what is sensitive left out. */
struct opp_read_options {
    const char *const *redacted; /* pairs: name, JSON text shown instead; NULL-terminated, may be NULL */
    size_t max_rows;             /* of a list; what is beyond is left out; 0: all */
    enum opp_code (*check)(void *arg, const struct opp_tool *tool, const struct opp_rows *rows, size_t first,
                           size_t count);
    void *arg;
};
/* Appends the answer's canonical JSON to out. */
void opp_tool_read(struct opp_tool_call *call, const struct opp_read_options *options, struct opp_buf *out);
/* Whether the last of them waits for an upstream: its done is still to come. Abandoned, it is called at once, with
 * OPP_E_EXECUTION_FAILED. */
bool opp_tool_waits(const struct opp_tool_call *call);
void opp_tool_abandon(struct opp_tool_call *call);
/* Frees what the call gave and was not taken from it (by setting it NULL), and gives its Lua state back. */
void opp_tool_close(struct opp_tool_call *call);

#endif
