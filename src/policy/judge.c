/* SPDX-License-Identifier: MIT */
#include "policy/answer.h"
#include "policy/engine_internal.h"
#include "policy/lua_match.h"
#include "policy/lua_window.h"
#include "policy/merge.h"
#include "policy/schedule.h"
#include "script/values.h"
#include "script/view.h"

#include <lua.h>
#include <stdio.h>

#define WINDOWS_MAX 64
#define WINDOW_ROUNDS 32 /* of looking for a moment at which all windows are open */
#define VIEW_AT 1        /* the request's place on the stack while rules are asked */
#define ANSWER_AT 2

struct judging {
    struct opp_policy_engine *engine;
    const struct opp_policy_request *request;
    const struct opp_tool_rules *tool;
    struct opp_policy_decision *out;
    const struct opp_rule *rule; /* being asked */
    const struct opp_schedule *windows[WINDOWS_MAX];
    const char *window_rules[WINDOWS_MAX];
    size_t window_count;
};

static const struct opp_script_function no_methods[] = { { NULL, NULL } };
static const char *const watched_below[] = { "payload", "resources", "impact", "state", NULL };

static int l_push_request(lua_State *L)
{
    const struct judging *judging = lua_touserdata(L, 1);
    struct opp_view_options options = { .strict = true,
                                        .shape = judging->tool->shape,
                                        .methods = judging->request->recent != NULL ? opp_request_methods : no_methods,
                                        .watched = judging->request->watched,
                                        .watched_below = watched_below,
                                        .watched_read = &judging->out->read_watched };

    lj_view_json(L, judging->request->request, &options);
    return 1;
}

/* Calls a function of the rule; its one answer, or nil, is at ANSWER_AT. */
static enum opp_code ask(struct judging *judging, enum opp_rule_fn fn, struct opp_err *err)
{
    struct opp_policy_lua *lua = judging->engine->lua;
    lua_State *L = opp_script_lua(lua->script);
    enum opp_code rc;

    lua_settop(L, VIEW_AT);
    opp_script_push(lua->script, judging->rule->functions[fn]);
    lua_pushvalue(L, VIEW_AT);
    rc = opp_script_call(lua->script, 1, LUA_MULTRET, err);
    if (rc == OPP_OK && lua_gettop(L) > ANSWER_AT)
        rc = opp_fail(err, OPP_E_SCRIPT, "%s gives more than one value", opp_rule_fn_name(fn));
    if (rc == OPP_OK)
        lua_settop(L, ANSWER_AT);
    return rc;
}

static enum opp_code nonsense(const struct judging *judging, enum opp_rule_fn fn, const char *wanted,
                              struct opp_err *err)
{
    lua_State *L = opp_script_lua(judging->engine->lua->script);

    return opp_fail(err, OPP_E_SCRIPT, "%s gives a %s; it gives %s", opp_rule_fn_name(fn), opp_value_type(L, ANSWER_AT),
                    wanted);
}

static size_t number_of(const struct judging *judging)
{
    return (size_t)(judging->rule - judging->engine->lua->rules.list);
}

static const struct opp_rule *facts_of(const struct judging *judging)
{
    return &judging->engine->bundle->rules.list[number_of(judging)];
}

static enum opp_code merge(struct judging *judging, const struct opp_answer *answer, const char *reason, json_t *redact,
                           json_t *limit_tools, struct opp_err *err)
{
    const struct opp_rule *facts = facts_of(judging);
    lua_State *L = opp_script_lua(judging->engine->lua->script);
    struct opp_spoken spoken = { .rule = opp_rule_name(facts),
                                 .tools = opp_rule_tools(facts),
                                 .answer = answer,
                                 .reason = reason,
                                 .tag = "",
                                 .redact = redact,
                                 .limit_tools = limit_tools };

    if (opp_answer_of(L, ANSWER_AT) != NULL)
        spoken.tag = opp_answer_text(L, ANSWER_AT, OPP_ANSWER_TAG);
    if (opp_decision_merge(judging->out, judging->request->phase, &spoken) != OPP_OK)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a decision");
    return OPP_OK;
}

static enum opp_code take_answer(struct judging *judging, const struct opp_answer *answer, struct opp_err *err)
{
    lua_State *L = opp_script_lua(judging->engine->lua->script);
    json_t *redact = opp_answer_list(L, ANSWER_AT, OPP_ANSWER_REDACT);
    json_t *tools = opp_answer_list(L, ANSWER_AT, OPP_ANSWER_TOOLS);
    enum opp_code rc = OPP_E_MEMORY;

    if (redact != NULL && tools != NULL)
        rc = merge(judging, answer, opp_answer_text(L, ANSWER_AT, OPP_ANSWER_REASON), redact, tools, err);
    json_decref(redact);
    json_decref(tools);
    return rc;
}

static enum opp_code ask_decide(struct judging *judging, struct opp_err *err)
{
    lua_State *L = opp_script_lua(judging->engine->lua->script);
    enum opp_code rc = ask(judging, OPP_RULE_DECIDE, err);
    const struct opp_answer *answer;

    if (rc != OPP_OK || lua_isnil(L, ANSWER_AT))
        return rc;
    answer = opp_answer_of(L, ANSWER_AT);
    if (answer == NULL)
        return nonsense(judging, OPP_RULE_DECIDE, "allow{}, draft(), deny() or nothing", err);
    return take_answer(judging, answer, err);
}

static enum opp_code ask_discover(struct judging *judging, struct opp_err *err)
{
    static const struct opp_answer hidden = { .outcome = OPP_OUTCOME_DENY, .max_rows = -1, .max_days = -1 };
    lua_State *L = opp_script_lua(judging->engine->lua->script);
    enum opp_code rc = ask(judging, OPP_RULE_DISCOVER, err);
    const struct opp_answer *answer;

    if (rc != OPP_OK || lua_isnil(L, ANSWER_AT))
        return rc;
    if (lua_isboolean(L, ANSWER_AT)) {
        if (lua_toboolean(L, ANSWER_AT))
            return OPP_OK;
        return merge(judging, &hidden, "Policy does not offer this tool.", NULL, NULL, err);
    }
    answer = opp_answer_of(L, ANSWER_AT);
    if (answer == NULL)
        return nonsense(judging, OPP_RULE_DISCOVER, "true, false, allow{}, draft(), deny() or nothing", err);
    return take_answer(judging, answer, err);
}

/* While tools are listed there is no payload to judge by: a window that asks for one is closed as far as one knows. */
static enum opp_code ask_window(struct judging *judging, struct opp_err *err)
{
    struct opp_policy_lua *lua = judging->engine->lua;
    lua_State *L = opp_script_lua(lua->script);
    bool listing = judging->request->phase == OPP_PHASE_DISCOVER;
    enum opp_code rc = ask(judging, OPP_RULE_WINDOW, err);

    if (listing && rc == OPP_E_SCRIPT) {
        judging->out->has_window = true;
        judging->out->window_open = false;
        *err = (struct opp_err){ 0 };
        return OPP_OK;
    }
    if (rc != OPP_OK || lua_isnil(L, ANSWER_AT))
        return rc;
    if (opp_window_of(L, ANSWER_AT) == NULL)
        return nonsense(judging, OPP_RULE_WINDOW, "daily{}, weekly{}, between{}, always(), never() or nothing", err);
    if (judging->window_count == WINDOWS_MAX)
        return opp_fail(err, OPP_E_SCRIPT, "more than %d windows for one tool", WINDOWS_MAX);
    judging->out->has_window = true;
    judging->window_rules[judging->window_count] = opp_rule_name(facts_of(judging));
    judging->windows[judging->window_count++] = opp_window_of(L, ANSWER_AT);
    return OPP_OK;
}

static enum opp_code ask_all(struct judging *judging, enum opp_rule_fn fn, size_t only,
                             enum opp_code (*one)(struct judging *judging, struct opp_err *err), struct opp_err *err)
{
    const struct opp_rule_numbers *numbers = &judging->tool->by_function[fn];
    const struct opp_rule *rules = judging->engine->lua->rules.list;
    enum opp_code rc = OPP_OK;

    if (only != OPP_ALL_RULES) {
        judging->rule = &rules[only];
        return judging->rule->functions[fn] != 0 ? one(judging, err) : OPP_OK;
    }
    for (size_t i = 0; i < numbers->count && rc == OPP_OK; i++) {
        judging->rule = &rules[numbers->list[i]];
        rc = one(judging, err);
    }
    return rc;
}

/* From a moment on, the first at which no window is closed; 0: there is none, or none was found. */
static int64_t all_open_from(const struct judging *judging, int64_t from)
{
    for (int round = 0; round < WINDOW_ROUNDS; round++) {
        int64_t next = from;

        for (size_t i = 0; i < judging->window_count; i++) {
            int64_t opens = 0, until = 0;

            if (opp_schedule_next(judging->windows[i], from, &opens, &until))
                continue;
            if (opens == 0)
                return 0;
            next = opens > next ? opens : next;
        }
        if (next == from)
            return from;
        from = next;
    }
    return 0;
}

static void note_closed(struct opp_policy_decision *out, const struct opp_schedule *window, const char *rule)
{
    const char *reason = opp_schedule_reason(window);

    out->window_open = false;
    out->window_rule = out->window_rule != NULL ? out->window_rule : rule;
    if (reason != NULL && out->window_reason[0] == '\0')
        snprintf(out->window_reason, sizeof out->window_reason, "%s", reason);
}

static void merge_windows(const struct judging *judging)
{
    struct opp_policy_decision *out = judging->out;
    bool known = out->window_open; /* no window failed to be told */

    for (size_t i = 0; i < judging->window_count; i++) {
        int64_t opens = 0, until = 0;

        if (!opp_schedule_next(judging->windows[i], judging->request->now_s, &opens, &until))
            note_closed(out, judging->windows[i], judging->window_rules[i]);
        else if (until != 0 && (out->until_s == 0 || until < out->until_s))
            out->until_s = until;
    }
    if (out->window_open)
        return;
    out->opens_at_s = known ? all_open_from(judging, judging->request->now_s) : 0;
    out->until_s = out->opens_at_s;
}

static bool asks_windows(const struct opp_policy_request *request)
{
    return !request->skip_windows && request->phase != OPP_PHASE_READ && request->phase != OPP_PHASE_APPROVE;
}

static enum opp_code ask_rules(struct judging *judging, size_t only, struct opp_err *err)
{
    enum opp_code rc;

    rc = judging->request->phase == OPP_PHASE_DISCOVER ? ask_all(judging, OPP_RULE_DISCOVER, only, ask_discover, err)
                                                       : ask_all(judging, OPP_RULE_DECIDE, only, ask_decide, err);
    if (rc == OPP_OK && asks_windows(judging->request)) {
        rc = ask_all(judging, OPP_RULE_WINDOW, only, ask_window, err);
        if (rc == OPP_OK)
            merge_windows(judging);
    }
    return rc;
}

static bool anything_to_ask(const struct judging *judging, size_t only)
{
    enum opp_rule_fn first = judging->request->phase == OPP_PHASE_DISCOVER ? OPP_RULE_DISCOVER : OPP_RULE_DECIDE;

    return only != OPP_ALL_RULES || judging->tool->by_function[first].count > 0 ||
           (asks_windows(judging->request) && judging->tool->by_function[OPP_RULE_WINDOW].count > 0);
}

void opp_engine_judge(struct opp_policy_engine *engine, const struct opp_policy_request *request,
                      const struct opp_tool_rules *tool, size_t only, struct opp_policy_decision *out)
{
    struct judging judging = { .engine = engine, .request = request, .tool = tool, .out = out };
    struct opp_err err = { 0 };
    enum opp_code rc = OPP_OK, kept;

    if (!anything_to_ask(&judging, only))
        return;
    if (opp_script_tripped(engine->lua->script))
        rc = opp_policy_engine_renew(engine, &err);
    engine->calls++;
    opp_policy_lua_begin(engine->lua, request);
    if (rc == OPP_OK)
        rc = opp_script_protect(engine->lua->script, l_push_request, &judging, &err);
    if (rc == OPP_OK)
        rc = ask_rules(&judging, only, &err);
    if (rc != OPP_OK && judging.rule != NULL)
        opp_engine_place(&err, facts_of(&judging));
    kept = opp_engine_check_memory(engine, rc == OPP_OK ? &err : NULL); /* a rule that failed may have kept something */
    if (rc == OPP_OK && kept != OPP_OK && only == OPP_ALL_RULES)
        judging.rule = NULL; /* it may have been any of those that were asked */
    rc = rc == OPP_OK ? kept : rc;
    if (rc != OPP_OK)
        opp_decision_fail(out, judging.rule != NULL ? opp_rule_name(facts_of(&judging)) : NULL, &err);
    opp_policy_lua_end(engine->lua);
}
