/* SPDX-License-Identifier: MIT */
#include "http/http_client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#define RECORD_MAX 16384

static bool speaks_tls;

void client_speak_tls(bool on)
{
    speaks_tls = on;
}

bool client_begin_tls(struct client *client, int version)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    assert_non_null(context);
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    client->tls = SSL_new(context);
    SSL_CTX_free(context);
    assert_non_null(client->tls);
    SSL_set_fd(client->tls, client->fd);
    ERR_clear_error();
    return SSL_connect(client->tls) == 1;
}

struct client client_connect(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct timeval patience = { .tv_sec = 5 };
    struct client client = { .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    int one = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(client.fd >= 0);
    setsockopt(client.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(client.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    assert_int_equal(connect(client.fd, (const struct sockaddr *)&address, sizeof address), 0);
    if (speaks_tls)
        assert_true(client_begin_tls(&client, 0));
    return client;
}

void client_close(struct client *client)
{
    SSL_free(client->tls);
    close(client->fd);
    free(client->bytes);
    *client = (struct client){ .fd = -1 };
}

static ssize_t send_some(struct client *client, const char *bytes, size_t length, int flags)
{
    if (client->tls != NULL)
        return SSL_write(client->tls, bytes, (int)(length < RECORD_MAX ? length : RECORD_MAX));
    return send(client->fd, bytes, length, MSG_NOSIGNAL | flags);
}

ssize_t client_send_some(struct client *client, const char *bytes, size_t length)
{
    return send_some(client, bytes, length, 0);
}

ssize_t client_send_now(struct client *client, const char *bytes, size_t length)
{
    return send_some(client, bytes, length, MSG_DONTWAIT);
}

/* 0 or less at the end. */
static ssize_t receive_some(struct client *client, char *bytes, size_t size)
{
    int got;

    if (client->tls == NULL)
        return recv(client->fd, bytes, size, 0);
    ERR_clear_error();
    got = SSL_read(client->tls, bytes, (int)size);
    if (got <= 0 && SSL_get_error(client->tls, got) != SSL_ERROR_ZERO_RETURN)
        fail_msg("the connection was cut: %s", ERR_error_string(ERR_peek_last_error(), NULL));
    return got;
}

void client_send(struct client *client, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send_some(client, bytes, length, 0);

        assert_true(sent > 0);
        bytes += sent;
        length -= (size_t)sent;
    }
}

void client_send_text(struct client *client, const char *text)
{
    client_send(client, text, strlen(text));
}

/* False at the end of the connection; bytes is NUL-terminated after it. */
static bool read_more(struct client *client)
{
    ssize_t got;

    if (client->capacity - client->length < 4096) {
        client->capacity = client->capacity * 2 + 8192;
        client->bytes = realloc(client->bytes, client->capacity);
        assert_non_null(client->bytes);
    }
    got = receive_some(client, client->bytes + client->length, client->capacity - client->length - 1);
    if (got > 0)
        client->length += (size_t)got;
    client->bytes[client->length] = '\0';
    return got > 0;
}

static void take(struct client *client, size_t length)
{
    client->length -= length;
    memmove(client->bytes, client->bytes + length, client->length + 1);
}

static size_t body_length(const char *head)
{
    const char *field = strstr(head, "\r\nContent-Length: ");

    return field != NULL ? strtoul(field + strlen("\r\nContent-Length: "), NULL, 10) : 0;
}

struct reply client_receive(struct client *client, bool head_only)
{
    struct reply reply = { .status = 0 };
    const char *end;
    size_t length;

    while (client->length == 0 || (end = strstr(client->bytes, "\r\n\r\n")) == NULL)
        if (!read_more(client))
            return reply;
    length = (size_t)(end - client->bytes) + 4;
    assert_true(length < sizeof reply.head);
    memcpy(reply.head, client->bytes, length);
    take(client, length);
    assert_int_equal(sscanf(reply.head, "HTTP/1.%*d %d", &reply.status), 1);
    reply.length = head_only ? 0 : body_length(reply.head);
    while (client->length < reply.length)
        assert_true(read_more(client));
    reply.body = calloc(1, reply.length + 1);
    assert_non_null(reply.body);
    memcpy(reply.body, client->bytes, reply.length);
    take(client, reply.length);
    return reply;
}

struct reply client_ask(struct client *client, const char *request)
{
    client_send_text(client, request);
    return client_receive(client, false);
}

void client_await_text(struct client *client, const char *text)
{
    while (client->length == 0 || strstr(client->bytes, text) == NULL)
        assert_true(read_more(client));
}

bool client_at_end(struct client *client)
{
    return client->length == 0 && !read_more(client);
}

void client_free_reply(struct reply *reply)
{
    free(reply->body);
    reply->body = NULL;
}

bool reply_has(const struct reply *reply, const char *field)
{
    const char *at = strstr(reply->head, field);

    return at != NULL && at[-1] == '\n' && strncmp(at + strlen(field), "\r\n", 2) == 0;
}
