/* SPDX-License-Identifier: MIT
 *
 * http/http_client.h - a client that sends bytes as they are, and reads answers one at a time.
 * May include: nothing.
 */
#ifndef OPP_TESTS_HTTP_CLIENT_H
#define OPP_TESTS_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct client {
    int fd;
    struct ssl_st *tls; /* NULL: none is spoken */
    char *bytes;        /* received and not yet taken */
    size_t length;
    size_t capacity;
};

struct reply {
    int status; /* 0: the connection ended before a head */
    char head[4096];
    char *body; /* NUL-terminated; client_free_reply frees it */
    size_t length;
};

/* All of them fail the test where something that must work does not; none waits longer than 5 s. */
struct client client_connect(uint16_t port);
/* Whether those that connect from now on speak TLS; then an end of the connection that was not announced fails the
 * test. */
void client_speak_tls(bool on);
/* Speaks TLS on a connection; false: the server did not want to. Versions as OpenSSL has them, 0: any. */
bool client_begin_tls(struct client *client, int version);
void client_close(struct client *client);
void client_send(struct client *client, const char *bytes, size_t length);
void client_send_text(struct client *client, const char *text);
/* Sends some of the bytes, and waits for room, or does not; below 0: the connection has ended, or there is no room. */
ssize_t client_send_some(struct client *client, const char *bytes, size_t length);
ssize_t client_send_now(struct client *client, const char *bytes, size_t length);
/* Reads one answer; head_only: one to a HEAD. */
struct reply client_receive(struct client *client, bool head_only);
struct reply client_ask(struct client *client, const char *request);
/* Reads until text has come. */
void client_await_text(struct client *client, const char *text);
/* Whether the server has ended the connection and nothing is left of it. */
bool client_at_end(struct client *client);
void client_free_reply(struct reply *reply);
/* Whether the head has this field with exactly this value. */
bool reply_has(const struct reply *reply, const char *field);

#endif
