/* SPDX-License-Identifier: MIT
 *
 * adapter/upstream_internal.h - upstreams from the inside: the set, one client's requests, and what is checked of them.
 * May include: base, adapter.
 */
#ifndef OPP_ADAPTER_UPSTREAM_INTERNAL_H
#define OPP_ADAPTER_UPSTREAM_INTERNAL_H

#include "adapter/upstream.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

/* What an upstream's files hold, immutable; requests keep what they began with. */
struct opp_upstream_files {
    atomic_size_t references;
    char *credential;                    /* a whole header field; NULL: none */
    struct opp_buf ca, certificate, key; /* PEM; empty: none */
};

struct opp_upstream {
    struct opp_upstreams *set;
    struct opp_upstream_settings settings;
    size_t index;
    char *base; /* the base URL without a / at its end */
    bool tls;
    struct opp_upstream_files *files;    /* under the set's lock */
    size_t outcomes, seconds, in_flight; /* cells */
};

struct opp_upstreams {
    pthread_mutex_t lock; /* over the files of each */
    size_t count;
    bool started; /* curl */
    struct opp_upstream items[];
};

/* upstream_files.c: gives what the files hold, with one reference. Codes as opp_upstreams_new. */
enum opp_code opp_upstream_files_read(const struct opp_upstream_settings *settings, struct opp_upstream_files **out,
                                      struct opp_err *err);
void opp_upstream_files_unref(struct opp_upstream_files *files); /* NULL allowed */
/* upstreams.c: gives a reference; from any thread. */
struct opp_upstream_files *opp_upstream_files_pin(const struct opp_upstream *upstream);

/* upstream_url.c: gives the base URL, normalised and without a / at its end. OPP_E_CONFIG: it is none, or not to be
 * trusted; err->where is /base_url. OPP_E_MEMORY. */
enum opp_code opp_upstream_base(const struct opp_upstream_settings *settings, char **out, struct opp_err *err);
/* Gives the URL of a request. OPP_E_VALIDATION: its path or query is not percent-encoded, has a dot segment, or is too
 * long. OPP_E_MEMORY. */
enum opp_code opp_upstream_url(const struct opp_upstream *upstream, const char *path, const char *query, char **out,
                               struct opp_err *err);
/* Whether a text may be the value of a header field: some bytes, and none of them a control byte. */
bool opp_upstream_is_value(const char *text);
/* Whether it may be the name of one (RFC 9110, token). */
bool opp_upstream_is_token(const char *text, size_t length);

/* upstream_head.c: what is read of an answer's header blocks, line by line, and held to RFC 9112. Zero it. */
#define OPP_UPSTREAM_FIELD_MAX 512
struct opp_upstream_head {
    size_t bytes, informational;
    int status;
    bool complete; /* the header block of a final status has ended */
    bool length, chunked;
    size_t types, etags;
    char content_type[OPP_UPSTREAM_FIELD_MAX], etag[OPP_UPSTREAM_FIELD_MAX];
};
/* NULL: go on; else what is wrong, a static text. */
const char *opp_upstream_head_line(struct opp_upstream_head *head, const char *line, size_t length);

/* upstream_kept.c: the sockets of connections that may have been kept, of one client. Zero it. A socket that has been
 * closed since, or a number that is another's now, does no harm. */
struct opp_upstream_kept {
    int *fds;
    size_t count, max; /* count: that were added; the last max of them are there */
};
bool opp_upstream_kept_init(struct opp_upstream_kept *kept, size_t max); /* fds is to be freed */
void opp_upstream_kept_add(struct opp_upstream_kept *kept, int fd);
/* Whether the connection with a local port has bytes that nobody asked for, has ended, or is not known. */
bool opp_upstream_kept_is_spoilt(const struct opp_upstream_kept *kept, int port);

enum opp_transfer_state {
    OPP_TRANSFER_WAITING,
    OPP_TRANSFER_RUNNING
};

/* Requests of one client to one upstream, in the order they came. */
struct opp_upstream_queue {
    struct opp_upstream_transfer *first, **last;
    size_t running, waiting, running_max, waiting_max;
    bool starting;
};

struct opp_upstream_client {
    const struct opp_upstreams *upstreams;
    struct opp_loop *loop;
    struct opp_meter *meter;
    struct opp_timer *timer; /* curl's */
    CURLM *multi;
    bool closing;
    struct opp_upstream_kept kept;
    struct opp_upstream_queue queues[]; /* by upstream */
};

/* A request while it has not ended. */
struct opp_upstream_transfer {
    struct opp_upstream_transfer *next, **link;
    struct opp_upstream_client *client;
    struct opp_upstream_queue *queue;
    struct opp_upstream_request *request;
    struct opp_upstream_files *files;
    enum opp_transfer_state state;
    bool safe;
    bool again;   /* on a connection of its own, as the one that was kept is of no use; nothing was sent */
    size_t sends; /* how often it may have been sent, in whole or in part */
    int64_t began_ns;
    struct opp_timer *deadline;
    const char *broken; /* what is wrong with the answer; a static text */
    struct opp_upstream_head head;
    CURL *easy;
    struct curl_slist *fields;
    char *url;
    char why[CURL_ERROR_SIZE];
};

/* upstream_queue.c: ends the requests that curl has done with, and starts those that wait. */
void opp_upstream_settle(struct opp_upstream_client *client);
/* Ends all of them; none can be sent any more. */
void opp_upstream_end_all(struct opp_upstream_client *client);

/* upstream_transfer.c: makes transfer->easy of the request. OPP_E_VALIDATION: it cannot be sent so. OPP_E_MEMORY. */
enum opp_code opp_upstream_transfer_prepare(struct opp_upstream_transfer *transfer, struct opp_err *err);
/* Writes into the request what became of it. */
void opp_upstream_transfer_conclude(struct opp_upstream_transfer *transfer, CURLcode result);
/* Also takes it out of its client's multi handle. */
void opp_upstream_transfer_free(struct opp_upstream_transfer *transfer);

#endif
