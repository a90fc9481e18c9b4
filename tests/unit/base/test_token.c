/* SPDX-License-Identifier: MIT */
#include "base/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define KNOWN "op_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA2JYEuK"
#define KNOWN_ADMIN "opa_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA2N3l9M"

static void a_token_is_kind_secret_and_checksum(void **state)
{
    char token[OPP_TOKEN_MAX], other[OPP_TOKEN_MAX];

    (void)state;
    assert_int_equal(opp_token_make(OPP_TOKEN_AGENT, token, NULL), OPP_OK);
    assert_int_equal(strlen(token), 52);
    assert_memory_equal(token, "op_", 3);
    assert_int_equal(strspn(token + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 49);
    assert_int_equal(opp_token_make(OPP_TOKEN_AGENT, other, NULL), OPP_OK);
    assert_string_not_equal(token, other);
    assert_int_equal(opp_token_make(OPP_TOKEN_ADMIN, token, NULL), OPP_OK);
    assert_int_equal(strlen(token), 53);
    assert_memory_equal(token, "opa_", 4);
}

static void what_was_made_is_plausible_for_its_kind_only(void **state)
{
    char token[OPP_TOKEN_MAX];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(opp_token_make(OPP_TOKEN_AGENT, token, NULL), OPP_OK);
        assert_true(opp_token_plausible(OPP_TOKEN_AGENT, token));
        assert_false(opp_token_plausible(OPP_TOKEN_ADMIN, token));
        assert_int_equal(opp_token_make(OPP_TOKEN_ADMIN, token, NULL), OPP_OK);
        assert_true(opp_token_plausible(OPP_TOKEN_ADMIN, token));
        assert_false(opp_token_plausible(OPP_TOKEN_AGENT, token));
    }
}

/* Checksums computed by another CRC-32. */
static void the_checksum_is_crc32_in_base62(void **state)
{
    (void)state;
    assert_true(opp_token_plausible(OPP_TOKEN_AGENT, KNOWN));
    assert_true(opp_token_plausible(OPP_TOKEN_ADMIN, KNOWN_ADMIN));
}

static void every_changed_character_is_noticed(void **state)
{
    char token[OPP_TOKEN_MAX];

    (void)state;
    for (size_t i = 0; i < strlen(KNOWN); i++)
        for (const char *c = "A0z-_ .\x80"; *c != '\0'; c++) {
            snprintf(token, sizeof token, "%s", KNOWN);
            if (token[i] == *c)
                continue;
            token[i] = *c;
            if (opp_token_plausible(OPP_TOKEN_AGENT, token))
                fail_msg("taken: %s", token);
        }
}

static void every_other_length_is_refused(void **state)
{
    char token[OPP_TOKEN_MAX];

    (void)state;
    for (int length = 0; length < (int)strlen(KNOWN); length++) {
        snprintf(token, sizeof token, "%.*s", length, KNOWN);
        assert_false(opp_token_plausible(OPP_TOKEN_AGENT, token));
    }
    assert_false(opp_token_plausible(OPP_TOKEN_AGENT, KNOWN "A"));
    assert_false(opp_token_plausible(OPP_TOKEN_AGENT, KNOWN KNOWN));
}

static void the_hash_is_of_the_whole_token(void **state)
{
    char hex[OPP_HASH_HEX];

    (void)state;
    opp_token_hash(KNOWN, hex);
    assert_string_equal(hex, "8e71a533eb1bb61eda94592851cf6c9654791a743913160833bb4f3a47302e3f");
}

static void eight_characters_of_the_secret_are_shown(void **state)
{
    char prefix[OPP_TOKEN_PREFIX_MAX];

    (void)state;
    opp_token_prefix("op_abcdefgh_jklmnop", prefix);
    assert_string_equal(prefix, "op_abcdefgh");
    opp_token_prefix("opa_abcdefghijklmnop", prefix);
    assert_string_equal(prefix, "opa_abcdefgh");
    opp_token_prefix("op_ab", prefix);
    assert_string_equal(prefix, "op_ab");
    opp_token_prefix("a password_with an underscore", prefix);
    assert_string_equal(prefix, "");
    opp_token_prefix("", prefix);
    assert_string_equal(prefix, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_kind_secret_and_checksum),
        cmocka_unit_test(what_was_made_is_plausible_for_its_kind_only),
        cmocka_unit_test(the_checksum_is_crc32_in_base62),
        cmocka_unit_test(every_changed_character_is_noticed),
        cmocka_unit_test(every_other_length_is_refused),
        cmocka_unit_test(the_hash_is_of_the_whole_token),
        cmocka_unit_test(eight_characters_of_the_secret_are_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
