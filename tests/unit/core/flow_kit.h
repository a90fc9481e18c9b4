/* SPDX-License-Identifier: MIT
 *
 * core/flow_kit.h - calls without HTTP: a worker with a store, and a binding that keeps the answer.
 * May include: core, store, base.
 */
#ifndef OPP_TESTS_FLOW_KIT_H
#define OPP_TESTS_FLOW_KIT_H

#include "core/call.h"
#include "core/gateway.h"
#include "store/store_kit.h"

/* What a call was answered with. */
struct flow_answer {
    int count;
    enum opp_code code;
    json_t *data, *details; /* freed by flow_stop, or by the next flow_call */
    int64_t retry_after_s;
    int64_t rows; /* of the audit trail when the answer came */
};

struct flow_kit {
    struct kit kit;
    struct opp_gateway gateway;
    struct opp_worker worker;
    struct flow_answer answer;
    void (*gone)(struct opp_call *call, void *arg); /* what the flow wants to have called when its caller leaves */
    void *gone_arg;
    char trace[64]; /* what the test's steps note */
};

void flow_start(struct flow_kit *flow);
void flow_stop(struct flow_kit *flow);

/* Gives a call with this input (NULL: {}), to be started; the answer frees it. */
struct opp_call *flow_call(struct flow_kit *flow, const char *input);
/* Runs the worker's loop until the call is answered, or for a second. */
void flow_run(struct flow_kit *flow);
void flow_note(struct opp_call *call, const char *text);
int64_t flow_audit_rows(struct flow_kit *flow);

#endif
