/* SPDX-License-Identifier: MIT */
#include "http/crowd.h"
#include "http/state.h"

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>

#define RESERVED_FDS_MAX 64
#define LINGER_MS 1000
#define LINGER_SHORT_MS 200

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

static size_t or_default_count(size_t value, size_t otherwise)
{
    return value > 0 ? value : otherwise;
}

/* The store opens files while it works, and must not find that connections have taken the last descriptor. */
static int find_fd_max(void)
{
    struct rlimit limit;
    rlim_t reserved;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
        return INT_MAX;
    reserved = limit.rlim_cur / 4 < RESERVED_FDS_MAX ? limit.rlim_cur / 4 : RESERVED_FDS_MAX;
    return (int)(limit.rlim_cur - reserved);
}

static void configure(struct opp_guard *guard, const struct opp_http_settings *settings)
{
    const int64_t limits_ms[] = {
        [OPP_PHASE_HANDSHAKE] = or_default(settings->handshake_timeout_ms, OPP_HTTP_HANDSHAKE_MS),
        [OPP_PHASE_IDLE] = or_default(settings->idle_timeout_ms, OPP_HTTP_IDLE_MS),
        [OPP_PHASE_HEAD] = or_default(settings->header_timeout_ms, OPP_HTTP_HEADER_MS),
        [OPP_PHASE_BODY] = or_default(settings->body_timeout_ms, OPP_HTTP_BODY_MS),
        [OPP_PHASE_ANSWER] = or_default(settings->answer_timeout_ms, OPP_HTTP_ANSWER_MS),
        [OPP_PHASE_STREAM] = or_default(settings->stream_timeout_ms, OPP_HTTP_STREAM_MS),
        [OPP_PHASE_LINGER] = LINGER_MS,
        [OPP_PHASE_LINGER_SHORT] = LINGER_SHORT_MS,
    };

    for (int i = 0; i < OPP_PHASE_COUNT; i++)
        guard->phases[i].limit_ms = limits_ms[i];
    guard->count_max = or_default_count(settings->connections_max, OPP_HTTP_CONNECTIONS);
    guard->per_address_max = or_default_count(settings->connections_per_address_max, guard->count_max / 4 + 1);
    guard->streams_max = or_default_count(settings->streams_max, guard->count_max / 2 + 1);
    guard->head_max_bytes = settings->header_max_bytes;
    guard->fd_max = find_fd_max();
}

enum opp_code opp_guard_open(struct opp_http *http, const struct opp_http_settings *settings, struct opp_err *err)
{
    struct event_base *base = opp_loop_base(http->context.loop);
    struct opp_guard *guard = &http->guard;

    configure(guard, settings);
    if (http->context.crowd == NULL)
        guard->own_crowd = opp_crowd_new();
    guard->crowd = http->context.crowd != NULL ? http->context.crowd : guard->own_crowd;
    guard->errand = event_new(base, -1, 0, opp_guard_on_errand, http);
    guard->tick = event_new(base, -1, EV_PERSIST, opp_guard_on_tick, http);
    if (guard->crowd == NULL || guard->errand == NULL || guard->tick == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for an HTTP server");
    opp_guard_set_tick(http);
    return opp_guard_check(err);
}

void opp_guard_close(struct opp_http *http)
{
    struct opp_guard *guard = &http->guard;

    opp_guard_forget_all(http);
    if (guard->errand != NULL)
        event_free(guard->errand);
    if (guard->tick != NULL)
        event_free(guard->tick);
    opp_crowd_free(guard->own_crowd);
    free(guard->by_fd);
}
