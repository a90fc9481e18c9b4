/* SPDX-License-Identifier: MIT
 *
 * Memory that runs out, in the gateway and in curl: what cannot be sent says so, and what may have been is unknown.
 */
#include "adapter/upstream_fixture.h"
#include "base/failing_alloc.h"

#include <curl/curl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: \"1\"\r\nContent-Length: 2\r\n\r\n{}"

static struct upstream_fixture f;

/* Of curl: the n-th allocation fails, once. */
static int curl_left;
static bool curl_failed;

static bool fails_now(void)
{
    if (curl_left == 0 || --curl_left > 0)
        return false;
    curl_failed = true;
    return true;
}

static void *curl_malloc(size_t size)
{
    return fails_now() ? NULL : malloc(size);
}

static void *curl_realloc(void *block, size_t size)
{
    return fails_now() ? NULL : realloc(block, size);
}

static char *curl_strdup(const char *text)
{
    return fails_now() ? NULL : strdup(text);
}

static void *curl_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : calloc(count, size);
}

static int take_curls_memory(void **state)
{
    (void)state;
    return (int)curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_malloc, free, curl_realloc, curl_strdup, curl_calloc);
}

static int give_it_back(void **state)
{
    (void)state;
    curl_global_cleanup();
    return 0;
}

static void set_failure(int in_curl, int in_ours)
{
    curl_failed = false;
    curl_left = in_curl;
    failing_alloc_set(in_ours);
}

static bool has_failed(void)
{
    bool failed = curl_failed || failing_alloc_happened();

    set_failure(0, 0);
    return failed;
}

/* Everything from the configuration to the answer; says whether something has failed. */
static bool try_all(int in_curl, int in_ours)
{
    struct opp_upstream_request request;
    struct opp_err err = { 0 };
    int seen = atomic_load(&f.fake.requests);
    enum opp_code rc;

    set_failure(in_curl, in_ours);
    rc = upstream_try_open(&f, &err);
    if (rc == OPP_OK) {
        request = upstream_request(&f, "POST", "/x");
        request.body = "{}";
        request.body_length = 2;
        request.idempotency_key = "eff_1";
        upstream_send(&f, &request, 1);
        seen = atomic_load(&f.fake.requests) - seen;
        assert_true(seen <= 1);
        if (request.outcome == OPP_UPSTREAM_NOT_SENT)
            assert_int_equal(seen, 0);
        if (request.outcome == OPP_UPSTREAM_ANSWERED)
            assert_int_equal(request.status, 200);
        else
            assert_true(request.err.message[0] != '\0');
        opp_upstream_close(&request);
    } else {
        assert_true(rc == OPP_E_MEMORY || rc == OPP_E_IO);
    }
    upstream_close(&f);
    return has_failed();
}

static void whatever_fails_is_said(void **state)
{
    int ours = 0, curls = 0;

    (void)state;
    upstream_begin(&f, fake_upstream_answer, ANSWER);
    f.settings.timeout_ms = 150;
    while (try_all(0, ours + 1))
        ours++;
    while (try_all(curls + 1, 0))
        curls++;
    assert_true(ours >= 5 && curls >= 50);
    upstream_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(whatever_fails_is_said) };

    return cmocka_run_group_tests_name("upstream memory", tests, take_curls_memory, give_it_back);
}
