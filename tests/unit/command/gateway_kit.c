/* SPDX-License-Identifier: MIT */
#include "command/gateway_kit.h"

#include "base/shared.h"
#include "command/failing.h"
#include "core/app_view.h"
#include "store/tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void configure(struct gateway_kit *kit)
{
    struct opp_err err = { 0 };
    json_t *flags = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:b, s:{s:s}, s:{s:i, s:i}}", "data", kit->dir.dir,
                              "listen", "127.0.0.1:0", "policies", OPP_SOURCE_DIR "/tests/fixtures/policies", "profile",
                              "calls", "adapters", OPP_SOURCE_DIR "/adapters", "workers", 1, "demo", 1, "log", "level",
                              "error", "limits", "rate_per_minute", 100000, "pending_drafts_max", 100000);

    assert_non_null(flags);
    if (opp_config_load(NULL, flags, &kit->config, &err) != OPP_OK)
        fail_msg("%s at %s", err.message, err.where);
    json_decref(flags);
}

void gateway_start(struct gateway_kit *kit)
{
    struct opp_err err = { 0 };

    *kit = (struct gateway_kit){ .gateway = &kit->process.gateway };
    kit->dir = (struct kit){ .dir = "/dev/shm/opp-test-XXXXXX" }; /* nothing here is about the disk */
    if (mkdtemp(kit->dir.dir) == NULL)
        kit_make_dir(&kit->dir);
    configure(kit);
    if (opp_process_open(&kit->process, &kit->config, &err) != OPP_OK)
        fail_msg("%s at %s", err.message, err.where);
    kit->worker.gateway = kit->gateway;
    assert_int_equal(opp_loop_new(&kit->worker.loop, NULL), OPP_OK);
    assert_int_equal(opp_session_open(kit->gateway->store, kit->worker.loop, &kit->worker.session, NULL), OPP_OK);
    assert_int_equal(opp_app_views_new(kit->gateway->hmac_key, &kit->worker.views, NULL), OPP_OK);
    failing_join_writer(kit->gateway->store);
}

void gateway_stop(struct gateway_kit *kit)
{
    opp_session_close(kit->worker.session);
    opp_app_views_free(kit->worker.views);
    opp_loop_free(kit->worker.loop);
    opp_process_close(&kit->process);
    opp_config_clear(&kit->config);
    kit_remove_dir(&kit->dir);
}

void gateway_forget(struct gateway_answer *answer)
{
    json_decref(answer->data);
    json_decref(answer->details);
    *answer = (struct gateway_answer){ 0 };
}

static const char *param(const struct opp_call *call, const char *name)
{
    const struct gateway_answer *answer = call->binding;

    return strcmp(name, "id") == 0 ? answer->id : NULL;
}

static void take_answer(struct opp_call *call, struct opp_reply *reply)
{
    struct gateway_answer *answer = call->binding;

    failing_pause(true);
    assert_false(answer->given);
    answer->given = true;
    answer->replayed = reply->replayed;
    answer->code = reply->code;
    answer->data = reply->data;
    answer->details = reply->details;
    answer->retry_after_s = reply->retry_after_s;
    answer->call = NULL;
    if (reply->bytes.bytes != NULL)
        answer->data = json_loadb(reply->bytes.bytes, reply->bytes.length, 0, NULL);
    assert_true(reply->code != OPP_OK || answer->data != NULL || reply->shared != NULL || reply->not_modified);
    opp_buf_free(&reply->bytes);
    opp_shared_unref(reply->shared);
    opp_loop_stop(answer->kit->worker.loop);
    free(call);
    failing_pause(false);
}

static void on_gone(struct opp_call *call, void (*fn)(struct opp_call *call, void *arg), void *arg)
{
    struct gateway_answer *answer = call->binding;

    answer->gone = fn;
    answer->gone_arg = arg;
}

static struct opp_call *make_call(struct gateway_kit *kit, const struct gateway_request *request,
                                  struct gateway_answer *answer)
{
    struct opp_call *call = calloc(1, sizeof *call);

    assert_non_null(call);
    *answer = (struct gateway_answer){ .kit = kit, .id = request->id, .call = call };
    call->worker = &kit->worker;
    call->request_id = "req_test";
    call->ip = "192.0.2.1";
    call->audit.request_id = call->request_id;
    call->audit.ip = call->ip;
    call->audit.action = request->flow->audit_action;
    call->idempotency_header = request->key;
    call->read_path = request->read_path;
    call->param = param;
    call->input = json_loads(request->input != NULL ? request->input : "{}", 0, NULL);
    assert_non_null(call->input);
    call->answer = take_answer;
    call->on_gone = on_gone;
    call->binding = answer;
    return call;
}

static const char *token_of(const struct gateway_kit *kit, const struct gateway_request *request)
{
    if (request->token != NULL)
        return request->token;
    return request->person ? kit->process.demo.owner.token : kit->process.demo.agent.token;
}

void gateway_ask(struct gateway_kit *kit, const struct gateway_request *request, struct gateway_answer *answer)
{
    char authorization[96];
    struct opp_credentials shown = { .authorization = request->cookie == NULL ? authorization : NULL,
                                     .cookie = request->cookie,
                                     .changes = !request->reads };
    struct opp_call *call;
    enum opp_step step;

    failing_pause(true);
    call = make_call(kit, request, answer);
    snprintf(authorization, sizeof authorization, "Bearer %s", token_of(kit, request));
    failing_pause(false);
    step = request->person ? opp_guard_admin(call, &shown, OPP_ROLE_VIEWER) : opp_guard_agent(call, authorization);
    if (step == OPP_NEXT)
        opp_flow_start(call, request->flow);
}

/* What was answered at once has stopped the loop too, before it ran. */
static void give_up(void *arg)
{
    (void)arg;
    fail_msg("no answer");
}

void gateway_wait(struct gateway_kit *kit, const struct gateway_answer *answer)
{
    struct opp_timer *timer;

    if (answer->given)
        return;
    failing_pause(true);
    timer = opp_timer_start(kit->worker.loop, 20000, give_up, NULL);
    assert_non_null(timer);
    failing_pause(false);
    while (!answer->given)
        assert_int_equal(opp_loop_run(kit->worker.loop, NULL), OPP_OK);
    opp_timer_cancel(timer);
}

enum opp_code gateway_run(struct gateway_kit *kit, const struct gateway_request *request, struct gateway_answer *answer)
{
    gateway_ask(kit, request, answer);
    gateway_wait(kit, answer);
    return answer->code;
}

void gateway_sql(const struct gateway_kit *kit, const char *file, const char *format, ...)
{
    char sql[512];
    va_list values;

    failing_pause(true);
    va_start(values, format);
    assert_true(vsnprintf(sql, sizeof sql, format, values) < (int)sizeof sql);
    va_end(values);
    kit_sql(&kit->dir, file, sql);
    failing_pause(false);
}

static enum opp_code change_registry(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    (void)arg;
    (void)err;
    opp_tx_registry_changed(tx);
    return OPP_OK;
}

void gateway_registry_changed(struct gateway_kit *kit)
{
    assert_int_equal(opp_store_now(kit->gateway->store, change_registry, NULL, NULL), OPP_OK);
}
