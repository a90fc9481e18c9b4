/* SPDX-License-Identifier: MIT */
#include "core/await.h"

#include "base/loop.h"
#include "core/gateway.h"
#include "core/hub.h"

static void go_on(struct opp_await *await)
{
    if (!await->waiting)
        return;
    await->waiting = false;
    opp_flow_resume(await->call);
}

static void on_change(void *arg)
{
    struct opp_await *await = arg;

    await->changed = true;
    go_on(await);
}

static void on_timeout(void *arg)
{
    struct opp_await *await = arg;

    await->timer = NULL; /* it frees itself */
    await->timed_out = true;
    go_on(await);
}

static void on_gone(struct opp_call *call, void *arg)
{
    struct opp_await *await = arg;

    (void)call;
    await->gone = true;
    go_on(await);
}

enum opp_code opp_await_begin(struct opp_await *await, struct opp_call *call, const char *subject, int64_t timeout_ms)
{
    struct opp_worker *worker = call->worker;

    *await = (struct opp_await){ .call = call };
    await->watch = opp_hub_watch(worker->gateway->hub, worker->loop, subject, on_change, await);
    await->timer = opp_timer_start(worker->loop, timeout_ms, on_timeout, await);
    if (await->watch == NULL || await->timer == NULL) {
        opp_await_end(await);
        return OPP_E_MEMORY;
    }
    if (call->on_gone != NULL)
        call->on_gone(call, on_gone, await);
    return OPP_OK;
}

enum opp_step opp_await(struct opp_await *await)
{
    if (await->changed || await->timed_out || await->gone)
        return OPP_NEXT;
    await->waiting = true;
    return OPP_WAIT;
}

void opp_await_again(struct opp_await *await)
{
    await->changed = false;
}

void opp_await_end(struct opp_await *await)
{
    if (await->call == NULL)
        return;
    opp_hub_unwatch(await->watch);
    opp_timer_cancel(await->timer);
    if (await->call->on_gone != NULL)
        await->call->on_gone(await->call, NULL, NULL);
    *await = (struct opp_await){ 0 };
}
