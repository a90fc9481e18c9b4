/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* FIPS 180-2, appendix B, and the empty text. */
static void known_hashes_are_right(void **state)
{
    char hex[OPP_HASH_HEX], *million = malloc(1000000);

    (void)state;
    opp_hash_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    opp_hash_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_non_null(million);
    memset(million, 'a', 1000000);
    opp_hash_hex(million, 1000000, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

/* RFC 4231, test cases 1 and 2: a shorter key is one padded with zeros. */
static void known_hmacs_are_right(void **state)
{
    unsigned char key[OPP_HASH_BYTES] = { 0 };
    char hex[OPP_HASH_HEX];

    (void)state;
    memset(key, 0x0b, 20);
    opp_hmac_hex(key, "Hi There", 8, hex);
    assert_string_equal(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    memset(key, 0, sizeof key);
    memcpy(key, "Jefe", 4);
    opp_hmac_hex(key, "what do ya want for nothing?", 28, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void hex_is_lower_case_and_ended(void **state)
{
    char hex[9] = "xxxxxxxx";

    (void)state;
    opp_hex((const unsigned char[]){ 0x00, 0x9a, 0xff }, 3, hex);
    assert_string_equal(hex, "009aff");
}

static void random_bytes_differ_and_fill_the_whole_length(void **state)
{
    unsigned char a[2][4096];
    size_t zeros = 0;

    (void)state;
    memset(a, 0, sizeof a);
    assert_int_equal(opp_random(a[0], sizeof a[0], NULL), OPP_OK);
    assert_int_equal(opp_random(a[1], sizeof a[1], NULL), OPP_OK);
    assert_memory_not_equal(a[0], a[1], sizeof a[0]);
    for (size_t i = 0; i < sizeof a[0]; i++)
        zeros += a[0][i] == 0;
    assert_true(zeros < 100); /* 16 are likely */
}

static void texts_are_the_same_only_if_equal(void **state)
{
    (void)state;
    assert_true(opp_same_text("", ""));
    assert_true(opp_same_text("abc", "abc"));
    assert_false(opp_same_text("abc", "abd"));
    assert_false(opp_same_text("abc", "ab"));
    assert_false(opp_same_text("", "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_hashes_are_right),
        cmocka_unit_test(known_hmacs_are_right),
        cmocka_unit_test(hex_is_lower_case_and_ended),
        cmocka_unit_test(random_bytes_differ_and_fill_the_whole_length),
        cmocka_unit_test(texts_are_the_same_only_if_equal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
