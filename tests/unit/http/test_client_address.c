/* SPDX-License-Identifier: MIT */
#include "http/client_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define XFF "X-Forwarded-For"
#define FWD "Forwarded"
#define LINES_MAX 4

struct line {
    const char *name, *value;
};

/* Each peer is 10.0.0.1 where none is named. */
struct walk_case {
    const char *client;
    struct line lines[LINES_MAX];
    const char *peer;
};

static struct opp_client_proxies trusted(void)
{
    static struct opp_cidr blocks[3];
    static const char *const texts[] = { "10.0.0.0/8", "fd00::/8", "192.0.2.1" };

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(opp_cidr_parse(texts[i], &blocks[i], NULL), OPP_OK);
    return (struct opp_client_proxies){ blocks, 3 };
}

static void expect_client(const struct walk_case *walk)
{
    struct opp_client_proxies proxies = trusted();
    struct opp_client_claims claims = { .forwarded.count = 0 };
    struct opp_address peer, client;
    char text[OPP_ADDRESS_TEXT_MAX];

    assert_int_equal(opp_address_parse(walk->peer != NULL ? walk->peer : "10.0.0.1", &peer, NULL), OPP_OK);
    for (size_t i = 0; i < LINES_MAX && walk->lines[i].name != NULL; i++)
        opp_client_claim(&claims, walk->lines[i].name, strlen(walk->lines[i].name), walk->lines[i].value,
                         strlen(walk->lines[i].value));
    client = opp_client_address(&proxies, &peer, &claims);
    opp_address_format(&client, text);
    if (strcmp(text, walk->client) != 0)
        fail_msg("%s: %s: it is not %s but %s", walk->lines[0].name, walk->lines[0].value, walk->client, text);
}

#define EXPECT(...)                                               \
    do {                                                          \
        static const struct walk_case cases[] = { __VA_ARGS__ };  \
        (void)state;                                              \
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) \
            expect_client(&cases[i]);                             \
    } while (0)

static void a_stranger_is_not_believed(void **state)
{
    EXPECT({ "198.51.100.7", { { XFF, "203.0.113.1" } }, "198.51.100.7" },
           { "198.51.100.7", { { FWD, "for=203.0.113.1" } }, "198.51.100.7" },
           { "2001:db8::1", { { XFF, "10.0.0.1" } }, "2001:db8::1" });
}

static void a_proxy_says_for_whom_it_asks(void **state)
{
    EXPECT({ "10.0.0.1", { { "Via", "203.0.113.1" } }, NULL }, { "203.0.113.1", { { XFF, "203.0.113.1" } }, NULL },
           { "203.0.113.1", { { "x-forwarded-for", " 203.0.113.1\t" } }, NULL },
           { "203.0.113.1", { { XFF, "203.0.113.1" } }, "fd00::1" },
           { "203.0.113.1", { { XFF, "203.0.113.1" } }, "::ffff:10.0.0.1" },
           { "2001:db8::2", { { XFF, "2001:db8::2" } }, NULL },
           { "203.0.113.1", { { XFF, "::ffff:203.0.113.1" } }, NULL },
           { "203.0.113.1", { { XFF, "203.0.113.1:4711" } }, NULL },
           { "2001:db8::2", { { XFF, "[2001:db8::2]:80" } }, NULL },
           { "2001:db8::2", { { XFF, "[2001:db8::2]" } }, NULL });
}

static void the_first_from_the_right_that_is_not_trusted_is_the_client(void **state)
{
    EXPECT({ "203.0.113.1", { { XFF, "1.2.3.4, 203.0.113.1" } }, NULL },
           { "203.0.113.1", { { XFF, "1.2.3.4, 203.0.113.1, 10.1.1.1,192.0.2.1" } }, NULL },
           { "203.0.113.1", { { XFF, "1.2.3.4" }, { XFF, "203.0.113.1" }, { XFF, "10.1.1.1" } }, NULL },
           { "203.0.113.1", { { XFF, "203.0.113.1, 10.9.9.9" }, { XFF, "fd00::2" } }, NULL },
           { "203.0.113.1", { { XFF, "10.2.2.2, 203.0.113.1, ::ffff:10.1.1.1" } }, NULL },
           { "203.0.113.1", { { XFF, ",, 203.0.113.1,, ," } }, NULL });
}

static void where_all_are_trusted_the_first_is_the_client(void **state)
{
    EXPECT({ "10.3.3.3", { { XFF, "10.3.3.3, 10.2.2.2" } }, NULL },
           { "10.3.3.3", { { XFF, "10.3.3.3" }, { XFF, "10.2.2.2" } }, NULL }, { "10.0.0.1", { { XFF, "" } }, NULL },
           { "10.0.0.1", { { XFF, " , ," } }, NULL });
}

static void what_is_no_address_ends_the_walk(void **state)
{
    EXPECT({ "10.0.0.1", { { XFF, "203.0.113.1, unknown" } }, NULL },
           { "10.2.2.2", { { XFF, "203.0.113.1, unknown, 10.2.2.2" } }, NULL },
           { "10.2.2.2", { { XFF, "203.0.113.1, unknown, 10.2.2.2, 10.3.3.3" } }, NULL },
           { "198.51.100.9", { { XFF, "unknown, 198.51.100.9" } }, NULL }, { "10.0.0.1", { { XFF, "1.2.3" } }, NULL },
           { "10.0.0.1", { { XFF, "1.2.3.4.5" } }, NULL }, { "10.0.0.1", { { XFF, "01.2.3.4" } }, NULL },
           { "10.0.0.1", { { XFF, "1.2.3.4:" } }, NULL }, { "10.0.0.1", { { XFF, "1.2.3.4:x" } }, NULL },
           { "10.0.0.1", { { XFF, "1.2.3.4:123456" } }, NULL }, { "10.0.0.1", { { XFF, "[1.2.3.4]" } }, NULL },
           { "10.0.0.1", { { XFF, "[2001:db8::2" } }, NULL }, { "10.0.0.1", { { XFF, "[2001:db8::2]x" } }, NULL },
           { "10.0.0.1", { { XFF, "[2001:db8::2]:" } }, NULL }, { "10.0.0.1", { { XFF, "fe80::1%eth0" } }, NULL },
           { "10.0.0.1", { { XFF, "1.2.3.4 5.6.7.8" } }, NULL }, { "10.0.0.1", { { XFF, "\"1.2.3.4" } }, NULL },
           { "10.0.0.1",
             { { XFF, "1111111111111111111111111111111111111111111111111111111111111111111111111111111" } },
             NULL });
}

static void forwarded_is_walked_likewise(void **state)
{
    EXPECT({ "203.0.113.1", { { FWD, "for=203.0.113.1" } }, NULL },
           { "203.0.113.1", { { FWD, "by=10.0.0.1;For=203.0.113.1;proto=https" } }, NULL },
           { "203.0.113.1", { { FWD, "for=1.2.3.4, for=203.0.113.1;host=\"a,b;for=9.9.9.9\", for=10.1.1.1" } }, NULL },
           { "203.0.113.1",
             { { FWD, "for=1.2.3.4" }, { FWD, "for=203.0.113.1" }, { FWD, "for=\"[fd00::2]:80\"" } },
             NULL },
           { "203.0.113.1", { { FWD, "for=\"203.0.113.1:47011\"" } }, NULL },
           { "2001:db8:cafe::17", { { FWD, "for=\"[2001:db8:cafe::17]:4711\"" } }, NULL },
           { "203.0.113.1", { { FWD, "host=\"a\\\",b\";for=203.0.113.1" } }, NULL },
           { "10.2.2.2", { { FWD, "for=203.0.113.1, for=_hidden, for=10.2.2.2" } }, NULL },
           { "10.0.0.1", { { FWD, "for=203.0.113.1, for=unknown" } }, NULL },
           { "10.0.0.1", { { FWD, "for=203.0.113.1, by=10.0.0.1" } }, NULL },
           { "10.0.0.1", { { FWD, "for=203.0.113.1;for=203.0.113.2" } }, NULL },
           { "10.0.0.1", { { FWD, "for" } }, NULL }, { "10.0.0.1", { { FWD, "for=" } }, NULL },
           { "10.0.0.1", { { FWD, "for=\"\"" } }, NULL }, { "10.0.0.1", { { FWD, "for=\"203.0.113.1" } }, NULL },
           { "10.0.0.1", { { FWD, "for=\"203.0.113.1\\" } }, NULL },
           { "10.0.0.1", { { FWD, "for=203.0.113.1\"" } }, NULL });
}

static void an_open_quote_swallows_nothing(void **state)
{
    EXPECT({ "203.0.113.1", { { XFF, "\", 203.0.113.1" } }, NULL },
           { "203.0.113.1", { { XFF, "1.2.3.4\", 203.0.113.1, 10.1.1.1" } }, NULL },
           { "203.0.113.1", { { XFF, "\"\\, 203.0.113.1" } }, NULL },
           { "203.0.113.1", { { FWD, "for=\", for=203.0.113.1" } }, NULL },
           { "203.0.113.1", { { FWD, "for=\"a, for=203.0.113.1, for=\"[fd00::2]:80\"" } }, NULL },
           { "2001:db8::2", { { FWD, "for=\"\\, for=\"[2001:db8::2]:80\";by=\"a\\\",b\"" } }, NULL });
}

static void two_fields_that_do_not_agree_are_not_believed(void **state)
{
    EXPECT({ "203.0.113.1", { { XFF, "1.2.3.4, 203.0.113.1" }, { FWD, "for=203.0.113.1" } }, NULL },
           { "10.0.0.1", { { XFF, "203.0.113.1" }, { FWD, "for=203.0.113.2" } }, NULL },
           { "10.0.0.1", { { XFF, "203.0.113.1" }, { FWD, "junk" } }, NULL });
}

static void more_lines_than_a_request_may_have_are_left_out(void **state)
{
    struct opp_client_claims claims = { .forwarded.count = 0 };

    (void)state;
    for (int i = 0; i < 100; i++)
        opp_client_claim(&claims, XFF, strlen(XFF), "1.2.3.4", 7);
    assert_int_equal(claims.x_forwarded_for.count, OPP_FRAMING_FIELDS_MAX);
}

/* A client writes what it likes in front of what the proxy adds. */
static void a_thousand_lies_change_nothing(void **state)
{
    uint32_t seed = 1;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        static const char letters[] = "0123456789.:,; \"\\=for[]af";
        char lie[64], line[128];
        size_t length = 0;
        struct walk_case walk = { "203.0.113.1", { { XFF, line } }, NULL };

        while (length < sizeof lie - 1) {
            seed = seed * 1664525U + 1013904223U;
            lie[length++] = letters[(seed >> 16) % (sizeof letters - 1)];
        }
        lie[length] = '\0';
        strcpy(line, lie);
        strcat(line, ", 203.0.113.1, 10.4.4.4");
        expect_client(&walk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stranger_is_not_believed),
        cmocka_unit_test(a_proxy_says_for_whom_it_asks),
        cmocka_unit_test(the_first_from_the_right_that_is_not_trusted_is_the_client),
        cmocka_unit_test(where_all_are_trusted_the_first_is_the_client),
        cmocka_unit_test(what_is_no_address_ends_the_walk),
        cmocka_unit_test(forwarded_is_walked_likewise),
        cmocka_unit_test(an_open_quote_swallows_nothing),
        cmocka_unit_test(two_fields_that_do_not_agree_are_not_believed),
        cmocka_unit_test(more_lines_than_a_request_may_have_are_left_out),
        cmocka_unit_test(a_thousand_lies_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
