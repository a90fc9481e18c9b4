/* SPDX-License-Identifier: MIT */
#include "command/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <string.h>

static struct opp_endpoint parsed(const char *text)
{
    struct opp_endpoint endpoint = { .port = 0 };

    if (opp_endpoint_parse(text, &endpoint, NULL) != OPP_OK)
        fail_msg("%s was refused", text);
    return endpoint;
}

static void assert_url(const char *text, const char *expected)
{
    struct opp_endpoint endpoint = parsed(text);
    char url[OPP_URL_MAX];

    opp_endpoint_url(&endpoint, strncmp(expected, "https:", 6) == 0, url);
    assert_string_equal(url, expected);
}

static void addresses_of_both_kinds_and_localhost_are_read(void **state)
{
    (void)state;
    assert_string_equal(parsed("127.0.0.1:8080").host, "127.0.0.1");
    assert_int_equal(parsed("127.0.0.1:8080").port, 8080);
    assert_string_equal(parsed("[::1]:65535").host, "::1");
    assert_int_equal(parsed("[::1]:65535").port, 65535);
    assert_int_equal(parsed("localhost:0").port, 0);
}

static void what_is_no_host_and_port_is_refused(void **state)
{
    static const char *const texts[] = { "",
                                         ":",
                                         "8080",
                                         ":8080",
                                         "127.0.0.1",
                                         "127.0.0.1:",
                                         "127.0.0.1:65536",
                                         "127.0.0.1:-1",
                                         "127.0.0.1:80a",
                                         "127.0.0.1: 80",
                                         "::1:8080",
                                         "[::1]",
                                         "[127.0.0.1]:80",
                                         "example.org:80",
                                         "256.0.0.1:80",
                                         "[]:80",
                                         "127.0.0.1:000080" };
    struct opp_endpoint endpoint = { .port = 7 };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (opp_endpoint_parse(texts[i], &endpoint, NULL) != OPP_E_VALIDATION)
            fail_msg("\"%s\" was taken", texts[i]);
    assert_int_equal(endpoint.port, 7);
}

static void loopback_is_what_only_this_machine_reaches(void **state)
{
    static const char *const inside[] = { "127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1" };
    static const char *const outside[] = { "0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[fd00::1]:1", "128.0.0.1:1" };

    (void)state;
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        struct opp_endpoint endpoint = parsed(inside[i]);

        assert_true(opp_endpoint_is_loopback(&endpoint));
    }
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        struct opp_endpoint endpoint = parsed(outside[i]);

        assert_false(opp_endpoint_is_loopback(&endpoint));
    }
}

static void a_url_works_where_it_is_printed(void **state)
{
    (void)state;
    assert_url("127.0.0.1:8080", "http://127.0.0.1:8080");
    assert_url("localhost:80", "http://localhost:80");
    assert_url("[fd00::1]:80", "http://[fd00::1]:80");
    assert_url("0.0.0.0:80", "http://127.0.0.1:80");
    assert_url("[::]:80", "http://[::1]:80");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_both_kinds_and_localhost_are_read),
        cmocka_unit_test(what_is_no_host_and_port_is_refused),
        cmocka_unit_test(loopback_is_what_only_this_machine_reaches),
        cmocka_unit_test(a_url_works_where_it_is_printed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
