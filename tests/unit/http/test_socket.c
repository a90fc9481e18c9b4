/* SPDX-License-Identifier: MIT */
#include "http/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void any_port_is_one_that_can_be_shared(void **state)
{
    struct opp_http_settings settings = { .host = "localhost" };
    struct opp_err err = { 0 };
    int first, second;
    uint16_t port = 0;

    (void)state;
    assert_int_equal(opp_http_bind(&settings, &first, &port, &err), OPP_OK);
    assert_int_not_equal(port, 0);
    assert_int_equal(opp_http_bind_again(&settings, port, &second, &err), OPP_OK);
    close(first);
    close(second);
}

static void a_used_port_is_an_error(void **state)
{
    struct opp_http_settings settings = { .host = "127.0.0.1" };
    struct opp_err err = { 0 };
    int first, second;
    uint16_t port = 0;

    (void)state;
    assert_int_equal(opp_http_bind(&settings, &first, &port, &err), OPP_OK);
    settings.port = port;
    assert_int_equal(opp_http_bind(&settings, &second, &port, &err), OPP_E_IO);
    assert_non_null(strstr(err.message, "127.0.0.1"));
    assert_non_null(strstr(err.message, "Address already in use"));
    close(first);
}

static void a_name_is_no_address(void **state)
{
    struct opp_http_settings settings = { .host = "example.org" };
    struct opp_err err = { 0 };
    uint16_t port = 0;
    int fd;

    (void)state;
    assert_int_equal(opp_http_bind(&settings, &fd, &port, &err), OPP_E_IO);
    assert_non_null(strstr(err.message, "example.org"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_port_is_one_that_can_be_shared),
        cmocka_unit_test(a_used_port_is_an_error),
        cmocka_unit_test(a_name_is_no_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
