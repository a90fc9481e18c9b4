/* SPDX-License-Identifier: MIT
 *
 * adapter/upstream.h - the systems that adapters reach over HTTP: which there are, and one request to one of them.
 * May include: base.
 */
#ifndef OPP_ADAPTER_UPSTREAM_H
#define OPP_ADAPTER_UPSTREAM_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opp_loop;
struct opp_meter;
struct opp_metrics;
struct opp_upstream;
struct opp_upstream_client;
struct opp_upstreams;

/* One upstream as the operator configures it; the texts are lent for as long as the set lives. */
struct opp_upstream_settings {
    const char *name;     /* letters, digits and _ */
    const char *base_url; /* http or https, perhaps with a path */
    bool insecure;        /* http to another machine is meant */
    const char *ca_file;  /* PEM; who may have signed its certificate; NULL: whom the system trusts */
    const char *client_certificate, *client_key; /* PEM, both or neither */
    /* A header that every request gets: the prefix, and what the file or the variable of the environment holds, without
     * the line's end. credential_header NULL: none. */
    const char *credential_header, *credential_prefix, *credential_file, *credential_env;
    int64_t timeout_ms, connect_timeout_ms;
    int64_t response_max_bytes;
    int64_t connections_max; /* of the whole process */
};

/* Whether the settings mean something, without opening a file. OPP_E_CONFIG: no; err->where is the JSON pointer of the
 * member, seen from the upstream. OPP_E_MEMORY. */
enum opp_code opp_upstream_check(const struct opp_upstream_settings *settings, struct opp_err *err);

/* Gives the set, which all threads share; settings that were checked, each name once. Nothing is connected yet. metrics
 * may be NULL; meters made later count on it. OPP_E_CONFIG: a file cannot be read or used, err->where is the file.
 * OPP_E_MEMORY, OPP_E_IO. */
enum opp_code opp_upstreams_new(const struct opp_upstream_settings *settings, size_t count, struct opp_metrics *metrics,
                                struct opp_upstreams **out, struct opp_err *err);
/* Its clients are closed. NULL allowed. */
void opp_upstreams_free(struct opp_upstreams *upstreams);

/* From any thread: reads the files again, for requests that come; on failure all of them stay as they were. Codes as
 * opp_upstreams_new. */
enum opp_code opp_upstreams_reload(struct opp_upstreams *upstreams, struct opp_err *err);

/* Lends the upstream of a name; NULL: there is none. upstreams NULL: none is configured. */
const struct opp_upstream *opp_upstreams_find(const struct opp_upstreams *upstreams, const char *name);
/* Lends its base URL, normalised: where it is. */
const char *opp_upstream_place(const struct opp_upstream *upstream);

/* Gives what speaks to the upstreams on one loop, whose thread alone may use it. sharers: how many clients the process
 * has, each of which gets its share of connections_max, at least one. OPP_E_MEMORY. */
enum opp_code opp_upstream_client_open(const struct opp_upstreams *upstreams, struct opp_loop *loop,
                                       struct opp_meter *meter, size_t sharers, struct opp_upstream_client **out,
                                       struct opp_err *err);
/* Requests under way end as when their time is over, and their done is called. Not from a done, and before the loop is
 * freed. NULL allowed. */
void opp_upstream_client_close(struct opp_upstream_client *client);

enum opp_upstream_outcome {
    OPP_UPSTREAM_NOT_SENT, /* surely nothing of the request reached the upstream */
    OPP_UPSTREAM_UNKNOWN,  /* all or some of it may have, and no whole answer came */
    OPP_UPSTREAM_ANSWERED  /* with any status from 200 to 599 */
};

/* One request, which the upstream sees at most once, whatever becomes of it; but one whose connection was kept from
 * another and turns out to be closed is sent a second time if its method is GET or HEAD.
 * Zero it and set what is asked, all of it lent until done was called or the request is cancelled. done is called once,
 * on the client's loop, perhaps before opp_upstream_send has come back. Close it in the end. */
struct opp_upstream_request {
    const struct opp_upstream *upstream;
    const char *method; /* GET, HEAD, POST, PUT, PATCH or DELETE */
    const char *path;   /* percent-encoded, begins with /; goes behind the path of the base URL as it is */
    const char *query;  /* percent-encoded, without ?; NULL: none */
    const char *body;   /* JSON; NULL: none */
    size_t body_length;
    const char *idempotency_key, *if_match, *traceparent; /* NULL: none */
    int64_t until_ms; /* a monotonic time when it must have ended; 0: only the upstream's own timeout counts */
    void (*done)(void *arg);
    void *arg;

    enum opp_upstream_outcome outcome;
    struct opp_err err;        /* why there is no answer, for the operator: OPP_E_IO, OPP_E_LIMIT, OPP_E_MEMORY… */
    int status;                /* 0: no answer; so are the others then */
    struct opp_buf answer;     /* its body */
    char *content_type, *etag; /* NULL: it has none, or more than one */
    int64_t retry_after_s;     /* -1: none */
    struct opp_upstream_transfer *run; /* the client's own */
};

/* What cannot be sent (a byte in a path, a query or a header that must not be there, no memory, too many that wait)
 * ends as OPP_UPSTREAM_NOT_SENT too. */
void opp_upstream_send(struct opp_upstream_client *client, struct opp_upstream_request *request);
/* Ends a request without its done being called; what was sent may have arrived all the same. Nothing if it has ended.
 */
void opp_upstream_cancel(struct opp_upstream_request *request);
/* Cancels it, and frees its answer. */
void opp_upstream_close(struct opp_upstream_request *request);

#endif
