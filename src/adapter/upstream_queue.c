/* SPDX-License-Identifier: MIT */
#include "adapter/upstream_internal.h"

#include "base/clock.h"
#include "base/loop.h"
#include "base/metrics.h"

#include <stdlib.h>

static size_t outcome_index(const struct opp_upstream_request *request)
{
    if (request->outcome == OPP_UPSTREAM_ANSWERED)
        return (size_t)request->status / 100;
    return request->outcome == OPP_UPSTREAM_UNKNOWN ? 1 : 0;
}

static void count(const struct opp_upstream_transfer *transfer)
{
    const struct opp_upstream *upstream = transfer->request->upstream;
    struct opp_meter *meter = transfer->client->meter;

    opp_meter_add(meter, upstream->outcomes + outcome_index(transfer->request), 1);
    opp_meter_time(meter, upstream->seconds, opp_monotonic_ns() - transfer->began_ns);
}

static void enqueue(struct opp_upstream_transfer *transfer)
{
    struct opp_upstream_queue *queue = transfer->queue;

    transfer->link = queue->last;
    *queue->last = transfer;
    queue->last = &transfer->next;
    queue->waiting++;
    opp_meter_add(transfer->client->meter, transfer->request->upstream->in_flight, 1);
}

/* Frees it too. */
static void dequeue(struct opp_upstream_transfer *transfer)
{
    struct opp_upstream_queue *queue = transfer->queue;

    *transfer->link = transfer->next;
    if (transfer->next != NULL)
        transfer->next->link = transfer->link;
    else
        queue->last = transfer->link;
    if (transfer->state == OPP_TRANSFER_RUNNING)
        queue->running--;
    else
        queue->waiting--;
    opp_meter_subtract(transfer->client->meter, transfer->request->upstream->in_flight, 1);
    transfer->request->run = NULL;
    opp_upstream_transfer_free(transfer);
}

/* Only now does curl tell which it is. */
static void note_kept(const struct opp_upstream_transfer *transfer)
{
    curl_socket_t fd = CURL_SOCKET_BAD;

    if (transfer->request->outcome == OPP_UPSTREAM_ANSWERED &&
        curl_easy_getinfo(transfer->easy, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK && fd != CURL_SOCKET_BAD)
        opp_upstream_kept_add(&transfer->client->kept, fd);
}

static void finish(struct opp_upstream_transfer *transfer, CURLcode result)
{
    struct opp_upstream_request *request = transfer->request;

    opp_upstream_transfer_conclude(transfer, result);
    note_kept(transfer);
    count(transfer);
    dequeue(transfer);
    request->done(request->arg);
}

static void on_deadline(void *arg)
{
    struct opp_upstream_transfer *transfer = arg;
    struct opp_upstream_client *client = transfer->client;

    transfer->deadline = NULL;
    transfer->broken = "no answer in time";
    finish(transfer, CURLE_OPERATION_TIMEDOUT);
    opp_upstream_settle(client);
}

static struct opp_upstream_transfer *next_waiting(const struct opp_upstream_queue *queue)
{
    struct opp_upstream_transfer *transfer = queue->first;

    while (transfer != NULL && transfer->state != OPP_TRANSFER_WAITING)
        transfer = transfer->next;
    return transfer;
}

/* What cannot start ends, and its done may ask for the next; so this is not entered twice. */
static void start_waiting(struct opp_upstream_queue *queue)
{
    if (queue->starting)
        return;
    queue->starting = true;
    while (queue->waiting > 0 && queue->running < queue->running_max) {
        struct opp_upstream_transfer *transfer = next_waiting(queue);

        if (curl_multi_add_handle(transfer->client->multi, transfer->easy) != CURLM_OK) {
            finish(transfer, CURLE_OUT_OF_MEMORY);
            continue;
        }
        transfer->state = OPP_TRANSFER_RUNNING;
        queue->waiting--;
        queue->running++;
    }
    queue->starting = false;
}

/* Back to the queue, where it is the first. */
static void start_again(struct opp_upstream_transfer *transfer)
{
    curl_multi_remove_handle(transfer->client->multi, transfer->easy);
    curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L);
    transfer->again = false;
    transfer->why[0] = '\0';
    transfer->state = OPP_TRANSFER_WAITING;
    transfer->queue->running--;
    transfer->queue->waiting++;
}

void opp_upstream_settle(struct opp_upstream_client *client)
{
    struct opp_upstream_transfer *transfer = NULL;
    const CURLMsg *message;
    int left = 0;

    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        CURLcode result = message->data.result;

        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer) != CURLE_OK)
            continue;
        if (transfer->again)
            start_again(transfer);
        else
            finish(transfer, result);
    }
    for (size_t i = 0; i < client->upstreams->count; i++)
        start_waiting(&client->queues[i]);
}

static bool start_deadline(struct opp_upstream_transfer *transfer)
{
    int64_t now_ms = opp_monotonic_ms(), after_ms = transfer->request->upstream->settings.timeout_ms;
    int64_t until_ms = transfer->request->until_ms;

    if (until_ms != 0 && until_ms - now_ms < after_ms)
        after_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    transfer->deadline = opp_timer_start(transfer->client->loop, after_ms, on_deadline, transfer);
    return transfer->deadline != NULL;
}

static enum opp_code admit(struct opp_upstream_transfer *transfer, struct opp_err *err)
{
    const struct opp_upstream_queue *queue = transfer->queue;
    enum opp_code rc;

    if (transfer->client->closing)
        return opp_fail(err, OPP_E_LIMIT, "the gateway ends");
    if (queue->running == queue->running_max && queue->waiting == queue->waiting_max)
        return opp_fail(err, OPP_E_LIMIT, "the upstream %s: too many requests wait for it",
                        transfer->request->upstream->settings.name);
    rc = opp_upstream_transfer_prepare(transfer, err);
    if (rc == OPP_OK && !start_deadline(transfer))
        rc = opp_fail(err, OPP_E_MEMORY, "no memory for a request");
    return rc;
}

static void refuse(struct opp_upstream_client *client, struct opp_upstream_request *request)
{
    request->outcome = OPP_UPSTREAM_NOT_SENT;
    opp_meter_add(client->meter, request->upstream->outcomes + outcome_index(request), 1);
    request->done(request->arg);
}

void opp_upstream_send(struct opp_upstream_client *client, struct opp_upstream_request *request)
{
    struct opp_upstream_transfer *transfer = calloc(1, sizeof *transfer);

    request->retry_after_s = -1;
    if (transfer == NULL) {
        opp_fail(&request->err, OPP_E_MEMORY, "no memory for a request");
        refuse(client, request);
        return;
    }
    transfer->client = client;
    transfer->queue = &client->queues[request->upstream->index];
    transfer->request = request;
    transfer->began_ns = opp_monotonic_ns();
    if (admit(transfer, &request->err) != OPP_OK) {
        opp_upstream_transfer_free(transfer);
        refuse(client, request);
        return;
    }
    request->run = transfer;
    enqueue(transfer);
    start_waiting(transfer->queue);
}

void opp_upstream_cancel(struct opp_upstream_request *request)
{
    struct opp_upstream_queue *queue;

    if (request->run == NULL)
        return;
    queue = request->run->queue;
    dequeue(request->run);
    start_waiting(queue);
}

void opp_upstream_close(struct opp_upstream_request *request)
{
    opp_upstream_cancel(request);
    opp_buf_free(&request->answer);
    free(request->content_type);
    free(request->etag);
    request->content_type = request->etag = NULL;
}

void opp_upstream_end_all(struct opp_upstream_client *client)
{
    client->closing = true;
    for (size_t i = 0; i < client->upstreams->count; i++) {
        struct opp_upstream_queue *queue = &client->queues[i];

        queue->starting = true; /* for good */
        while (queue->first != NULL) {
            queue->first->broken = "the gateway ends";
            finish(queue->first, CURLE_ABORTED_BY_CALLBACK);
        }
    }
}
