/* SPDX-License-Identifier: MIT
 *
 * http_limit - what the HTTP library itself can do on one thread: every request gets the same answer, at the price of
 * one look at the Authorization header and one hash of it.
 * usage: http_limit PORT THREADS BODY_BYTES HASH    (THREADS must be 1; HASH 0 leaves the hash out)
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <openssl/sha.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct answer {
    char *bytes;
    size_t length;
    int hash;
};

static void answer_request(struct evhttp_request *request, void *arg)
{
    const struct answer *answer = arg;
    const char *token = evhttp_find_header(evhttp_request_get_input_headers(request), "Authorization");
    struct evbuffer *body = evhttp_request_get_output_buffer(request);
    unsigned char digest[SHA256_DIGEST_LENGTH];

    if (answer->hash && token != NULL)
        SHA256((const unsigned char *)token, strlen(token), digest);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "application/json; charset=utf-8");
    evbuffer_add_reference(body, answer->bytes, answer->length, NULL, NULL);
    evhttp_send_reply(request, HTTP_OK, "OK", NULL);
}

static int serve(struct answer *answer, ev_uint16_t port)
{
    struct event_base *base = event_base_new();
    struct evhttp *http = base != NULL ? evhttp_new(base) : NULL;

    if (http == NULL || evhttp_bind_socket(http, "127.0.0.1", port) != 0) {
        fprintf(stderr, "http_limit: cannot listen on port %u\n", (unsigned)port);
        return 1;
    }
    evhttp_set_gencb(http, answer_request, answer);
    return event_base_dispatch(base) != 0;
}

int main(int argc, char **argv)
{
    struct answer answer = { 0 };

    if (argc != 5 || strcmp(argv[2], "1") != 0) {
        fprintf(stderr, "usage: http_limit PORT 1 BODY_BYTES HASH\n");
        return 2;
    }
    answer.length = strtoul(argv[3], NULL, 10);
    answer.hash = strcmp(argv[4], "0") != 0;
    answer.bytes = malloc(answer.length + 1);
    if (answer.bytes == NULL)
        return 1;
    memset(answer.bytes, ' ', answer.length);
    signal(SIGPIPE, SIG_IGN);
    return serve(&answer, (ev_uint16_t)strtoul(argv[1], NULL, 10));
}
