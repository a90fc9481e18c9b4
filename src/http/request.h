/* SPDX-License-Identifier: MIT
 *
 * http/request.h - one HTTP request on its worker, from the handler's call until it is answered, exactly once.
 * May include: base.
 */
#ifndef OPP_HTTP_REQUEST_H
#define OPP_HTTP_REQUEST_H

#include "base/buf.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opp_request;
struct opp_shared;

/* All strings below are lent until the request is answered. */
const char *opp_request_id(const struct opp_request *request); /* ours: "req_…" */
const char *
opp_request_client_id(const struct opp_request *request); /* the client's X-Request-Id if well-formed, or NULL */
const char *opp_request_trace(const struct opp_request *request); /* the answer's traceparent */
const char *opp_request_method(const struct opp_request *request);
const char *opp_request_path(const struct opp_request *request);
bool opp_request_is_secure(const struct opp_request *request); /* it came by TLS of ours */
/* The client's IP address: the socket's, or what a trusted proxy says. */
const char *opp_request_peer(const struct opp_request *request);
const char *opp_request_header(const struct opp_request *request, const char *name); /* or NULL */
/* A path parameter, percent-decoded; "" where the route has none of this name. */
const char *opp_request_param(const struct opp_request *request, const char *name);
/* The worker pointer given to opp_http_open, and the route's arg. */
void *opp_request_worker(const struct opp_request *request);
const void *opp_request_route(const struct opp_request *request);

/* Gives the query as an object of strings ("+" is a space). OPP_E_VALIDATION with *issues (gives; code, path, message,
 * pointer) for a repeated name, a broken percent, invalid UTF-8 or more than 64 pairs. */
enum opp_code opp_request_query(const struct opp_request *request, json_t **out, json_t **issues, struct opp_err *err);

/* Gives the body's JSON object. OPP_E_MEDIA_TYPE: the content type is not application/json (charset utf-8 allowed).
 * OPP_E_VALIDATION: not JSON (see base/json.h) or no object; *issues (gives). An empty body, whatever its content type,
 * is NULL in *out and OPP_OK. */
enum opp_code opp_request_json(const struct opp_request *request, json_t **out, json_t **issues, struct opp_err *err);

/* Adds a response header; before the answer, of whatever kind that is. A value with a line break makes it a 500. */
void opp_request_set(struct opp_request *request, const char *name, const char *value);

/* The answers; each ends the request. The client may have gone: then nothing is sent. What could not be built or
 * written for want of memory is answered with 500. */
/* takes data; NULL: there was no memory for it. */
void opp_request_answer(struct opp_request *request, json_t *data);               /* 200, common.success */
void opp_request_answer_bytes(struct opp_request *request, struct opp_buf *data); /* takes JSON bytes of data */
/* JSON bytes of data that many answers send from the same memory; takes no reference. */
void opp_request_answer_shared(struct opp_request *request, struct opp_shared *data);
/* takes text, which is the whole answer */
void opp_request_answer_text(struct opp_request *request, const char *content_type, struct opp_buf *text);
void opp_request_not_modified(struct opp_request *request); /* 304 */
/* takes details (an object or NULL); adds details.recovery; message NULL: the code's own. Of a code whose wire name is
 * common.internal_error nothing is told but that: the message goes to the log, where every 5xx has a line. */
void opp_request_refuse(struct opp_request *request, enum opp_code code, const char *message, json_t *details);

/* A stream that stays open (server-sent events). begin sends the head; on_close is called once, on this worker, when
 * the client has gone, the server drains or memory is out, and soon after begin for HEAD: after it the request is
 * freed. write copies. The client may be silent for ever; the connection ends with the stream. */
void opp_request_stream_begin(struct opp_request *request, const char *content_type, void (*on_close)(void *arg),
                              void *arg);
void opp_request_stream_write(struct opp_request *request, const void *bytes, size_t length);
/* Bytes accepted by write and not yet taken by the network: a slow reader is to be ended, not buffered. */
size_t opp_request_stream_backlog(const struct opp_request *request);
void opp_request_stream_end(struct opp_request *request); /* on_close is not called */

/* Called once when the client has gone before the answer (long-polls let go early); the request must still be
 * answered. NULL takes the callback back. */
void opp_request_on_gone(struct opp_request *request, void (*fn)(void *arg), void *arg);

#endif
