/* SPDX-License-Identifier: MIT */
#include "adapter/adapter.h"
#include "adapter/effect.h"
#include "adapter/phase.h"
#include "adapter/session.h"
#include "script/json_lua.h"
#include "script/thread.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>

/* Something is wrong with the adapter: the message is for its operator. */
static void defect(struct opp_tool_call *call, enum opp_code rc, const struct opp_err *err)
{
    struct opp_refusal *refusal = &call->refusal;

    call->rc = rc == OPP_E_MEMORY ? OPP_E_MEMORY : OPP_E_EXECUTION_FAILED;
    *refusal = (struct opp_refusal){ .defect = true, .tripped = rc == OPP_E_LIMIT || rc == OPP_E_MEMORY };
    snprintf(refusal->message, sizeof refusal->message, "%.120s%s%.130s", err->where, err->where[0] != '\0' ? ": " : "",
             err->message);
}

static enum opp_code take_lane(struct opp_tool_call *call, struct opp_err *err)
{
    const struct opp_tool *tool = call->input.tool;
    struct opp_lane *lane = NULL;
    enum opp_code rc = opp_session_take(call->session, tool->adapter_index, &lane, err);

    if (rc != OPP_OK)
        return rc;
    opp_lane_begin_call(lane, call);
    call->run = &lane->run;
    return OPP_OK;
}

/* What was thrown is a refusal, perhaps. */
static int l_take_thrown(lua_State *L)
{
    struct opp_adapter_call *run = lua_touserdata(L, 1);

    lua_xmove(run->lane->thread, L, 1);
    opp_phase_is_refused(L, run);
    return 0;
}

/* Gives whether the error that ended the thread was a refusal. */
static bool was_refused(struct opp_adapter_call *run)
{
    lua_State *thread = run->lane->thread;

    if (lua_gettop(thread) == 0 || lua_type(thread, -1) != LUA_TUSERDATA)
        return false;
    run->rc = OPP_OK;
    return opp_script_protect(run->lane->script, l_take_thrown, run, NULL) == OPP_OK && run->rc != OPP_OK;
}

static void end_phase(struct opp_tool_call *call, enum opp_code rc, const struct opp_err *err)
{
    struct opp_adapter_call *run = call->run;

    run->recording = run->executing = false;
    if (rc == OPP_E_SCRIPT && was_refused(run))
        rc = OPP_OK;
    call->rc = run->rc;
    if (rc != OPP_OK)
        defect(call, rc, err);
    run->ended(call);
}

static void on_answer(void *arg);

/* The functions wait: nothing that others need is kept meanwhile. What they query after that may be younger. */
static void ask_upstream(struct opp_tool_call *call)
{
    struct opp_adapter_call *run = call->run;

    opp_lane_end_reads(run->lane);
    run->fetch.request.done = on_answer;
    run->fetch.request.arg = call;
    opp_upstream_send(call->upstreams, &run->fetch.request);
}

/* Starts the phase that lies on the thread's stack, or goes on with it after the host has answered. */
static void resume_phase(struct opp_tool_call *call, int nargs)
{
    struct opp_lane *lane = call->run->lane;
    struct opp_err err = { 0 };
    bool yielded = false;
    int count = 0;
    enum opp_code rc = opp_script_resume(lane->script, lane->thread, nargs, &count, &yielded, &err);

    if (rc == OPP_OK && yielded)
        ask_upstream(call);
    else
        end_phase(call, rc, &err);
}

static void on_answer(void *arg)
{
    struct opp_tool_call *call = arg;

    call->run->fetch.wanted = false;
    opp_script_refill(call->run->lane->script);
    resume_phase(call, 0);
}

bool opp_tool_waits(const struct opp_tool_call *call)
{
    return call->run != NULL && call->run->fetch.wanted;
}

/* What waits in the state cannot be ended: the state is closed. */
void opp_tool_abandon(struct opp_tool_call *call)
{
    struct opp_adapter_call *run = call->run;
    struct opp_err err = { 0 };

    opp_fetch_clear(&run->fetch);
    opp_script_trip(run->lane->script, "the call was abandoned");
    run->rc = OPP_E_EXECUTION_FAILED;
    call->refusal = (struct opp_refusal){ .retry_after_s = 1 };
    end_phase(call, OPP_OK, &err);
}

/* Runs one phase. Its results are left on the thread's stack for ended, which is called when it is over, perhaps before
 * this returns, and empties it. */
static void run_phase(struct opp_tool_call *call, opp_script_fn phase, void (*ended)(struct opp_tool_call *call))
{
    struct opp_adapter_call *run = call->run;
    struct opp_err err = { 0 };
    enum opp_code rc;

    run->rc = OPP_OK;
    run->ended = ended;
    opp_script_begin(run->lane->script);
    rc = opp_lane_make_thread(run->lane, &err);
    if (rc != OPP_OK) {
        end_phase(call, rc, &err);
        return;
    }
    lua_pushcfunction(run->lane->thread, phase);
    lua_pushlightuserdata(run->lane->thread, run);
    resume_phase(call, 1);
}

/* A thread that failed is of no more use. */
static void empty_stack(struct opp_adapter_call *run)
{
    struct opp_lane *lane = run->lane;

    if (lane->thread != NULL && lua_status(lane->thread) == LUA_OK)
        lua_settop(lane->thread, 0);
    else
        opp_lane_drop_thread(lane);
}

/* Another call may have the Lua state from here on: this one may wait long, for a commit or a person. */
static void give_lane_back(struct opp_tool_call *call)
{
    struct opp_lane *lane;

    if (call->run == NULL)
        return;
    lane = call->run->lane;
    call->run = NULL;
    opp_lane_end_call(lane);
    opp_session_put(call->session, lane);
}

static void loaded(struct opp_tool_call *call)
{
    empty_stack(call->run);
    call->done(call->arg);
}

void opp_tool_load(struct opp_tool_call *call)
{
    struct opp_err err = { 0 };
    enum opp_code rc = take_lane(call, &err);

    if (rc == OPP_OK) {
        run_phase(call, l_phase_load, loaded);
        return;
    }
    defect(call, rc, &err);
    call->done(call->arg);
}

static void inspected(struct opp_tool_call *call)
{
    empty_stack(call->run);
    give_lane_back(call);
    call->done(call->arg);
}

void opp_tool_inspect(struct opp_tool_call *call)
{
    run_phase(call, l_phase_inspect, inspected);
}

/* Shows the rows to the core, which refuses the whole answer by a code that is handed up as it is. */
static enum opp_code on_rows(void *arg, const struct opp_rows *rows, size_t first, size_t count,
                             struct opp_rows_view *view, struct opp_err *err)
{
    struct opp_adapter_call *run = arg;
    const struct opp_tool *tool = run->call->input.tool;
    const struct opp_read_options *options = run->options;
    enum opp_code rc = OPP_OK;

    if (tool->rows.kind == NULL)
        return OPP_OK;
    view->hidden = tool->hidden;
    if (options->check != NULL)
        rc = options->check(options->arg, tool, rows, first, count);
    run->rc = rc;
    return rc == OPP_OK ? OPP_OK : opp_fail(err, rc, "a row is not for this caller");
}

static void print_answer(struct opp_tool_call *call)
{
    struct opp_adapter_call *run = call->run;
    const struct opp_read_options *options = run->options;
    struct opp_script_print print = { .redacted = options->redacted,
                                      .shape = call->input.tool->output,
                                      .most = options->max_rows,
                                      .on_rows = on_rows,
                                      .arg = run };
    struct opp_err err = { 0 };
    enum opp_code rc = opp_script_print(run->lane->thread, -1, run->out, &print, &err);

    call->rc = run->rc;
    if (rc != OPP_OK && run->rc == OPP_OK)
        defect(call, rc, &err);
}

static void answered(struct opp_tool_call *call)
{
    if (call->rc == OPP_OK)
        print_answer(call);
    empty_stack(call->run);
    give_lane_back(call);
    call->done(call->arg);
}

void opp_tool_read(struct opp_tool_call *call, const struct opp_read_options *options, struct opp_buf *out)
{
    call->run->options = options;
    call->run->out = out;
    run_phase(call, l_phase_read, answered);
}

void opp_tool_close(struct opp_tool_call *call)
{
    give_lane_back(call);
    opp_effect_free(call->effect);
    json_decref(call->resources);
    json_decref(call->impact);
    json_decref(call->state);
    json_decref(call->witness);
    call->effect = NULL;
    call->resources = call->impact = call->state = call->witness = NULL;
}
