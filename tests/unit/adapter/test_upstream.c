/* SPDX-License-Identifier: MIT */
#include "adapter/upstream_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ANSWER                                                                                   \
    "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nETag: \"v1\"\r\nContent-Length: " \
    "11\r\n\r\n{\"id\":\"7\"}\n"

static struct upstream_fixture f;

static void a_request_arrives_whole_and_so_does_its_answer(void **state)
{
    struct opp_upstream_request request;
    char seen[FAKE_REQUEST_MAX];

    (void)state;
    setenv("OPP_TEST_CREDENTIAL", "s3cret", 1);
    upstream_begin(&f, fake_upstream_answer, ANSWER);
    f.settings.credential_header = "Authorization";
    f.settings.credential_prefix = "Bearer ";
    f.settings.credential_env = "OPP_TEST_CREDENTIAL";
    upstream_open(&f);
    request = upstream_request(&f, "POST", "/orders/a%2Fb");
    request.query = "dry=1";
    request.body = "{\"n\":1}";
    request.body_length = 7;
    request.idempotency_key = "eff_1";
    request.if_match = "\"v0\"";
    upstream_send(&f, &request, 1);
    assert_int_equal(request.outcome, OPP_UPSTREAM_ANSWERED);
    assert_int_equal(request.status, 201);
    assert_int_equal(request.answer.length, 11);
    assert_memory_equal(request.answer.bytes, "{\"id\":\"7\"}\n", 11);
    assert_string_equal(request.etag, "\"v1\"");
    assert_string_equal(request.content_type, "application/json");
    assert_int_equal(request.retry_after_s, -1);
    fake_upstream_last(&f.fake, seen);
    assert_non_null(strstr(seen, "POST /api/orders/a%2Fb?dry=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(seen, "\r\nAuthorization: Bearer s3cret\r\n"));
    assert_non_null(strstr(seen, "\r\nIdempotency-Key: eff_1\r\n"));
    assert_non_null(strstr(seen, "\r\nIf-Match: \"v0\"\r\n"));
    assert_non_null(strstr(seen, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(seen, "\r\n\r\n{\"n\":1}"));
    assert_null(strstr(seen, "Expect"));
    opp_upstream_close(&request);
    upstream_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_arrives_whole_and_so_does_its_answer),
    };

    return cmocka_run_group_tests_name("upstream", tests, NULL, NULL);
}
