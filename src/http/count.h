/* SPDX-License-Identifier: MIT
 *
 * http/count.h - what is counted of requests and connections, on the worker's meter.
 * May include: base, http.
 */
#ifndef OPP_HTTP_COUNT_H
#define OPP_HTTP_COUNT_H

#include "base/code.h"
#include "base/metrics.h"

struct opp_http;
struct opp_request;

/* Why a connection was ended. */
enum opp_ended {
    OPP_ENDED_HANDSHAKE, /* those up to the stream's are the phases that have lasted too long */
    OPP_ENDED_IDLE,
    OPP_ENDED_HEADER,
    OPP_ENDED_BODY,
    OPP_ENDED_ANSWER,
    OPP_ENDED_STREAM,
    OPP_ENDED_ADDRESS, /* has too many */
    OPP_ENDED_COUNT
};

/* The first cells of each, of one listener; requests by code, ended by enum opp_ended. */
struct opp_http_cells {
    size_t refusals, connections, accepted, ended, streams;
    size_t requests, seconds; /* of those that met no route */
};

/* OPP_E_MEMORY. Series of requests and seconds have these labels: listener, method, route. */
enum opp_code opp_http_cells_add(struct opp_metrics *metrics, const char *listener, struct opp_http_cells *cells,
                                 struct opp_err *err);
enum opp_code opp_request_cells_add(struct opp_metrics *metrics, const char *labels, size_t *requests, size_t *seconds,
                                    struct opp_err *err);

/* An answer was made. */
void opp_count_request(const struct opp_request *request, enum opp_code code, int64_t duration_ns);
void opp_count_refusal(const struct opp_http *http, enum opp_code code);
void opp_count_ended(const struct opp_http *http, enum opp_ended why);
void opp_count_opened(const struct opp_http *http);
/* What is open has changed otherwise. */
void opp_count_open(const struct opp_http *http);

#endif
