/* SPDX-License-Identifier: MIT */
#include "core/await.h"
#include "core/flow_kit.h"
#include "core/hub.h"
#include "store/tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct flow_kit flow;

static int set_up(void **state)
{
    (void)state;
    flow_start(&flow);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_stop(&flow);
    return 0;
}

/* What a test's flow keeps: found zeroed, and told that it was disposed of. */
struct kept {
    struct opp_call *call;
    int turns;
    struct opp_await await;
};

static void dispose(void *state)
{
    struct kept *kept = state;

    if (kept->call != NULL)
        flow_note(kept->call, "d");
    opp_await_end(&kept->await);
}

static struct kept *of(struct opp_call *call)
{
    return call->state;
}

static enum opp_step first(struct opp_call *call)
{
    of(call)->call = call;
    flow_note(call, "1");
    return OPP_NEXT;
}

static enum opp_step second(struct opp_call *call)
{
    flow_note(call, "2");
    return OPP_NEXT;
}

static enum opp_step end(struct opp_call *call)
{
    flow_note(call, "e");
    return opp_call_answer(call, json_pack("{s:i}", "turns", of(call)->turns));
}

static void start(const opp_step_fn *steps, const char *audit_action, const char *input)
{
    static struct opp_flow started;

    started = (struct opp_flow){ steps, sizeof(struct kept), dispose, audit_action };
    opp_flow_start(flow_call(&flow, input), &started);
}

static void steps_run_in_order_and_the_state_goes_before_the_answer(void **state)
{
    static const opp_step_fn steps[] = { first, second, end, NULL };

    (void)state;
    start(steps, NULL, NULL);
    assert_string_equal(flow.trace, "12ed!");
    assert_int_equal(flow.answer.count, 1);
    assert_int_equal(flow.answer.code, OPP_OK);
}

static struct opp_post post;

static void resume(void *arg)
{
    opp_flow_resume(arg);
}

static enum opp_step wait_for_post(struct opp_call *call)
{
    flow_note(call, "w");
    post = (struct opp_post){ .run = resume, .arg = call };
    opp_loop_post(call->worker->loop, &post);
    return OPP_WAIT;
}

static void a_step_that_waits_is_continued_with_the_next(void **state)
{
    static const opp_step_fn steps[] = { first, wait_for_post, second, wait_for_post, end, NULL };

    (void)state;
    start(steps, NULL, NULL);
    assert_string_equal(flow.trace, "1w");
    flow_run(&flow);
    assert_string_equal(flow.trace, "1w2wed!");
}

/* What completes before its step has returned must not run the next step inside it. */
static enum opp_step resumed_at_once(struct opp_call *call)
{
    flow_note(call, "(");
    opp_flow_resume(call);
    flow_note(call, ")");
    return OPP_WAIT;
}

static void a_step_resumed_before_it_returns_goes_on_after_it(void **state)
{
    static const opp_step_fn steps[] = { first, resumed_at_once, resumed_at_once, wait_for_post, second, end, NULL };

    (void)state;
    start(steps, NULL, NULL);
    assert_string_equal(flow.trace, "1()()w");
    flow_run(&flow);
    assert_string_equal(flow.trace, "1()()w2ed!");
}

static enum opp_step turn(struct opp_call *call)
{
    flow_note(call, "t");
    if (++of(call)->turns < 1000)
        opp_flow_goto(call, resumed_at_once);
    return OPP_NEXT;
}

static void going_back_a_thousand_times_needs_no_deeper_stack(void **state)
{
    static const opp_step_fn steps[] = { first, resumed_at_once, turn, end, NULL };

    (void)state;
    start(steps, NULL, NULL);
    assert_int_equal(json_integer_value(json_object_get(flow.answer.data, "turns")), 1000);
}

static enum opp_step skip_on(struct opp_call *call)
{
    opp_flow_goto(call, end);
    return OPP_NEXT;
}

static void going_on_elsewhere_leaves_out_what_is_between(void **state)
{
    static const opp_step_fn steps[] = { first, skip_on, second, second, end, NULL };

    (void)state;
    start(steps, NULL, NULL);
    assert_string_equal(flow.trace, "1ed!");
}

static enum opp_step wait_and_skip(struct opp_call *call)
{
    enum opp_step step = wait_for_post(call);

    opp_flow_goto(call, end);
    return step;
}

static void a_wait_may_go_on_elsewhere_too(void **state)
{
    static const opp_step_fn steps[] = { first, wait_and_skip, second, end, NULL };

    (void)state;
    start(steps, NULL, NULL);
    flow_run(&flow);
    assert_string_equal(flow.trace, "1wed!");
}

static enum opp_step refuse(struct opp_call *call)
{
    return opp_call_refuse_reason(call, OPP_E_POLICY_DENIED, "Not here.", "because");
}

static enum opp_step refuse_rate(struct opp_call *call)
{
    return opp_call_refuse(call, OPP_E_RATE_LIMITED, NULL, NULL);
}

static void a_refusal_is_in_the_trail_before_it_is_answered(void **state)
{
    static const opp_step_fn steps[] = { first, refuse, NULL };

    (void)state;
    start(steps, "agent.test", NULL);
    assert_int_equal(flow.answer.count, 0);
    flow_run(&flow);
    assert_int_equal(flow.answer.code, OPP_E_POLICY_DENIED);
    assert_string_equal(json_string_value(json_object_get(flow.answer.details, "reason")), "because");
    assert_int_equal(flow.answer.rows, 1);
    assert_string_equal(flow.trace, "1d!");
}

static void what_is_not_to_be_recorded_is_answered_at_once(void **state)
{
    static const opp_step_fn steps[] = { first, refuse, NULL }, rate[] = { first, refuse_rate, NULL };

    (void)state;
    start(steps, NULL, NULL);
    assert_int_equal(flow.answer.code, OPP_E_POLICY_DENIED);
    start(rate, "agent.test", NULL);
    assert_int_equal(flow.answer.code, OPP_E_RATE_LIMITED);
    assert_int_equal(flow_audit_rows(&flow), 0);
}

static void break_the_trail(void)
{
    kit_sql(&flow.kit, "gateway.db", "ALTER TABLE audit RENAME TO lost");
}

static void a_refusal_that_cannot_be_recorded_is_answered_503(void **state)
{
    static const opp_step_fn steps[] = { first, refuse, NULL };

    (void)state;
    break_the_trail();
    start(steps, "agent.test", NULL);
    flow_run(&flow);
    assert_int_equal(flow.answer.code, OPP_E_UNAVAILABLE);
    assert_int_equal(flow.answer.retry_after_s, 1);
    assert_null(flow.answer.details);
}

static void a_success_is_recorded_without_being_waited_for(void **state)
{
    static const opp_step_fn steps[] = { first, end, NULL };

    (void)state;
    start(steps, "agent.test", NULL);
    assert_int_equal(flow.answer.count, 1);
    for (int i = 0; i < 1000 && flow_audit_rows(&flow) == 0; i++)
        assert_true(opp_store_healthy(flow.kit.store));
    opp_session_close(flow.worker.session);
    kit_close(&flow.kit);
    kit_open(&flow.kit);
    flow.gateway.store = flow.kit.store;
    assert_int_equal(opp_session_open(flow.kit.store, flow.worker.loop, &flow.worker.session, NULL), OPP_OK);
    assert_int_equal(flow_audit_rows(&flow), 1);
}

static enum opp_step replay(struct opp_call *call)
{
    struct opp_reply reply = { .code = OPP_OK, .data = json_object(), .replayed = true };

    return opp_call_reply(call, &reply);
}

static void a_replay_is_durable_before_its_answer(void **state)
{
    static const opp_step_fn steps[] = { first, replay, NULL };

    (void)state;
    start(steps, "agent.test", NULL);
    flow_run(&flow);
    assert_int_equal(flow.answer.code, OPP_OK);
    assert_int_equal(flow.answer.rows, 1);
}

static enum opp_code put_setting(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    char id[] = "a", value[] = "v";
    struct opp_setting setting = { .id = id, .value = value };

    (void)arg;
    return opp_tx_insert(tx, &OPP_SETTING, &setting, err);
}

static enum opp_code get_setting(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_SETTING, "id", "a", &found, err);

    (void)arg;
    opp_record_free(&OPP_SETTING, found);
    return rc;
}

static enum opp_step write_it(struct opp_call *call)
{
    return opp_flow_write(call, put_setting);
}

static enum opp_step read_it(struct opp_call *call)
{
    return opp_flow_read(call, get_setting);
}

static enum opp_step note_outcome(struct opp_call *call)
{
    flow_note(call, call->op.rc == OPP_OK ? "+" : call->op.rc == OPP_E_ABSENT ? "0" : "-");
    return OPP_NEXT;
}

static void transactions_tell_the_next_step_their_outcome(void **state)
{
    static const opp_step_fn steps[] = { first,        read_it,  note_outcome, write_it, note_outcome, read_it,
                                         note_outcome, write_it, note_outcome, end,      NULL };

    (void)state;
    start(steps, NULL, NULL);
    flow_run(&flow);
    assert_string_equal(flow.trace, "10++-ed!");
}

static enum opp_step begin_await(struct opp_call *call)
{
    assert_int_equal(
        opp_await_begin(&of(call)->await, call, "drf_1", json_integer_value(json_object_get(call->input, "timeout"))),
        OPP_OK);
    return OPP_NEXT;
}

static enum opp_step await(struct opp_call *call)
{
    flow_note(call, "a");
    return opp_await(&of(call)->await);
}

static enum opp_step note_why(struct opp_call *call)
{
    const struct opp_await *why = &of(call)->await;

    flow_note(call, why->changed ? "c" : "");
    flow_note(call, why->timed_out ? "t" : "");
    flow_note(call, why->gone ? "g" : "");
    return OPP_NEXT;
}

static const opp_step_fn AWAITING[] = { first, begin_await, await, note_why, end, NULL };

static void a_flow_waits_for_a_change(void **state)
{
    (void)state;
    start(AWAITING, NULL, "{\"timeout\":60000}");
    opp_hub_notify(flow.gateway.hub, "drf_2");
    assert_string_equal(flow.trace, "1a");
    opp_hub_notify(flow.gateway.hub, "drf_1");
    flow_run(&flow);
    assert_string_equal(flow.trace, "1aced!");
}

static void a_flow_waits_no_longer_than_it_said(void **state)
{
    (void)state;
    start(AWAITING, NULL, "{\"timeout\":5}");
    flow_run(&flow);
    assert_string_equal(flow.trace, "1ated!");
}

static void a_flow_goes_on_when_its_caller_leaves(void **state)
{
    struct opp_call *call = flow_call(&flow, "{\"timeout\":60000}");
    static const struct opp_flow awaiting = { AWAITING, sizeof(struct kept), dispose, NULL };

    (void)state;
    opp_flow_start(call, &awaiting);
    assert_non_null(flow.gone);
    flow.gone(call, flow.gone_arg);
    assert_string_equal(flow.trace, "1aged!");
    assert_null(flow.gone);
}

static enum opp_step settle(struct opp_call *call)
{
    opp_hub_notify(call->worker->gateway->hub, "drf_1");
    return wait_for_post(call); /* the notice was posted before */
}

static void a_change_between_beginning_and_waiting_is_not_missed(void **state)
{
    static const opp_step_fn steps[] = { first, begin_await, settle, await, note_why, end, NULL };

    (void)state;
    start(steps, NULL, "{\"timeout\":60000}");
    flow_run(&flow);
    assert_string_equal(flow.trace, "1waced!");
}

static enum opp_step check(struct opp_call *call)
{
    return opp_call_check_input(call, OPP_SCHEMA_PREFLIGHT);
}

static enum opp_step check_query(struct opp_call *call)
{
    return opp_call_check_query(call, OPP_SCHEMA_LIST);
}

static enum opp_step note_limit(struct opp_call *call)
{
    flow_note(call, json_is_integer(json_object_get(call->input, "limit")) ? "i" : "?");
    return OPP_NEXT;
}

static void input_is_checked_and_named(void **state)
{
    static const opp_step_fn body[] = { first, check, end, NULL };
    static const opp_step_fn query[] = { first, check_query, note_limit, end, NULL };

    (void)state;
    start(body, NULL, "{\"action\":\"a\"}");
    assert_int_equal(flow.answer.code, OPP_E_VALIDATION);
    assert_true(json_array_size(json_object_get(flow.answer.details, "issues")) > 0);
    start(body, NULL, "{\"action\":\"a\",\"payload\":{},\"sessionId\":\"s\"}");
    assert_int_equal(flow.answer.code, OPP_E_VALIDATION);
    start(body, NULL, "{\"action\":\"a\",\"payload\":{},\"unknown\":1}");
    assert_int_equal(flow.answer.code, OPP_OK);
    start(query, NULL, "{\"limit\":\"20\"}");
    assert_string_equal(flow.trace, "1ied!");
    start(query, NULL, "{\"limit\":\"501\"}");
    assert_int_equal(flow.answer.code, OPP_E_VALIDATION);
    start(query, NULL, "{\"limit\":\"x\"}");
    assert_int_equal(flow.answer.code, OPP_E_VALIDATION);
}

static void blank_texts_count_as_absent(void **state)
{
    struct opp_call call = { .input = json_pack("{s:s, s:s, s:i, s:s}", "blank", " \t\n", "empty", "", "number", 1,
                                                "text", " a ") };

    (void)state;
    assert_null(opp_call_text(&call, "blank"));
    assert_null(opp_call_text(&call, "empty"));
    assert_null(opp_call_text(&call, "number"));
    assert_null(opp_call_text(&call, "missing"));
    assert_string_equal(opp_call_text(&call, "text"), " a ");
    json_decref(call.input);
}

static void an_issue_has_a_pointer_and_a_path(void **state)
{
    json_t *details = opp_call_issue("/list/12/a~1b~0c/x1", "wrong");
    json_t *expected = json_loads("{\"issues\":[{\"code\":\"invalid\",\"path\":[\"list\",12,\"a/b~c\",\"x1\"],"
                                  "\"message\":\"wrong\",\"pointer\":\"/list/12/a~1b~0c/x1\"}]}",
                                  0, NULL);

    (void)state;
    assert_true(json_equal(details, expected));
    json_decref(details);
    json_decref(expected);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(steps_run_in_order_and_the_state_goes_before_the_answer),
        TEST(a_step_that_waits_is_continued_with_the_next),
        TEST(a_step_resumed_before_it_returns_goes_on_after_it),
        TEST(going_back_a_thousand_times_needs_no_deeper_stack),
        TEST(going_on_elsewhere_leaves_out_what_is_between),
        TEST(a_wait_may_go_on_elsewhere_too),
        TEST(a_refusal_is_in_the_trail_before_it_is_answered),
        TEST(what_is_not_to_be_recorded_is_answered_at_once),
        TEST(a_refusal_that_cannot_be_recorded_is_answered_503),
        TEST(a_success_is_recorded_without_being_waited_for),
        TEST(a_replay_is_durable_before_its_answer),
        TEST(transactions_tell_the_next_step_their_outcome),
        TEST(a_flow_waits_for_a_change),
        TEST(a_flow_waits_no_longer_than_it_said),
        TEST(a_flow_goes_on_when_its_caller_leaves),
        TEST(a_change_between_beginning_and_waiting_is_not_missed),
        TEST(input_is_checked_and_named),
        TEST(blank_texts_count_as_absent),
        TEST(an_issue_has_a_pointer_and_a_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
