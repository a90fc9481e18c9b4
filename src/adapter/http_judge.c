/* SPDX-License-Identifier: MIT */
#include "adapter/http_judge.h"

#include "adapter/lua_call.h"
#include "adapter/marker.h"
#include "adapter/upstream.h"
#include "base/jcs.h"
#include "base/json.h"
#include "base/text.h"
#include "script/json_lua.h"
#include "script/values.h"
#include "script/view.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>

struct judging {
    struct opp_adapter_call *run;
    const struct opp_http_question *question;
    struct opp_http_verdict verdict;
    json_t *body;
};

/* Pushes the function that is to be asked. May jump. */
static void lj_push_function(lua_State *L, const struct judging *judging)
{
    const struct opp_lane *lane = judging->run->lane;
    const struct opp_marker *marker;

    lua_rawgeti(L, LUA_REGISTRYINDEX, lane->functions[judging->question->input->tool->tool_index][OPP_FN_EXECUTE]);
    lj_call_object_push(L, judging->run);
    if (judging->question->loaded != NULL)
        lj_view_json(L, (json_t *)(uintptr_t)judging->question->loaded, NULL);
    else
        lua_pushnil(L);
    lua_call(L, 2, 1);
    marker = opp_marker_of(L, -1);
    if (marker == NULL || marker->kind != OPP_MARKER_HTTP_EFFECT)
        luaL_error(L, "execute gives no http.effect any more");
    lua_getiuservalue(L, -1, 1);
    if (judging->question->receipt)
        lua_getfield(L, -1, "receipt");
    if (opp_value_kind(L, -1) == OPP_VALUE_OTHER)
        luaL_error(L, "the effect has no receipt any more");
    lua_getfield(L, -1, judging->question->receipt ? "read" : "outcome");
}

/* May jump. */
static void lj_push_answer(lua_State *L, struct judging *judging)
{
    const struct opp_upstream_request *request = judging->question->request;

    lua_createtable(L, 0, 2);
    lua_pushinteger(L, request->status);
    lua_setfield(L, -2, "status");
    if (opp_json_parse(request->answer.bytes, request->answer.length, &judging->body, NULL) != OPP_OK)
        return;
    lj_view_json(L, judging->body, NULL);
    lua_setfield(L, -2, "body");
}

/* The word and the result are on top of the stack. May jump. */
static void lj_take_verdict(lua_State *L, struct judging *judging)
{
    static const char *const words[2][4] = { { "applied", "refused", "stale", NULL }, { "applied", "absent", NULL } };
    const char *word = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    struct opp_err err = { 0 };

    if (opp_text_is_one_of(word, words[judging->question->receipt]))
        snprintf(judging->verdict.word, sizeof judging->verdict.word, "%s", word);
    if (lua_isnil(L, -1))
        return;
    if (opp_script_to_json(L, -1, &judging->verdict.result, &err) != OPP_OK)
        luaL_error(L, "the result: %s", err.message);
    if (!json_is_object(judging->verdict.result))
        luaL_error(L, "a result is a table of names and values");
}

static int l_judge(lua_State *L)
{
    struct judging *judging = lua_touserdata(L, 1);

    luaL_checkstack(L, 20, NULL);
    lj_push_function(L, judging);
    lj_push_answer(L, judging);
    lua_call(L, 1, 2);
    lj_take_verdict(L, judging);
    return 0;
}

enum opp_code opp_http_judge(struct opp_lane *lane, const struct opp_http_question *question,
                             struct opp_http_verdict *out, struct opp_err *err)
{
    struct opp_tool_call call = { .input = *question->input };
    struct judging judging = { .run = &lane->run, .question = question };
    struct opp_err why = { 0 };
    enum opp_code rc;

    opp_lane_begin_call(lane, &call);
    lane->run.executing = true;
    lane->run.new_ids = json_array();
    opp_script_begin(lane->script);
    rc = opp_script_protect(lane->script, l_judge, &judging, &why);
    lua_settop(opp_script_lua(lane->script), 0);
    opp_lane_end_call(lane);
    json_decref(judging.body);
    if (rc == OPP_OK) {
        *out = judging.verdict;
        return OPP_OK;
    }
    json_decref(judging.verdict.result);
    return opp_fail(err, OPP_E_EXECUTION_UNKNOWN, "%s of %s: %.100s%s%.100s",
                    question->receipt ? "receipt.read" : "outcome", question->input->tool->name, why.where,
                    why.where[0] != '\0' ? ": " : "", why.message);
}

void opp_http_judge_write(struct opp_buf *out, const struct opp_tool_input *input, const json_t *loaded)
{
    opp_buf_char(out, '{');
    opp_jcs_member_json(out, "actor", input->actor);
    opp_jcs_member_json(out, "app", input->app);
    opp_jcs_member_json(out, "boundary", input->boundary);
    opp_jcs_member_json(out, "limits", input->limits);
    opp_jcs_member_json(out, "loaded", loaded);
    opp_jcs_member_integer(out, "now_ms", input->now_ms);
    opp_jcs_member_json(out, "payload", input->payload);
    opp_jcs_member_text(out, "tool", input->tool->name);
    opp_buf_char(out, '}');
}

enum opp_code opp_http_judge_read(const json_t *asked, const struct opp_adapters *adapters, const char *effect_id,
                                  struct opp_tool_input *input)
{
    const char *tool = opp_json_text(asked, "tool");

    *input = (struct opp_tool_input){ .tool = adapters != NULL && tool != NULL ? opp_tool_find(adapters, tool) : NULL,
                                      .payload = json_object_get(asked, "payload"),
                                      .actor = json_object_get(asked, "actor"),
                                      .app = json_object_get(asked, "app"),
                                      .limits = json_object_get(asked, "limits"),
                                      .boundary = json_object_get(asked, "boundary"),
                                      .effect_id = effect_id,
                                      .now_ms = json_integer_value(json_object_get(asked, "now_ms")) };
    return input->tool != NULL && input->tool->is_action ? OPP_OK : OPP_E_ABSENT;
}
