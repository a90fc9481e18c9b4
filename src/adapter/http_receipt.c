/* SPDX-License-Identifier: MIT */
#include "adapter/http_receipt.h"

#include "adapter/http_effect.h"
#include "base/jcs.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

/* The members in the order of their names. */
static enum opp_code describe(const struct opp_effect *effect, const struct opp_tool_input *input, struct opp_buf *out,
                              struct opp_err *err)
{
    const json_t *receipt = json_object_get(effect->data, "receipt"), *result = json_object_get(receipt, "result");
    const json_t *new_ids = json_object_get(effect->data, "new_ids");
    struct opp_sql_host host = { .effect_id = input->effect_id, .new_ids = new_ids };
    struct opp_buf path = { 0 }, query = { 0 };
    enum opp_code rc = OPP_OK;

    opp_buf_char(out, '{');
    if (receipt != NULL)
        rc = opp_http_target(json_object_get(receipt, "get"), json_object_get(receipt, "query"), &host, &path, &query,
                             err);
    if (rc == OPP_OK && receipt != NULL) {
        if (new_ids != NULL)
            opp_jcs_member_json(out, "new_ids", new_ids);
        opp_jcs_member_text(out, "path", path.bytes);
        opp_jcs_member_text(out, "place", opp_upstream_place(effect->upstream->upstream));
        opp_jcs_member_text(out, "query", query.bytes);
        if (json_object_get(receipt, "read") != NULL) {
            opp_jcs_member(out, "read");
            opp_http_judge_write(out, input, effect->loaded);
        }
        opp_jcs_member_json(out, "result", result != NULL ? result : json_object_get(effect->data, "result"));
        opp_jcs_member_json(out, "settle", json_object_get(receipt, "settle"));
    }
    opp_jcs_member_text(out, "upstream", effect->upstream->name);
    opp_buf_char(out, '}');
    opp_buf_free(&path);
    opp_buf_free(&query);
    return rc;
}

enum opp_code opp_effect_receipt(const struct opp_effect *effect, const struct opp_tool_input *input, char **out,
                                 struct opp_err *err)
{
    struct opp_buf text = { 0 };
    enum opp_code rc;

    *out = NULL;
    if (effect->upstream == NULL)
        return OPP_OK;
    rc = describe(effect, input, &text, err);
    if (rc == OPP_OK)
        rc = opp_buf_check(&text, err);
    if (rc == OPP_OK)
        *out = opp_buf_take(&text);
    opp_buf_free(&text);
    return rc == OPP_OK && *out == NULL ? opp_fail(err, OPP_E_MEMORY, "no memory for an execution") : rc;
}

/* All that are asked at once, and how many are still to be answered. */
struct round {
    const struct opp_receipt_sources *sources;
    struct opp_loop *loop;
    struct opp_upstream_client *client;
    struct asking *list;
    size_t open;
};

struct asking {
    struct round *round;
    struct opp_receipt *receipt;
    json_t *described;
    struct opp_upstream_request request;
};

/* In a state of its own: it is asked seldom. */
static enum opp_code ask_read(const struct asking *asking, const json_t *read, json_t **result, struct opp_err *err)
{
    struct opp_adapters *adapters = asking->round->sources->adapters;
    struct opp_tool_input input;
    struct opp_http_question question = {
        .input = &input, .loaded = json_object_get(read, "loaded"), .receipt = true, .request = &asking->request
    };
    struct opp_lane *lane = NULL;
    enum opp_code rc;

    if (opp_http_judge_read(read, adapters, asking->receipt->effect_id, &input) != OPP_OK)
        return opp_fail(err, OPP_E_EXECUTION_UNKNOWN, "the tool that reads the receipt is gone");
    rc = opp_lane_open(&adapters->list[input.tool->adapter_index], adapters->log, &lane, err);
    if (rc == OPP_OK)
        rc = opp_lane_connect(lane, err);
    rc = rc == OPP_OK ? opp_http_receipt_judge(&question, lane, result, err) : OPP_E_EXECUTION_UNKNOWN;
    opp_lane_close(lane);
    return rc;
}

static enum opp_code judge(const struct asking *asking, json_t **result, struct opp_err *err)
{
    const json_t *described = asking->described, *read = json_object_get(described, "read");
    struct opp_http_question question = { .receipt = true, .request = &asking->request };
    struct opp_sql_host host = { .effect_id = asking->receipt->effect_id,
                                 .new_ids = json_object_get(described, "new_ids"),
                                 .now_ms = asking->receipt->created_at_ms };
    enum opp_code rc =
        read != NULL ? ask_read(asking, read, result, err) : opp_http_receipt_judge(&question, NULL, result, err);

    if (rc == OPP_OK && *result == NULL)
        return opp_http_result(json_object_get(described, "result"), &asking->request, &host, result, err) == OPP_OK
                   ? OPP_OK
                   : OPP_E_EXECUTION_UNKNOWN;
    if (rc == OPP_E_ABSENT &&
        asking->receipt->ended_ms_ago < json_integer_value(json_object_get(described, "settle")) * 1000)
        return opp_fail(err, OPP_E_EXECUTION_UNKNOWN, "there is no receipt yet");
    return rc;
}

static void on_answer(void *arg)
{
    struct asking *asking = arg;

    asking->receipt->err = (struct opp_err){ 0 };
    asking->receipt->rc = judge(asking, &asking->receipt->result, &asking->receipt->err);
    if (--asking->round->open == 0)
        opp_loop_stop(asking->round->loop);
}

/* An upstream that is somewhere else by now may be another system: that it has no receipt would say nothing. */
static bool has_moved(const struct opp_upstream *upstream, const json_t *described)
{
    const char *place = opp_json_text(described, "place");

    return place == NULL || strcmp(place, opp_upstream_place(upstream)) != 0;
}

/* Gives whom to ask; NULL: nobody, and err says why. */
static const struct opp_upstream *whom(const struct opp_upstreams *upstreams, const json_t *described,
                                       struct opp_err *err)
{
    const char *name = opp_json_text(described, "upstream");
    const struct opp_upstream *upstream = name != NULL ? opp_upstreams_find(upstreams, name) : NULL;

    if (name == NULL)
        opp_fail(err, OPP_E_EXECUTION_UNKNOWN, "the record of what its receipt is asked by is damaged");
    else if (opp_json_text(described, "path") == NULL)
        opp_fail(err, OPP_E_EXECUTION_UNKNOWN, "the effect has no receipt");
    else if (upstream == NULL)
        opp_fail(err, OPP_E_EXECUTION_UNKNOWN, "the upstream '%s' is not configured any more", name);
    else if (has_moved(upstream, described))
        opp_fail(err, OPP_E_EXECUTION_UNKNOWN, "the upstream '%s' has another base URL by now", name);
    return err->code == OPP_OK ? upstream : NULL;
}

/* Until it is answered it is unknown. */
static void add(struct round *round, struct opp_receipt *receipt, int64_t until_ms)
{
    struct asking *asking = &round->list[round->open];
    const struct opp_upstream *upstream;
    json_t *described = NULL;
    const char *query;

    receipt->rc = OPP_E_EXECUTION_UNKNOWN;
    receipt->err = (struct opp_err){ 0 };
    receipt->result = NULL;
    opp_json_read(receipt->described, strlen(receipt->described), &described);
    upstream = whom(round->sources->upstreams, described, &receipt->err);
    if (upstream == NULL) {
        json_decref(described);
        return;
    }
    query = opp_json_text(described, "query");
    *asking = (struct asking){ .round = round,
                               .receipt = receipt,
                               .described = described,
                               .request = { .upstream = upstream,
                                            .method = "GET",
                                            .path = opp_json_text(described, "path"),
                                            .query = query != NULL && query[0] != '\0' ? query : NULL,
                                            .until_ms = until_ms,
                                            .done = on_answer,
                                            .arg = asking } };
    round->open++;
}

/* Sending may answer at once, and the last answer stops the loop: it is counted as one more while all are sent. */
static void run(struct round *round, struct opp_err *err)
{
    size_t count = round->open;

    round->open++;
    for (size_t i = 0; i < count; i++)
        opp_upstream_send(round->client, &round->list[i].request);
    if (--round->open > 0)
        opp_loop_run(round->loop, err);
}

static enum opp_code open_round(struct round *round, size_t count, struct opp_err *err)
{
    const struct opp_upstreams *upstreams = round->sources->upstreams;
    enum opp_code rc = OPP_OK;

    round->list = calloc(count, sizeof *round->list);
    if (round->list == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory to ask for receipts");
    if (upstreams == NULL)
        return OPP_OK;
    rc = opp_loop_new(&round->loop, err);
    return rc == OPP_OK ? opp_upstream_client_open(upstreams, round->loop, NULL, 1, &round->client, err) : rc;
}

static void close_round(struct round *round, size_t added)
{
    opp_upstream_client_close(round->client);
    for (size_t i = 0; i < added; i++) {
        opp_upstream_close(&round->list[i].request);
        json_decref(round->list[i].described);
    }
    free(round->list);
    if (round->loop != NULL)
        opp_loop_free(round->loop);
}

static size_t described_count(const struct opp_receipt *asked, size_t count)
{
    size_t described = 0;

    for (size_t i = 0; i < count; i++)
        described += asked[i].described != NULL;
    return described;
}

void opp_http_receipts_ask(const struct opp_receipt_sources *sources, struct opp_receipt *asked, size_t count,
                           int64_t until_ms)
{
    size_t described = described_count(asked, count), added;
    struct round round = { .sources = sources };
    struct opp_err err = { 0 };
    enum opp_code rc;

    if (described == 0)
        return;
    rc = open_round(&round, described, &err);
    for (size_t i = 0; i < count; i++) {
        if (asked[i].described == NULL)
            continue;
        if (rc == OPP_OK)
            add(&round, &asked[i], until_ms);
        else
            asked[i].rc = opp_fail(&asked[i].err, OPP_E_EXECUTION_UNKNOWN, "%s", err.message);
    }
    added = round.open;
    if (added > 0)
        run(&round, &err);
    close_round(&round, added);
}
