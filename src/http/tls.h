/* SPDX-License-Identifier: MIT
 *
 * http/tls.h - a certificate and its key, and the TLS that connections speak with it; shared by the workers.
 * May include: base.
 */
#ifndef OPP_HTTP_TLS_H
#define OPP_HTTP_TLS_H

#include "base/error.h"

#include <stdint.h>

struct bufferevent;
struct event_base;
struct opp_connection;
struct opp_tls;

/* What every answer of a TLS listener has (RFC 6797): a year. */
#define OPP_TLS_HSTS_NAME "Strict-Transport-Security"
#define OPP_TLS_HSTS_VALUE "max-age=31536000"
#define OPP_TLS_HSTS OPP_TLS_HSTS_NAME ": " OPP_TLS_HSTS_VALUE

/* Gives TLS 1.2 and 1.3 with a certificate, its chain behind it in the file, and its key, both PEM. No renegotiation,
 * compression, resumption or early data; ciphers with forward secrecy only; HTTP/1.1 where the client asks by ALPN.
 * OPP_E_CONFIG: a file cannot be read or used, or the key is not the certificate's; err->where is the file.
 * OPP_E_MEMORY. */
enum opp_code opp_tls_open(const char *certificate, const char *key, struct opp_tls **out, struct opp_err *err);
/* Only when no server and no connection is left that uses it; NULL allowed. */
void opp_tls_free(struct opp_tls *tls);

/* From any thread: reads the files again. Connections that are open keep what they have; on failure so does everything
 * else. Codes as opp_tls_open. */
enum opp_code opp_tls_reload(struct opp_tls *tls, struct opp_err *err);

/* Seconds since 1970 when the certificate in use ends; from any thread. */
int64_t opp_tls_ends_s(struct opp_tls *tls);

/* For http/ only. Gives a bufferevent that accepts a handshake as soon as it has a socket, which it owns; NULL: no
 * memory. */
struct bufferevent *opp_tls_bufferevent(struct opp_tls *tls, struct event_base *base);
/* Has opp_connection_secured called when the handshake has ended well; connection NULL: no more. */
void opp_tls_attach(struct bufferevent *events, struct opp_connection *connection);
/* Says that nothing follows (close_notify), where a handshake has ended. */
void opp_tls_say_goodbye(struct bufferevent *events);

#endif
