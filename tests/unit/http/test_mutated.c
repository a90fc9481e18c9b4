/* SPDX-License-Identifier: MIT */
#include "http/framing_vectors.h"
#include "http/http_client.h"
#include "http/http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUNDS 10000
#define LONG_ROUNDS 5000000
#define BYTES_MAX 16384

/* The same numbers in every run: xorshift. */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static const struct framing_vector *pick(uint32_t *random)
{
    size_t number = next_random(random) % (FRAMING_BAD_COUNT + FRAMING_FAIR_COUNT);

    return number < FRAMING_BAD_COUNT ? &FRAMING_BAD[number] : &FRAMING_FAIR[number - FRAMING_BAD_COUNT];
}

static size_t add(char *bytes, size_t length, const struct framing_vector *vector)
{
    if (length + vector->length > BYTES_MAX)
        return length;
    memcpy(bytes + length, vector->bytes, vector->length);
    return length + vector->length;
}

/* One change: a byte of another value, one that is gone or twice, a part that is gone, or a byte that means much. */
static size_t change(char *bytes, size_t length, uint32_t *random)
{
    static const char telling[] = { '\r', '\n', ' ', ':', '\0', '\t', '/', '%', '0', 'H' };
    size_t at = length > 0 ? next_random(random) % length : 0;
    size_t count = next_random(random) % 16;

    switch (length > 0 ? next_random(random) % 5 : 5) {
    case 0:
        bytes[at] = (char)next_random(random);
        break;
    case 1:
        bytes[at] = telling[next_random(random) % sizeof telling];
        break;
    case 2:
        memmove(bytes + at, bytes + at + 1, length - at - 1);
        length--;
        break;
    case 3:
        if (length < BYTES_MAX) {
            memmove(bytes + at + 1, bytes + at, length - at);
            length++;
        }
        break;
    case 4:
        count = count < length - at ? count : length - at;
        memmove(bytes + at, bytes + at + count, length - at - count);
        length -= count;
        break;
    default:
        break;
    }
    return length;
}

static size_t make(char *bytes, uint32_t *random)
{
    size_t length = 0;

    for (uint32_t parts = 1 + next_random(random) % 3; parts > 0; parts--)
        length = add(bytes, length, pick(random));
    for (uint32_t changes = next_random(random) % 6; changes > 0; changes--)
        length = change(bytes, length, random);
    return length;
}

/* Reads to the end, and looks at each status line: none is a failure of ours. */
static void expect_no_failure(const struct client *client, uint32_t seed)
{
    static const char start[] = "HTTP/1.1 5";
    char answer[65536 + 1];
    size_t length = 0;
    ssize_t got;

    while (length < sizeof answer - 1 && (got = recv(client->fd, answer + length, sizeof answer - 1 - length, 0)) > 0)
        length += (size_t)got;
    answer[length] = '\0';
    for (const char *at = answer; (at = strstr(at, start)) != NULL; at += sizeof start)
        if (strncmp(at + sizeof start - 1, "01 ", 3) != 0 && strncmp(at + sizeof start - 1, "05 ", 3) != 0)
            fail_msg("seed %u: %.60s", seed, at);
    assert_null(strstr(answer, "<HTML"));
}

static void no_mutated_request_makes_it_fail(void **state)
{
    uint32_t rounds = getenv("OPP_LONG") != NULL ? LONG_ROUNDS : ROUNDS, random = 2463534242U;
    const struct test_server *server = *state;
    static char bytes[BYTES_MAX];
    struct reply reply;
    struct client honest;

    for (uint32_t i = 0; i < rounds; i++) {
        struct client client = client_connect(server->port);
        uint32_t seed = random;
        size_t length = make(bytes, &random);

        send(client.fd, bytes, length, MSG_NOSIGNAL);
        shutdown(client.fd, SHUT_WR);
        expect_no_failure(&client, seed);
        client_close(&client);
    }
    honest = client_connect(server->port);
    reply = client_ask(&honest, "GET /shared HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_int_equal(reply.status, 200);
    client_free_reply(&reply);
    client_close(&honest);
}

/* Requests that wait for the test to answer them would wait for ever. */
static int start(void **state)
{
    struct opp_http_settings settings = SERVER_SETTINGS;

    settings.answer_timeout_ms = 200;
    return server_start_with(state, &settings, &(struct opp_http_context){ .loop = NULL });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_mutated_request_makes_it_fail, start, server_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
