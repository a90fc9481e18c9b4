/* SPDX-License-Identifier: MIT */
#include "base/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define PAIRS 1000000

/* An address as the test sees it: its family, and one bit an element. */
struct bits {
    bool v4;
    int count;
    bool bit[128];
};

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static unsigned read_bits(const struct bits *bits, int first, int count)
{
    unsigned number = 0;

    for (int i = 0; i < count; i++)
        number = number * 2 + bits->bit[first + i];
    return number;
}

/* Written by hand, so that the model and the code share no conversion. */
static void write_text(const struct bits *bits, bool mapped, char text[64])
{
    int length = 0;

    if (!bits->v4) {
        for (int i = 0; i < 8; i++)
            length +=
                snprintf(text + length, 64 - (size_t)length, "%s%x", i > 0 ? ":" : "", read_bits(bits, i * 16, 16));
        return;
    }
    snprintf(text, 64, "%s%u.%u.%u.%u", mapped ? "::ffff:" : "", read_bits(bits, 0, 8), read_bits(bits, 8, 8),
             read_bits(bits, 16, 8), read_bits(bits, 24, 8));
}

static bool model_holds(const struct bits *block, int length, const struct bits *address)
{
    if (block->v4 != address->v4)
        return false;
    for (int i = 0; i < length; i++)
        if (block->bit[i] != address->bit[i])
            return false;
    return true;
}

/* A block, and an address that shares some of its first bits, or is of the other family. */
static void check_pair(uint64_t *seed, int *held)
{
    struct bits block = { .v4 = next_random(seed) % 2 }, address = { .v4 = block.v4 };
    bool mapped = next_random(seed) % 2, address_mapped = next_random(seed) % 2, expected;
    int length, shared;
    char block_text[80], address_text[64];
    struct opp_cidr cidr;
    struct opp_address parsed;

    block.count = block.v4 ? 32 : 128;
    length = (int)(next_random(seed) % (unsigned)(block.count + 1));
    shared = (int)(next_random(seed) % (unsigned)(block.count + 1));
    if (next_random(seed) % 16 == 0)
        address.v4 = !block.v4;
    for (int i = 0; i < length; i++)
        block.bit[i] = next_random(seed) >> 40 & 1;
    for (int i = 0; i < 128; i++)
        address.bit[i] = i < shared ? block.bit[i] : next_random(seed) >> 40 & 1;
    expected = model_holds(&block, length, &address);
    *held += expected;
    write_text(&block, mapped, block_text);
    snprintf(block_text + strlen(block_text), 16, "/%d", length + (block.v4 && mapped ? 96 : 0));
    write_text(&address, address_mapped, address_text);
    if (opp_cidr_parse(block_text, &cidr, NULL) != OPP_OK || opp_address_parse(address_text, &parsed, NULL) != OPP_OK)
        fail_msg("not read: %s %s", block_text, address_text);
    if (opp_cidr_holds(&cidr, &parsed) != expected)
        fail_msg("%s in %s: not %d", address_text, block_text, expected);
}

static void a_million_random_pairs_agree_with_the_model(void **state)
{
    uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
    int held = 0;

    (void)state;
    for (int i = 0; i < PAIRS; i++)
        check_pair(&seed, &held);
    assert_in_range(held, PAIRS / 4, PAIRS * 3 / 4); /* else the pairs would say little */
}

static struct opp_address address_of(const char *text)
{
    struct opp_address address;

    if (opp_address_parse(text, &address, NULL) != OPP_OK)
        fail_msg("not an address: %s", text);
    return address;
}

static void a_mapped_address_is_the_ipv4_address(void **state)
{
    struct opp_address plain = address_of("192.0.2.1"), mapped = address_of("::ffff:192.0.2.1");
    struct opp_address hexadecimal = address_of("0:0:0:0:0:FFFF:c000:0201"), compatible = address_of("::192.0.2.1");

    (void)state;
    assert_memory_equal(&plain, &mapped, sizeof plain);
    assert_memory_equal(&plain, &hexadecimal, sizeof plain);
    assert_true(opp_address_is_v4(&mapped));
    assert_false(opp_address_is_v4(&compatible));
}

static void addresses_are_written_as_they_are_read(void **state)
{
    static const char *const pairs[][2] = {
        { "127.0.0.1", "127.0.0.1" },
        { "::ffff:10.1.2.3", "10.1.2.3" },
        { "::1", "::1" },
        { "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
        { "::", "::" },
        { "2001:0db8::0001", "2001:db8::1" },
        { "0.0.0.0", "0.0.0.0" },
        { "255.255.255.255", "255.255.255.255" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
    };
    char text[OPP_ADDRESS_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct opp_address address = address_of(pairs[i][0]);

        opp_address_format(&address, text);
        assert_string_equal(text, pairs[i][1]);
    }
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.04",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.4:80",
        "0x1.2.3.4",
        "1.2.3.-4",
        "16909060",
        "[::1]",
        "::1%eth0",
        "fe80::1%1",
        ":::",
        "1::2::3",
        "12345::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "::g",
        "::ffff:1.2.3.256",
        "::ffff:01.2.3.4",
        "localhost",
        "1.2.3.4/32",
        "::1/128",
    };
    struct opp_address address;

    (void)state;
    memset(&address, 7, sizeof address);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct opp_err err = { 0 };

        if (opp_address_parse(bad[i], &address, &err) != OPP_E_VALIDATION || err.message[0] == '\0')
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(address.bytes[0], 7);
    }
}

static void what_is_no_block_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "/",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/08",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "10.0.0.0/8 ",
        "10.0.0.0/ 8",
        "10.0.0.0/8/8",
        "10.0.0.0/255.0.0.0",
        "10.0.0.1/8",
        "10.128.0.0/8",
        "::1/127",
        "::/129",
        "::/0128",
        "2001:db8::1/64",
        "::ffff:10.0.0.1/104",
        "::ffff:0:0/95",
        "10.0.0.0/4294967304",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/1",
    };
    struct opp_cidr cidr = { .bits = 77 };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct opp_err err = { 0 };

        if (opp_cidr_parse(bad[i], &cidr, &err) != OPP_E_VALIDATION || err.message[0] == '\0')
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(cidr.bits, 77);
    }
}

static bool holds(const char *block, const char *address)
{
    struct opp_address parsed = address_of(address);
    struct opp_cidr cidr;

    if (opp_cidr_parse(block, &cidr, NULL) != OPP_OK)
        fail_msg("not a block: %s", block);
    return opp_cidr_holds(&cidr, &parsed);
}

static void an_address_alone_is_a_block_of_one(void **state)
{
    (void)state;
    assert_true(holds("10.0.0.1", "10.0.0.1"));
    assert_false(holds("10.0.0.1", "10.0.0.0"));
    assert_true(holds("::1", "::1"));
    assert_false(holds("::1", "::"));
}

static void a_block_of_ipv6_holds_no_ipv4(void **state)
{
    (void)state;
    assert_false(holds("::/0", "10.0.0.1"));
    assert_true(holds("::/0", "2001:db8::1"));
    assert_true(holds("0.0.0.0/0", "10.0.0.1"));
    assert_true(holds("::ffff:0:0/96", "10.0.0.1"));
    assert_false(holds("0.0.0.0/0", "::1"));
}

static void limits_count_ipv6_by_its_first_64_bits(void **state)
{
    struct opp_address a = address_of("2001:db8:1:2:3:4:5:6"), b = address_of("2001:db8:1:2:ffff::");
    struct opp_address c = address_of("2001:db8:1:3::"), v4 = address_of("10.1.2.3");
    struct opp_address key_a = opp_address_limit_key(&a), key_b = opp_address_limit_key(&b);
    struct opp_address key_c = opp_address_limit_key(&c), key_v4 = opp_address_limit_key(&v4);

    (void)state;
    assert_memory_equal(&key_a, &key_b, sizeof key_a);
    assert_memory_not_equal(&key_a, &key_c, sizeof key_a);
    assert_memory_equal(&key_v4, &v4, sizeof v4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_random_pairs_agree_with_the_model),
        cmocka_unit_test(a_mapped_address_is_the_ipv4_address),
        cmocka_unit_test(addresses_are_written_as_they_are_read),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(what_is_no_block_is_refused),
        cmocka_unit_test(an_address_alone_is_a_block_of_one),
        cmocka_unit_test(a_block_of_ipv6_holds_no_ipv4),
        cmocka_unit_test(limits_count_ipv6_by_its_first_64_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
