/* SPDX-License-Identifier: MIT
 *
 * http/connection.h - a connection as the guard sees it: what has come, what was answered, and how long it may last.
 * May include: base, http.
 *
 * The guard sees each byte in a callback of the input buffer, before evhttp does, and tells evhttp nothing of what it
 * refuses. evhttp owns the connection; it says in the connection's close callback when it is no more.
 */
#ifndef OPP_HTTP_CONNECTION_H
#define OPP_HTTP_CONNECTION_H

#include "base/buf.h"
#include "base/limit.h"
#include "base/net.h"
#include "http/framing.h"

struct bufferevent;
struct evbuffer_cb_entry;
struct evhttp_connection;
struct evhttp_request;
struct opp_http;
struct opp_request;

/* What a connection is doing, and so what its deadline is. */
enum opp_phase {
    OPP_PHASE_HANDSHAKE, /* of TLS */
    OPP_PHASE_IDLE,      /* waits for the first byte of a request */
    OPP_PHASE_HEAD,      /* waits for the rest of a header block */
    OPP_PHASE_BODY,      /* waits for the rest of a body */
    OPP_PHASE_ANSWER,    /* waits for an answer of ours, or takes it */
    OPP_PHASE_STREAM,
    OPP_PHASE_LINGER,       /* was refused, and may read why */
    OPP_PHASE_LINGER_SHORT, /* the same, where nothing was ever answered */
    OPP_PHASE_COUNT
};

struct opp_refusal {
    enum opp_code code;
    const char *message; /* static; NULL: the code's own */
    const char *allow;   /* lent by the router; NULL but for OPP_E_METHOD */
    struct opp_limited limited;
};

struct opp_connection {
    struct opp_connection *next, *previous; /* of its phase */
    struct opp_connection *next_errand;
    struct opp_http *http;
    struct bufferevent *events;
    struct evbuffer_cb_entry *watch;
    struct evhttp_connection *ev; /* NULL until the first errand */
    struct opp_request *request;  /* the one that evhttp has open */
    int fd;
    enum opp_phase phase;
    int64_t since_ms;
    uint64_t received;        /* bytes ever */
    uint64_t read;            /* of them by framing */
    uint64_t asked, answered; /* requests that are complete, and those of them whose answer has left */
    struct opp_refusal refusal;
    size_t dropped_bytes; /* since the refusal */
    bool refused;         /* nothing more is read */
    bool lingering;       /* the refusal was written, and evhttp has no part in it any more */
    bool half_closed;     /* the client sends nothing more */
    bool doomed;          /* to be closed by the next errand */
    bool editing;         /* the input buffer is changed by ourselves */
    bool on_errand;
    bool roomy;   /* more may wait than a header block */
    bool counted; /* in the crowd */
    bool proxy;   /* the peer is trusted to say for whom it asks */
    struct opp_framing framing;
    struct opp_buf head; /* of the header block, where it did not come at once or a body follows */
    struct opp_address address;
    char peer[OPP_ADDRESS_TEXT_MAX]; /* the socket's address, without a zone */
};

/* connection.c. Moves to the phase that fits what was read and answered, and lets its deadline begin; with restart also
 * where the phase is the same. */
void opp_connection_settle(struct opp_connection *connection, bool restart);
/* From now on its phase is this one. */
void opp_connection_enter(struct opp_connection *connection, enum opp_phase phase);
/* Has it looked after when no callback of libevent is under way. */
void opp_connection_send_on_errand(struct opp_connection *connection);
/* The handshake of TLS has ended well. */
void opp_connection_secured(struct opp_connection *connection);
/* Not from a callback of its input buffer. */
void opp_connection_close(struct opp_connection *connection);

/* client.c. Whether the peer is trusted to say for whom it asks; and the client of a request, from its fields or from
 * its header block, as opp_client_address finds it. */
bool opp_connection_is_proxy(const struct opp_connection *connection);
void opp_client_of_request(const struct opp_connection *connection, struct evhttp_request *ev,
                           char text[OPP_ADDRESS_TEXT_MAX]);
void opp_client_of_head(const struct opp_connection *connection, char text[OPP_ADDRESS_TEXT_MAX]);

/* guard.c: the callback of the input buffer is set. False: no memory. */
bool opp_connection_watch(struct opp_connection *connection);

/* refusal.c. Writes the refusal and lingers; every earlier request must have been answered. Not from a callback of its
 * input buffer. */
void opp_connection_refuse(struct opp_connection *connection);
/* Takes note of bytes that were thrown away; more than a refused client may send end the connection soon. */
void opp_connection_drop(struct opp_connection *connection, size_t bytes);

#endif
