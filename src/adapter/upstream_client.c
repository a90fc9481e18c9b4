/* SPDX-License-Identifier: MIT */
#include "adapter/upstream_internal.h"

#include "base/loop.h"

#include <stdlib.h>

#define WAITING_PER_CONNECTION 8

static void act(struct opp_upstream_client *client, curl_socket_t fd, int ready)
{
    int running = 0;

    curl_multi_socket_action(client->multi, fd, ready, &running);
    opp_upstream_settle(client);
}

static void on_timer(void *arg)
{
    struct opp_upstream_client *client = arg;

    client->timer = NULL;
    act(client, CURL_SOCKET_TIMEOUT, 0);
}

/* Without memory for a timer, as for a watch below, requests end at their deadlines: an error said to curl would end
 * all of them, and all that come. */
static int on_timeout_changed(CURLM *multi, long after_ms, void *arg)
{
    struct opp_upstream_client *client = arg;

    (void)multi;
    opp_timer_cancel(client->timer);
    client->timer = after_ms >= 0 ? opp_timer_start(client->loop, after_ms, on_timer, client) : NULL;
    return 0;
}

static void on_ready(void *arg, int fd, unsigned ready)
{
    act(arg, fd,
        ((ready & OPP_WATCH_READ) != 0 ? CURL_CSELECT_IN : 0) |
            ((ready & OPP_WATCH_WRITE) != 0 ? CURL_CSELECT_OUT : 0));
}

static int on_socket_changed(CURL *easy, curl_socket_t fd, int what, void *arg, void *watched)
{
    struct opp_upstream_client *client = arg;
    struct opp_watch *watch = NULL;
    unsigned wanted = 0;

    (void)easy;
    opp_watch_stop(watched);
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        wanted |= OPP_WATCH_READ;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        wanted |= OPP_WATCH_WRITE;
    if (wanted != 0)
        watch = opp_watch_start(client->loop, fd, wanted, on_ready, client);
    if (what != CURL_POLL_REMOVE)
        curl_multi_assign(client->multi, fd, watch);
    return 0;
}

static bool set_multi(struct opp_upstream_client *client, size_t connections)
{
    CURLM *multi = client->multi;

    return opp_upstream_kept_init(&client->kept, connections) &&
           curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket_changed) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout_changed) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)connections) == CURLM_OK;
}

/* Gives how many connections there may be at most. */
static size_t share(struct opp_upstream_client *client, size_t sharers)
{
    size_t sum = 0;

    for (size_t i = 0; i < client->upstreams->count; i++) {
        struct opp_upstream_queue *queue = &client->queues[i];
        size_t max = (size_t)client->upstreams->items[i].settings.connections_max;

        queue->last = &queue->first;
        queue->running_max = (max + sharers - 1) / sharers;
        queue->waiting_max = queue->running_max * WAITING_PER_CONNECTION;
        sum += queue->running_max;
    }
    return sum;
}

enum opp_code opp_upstream_client_open(const struct opp_upstreams *upstreams, struct opp_loop *loop,
                                       struct opp_meter *meter, size_t sharers, struct opp_upstream_client **out,
                                       struct opp_err *err)
{
    struct opp_upstream_client *client = calloc(1, sizeof *client + upstreams->count * sizeof client->queues[0]);

    if (client == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for upstreams");
    client->upstreams = upstreams;
    client->loop = loop;
    client->meter = meter;
    client->multi = curl_multi_init();
    if (client->multi == NULL || !set_multi(client, share(client, sharers))) {
        opp_upstream_client_close(client);
        return opp_fail(err, OPP_E_MEMORY, "no memory for upstreams");
    }
    *out = client;
    return OPP_OK;
}

void opp_upstream_client_close(struct opp_upstream_client *client)
{
    if (client == NULL)
        return;
    opp_upstream_end_all(client);
    curl_multi_cleanup(client->multi);
    opp_timer_cancel(client->timer);
    free(client->kept.fds);
    free(client);
}
