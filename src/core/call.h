/* SPDX-License-Identifier: MIT
 *
 * core/call.h - one authenticated call on its way through a flow: a list of named steps, each of which may wait.
 * May include: audit, store, base, core.
 */
#ifndef OPP_CORE_CALL_H
#define OPP_CORE_CALL_H

#include "audit/audit.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/id.h"
#include "base/limit.h"
#include "base/loop.h"
#include "base/net.h"
#include "core/rate.h"
#include "core/registry.h"
#include "core/schemas.h"
#include "store/store.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct opp_call;
struct opp_generation;
struct opp_shared;
struct opp_told;
struct opp_tool;
struct opp_worker;

/* Of a refusal's message: the longest is a rule's reason. */
#define OPP_MESSAGE_MAX 512

enum opp_step {
    OPP_NEXT,
    OPP_WAIT,
    OPP_DONE
};
typedef enum opp_step (*opp_step_fn)(struct opp_call *call);

/* A flow: its steps, ended by NULL, and what it keeps between them. */
struct opp_flow {
    const opp_step_fn *steps;
    size_t state_bytes;
    void (*dispose)(void *state); /* frees what the state holds, not the state, before the answer; may be NULL */
    const char *audit_action;     /* what refusals and answers are recorded as; NULL: not recorded by the call itself */
};

/* What a call ends with. Exactly one of data, bytes, shared on success; shared is data's JSON, sent without a copy. */
struct opp_reply {
    enum opp_code code;
    const char *message; /* NULL: the code's own */
    json_t *data, *details;
    struct opp_buf bytes;
    struct opp_shared *shared;
    const char *content_type; /* of bytes that are the whole answer; NULL: they are JSON, and data */
    bool replayed, not_modified, stream_ended;
    int64_t retry_after_s;
    const char *set_cookie; /* the header's value; or NULL */
    const char *etag;       /* only with shared or not_modified */
    struct opp_limit limit; /* only with OPP_E_RATE_LIMITED */
};

/* How a call's answer is sent in pieces. begin sends the head; then on_gone tells when the reader has left, and
 * opp_call_end_stream ends the call. */
struct opp_call_stream {
    void (*begin)(struct opp_call *call, const char *content_type);
    void (*write)(struct opp_call *call, const void *bytes, size_t length);
    size_t (*backlog)(const struct opp_call *call); /* bytes written and not yet taken by the network */
};

/* What a call has another thread do for it. */
struct opp_aside {
    void (*run)(struct opp_call *call);
    struct opp_post post;
};

struct opp_call {
    struct opp_worker *worker;
    /* Who and from where; lent by whoever made the call until it is answered. traceparent: of what is asked of others
     * for it, NULL: none. */
    const char *traceparent;
    const char *request_id, *client_request_id, *ip, *user_agent, *idempotency_header, *if_none_match, *last_event_id;
    const struct opp_registry *registry; /* pinned by the guard, as the generation */
    struct opp_generation *generation;
    const struct opp_key_entry *key; /* an agent's, or NULL */
    const struct opp_app_entry *app;
    const struct opp_admin_token *admin; /* a person's, or NULL */
    char session_id[OPP_ID_MAX];         /* of the browser that the person uses, or "" */
    const char *(*param)(const struct opp_call *call, const char *name); /* of the path */
    json_t *input;                                                       /* the body or the query: an object */
    /* Takes the reply and ends the call, which is freed right after. */
    void (*answer)(struct opp_call *call, struct opp_reply *reply);
    /* Has fn called when the caller leaves before the answer; fn NULL takes it back. */
    void (*on_gone)(struct opp_call *call, void (*fn)(struct opp_call *call, void *arg), void *arg);
    const struct opp_call_stream *stream;
    void *binding;
    const char *read_path;       /* a read tool's, lent; NULL: the route is not one's */
    const struct opp_tool *read; /* what it leads to in the pinned generation, set with the pin */
    const struct opp_flow *flow;
    size_t next_step;
    bool running, resumed;
    bool tool_counted; /* in its tool's rate limit: what is judged again is still one call */
    void *state;
    struct opp_store_op op;
    struct opp_aside aside;
    struct opp_audit_event audit;  /* filled in as the call becomes known */
    json_t *rules;                 /* what the rules said last, for audit.rules; NULL: none spoke */
    struct opp_told *told;         /* a decision that is held back until it is known what else it met */
    struct opp_reply pending;      /* a refusal that waits for its audit row */
    int64_t retry_after_s;         /* for a refusal; 0: not said */
    struct opp_limit limit;        /* likewise */
    char message[OPP_MESSAGE_MAX]; /* room for the pending reply's message */
    char actor[256];               /* the person that an agent's call acts for, or that calls */
};

/* Starts a flow on a call that the guard has admitted. */
void opp_flow_start(struct opp_call *call, const struct opp_flow *flow);
/* Goes on after OPP_WAIT, on the call's loop. */
void opp_flow_resume(struct opp_call *call);
/* The next step to run after this one returns OPP_NEXT or its wait is over; it must be one of the flow's. */
void opp_flow_goto(struct opp_call *call, opp_step_fn step);

/* Runs a transaction with the call as its arg. The next step finds call->op.rc and call->op.err. */
enum opp_step opp_flow_read(struct opp_call *call, opp_tx_fn run);
enum opp_step opp_flow_write(struct opp_call *call, opp_tx_fn run);
/* As opp_flow_write, of what refuses before it changes anything (opp_write.checked in store/writer.h). */
enum opp_step opp_flow_write_checked(struct opp_call *call, opp_tx_fn run);
/* As opp_flow_write; done, with the call, has to end in opp_flow_resume. */
enum opp_step opp_flow_write_then(struct opp_call *call, opp_tx_fn run, void (*done)(void *arg));

/* Goes on after fn has returned, which runs on a thread of its own and may wait; meanwhile it alone uses the call's
 * state. Where no thread is to be had, the call ends with OPP_E_UNAVAILABLE. */
enum opp_step opp_flow_aside(struct opp_call *call, void (*fn)(struct opp_call *call));

/* The ends of a flow; each gives OPP_DONE. A refusal is durable in the audit trail before it is answered.
 * All take data, details and reply's contents. */
enum opp_step opp_call_answer(struct opp_call *call, json_t *data);
/* As opp_call_answer for a call whose own transaction has written its audit row. */
enum opp_step opp_call_answer_recorded(struct opp_call *call, json_t *data);
enum opp_step opp_call_reply(struct opp_call *call, struct opp_reply *reply);
enum opp_step opp_call_refuse(struct opp_call *call, enum opp_code code, const char *message, json_t *details);
/* As opp_call_refuse, with details {reason}. */
enum opp_step opp_call_refuse_reason(struct opp_call *call, enum opp_code code, const char *message,
                                     const char *reason);
/* As opp_call_refuse, with the issue at one pointer. */
enum opp_step opp_call_refuse_field(struct opp_call *call, enum opp_code code, const char *pointer,
                                    const char *message);
/* Gives details {issues: [{code, path, message, pointer}]} of one place. NULL: no memory. */
json_t *opp_call_issue(const char *pointer, const char *message);
/* Ends with what a failed function said. */
enum opp_step opp_call_fail(struct opp_call *call, enum opp_code rc, const struct opp_err *err);

/* Ends a call whose answer was a stream. */
enum opp_step opp_call_end_stream(struct opp_call *call);

/* Appends the call's audit event with this outcome in a write transaction. */
enum opp_code opp_call_audit(struct opp_call *call, struct opp_tx *tx, const char *action, enum opp_code code,
                             const json_t *details, struct opp_err *err);

/* Checks call->input against a schema; on OPP_DONE the refusal is on its way. */
enum opp_step opp_call_check_input(struct opp_call *call, enum opp_schema_name schema);
/* As opp_call_check_input for a query: its strings are turned into what the schema asks for. */
enum opp_step opp_call_check_query(struct opp_call *call, enum opp_schema_name schema);

/* Lends a text field of the input; blank counts as absent (NULL). */
const char *opp_call_text(const struct opp_call *call, const char *field);
int64_t opp_call_now_ms(const struct opp_call *call);

#endif
