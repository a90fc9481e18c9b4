/* SPDX-License-Identifier: MIT */
#include "adapter/http_effect.h"

#include "adapter/http_target.h"
#include "adapter/session.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/jcs.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECEIPT_MS 2000 /* the longest that a receipt is waited for while somebody waits for the execution */

/* One effect on its way: first its request, then perhaps its receipt's. */
struct http_run {
    struct opp_effect_op *op;
    struct opp_buf path, query, body;
    struct opp_upstream_request request;
    struct opp_err why; /* nobody knows whether it was applied */
};

enum opp_code opp_http_target(const json_t *path, const json_t *query, const struct opp_sql_host *host,
                              struct opp_buf *path_out, struct opp_buf *query_out, struct opp_err *err)
{
    json_t *segments = NULL, *parameters = NULL;
    enum opp_code rc = path != NULL ? opp_symbols_resolve(path, host, NULL, &segments, err)
                                    : opp_fail(err, OPP_E_SCRIPT, "path is a list of segments");

    if (rc == OPP_OK && query != NULL)
        rc = opp_symbols_resolve(query, host, NULL, &parameters, err);
    if (rc == OPP_OK)
        rc = opp_http_path(segments, path_out, err);
    if (rc == OPP_OK)
        rc = opp_http_query(parameters, query_out, err);
    json_decref(segments);
    json_decref(parameters);
    return rc;
}

static struct opp_sql_host host_of(const struct opp_effect_op *op)
{
    return (struct opp_sql_host){ .effect_id = op->effect_id,
                                  .new_ids = json_object_get(op->effect->data, "new_ids"),
                                  .now_ms = op->now_ms };
}

/* Ends it; the run is gone. */
static void finish(struct http_run *run, enum opp_code rc, const struct opp_err *err)
{
    struct opp_effect_op *op = run->op;
    struct opp_err why = err != NULL ? *err : (struct opp_err){ 0 };

    opp_upstream_close(&run->request);
    opp_buf_free(&run->path);
    opp_buf_free(&run->query);
    opp_buf_free(&run->body);
    free(run);
    opp_effect_finish(op, rc, &why);
}

enum opp_code opp_http_result(const json_t *result, const struct opp_upstream_request *request,
                              const struct opp_sql_host *host, json_t **out, struct opp_err *err)
{
    struct opp_sql_host lenient = *host;
    json_t *body = NULL, *rows;
    enum opp_code rc;

    lenient.lenient = true;
    if (opp_json_parse(request->answer.bytes, request->answer.length, &body, NULL) != OPP_OK)
        body = json_null();
    rows = json_pack("{s:o}", "answer", body);
    if (rows == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a result");
    rc = opp_symbols_resolve(result, &lenient, rows, out, err);
    json_decref(rows);
    return rc;
}

/* It has happened, and nothing takes that back: a result that cannot be made must not say otherwise. */
static void finish_applied(struct http_run *run, const json_t *result)
{
    struct opp_sql_host host = host_of(run->op);
    struct opp_err err = { 0 };
    enum opp_code rc = opp_http_result(result, &run->request, &host, &run->op->result, &err);

    finish(run, rc == OPP_OK ? OPP_OK : OPP_E_EXECUTION_UNKNOWN, &err);
}

static enum opp_code judge_status(int status, struct opp_err *err)
{
    if (status >= 200 && status <= 299)
        return OPP_OK;
    if (status == 404 || status == 410)
        return OPP_E_ABSENT;
    return opp_fail(err, OPP_E_EXECUTION_UNKNOWN, "the receipt's answer was %d", status);
}

enum opp_code opp_http_receipt_judge(const struct opp_http_question *question, struct opp_lane *lane, json_t **result,
                                     struct opp_err *err)
{
    const struct opp_upstream_request *request = question->request;
    struct opp_http_verdict verdict = { .word = "" };
    enum opp_code rc;

    *result = NULL;
    if (request->outcome != OPP_UPSTREAM_ANSWERED)
        return opp_fail(err, OPP_E_EXECUTION_UNKNOWN, "the receipt could not be asked for: %.200s",
                        request->err.message);
    if (lane == NULL)
        return judge_status(request->status, err);
    rc = opp_http_judge(lane, question, &verdict, err);
    if (rc == OPP_OK && strcmp(verdict.word, "applied") == 0) {
        *result = verdict.result;
        return OPP_OK;
    }
    json_decref(verdict.result);
    if (rc == OPP_OK && strcmp(verdict.word, "absent") == 0)
        return OPP_E_ABSENT;
    return rc != OPP_OK ? rc : opp_fail(err, OPP_E_EXECUTION_UNKNOWN, "receipt.read says neither");
}

/* Gives a lane for the effect's functions, NULL: it is not to be had. */
static struct opp_lane *take_lane(const struct opp_effect_op *op, struct opp_err *err)
{
    struct opp_lane *lane = NULL;

    if (op->session == NULL || opp_session_take(op->session, op->input->tool->adapter_index, &lane, err) != OPP_OK)
        opp_fail(err, OPP_E_EXECUTION_UNKNOWN, "the effect's functions cannot be asked");
    return lane;
}

static struct opp_http_question question_of(const struct http_run *run, bool receipt)
{
    return (struct opp_http_question){
        .input = run->op->input, .loaded = run->op->effect->loaded, .receipt = receipt, .request = &run->request
    };
}

static enum opp_code ask_read(struct http_run *run, const json_t *receipt, json_t **result, struct opp_err *err)
{
    struct opp_http_question question = question_of(run, true);
    struct opp_lane *lane = NULL;
    enum opp_code rc;

    if (json_object_get(receipt, "read") == NULL)
        return opp_http_receipt_judge(&question, NULL, result, err);
    lane = take_lane(run->op, err);
    if (lane == NULL)
        return OPP_E_EXECUTION_UNKNOWN;
    rc = opp_http_receipt_judge(&question, lane, result, err);
    opp_session_put(run->op->session, lane);
    return rc;
}

static void on_receipt(void *arg)
{
    struct http_run *run = arg;
    const json_t *receipt = json_object_get(run->op->effect->data, "receipt");
    const json_t *result = json_object_get(receipt, "result");
    struct opp_err err = { 0 };
    json_t *read = NULL;
    enum opp_code rc = ask_read(run, receipt, &read, &err);

    if (rc == OPP_OK && read != NULL) {
        run->op->result = read;
        finish(run, OPP_OK, NULL);
    } else if (rc == OPP_OK) {
        finish_applied(run, result != NULL ? result : json_object_get(run->op->effect->data, "result"));
    } else if (rc == OPP_E_ABSENT && json_integer_value(json_object_get(receipt, "settle")) == 0) {
        opp_fail(&err, OPP_E_EXECUTION_FAILED, "there is no receipt: nothing was applied");
        finish(run, OPP_E_EXECUTION_FAILED, &err);
    } else {
        finish(run, OPP_E_EXECUTION_UNKNOWN, &run->why);
    }
}

/* What became of it is not known: its receipt may tell at once. */
static void ask_receipt(struct http_run *run)
{
    const json_t *receipt = json_object_get(run->op->effect->data, "receipt");
    struct opp_sql_host host = host_of(run->op);

    opp_upstream_close(&run->request);
    opp_buf_reset(&run->path);
    opp_buf_reset(&run->query);
    if (receipt == NULL || opp_http_target(json_object_get(receipt, "get"), json_object_get(receipt, "query"), &host,
                                           &run->path, &run->query, NULL) != OPP_OK) {
        finish(run, OPP_E_EXECUTION_UNKNOWN, &run->why);
        return;
    }
    run->request = (struct opp_upstream_request){ .upstream = run->op->effect->upstream->upstream,
                                                  .method = "GET",
                                                  .path = run->path.bytes,
                                                  .traceparent = run->op->input->traceparent,
                                                  .query = run->query.length > 1 ? run->query.bytes : NULL,
                                                  .until_ms = opp_monotonic_ms() + RECEIPT_MS,
                                                  .done = on_receipt,
                                                  .arg = run };
    opp_upstream_send(run->op->upstreams, &run->request);
}

static const char *usual_meaning(int status)
{
    if (status >= 200 && status <= 299)
        return "applied";
    if (status == 412)
        return "stale";
    if (status >= 400 && status <= 499 && status != 408 && status != 425 && status != 429)
        return "refused";
    return "unknown";
}

/* Puts what the effect's own function says into word; "" where it does not say, and why is told. */
static void ask_outcome(struct http_run *run, char word[OPP_HTTP_WORD_MAX])
{
    struct opp_http_question question = question_of(run, false);
    struct opp_http_verdict verdict = { .word = "" };
    struct opp_lane *lane = take_lane(run->op, &run->why);

    if (lane != NULL) {
        opp_http_judge(lane, &question, &verdict, &run->why);
        opp_session_put(run->op->session, lane);
    }
    json_decref(verdict.result);
    memcpy(word, verdict.word, sizeof verdict.word);
}

static void meaning_of(struct http_run *run, char word[OPP_HTTP_WORD_MAX])
{
    const json_t *outcome = json_object_get(run->op->effect->data, "outcome");
    const char *said;
    char key[16];

    snprintf(key, sizeof key, "%d", run->request.status);
    said = opp_json_text(outcome, key);
    if (json_is_string(outcome))
        ask_outcome(run, word);
    else
        snprintf(word, OPP_HTTP_WORD_MAX, "%s", said != NULL ? said : usual_meaning(run->request.status));
}

/* The upstream did nothing, and said why not. */
static void finish_refused(struct http_run *run, const char *reason)
{
    struct opp_err err = { 0 };

    run->op->reason = reason;
    opp_fail(&err, OPP_E_PRECONDITION, "the upstream %s answered %d", run->op->effect->upstream->name,
             run->request.status);
    finish(run, OPP_E_PRECONDITION, &err);
}

static void on_answer(void *arg)
{
    struct http_run *run = arg;
    const struct opp_upstream_request *request = &run->request;
    const json_t *effect = run->op->effect->data;
    char meaning[OPP_HTTP_WORD_MAX];

    opp_crash_point("effect.answered");
    if (request->outcome == OPP_UPSTREAM_NOT_SENT) {
        run->op->retry_after_s = OPP_UPSTREAM_RETRY_S;
        finish(run, OPP_E_EXECUTION_FAILED, &request->err);
        return;
    }
    if (request->outcome == OPP_UPSTREAM_UNKNOWN) {
        opp_fail(&run->why, OPP_E_EXECUTION_UNKNOWN, "%s", request->err.message);
        ask_receipt(run);
        return;
    }
    meaning_of(run, meaning);
    if (strcmp(meaning, "applied") == 0) {
        finish_applied(run, json_object_get(effect, "result"));
    } else if (strcmp(meaning, "refused") == 0) {
        finish_refused(run, "conflict");
    } else if (strcmp(meaning, "stale") == 0) {
        finish_refused(run, "state_changed");
    } else {
        opp_fail(&run->why, OPP_E_EXECUTION_UNKNOWN, "the upstream %s answered %d", run->op->effect->upstream->name,
                 request->status);
        ask_receipt(run);
    }
}

static enum opp_code make_body(struct http_run *run, const struct opp_sql_host *host, struct opp_err *err)
{
    const json_t *json = json_object_get(run->op->effect->data, "json");
    json_t *body = NULL;
    enum opp_code rc;

    if (json == NULL)
        return OPP_OK;
    rc = opp_symbols_resolve(json, host, NULL, &body, err);
    if (rc == OPP_OK)
        opp_jcs_write(&run->body, body);
    json_decref(body);
    return rc == OPP_OK ? opp_buf_check(&run->body, err) : rc;
}

static enum opp_code prepare(struct http_run *run, struct opp_err *err)
{
    const struct opp_effect_op *op = run->op;
    const json_t *effect = op->effect->data;
    struct opp_sql_host host = host_of(op);
    enum opp_code rc = opp_http_target(json_object_get(effect, "path"), json_object_get(effect, "query"), &host,
                                       &run->path, &run->query, err);

    if (rc == OPP_OK)
        rc = make_body(run, &host, err);
    run->request = (struct opp_upstream_request){ .upstream = op->effect->upstream->upstream,
                                                  .method = opp_json_text(effect, "method"),
                                                  .path = run->path.bytes,
                                                  .query = run->query.length > 1 ? run->query.bytes : NULL,
                                                  .body = run->body.bytes,
                                                  .body_length = run->body.length,
                                                  .idempotency_key = op->effect_id,
                                                  .traceparent = op->input->traceparent,
                                                  .if_match = opp_json_text(effect, "if_match"),
                                                  .done = on_answer,
                                                  .arg = run };
    return rc;
}

/* RFC 9110, section 13.1.1: If-Match compares strongly, and a weak ETag is equal to none. */
static bool is_weak(const char *etag)
{
    return etag != NULL && strncmp(etag, "W/", 2) == 0;
}

void opp_http_apply(struct opp_effect_op *op)
{
    struct http_run *run = calloc(1, sizeof *run);
    struct opp_err err = { 0 };
    enum opp_code rc;

    if (run == NULL) {
        opp_effect_finish(op, opp_fail(&err, OPP_E_MEMORY, "no memory for an effect"), &err);
        return;
    }
    run->op = op;
    rc = op->upstreams != NULL ? prepare(run, &err) : opp_fail(&err, OPP_E_UNAVAILABLE, "no upstream can be asked");
    if (rc == OPP_OK && is_weak(run->request.if_match)) {
        op->reason = "state_changed";
        rc = opp_fail(&err, OPP_E_PRECONDITION, "a weak ETag matches nothing");
    }
    if (rc != OPP_OK) {
        finish(run, rc, &err);
        return;
    }
    opp_crash_point("effect.unsent");
    opp_upstream_send(op->upstreams, &run->request);
    opp_crash_point("effect.sending");
}
