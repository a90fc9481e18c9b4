/* SPDX-License-Identifier: MIT */
#include "core/flow_kit.h"

#include "base/shared.h"
#include "core/hub.h"
#include "core/schemas.h"
#include "store/tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

void flow_start(struct flow_kit *flow)
{
    *flow = (struct flow_kit){ 0 };
    kit_make_dir(&flow->kit);
    kit_open(&flow->kit);
    flow->gateway.settings = OPP_SETTINGS_DEFAULT;
    flow->gateway.clock = flow->kit.clock;
    flow->gateway.store = flow->kit.store;
    flow->worker.gateway = &flow->gateway;
    assert_int_equal(opp_hub_new(&flow->gateway.hub, NULL), OPP_OK);
    assert_int_equal(opp_schemas_new(&flow->gateway.schemas, NULL), OPP_OK);
    assert_int_equal(opp_loop_new(&flow->worker.loop, NULL), OPP_OK);
    assert_int_equal(opp_session_open(flow->kit.store, flow->worker.loop, &flow->worker.session, NULL), OPP_OK);
}

static void forget_answer(struct flow_kit *flow)
{
    json_decref(flow->answer.data);
    json_decref(flow->answer.details);
    flow->answer = (struct flow_answer){ 0 };
}

void flow_stop(struct flow_kit *flow)
{
    forget_answer(flow);
    opp_session_close(flow->worker.session);
    kit_close(&flow->kit);
    opp_loop_free(flow->worker.loop);
    opp_schemas_free(flow->gateway.schemas);
    opp_hub_free(flow->gateway.hub);
    kit_remove_dir(&flow->kit);
}

static enum opp_code count_rows(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_query all = { .record = &OPP_AUDIT_ROW };

    return opp_tx_count(tx, &all, arg, err);
}

static void nothing(void *arg)
{
    (void)arg;
}

int64_t flow_audit_rows(struct flow_kit *flow)
{
    int64_t rows = -1;
    struct opp_store_op op = { .run = count_rows, .done = nothing, .arg = &rows };

    opp_store_read(flow->worker.session, &op);
    return op.rc == OPP_OK ? rows : -1;
}

static void answer(struct opp_call *call, struct opp_reply *reply)
{
    struct flow_kit *flow = call->binding;
    int count = flow->answer.count + 1;

    flow_note(call, "!");
    forget_answer(flow);
    flow->answer = (struct flow_answer){ .count = count,
                                         .code = reply->code,
                                         .data = reply->data,
                                         .details = reply->details,
                                         .retry_after_s = reply->retry_after_s,
                                         .rows = flow_audit_rows(flow) };
    opp_buf_free(&reply->bytes);
    opp_shared_unref(reply->shared);
    free(call);
    opp_loop_stop(flow->worker.loop);
}

static void on_gone(struct opp_call *call, void (*fn)(struct opp_call *call, void *arg), void *arg)
{
    struct flow_kit *flow = call->binding;

    flow->gone = fn;
    flow->gone_arg = arg;
}

struct opp_call *flow_call(struct flow_kit *flow, const char *input)
{
    struct opp_call *call = calloc(1, sizeof *call);

    assert_non_null(call);
    forget_answer(flow);
    flow->trace[0] = '\0';
    call->worker = &flow->worker;
    call->request_id = "req_test";
    call->audit.request_id = call->request_id;
    call->input = json_loads(input != NULL ? input : "{}", 0, NULL);
    assert_non_null(call->input);
    call->answer = answer;
    call->on_gone = on_gone;
    call->binding = flow;
    return call;
}

static void give_up(void *arg)
{
    opp_loop_stop(arg);
}

void flow_run(struct flow_kit *flow)
{
    struct opp_timer *timer;

    if (flow->answer.count != 0)
        return;
    timer = opp_timer_start(flow->worker.loop, 1000, give_up, flow->worker.loop);
    assert_non_null(timer);
    assert_int_equal(opp_loop_run(flow->worker.loop, NULL), OPP_OK);
    assert_int_equal(flow->answer.count, 1); /* so the timer has not fired */
    opp_timer_cancel(timer);
}

void flow_note(struct opp_call *call, const char *text)
{
    struct flow_kit *flow = call->binding;

    strncat(flow->trace, text, sizeof flow->trace - strlen(flow->trace) - 1);
}
