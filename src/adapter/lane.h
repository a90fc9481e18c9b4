/* SPDX-License-Identifier: MIT
 *
 * adapter/lane.h - one Lua state of an adapter with its read-only connections; a call has a lane to itself.
 * May include: script, store, base, adapter.
 */
#ifndef OPP_ADAPTER_LANE_H
#define OPP_ADAPTER_LANE_H

#include "adapter/http_fetch.h"
#include "adapter/internal.h"
#include "base/rows.h"

#include <stdbool.h>

struct lua_State;
struct opp_db;
struct opp_phase_step;
struct opp_script;

#define OPP_HOST_CALLS_MAX 64

enum opp_tool_fn {
    OPP_FN_LOAD,
    OPP_FN_RESOURCES,
    OPP_FN_CHECK,
    OPP_FN_IMPACT,
    OPP_FN_STATE,
    OPP_FN_EXECUTE,
    OPP_FN_READ,
    OPP_FN_COUNT
};
/* The field of a tool that holds the function. Lends static text. */
const char *opp_tool_fn_name(enum opp_tool_fn fn);

/* A query that an effect depends on, and what it gave. */
struct opp_recorded {
    const struct opp_database *database;
    char *sql;
    json_t *params;
    struct opp_rows *rows;
    bool first_only; /* rows after the first were not looked at */
};

struct opp_recording {
    struct opp_recorded *list;
    size_t count;
};
void opp_recorded_free(struct opp_recorded *recorded); /* what it holds */
void opp_recording_free(struct opp_recording *recording);

/* A call of a tool while it has a lane. Whatever a Lua error could lose is kept here. */
struct opp_adapter_call {
    struct opp_tool_call *call;
    struct opp_lane *lane;
    uint64_t serial;                           /* a call object of another call is refused by it */
    int loaded;                                /* reference to what load gave */
    const struct opp_phase_step *step;         /* of the phase that runs, the one that is next */
    void (*ended)(struct opp_tool_call *call); /* what is done when it is over */
    bool recording, executing;
    size_t host_calls;
    json_t *new_ids;        /* prefixes, in the order that execute asked for them */
    json_t *effect;         /* being built */
    struct opp_rows *fresh; /* of a query, until Lua has them */
    struct opp_fetch fetch; /* of an upstream, likewise */
    struct opp_recording queries;
    struct opp_buf *out; /* where read prints */
    const struct opp_read_options *options;
    struct opp_err err;
    enum opp_code rc;
};

struct opp_lane_database {
    struct opp_db *reader;
    bool begun; /* whether the call's read transaction has */
};

struct opp_lane {
    struct opp_lane *next;
    const struct opp_adapter *adapter;
    struct opp_log *log;
    struct opp_script *script;
    struct lua_State *thread; /* where its calls run, NULL before the first and after one that failed */
    int thread_ref;
    int definition; /* reference to init.lua's table */
    int (*functions)[OPP_FN_COUNT];
    size_t tool_count;
    struct opp_lane_database *databases; /* as the adapter has them; NULL before opp_lane_connect */
    bool loading;                        /* init.lua runs */
    uint64_t calls;
    struct opp_adapter_call run;
    bool active; /* run is a call's */
};

/* Gives a lane whose files have run. OPP_E_CONFIG: a file is wrong, err->where is file:line. OPP_E_MEMORY. */
enum opp_code opp_lane_open(const struct opp_adapter *adapter, struct opp_log *log, struct opp_lane **out,
                            struct opp_err *err);
/* Opens its read-only connections. OPP_E_IO, OPP_E_MEMORY. */
enum opp_code opp_lane_connect(struct opp_lane *lane, struct opp_err *err);
void opp_lane_close(struct opp_lane *lane);

/* Makes lane->thread if it is not there, with nothing on its stack. OPP_E_LIMIT, OPP_E_MEMORY: tripped. */
enum opp_code opp_lane_make_thread(struct opp_lane *lane, struct opp_err *err);
void opp_lane_drop_thread(struct opp_lane *lane);

/* Gives an idle lane to a call, and takes it back with all that the call left in it. */
void opp_lane_begin_call(struct opp_lane *lane, struct opp_tool_call *call);
void opp_lane_end_call(struct opp_lane *lane);

/* Ends the read transactions that a call has begun. */
void opp_lane_end_reads(struct opp_lane *lane);

/* Lends the lane that a Lua state belongs to; and its call, or an error. */
struct opp_lane *opp_lane_of(struct lua_State *L);
struct opp_adapter_call *lj_lane_call(struct lua_State *L); /* may jump */

#endif
