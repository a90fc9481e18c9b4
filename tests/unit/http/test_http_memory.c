/* SPDX-License-Identifier: MIT */
#include "base/failing_alloc.h"
#include "http/envelope.h"
#include "http/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void handle(struct opp_request *request)
{
    (void)request;
}

static enum opp_code make_routes(struct opp_router **out)
{
    static const char *const paths[] = { "/", "/a/{id}", "/a/b", "/a/{id}/c/{d}" };
    struct opp_router *router = NULL;
    enum opp_code rc = opp_router_new(&router, NULL);

    for (size_t i = 0; i < sizeof paths / sizeof *paths && rc == OPP_OK; i++) {
        struct opp_route route = { .method = "GET", .path = paths[i], .handle = handle };

        rc = opp_router_add(router, &route, NULL);
    }
    *out = router;
    return rc;
}

static void routes_survive_each_lost_allocation(void **state)
{
    int failures = 0;
    bool happened = true;

    (void)state;
    for (int n = 1; happened; n++) {
        struct opp_router *router = NULL;
        enum opp_code rc;

        failing_alloc_set(n);
        rc = make_routes(&router);
        happened = failing_alloc_happened();
        failing_alloc_set(0);
        assert_int_equal(rc, happened ? OPP_E_MEMORY : OPP_OK);
        opp_router_free(router);
        failures += happened;
    }
    assert_true(failures > 8);
}

static void a_server_that_has_no_memory_closes_its_socket(void **state)
{
    struct opp_http_settings settings = { .host = "127.0.0.1", .body_max_bytes = 1, .header_max_bytes = 1 };
    struct opp_http_context context = { 0 };
    struct opp_http *http = NULL;
    struct opp_err err = { 0 };
    uint16_t port;
    int fd;

    (void)state;
    assert_int_equal(opp_loop_new(&context.loop, NULL), OPP_OK);
    assert_int_equal(opp_http_bind(&settings, &fd, &port, NULL), OPP_OK);
    failing_alloc_set(1);
    assert_int_equal(opp_http_open(&context, &settings, fd, &http, &err), OPP_E_MEMORY);
    failing_alloc_set(0);
    assert_null(http);
    settings.port = port;
    assert_int_equal(opp_http_bind(&settings, &fd, &port, NULL), OPP_OK);
    assert_int_equal(opp_http_open(&context, &settings, fd, &http, &err), OPP_OK);
    opp_http_free(http);
    opp_loop_free(context.loop);
}

static void a_refusal_remembers_a_lost_allocation(void **state)
{
    struct opp_buf buf = { 0 };

    (void)state;
    failing_alloc_set(1);
    opp_envelope_refusal(&buf, OPP_E_FORBIDDEN, NULL, NULL);
    failing_alloc_set(0);
    assert_int_equal(opp_buf_check(&buf, NULL), OPP_E_MEMORY);
    opp_buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_survive_each_lost_allocation),
        cmocka_unit_test(a_server_that_has_no_memory_closes_its_socket),
        cmocka_unit_test(a_refusal_remembers_a_lost_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
