/* SPDX-License-Identifier: MIT
 *
 * command/gateway_kit.h - a whole gateway with the demo's data, whose calls come from the test instead of HTTP.
 * May include: all.
 */
#ifndef OPP_TESTS_GATEWAY_KIT_H
#define OPP_TESTS_GATEWAY_KIT_H

#include "command/process.h"
#include "core/call.h"
#include "core/guard.h"
#include "store/store_kit.h"

struct gateway_kit {
    struct kit dir;
    struct opp_config config;
    struct opp_process process;
    struct opp_worker worker; /* the test's thread */
    struct opp_gateway *gateway;
};

/* Who asks for what; all lent. */
struct gateway_request {
    const struct opp_flow *flow;
    const char *id;     /* of the path; or NULL */
    const char *input;  /* JSON; NULL: {} */
    const char *key;    /* the Idempotency-Key header; or NULL */
    const char *token;  /* NULL: the demo's agent, or its owner where person is set */
    const char *cookie; /* instead of a token; or NULL */
    bool person, reads; /* reads: nothing is to be changed */
    const char *read_path;
};

struct gateway_answer {
    bool given, replayed;
    enum opp_code code;
    json_t *data, *details;
    int64_t retry_after_s;
    struct gateway_kit *kit;
    const char *id;
    void (*gone)(struct opp_call *call, void *arg); /* what is to be called when the caller leaves */
    void *gone_arg;
    struct opp_call *call; /* until it is given */
};

/* Rules of tests/fixtures/policies/calls. */
void gateway_start(struct gateway_kit *kit);
void gateway_stop(struct gateway_kit *kit);

/* Starts a call; the answer is written when it is there, at once or while another call waits. */
void gateway_ask(struct gateway_kit *kit, const struct gateway_request *request, struct gateway_answer *answer);
/* Runs the loop until it is. */
void gateway_wait(struct gateway_kit *kit, const struct gateway_answer *answer);
enum opp_code gateway_run(struct gateway_kit *kit, const struct gateway_request *request,
                          struct gateway_answer *answer);
void gateway_forget(struct gateway_answer *answer);

/* Runs SQL on a database of the data directory, behind the gateway's back. */
void gateway_sql(const struct gateway_kit *kit, const char *file, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The registry is read anew. */
void gateway_registry_changed(struct gateway_kit *kit);

#endif
