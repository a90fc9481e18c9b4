/* SPDX-License-Identifier: MIT */
#include "http/crowd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct opp_address address_of(const char *text)
{
    struct opp_address address;

    assert_int_equal(opp_address_parse(text, &address, NULL), OPP_OK);
    return address;
}

static void an_address_enters_so_often_and_no_more(void **state)
{
    struct opp_crowd *crowd = opp_crowd_new();
    struct opp_address one = address_of("192.0.2.1"), other = address_of("192.0.2.2");

    (void)state;
    assert_true(opp_crowd_enter(crowd, &one, 2));
    assert_true(opp_crowd_enter(crowd, &one, 2));
    assert_false(opp_crowd_enter(crowd, &one, 2));
    assert_true(opp_crowd_enter(crowd, &other, 2));
    opp_crowd_leave(crowd, &one);
    assert_true(opp_crowd_enter(crowd, &one, 2));
    opp_crowd_free(crowd);
}

static void an_ipv6_network_of_64_bits_is_one(void **state)
{
    struct opp_crowd *crowd = opp_crowd_new();
    struct opp_address one = address_of("2001:db8::1"), same = address_of("2001:db8::ffff:0:2");
    struct opp_address other = address_of("2001:db8:0:1::1");

    (void)state;
    assert_true(opp_crowd_enter(crowd, &one, 1));
    assert_false(opp_crowd_enter(crowd, &same, 1));
    assert_true(opp_crowd_enter(crowd, &other, 1));
    opp_crowd_leave(crowd, &same);
    assert_true(opp_crowd_enter(crowd, &same, 1));
    opp_crowd_free(crowd);
}

static void many_addresses_are_counted_one_by_one(void **state)
{
    struct opp_crowd *crowd = opp_crowd_new();
    char text[OPP_ADDRESS_TEXT_MAX];

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 5000; i++) {
            struct opp_address address;

            snprintf(text, sizeof text, "10.0.%d.%d", i / 256, i % 256);
            address = address_of(text);
            assert_true(opp_crowd_enter(crowd, &address, 1));
            assert_false(opp_crowd_enter(crowd, &address, 1));
        }
        for (int i = 4999; i >= 0; i--) {
            struct opp_address address;

            snprintf(text, sizeof text, "10.0.%d.%d", i / 256, i % 256);
            address = address_of(text);
            opp_crowd_leave(crowd, &address);
        }
    }
    opp_crowd_free(crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_enters_so_often_and_no_more),
        cmocka_unit_test(an_ipv6_network_of_64_bits_is_one),
        cmocka_unit_test(many_addresses_are_counted_one_by_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
