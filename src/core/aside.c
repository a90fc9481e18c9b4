/* SPDX-License-Identifier: MIT */
#include "core/call.h"
#include "core/gateway.h"

#include <pthread.h>

/* Rules and adapters may be loaded and asked there. */
#define STACK_BYTES ((size_t)4 * 1024 * 1024)

static void done(void *arg)
{
    opp_flow_resume(arg);
}

static void *run(void *arg)
{
    struct opp_call *call = arg;
    struct opp_loop *loop = call->worker->loop;

    call->aside.run(call);
    opp_loop_post(loop, &call->aside.post);
    return NULL;
}

enum opp_step opp_flow_aside(struct opp_call *call, void (*fn)(struct opp_call *call))
{
    pthread_attr_t attributes;
    pthread_t thread;
    int failed;

    call->aside = (struct opp_aside){ .run = fn, .post = { .run = done, .arg = call } };
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    failed = pthread_create(&thread, &attributes, run, call);
    pthread_attr_destroy(&attributes);
    return failed == 0 ? OPP_WAIT : opp_call_refuse(call, OPP_E_UNAVAILABLE, NULL, NULL);
}
