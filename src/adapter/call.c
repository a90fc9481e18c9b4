/* SPDX-License-Identifier: MIT */
#include "adapter/adapter.h"
#include "adapter/effect.h"
#include "adapter/phase.h"
#include "adapter/session.h"
#include "script/json_lua.h"
#include "script/state.h"

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
    lane->run = (struct opp_adapter_call){ .call = call, .lane = lane, .serial = ++lane->calls, .loaded = LUA_NOREF };
    lane->active = true;
    call->run = &lane->run;
    return OPP_OK;
}

/* Runs one phase. Its results are left on the Lua stack for the caller, who empties it. */
static void run_phase(struct opp_tool_call *call, opp_script_fn phase)
{
    struct opp_adapter_call *run = call->run;
    struct opp_err err = { 0 };
    enum opp_code rc;

    run->rc = OPP_OK;
    opp_script_begin(run->lane->script);
    rc = opp_script_protect(run->lane->script, phase, run, &err);
    run->recording = run->executing = false;
    call->rc = run->rc;
    if (rc != OPP_OK)
        defect(call, rc, &err);
}

static void empty_stack(struct opp_adapter_call *run)
{
    lua_settop(opp_script_lua(run->lane->script), 0);
}

/* Another call may have the Lua state from here on: this one may wait long, for a commit or a person. */
static void give_lane_back(struct opp_tool_call *call)
{
    struct opp_adapter_call *run = call->run;
    struct opp_lane *lane;

    if (run == NULL)
        return;
    call->run = NULL;
    lane = run->lane;
    opp_lane_end_reads(lane);
    opp_script_unref(lane->script, run->loaded);
    opp_recording_free(&run->queries);
    opp_rows_free(run->fresh);
    json_decref(run->effect);
    json_decref(run->new_ids);
    lane->active = false;
    opp_session_put(call->session, lane);
}

void opp_tool_load(struct opp_tool_call *call)
{
    struct opp_err err = { 0 };
    enum opp_code rc = take_lane(call, &err);

    if (rc != OPP_OK) {
        defect(call, rc, &err);
    } else {
        run_phase(call, l_phase_load);
        empty_stack(call->run);
    }
    call->done(call->arg);
}

void opp_tool_inspect(struct opp_tool_call *call)
{
    run_phase(call, l_phase_inspect);
    empty_stack(call->run);
    give_lane_back(call);
    call->done(call->arg);
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
    view->most = options->max_rows;
    if (options->check != NULL)
        rc = options->check(options->arg, tool, rows, first, count);
    run->rc = rc;
    return rc == OPP_OK ? OPP_OK : opp_fail(err, rc, "a row is not for this caller");
}

static void print_answer(struct opp_tool_call *call, struct opp_buf *out)
{
    struct opp_adapter_call *run = call->run;
    struct opp_script_print print = { .redacted = run->options->redacted, .on_rows = on_rows, .arg = run };
    struct opp_err err = { 0 };
    enum opp_code rc = opp_script_print(opp_script_lua(run->lane->script), -1, out, &print, &err);

    call->rc = run->rc;
    if (rc != OPP_OK && run->rc == OPP_OK)
        defect(call, rc, &err);
}

void opp_tool_read(struct opp_tool_call *call, const struct opp_read_options *options, struct opp_buf *out)
{
    struct opp_adapter_call *run = call->run;

    run->options = options;
    run_phase(call, l_phase_read);
    if (call->rc == OPP_OK)
        print_answer(call, out);
    empty_stack(run);
    give_lane_back(call);
    call->done(call->arg);
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
