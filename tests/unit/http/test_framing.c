/* SPDX-License-Identifier: MIT */
#include "http/framing.h"
#include "http/framing_vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HEAD_MAX 3072 /* endless vectors are longer, all others shorter */

/* Reads bytes in parts of a size until one is bad or all are read, and counts the requests that are complete. */
static struct opp_framing read_all(const char *bytes, size_t length, size_t part, size_t *requests)
{
    struct opp_framing framing;
    enum opp_framing_step step = OPP_FRAMING_MORE;

    opp_framing_init(&framing, HEAD_MAX);
    *requests = 0;
    while (length > 0 && step != OPP_FRAMING_BAD) {
        size_t now = part < length ? part : length, used;

        used = opp_framing_read(&framing, bytes, now, &step);
        assert_true(used > 0 && used <= now);
        assert_true(step != OPP_FRAMING_MORE || used == now);
        *requests += step == OPP_FRAMING_END;
        bytes += used;
        length -= used;
    }
    assert_int_equal(step == OPP_FRAMING_BAD, framing.code != OPP_OK);
    return framing;
}

static void each_ambiguous_request_is_refused(void **state)
{
    static const size_t parts[] = { 65536, 1, 2, 7 };

    (void)state;
    assert_true(FRAMING_BAD_COUNT >= 100);
    for (size_t i = 0; i < FRAMING_BAD_COUNT; i++) {
        const struct framing_vector *vector = &FRAMING_BAD[i];

        for (size_t j = 0; j < sizeof parts / sizeof *parts; j++) {
            size_t requests;
            struct opp_framing framing = read_all(vector->bytes, vector->length, parts[j], &requests);

            if (strcmp(vector->name, "a body where none is taken") == 0)
                continue; /* only the guard knows of routes */
            if (framing.code != vector->code || requests != 0)
                fail_msg("%s in parts of %zu: code %d, %zu requests", vector->name, parts[j], (int)framing.code,
                         requests);
        }
    }
}

static void each_fair_request_is_taken_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < FRAMING_FAIR_COUNT; i++) {
        const struct framing_vector *vector = &FRAMING_FAIR[i];

        for (size_t part = 1; part <= vector->length; part += part < 16 ? 1 : 97) {
            size_t requests;
            struct opp_framing framing = read_all(vector->bytes, vector->length, part, &requests);

            if (framing.code != OPP_OK || requests != 1 || opp_framing_part(&framing) != OPP_FRAMING_BETWEEN)
                fail_msg("%s in parts of %zu: code %d, %zu requests", vector->name, part, (int)framing.code, requests);
        }
    }
}

static void a_request_that_is_cut_anywhere_is_not_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < FRAMING_FAIR_COUNT; i++) {
        const struct framing_vector *vector = &FRAMING_FAIR[i];

        for (size_t length = 1; length < vector->length; length++) {
            size_t requests;
            struct opp_framing framing = read_all(vector->bytes, length, 65536, &requests);

            assert_int_equal(framing.code, OPP_OK);
            assert_int_equal(requests, 0);
            assert_int_not_equal(opp_framing_part(&framing), OPP_FRAMING_BETWEEN);
        }
    }
}

static void requests_follow_each_other(void **state)
{
    static const char bytes[] =
        "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
        "POST /b?c HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer d\r\nContent-Length: 3\r\n\r\nabc"
        "HEAD /e HTTP/1.0\r\n\r\n"
        "BREW";
    size_t requests;
    struct opp_framing framing = read_all(bytes, sizeof bytes - 1, 1, &requests);

    (void)state;
    assert_int_equal(requests, 3);
    assert_int_equal(framing.code, OPP_OK);
    assert_int_equal(framing.head_bytes, 4);
}

static void a_header_block_tells_what_is_needed_of_it(void **state)
{
    static const char bytes[] =
        "POST /b/c?d=e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nAuthorization:  Bearer f \r\n"
        "Content-Length: 3\r\n\r\nabc";
    struct opp_framing framing;
    enum opp_framing_step step;
    size_t used;

    (void)state;
    opp_framing_init(&framing, HEAD_MAX);
    used = opp_framing_read(&framing, bytes, sizeof bytes - 1, &step);
    assert_int_equal(step, OPP_FRAMING_HEAD);
    assert_int_equal(used, sizeof bytes - 1 - 3);
    assert_int_equal(framing.head_bytes, used);
    assert_int_equal(framing.method, OPP_METHOD_POST);
    assert_int_equal(framing.body_bytes, 3);
    assert_true(framing.expects_continue);
    assert_int_equal(framing.path.length, 4);
    assert_memory_equal(bytes + framing.path.start, "/b/c", 4);
    assert_int_equal(framing.authorization.length, strlen("Bearer f "));
    assert_memory_equal(bytes + framing.authorization.start, "Bearer f ", strlen("Bearer f "));
    assert_int_equal(opp_framing_part(&framing), OPP_FRAMING_IN_BODY);
    assert_int_equal(opp_framing_read(&framing, bytes + used, 2, &step), 2);
    assert_int_equal(step, OPP_FRAMING_MORE);
    assert_int_equal(opp_framing_read(&framing, bytes + used, 5, &step), 1);
    assert_int_equal(step, OPP_FRAMING_END);
}

static void nothing_is_known_of_what_is_not_said(void **state)
{
    static const char bytes[] = "GET / HTTP/1.0\r\nAuthorization: \r\n\r\n";
    size_t requests;
    struct opp_framing framing = read_all(bytes, sizeof bytes - 1, 100, &requests);

    (void)state;
    assert_int_equal(framing.authorization.length, 0);
    assert_false(framing.expects_continue);
    assert_int_equal(framing.body_bytes, 0);
}

static void a_length_beyond_counting_is_the_largest(void **state)
{
    static const char *const lengths[] = { "18446744073709551616", "18446744073709551615",
                                           "99999999999999999999999999" };
    char bytes[256] = "POST / HTTP/1.0\r\nContent-Length: ";
    size_t start = strlen(bytes);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct opp_framing framing;
        enum opp_framing_step step;

        strcpy(bytes + start, lengths[i]);
        strcat(bytes, "\r\n\r\n");
        opp_framing_init(&framing, HEAD_MAX);
        opp_framing_read(&framing, bytes, strlen(bytes), &step);
        assert_int_equal(step, OPP_FRAMING_HEAD);
        assert_true(framing.body_bytes == UINT64_MAX);
    }
}

static void a_bad_request_stays_bad(void **state)
{
    struct opp_framing framing;
    enum opp_framing_step step;

    (void)state;
    opp_framing_init(&framing, HEAD_MAX);
    assert_int_equal(opp_framing_read(&framing, "G\n", 2, &step), 2);
    assert_int_equal(step, OPP_FRAMING_BAD);
    assert_non_null(framing.reason);
    assert_int_equal(opp_framing_read(&framing, "GET / HTTP/1.0\r\n\r\n", 18, &step), 0);
    assert_int_equal(step, OPP_FRAMING_BAD);
}

static void nothing_is_read_of_nothing(void **state)
{
    struct opp_framing framing;
    enum opp_framing_step step = OPP_FRAMING_BAD;

    (void)state;
    opp_framing_init(&framing, HEAD_MAX);
    assert_int_equal(opp_framing_read(&framing, NULL, 0, &step), 0);
    assert_int_equal(step, OPP_FRAMING_MORE);
    assert_int_equal(opp_framing_part(&framing), OPP_FRAMING_BETWEEN);
}

static void a_header_block_may_be_as_long_as_the_limit(void **state)
{
    char bytes[HEAD_MAX + 1];
    size_t requests;

    (void)state;
    memset(bytes, 'a', sizeof bytes);
    memcpy(bytes, "GET / HTTP/1.0\r\nA: ", 19);
    memcpy(bytes + HEAD_MAX - 4, "\r\n\r\n", 4);
    assert_int_equal(read_all(bytes, HEAD_MAX, 65536, &requests).code, OPP_OK);
    assert_int_equal(requests, 1);
    memcpy(bytes + HEAD_MAX - 4, "a\r\n\r\n", 5);
    assert_int_equal(read_all(bytes, HEAD_MAX + 1, 65536, &requests).code, OPP_E_HEADERS_TOO_LARGE);
    assert_int_equal(requests, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_ambiguous_request_is_refused),
        cmocka_unit_test(each_fair_request_is_taken_whole),
        cmocka_unit_test(a_request_that_is_cut_anywhere_is_not_complete),
        cmocka_unit_test(requests_follow_each_other),
        cmocka_unit_test(a_header_block_tells_what_is_needed_of_it),
        cmocka_unit_test(nothing_is_known_of_what_is_not_said),
        cmocka_unit_test(a_length_beyond_counting_is_the_largest),
        cmocka_unit_test(a_bad_request_stays_bad),
        cmocka_unit_test(nothing_is_read_of_nothing),
        cmocka_unit_test(a_header_block_may_be_as_long_as_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
