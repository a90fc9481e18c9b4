/* SPDX-License-Identifier: MIT
 *
 * Whatever an upstream does, a request ends by its deadline, is seen at most once, and holds no more than it may.
 */
#include "adapter/upstream_fixture.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TIMEOUT_MS 200
#define LONG_TIMEOUT_MS 30000
#define LATENESS_MAX_MS 500
#define MAX_BYTES 65536
#define REPEATED_BYTES 16384
#define TAKEN_MAX ((size_t)32 * 1024 * 1024) /* of two connections; sockets hold some of it */
#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define OK_LENGTH(length) OK_HEAD "Content-Length: " length "\r\n\r\n"
#define OK_CHUNKED OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"

static struct upstream_fixture f;

/* What the sockets between take besides is bounded, so what an upstream got rid of shows what was taken from it. */
static atomic_size_t said;

static void say_and_wait(struct fake_upstream *fake, int fd)
{
    if (fake_upstream_read(fake, fd) && fake_upstream_say(fd, fake->text))
        fake_upstream_wait(fake, fd);
}

static void say_and_close(struct fake_upstream *fake, int fd)
{
    if (fake_upstream_read(fake, fd))
        fake_upstream_say(fd, fake->text);
}

static void say_and_reset(struct fake_upstream *fake, int fd)
{
    struct linger at_once = { .l_onoff = 1 };

    say_and_close(fake, fd);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

/* What is before |, and then what is behind it again and again, many at once. */
static void say_for_ever(struct fake_upstream *fake, int fd)
{
    const char *rest = strchr(fake->text, '|') + 1;
    char *first = strndup(fake->text, (size_t)(rest - fake->text - 1));
    char many[REPEATED_BYTES] = "";

    for (size_t length = 0; length + strlen(rest) < sizeof many; length += strlen(rest))
        memcpy(many + length, rest, strlen(rest) + 1);
    if (fake_upstream_read(fake, fd) && fake_upstream_say(fd, first))
        while (fake_upstream_say(fd, many))
            atomic_fetch_add(&said, strlen(many));
    free(first);
}

static void drip(struct fake_upstream *fake, int fd)
{
    char byte[2] = { 0 };

    if (!fake_upstream_read(fake, fd))
        return;
    for (const char *at = fake->text; *at != '\0' && fake_upstream_pause(fake, 20); at++) {
        byte[0] = *at;
        if (!fake_upstream_say(fd, byte))
            break;
    }
}

static void wait_only(struct fake_upstream *fake, int fd)
{
    fake_upstream_wait(fake, fd);
}

static void close_at_once(struct fake_upstream *fake, int fd)
{
    (void)fake;
    (void)fd;
}

static void answer_early(struct fake_upstream *fake, int fd)
{
    fake_upstream_say(fd, fake->text);
    fake_upstream_wait(fake, fd);
}

struct vector {
    const char *name;
    void (*serve)(struct fake_upstream *fake, int fd);
    const char *text;
    int status; /* or one of these, which mean that no answer came */
};
#define LATE 0   /* until time was up */
#define CUT (-1) /* for another reason */

static bool is_late(const struct opp_upstream_request *request)
{
    return strstr(request->err.message, "in time") != NULL;
}

static void expect(const struct vector *vector, const struct opp_upstream_request *request)
{
    int status = vector->status > 0 ? vector->status : 0;
    enum opp_upstream_outcome wanted = status > 0 ? OPP_UPSTREAM_ANSWERED : OPP_UPSTREAM_UNKNOWN;

    if (request->outcome != wanted || request->status != status)
        fail_msg("%s %s: outcome %d, status %d (%s)", request->method, vector->name, (int)request->outcome,
                 request->status, request->err.message);
    if (status == 0 && request->answer.length > 0)
        fail_msg("%s %s: no answer, but %zu bytes", request->method, vector->name, request->answer.length);
    if (status == 0 && is_late(request) != (vector->status == LATE))
        fail_msg("%s %s: %s", request->method, vector->name, request->err.message);
}

/* A write and a read at once, each over a connection of its own. */
static void try(const struct vector *vector)
{
    struct opp_upstream_request requests[2];
    int64_t began_ms;

    upstream_begin(&f, vector->serve, vector->text);
    f.settings.timeout_ms = vector->status == LATE ? TIMEOUT_MS : LONG_TIMEOUT_MS;
    f.settings.response_max_bytes = MAX_BYTES;
    upstream_open(&f);
    requests[0] = upstream_request(&f, "POST", "/orders");
    requests[0].body = "{}";
    requests[0].body_length = 2;
    requests[1] = upstream_request(&f, "GET", "/orders");
    began_ms = opp_monotonic_ms();
    upstream_send(&f, requests, 2);
    if (vector->status == LATE && getenv("OPP_LONG") != NULL)
        assert_in_range(opp_monotonic_ms() - began_ms, 0, TIMEOUT_MS + LATENESS_MAX_MS);
    for (int i = 0; i < 2; i++) {
        expect(vector, &requests[i]);
        opp_upstream_close(&requests[i]);
    }
    upstream_end(&f);
    if (atomic_load(&f.fake.requests) > 2)
        fail_msg("%s: seen %d times", vector->name, atomic_load(&f.fake.requests));
}

static void try_all(const struct vector *vectors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        try(&vectors[i]);
}
#define TRY(vectors) try_all(vectors, sizeof(vectors) / sizeof *(vectors))

static void answers_that_are_whole_are_taken_for_what_they_say(void **state)
{
    static const struct vector vectors[] = {
        { "plain", say_and_wait, OK_LENGTH("2") "{}", 200 },
        { "chunks", say_and_wait, OK_CHUNKED "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", 200 },
        { "a trailer", say_and_wait, OK_CHUNKED "2\r\n{}\r\n0\r\nContent-Length: 7\r\n\r\n", 200 },
        { "until the end", say_and_close, "HTTP/1.0 200 OK\r\n\r\n{}", 200 },
        { "no body", say_and_wait, "HTTP/1.1 204 No Content\r\n\r\n", 204 },
        { "some informational ones before", say_and_wait,
          "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" OK_LENGTH("2") "{}", 200 },
        { "more than it said", say_and_wait, OK_LENGTH("2") "{}{}", 200 },
        { "a redirect", say_and_wait, "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", 302 },
        { "a redirect that keeps the method", say_and_wait,
          "HTTP/1.1 308 Permanent Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 308 },
        { "a demand for a password", say_and_wait,
          "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n", 401 },
        { "a failure", say_and_close, "HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 503 },
        { "before it was asked", answer_early, OK_LENGTH("2") "{}", 200 },
    };

    (void)state;
    TRY(vectors);
}

static void answers_that_do_not_come_whole_are_unknown(void **state)
{
    static const struct vector vectors[] = {
        { "silence before the request", wait_only, "", LATE },
        { "silence after it", say_and_wait, "", LATE },
        { "silence in the status line", say_and_wait, "HTTP/1.1 20", LATE },
        { "silence in the header", say_and_wait, OK_HEAD, LATE },
        { "silence in the body", say_and_wait, OK_LENGTH("5") "{}", LATE },
        { "silence in a chunk", say_and_wait, OK_CHUNKED "5\r\n{", LATE },
        { "the end at once", close_at_once, "", CUT },
        { "the end after the request", say_and_close, "", CUT },
        { "the end in the header", say_and_close, OK_HEAD, CUT },
        { "the end in the body", say_and_close, OK_LENGTH("5") "{}", CUT },
        { "the end in a chunk", say_and_close, OK_CHUNKED "5\r\n{}", CUT },
        { "the end between chunks", say_and_close, OK_CHUNKED "2\r\n{}\r\n", CUT },
        { "the end after an informational one", say_and_close, "HTTP/1.1 100 Continue\r\n\r\n", CUT },
        { "a reset after the request", say_and_reset, "", CUT },
        { "a reset in the body", say_and_reset, OK_LENGTH("5") "{}", CUT },
        { "a header that drips", drip, OK_HEAD "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy", LATE },
        { "a body that drips", drip, OK_LENGTH("900") "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18", LATE },
    };

    (void)state;
    TRY(vectors);
}

static void answers_without_end_are_cut_long_before_time_is_up(void **state)
{
    static const struct vector vectors[] = {
        { "a gigabyte that was announced", say_for_ever, OK_LENGTH("1073741824") "|0123456789abcdef", CUT },
        { "chunks", say_for_ever, OK_CHUNKED "|10\r\n0123456789abcdef\r\n", CUT },
        { "bytes until the end", say_for_ever, "HTTP/1.0 200 OK\r\n\r\n|0123456789abcdef", CUT },
        { "informational ones", say_for_ever, "|HTTP/1.1 100 Continue\r\n\r\n", CUT },
        { "header fields", say_for_ever, OK_HEAD "|X-Field: 0123456789abcdef\r\n", CUT },
        { "one header field", say_for_ever, OK_HEAD "X-Field: |0123456789abcdef", CUT },
        { "a status line", say_for_ever, "HTTP/1.1 200 |0123456789abcdef", CUT },
        { "trailers", say_for_ever, OK_CHUNKED "0\r\n|X-Field: 0123456789abcdef\r\n", CUT },
        { "one trailer", say_for_ever, OK_CHUNKED "0\r\nX-Field: |0123456789abcdef", CUT },
    };

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        atomic_store(&said, 0);
        try(&vectors[i]);
        if (atomic_load(&said) > TAKEN_MAX)
            fail_msg("%s: %zu bytes were taken", vectors[i].name, atomic_load(&said));
    }
}

/* What is behind a chunk's size is thrown away as it comes, so that only time ends it. */
static void a_chunk_that_does_not_begin_ends_when_time_is_up(void **state)
{
    static const struct vector vectors[] = {
        { "a chunk's extension", say_for_ever, OK_CHUNKED "2;x=|0123456789abcdef", LATE },
    };

    (void)state;
    TRY(vectors);
}

static void answers_that_can_be_read_in_two_ways_are_unknown(void **state)
{
    static const struct vector vectors[] = {
        { "two lengths", say_and_wait, OK_HEAD "Content-Length: 2\r\nContent-Length: 1\r\n\r\n{}", CUT },
        { "the same length twice", say_and_wait, OK_HEAD "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", CUT },
        { "two lengths in one", say_and_wait, OK_HEAD "Content-Length: 2, 2\r\n\r\n{}", CUT },
        { "a length and chunks", say_and_wait,
          OK_HEAD "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", CUT },
        { "chunks and a length", say_and_wait,
          OK_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n", CUT },
        { "a negative length", say_and_wait, OK_LENGTH("-2") "{}", CUT },
        { "a length with a sign", say_and_wait, OK_LENGTH("+2") "{}", CUT },
        { "a length that is text", say_and_wait, OK_LENGTH("two") "{}", CUT },
        { "a length beyond all", say_and_wait, OK_LENGTH("99999999999999999999") "{}", CUT },
        { "an empty length", say_and_wait, OK_LENGTH("") "{}", CUT },
        { "chunks in a coding", say_and_wait, OK_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", CUT },
        { "a coding nobody knows", say_and_close, OK_HEAD "Transfer-Encoding: identity\r\n\r\n{}", CUT },
        { "a chunk's size that is none", say_and_close, OK_CHUNKED "x\r\n{}\r\n0\r\n\r\n", CUT },
        { "a chunk's size beyond all", say_and_close, OK_CHUNKED "fffffffffffffffff\r\n{}\r\n0\r\n\r\n", CUT },
        { "a folded field", say_and_wait, OK_HEAD "X: 1\r\n 2\r\nContent-Length: 2\r\n\r\n{}", CUT },
        { "a folded length", say_and_wait, OK_HEAD "Content-Length:\r\n 2\r\n\r\n{}", CUT },
        { "a space before the colon", say_and_wait, OK_HEAD "Content-Length : 2\r\n\r\n{}", CUT },
        { "a field without a colon", say_and_wait, OK_HEAD "Content-Length 2\r\n\r\n{}", CUT },
        { "a field without a name", say_and_wait, OK_HEAD ": 2\r\nContent-Length: 2\r\n\r\n{}", CUT },
        { "a bare CR in a field", say_and_wait, OK_HEAD "X: 1\rContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", CUT },
        { "a control byte in a field", say_and_wait, OK_HEAD "X: \001\r\nContent-Length: 2\r\n\r\n{}", CUT },
        { "a length in an informational one", say_and_wait,
          "HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\n" OK_LENGTH("2") "{}", CUT },
    };

    (void)state;
    TRY(vectors);
}

static void what_is_no_http_of_this_kind_is_unknown(void **state)
{
    static const struct vector vectors[] = {
        { "text", say_and_close, "hello\r\n\r\n", CUT },
        { "HTTP/0.9", say_and_close, "{\"id\":1}", CUT },
        { "HTTP/2", say_and_wait, "HTTP/2 200\r\nContent-Length: 2\r\n\r\n{}", CUT },
        { "HTTP/1.2", say_and_wait, "HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\n{}", CUT },
        { "HTTP/2's preface", say_and_wait, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", CUT },
        { "TLS", say_and_close, "\x15\x03\x01\x02\x02\x16", CUT },
        { "another protocol", say_and_wait, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n{}", CUT },
        { "a status of two digits", say_and_wait, "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\n{}", CUT },
        { "a status of four", say_and_wait, "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}", CUT },
        { "a status below all", say_and_wait, "HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\n{}", CUT },
        { "a status above all", say_and_wait, "HTTP/1.1 600 OK\r\nContent-Length: 2\r\n\r\n{}", CUT },
        { "no status", say_and_wait, "HTTP/1.1 OK\r\nContent-Length: 2\r\n\r\n{}", CUT },
    };

    (void)state;
    TRY(vectors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_that_are_whole_are_taken_for_what_they_say),
        cmocka_unit_test(answers_that_do_not_come_whole_are_unknown),
        cmocka_unit_test(answers_without_end_are_cut_long_before_time_is_up),
        cmocka_unit_test(a_chunk_that_does_not_begin_ends_when_time_is_up),
        cmocka_unit_test(answers_that_can_be_read_in_two_ways_are_unknown),
        cmocka_unit_test(what_is_no_http_of_this_kind_is_unknown),
    };

    return cmocka_run_group_tests_name("hostile upstream", tests, NULL, NULL);
}
