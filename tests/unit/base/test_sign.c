/* SPDX-License-Identifier: MIT */
#include "base/sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* RFC 8032, section 7.1, test 1: the empty message. */
static const char PRIVATE[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                              "-----END PRIVATE KEY-----\n";
static const char PUBLIC[] = "-----BEGIN PUBLIC KEY-----\n"
                             "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                             "-----END PUBLIC KEY-----\n";
static const char SIGNATURE[] = "5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc"
                                "+bRr0lv18FlbviRlUUFDjnoQCw==";
static const char ID[] = "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9";

static struct opp_sign_key *read_key(const char *pem)
{
    struct opp_sign_key *key = NULL;
    struct opp_err err = { 0 };

    if (opp_sign_key_read(pem, strlen(pem), &key, &err) != OPP_OK)
        fail_msg("%s", err.message);
    return key;
}

static void a_known_signature_is_made_and_holds(void **state)
{
    struct opp_sign_key *key = read_key(PRIVATE), *public_key = read_key(PUBLIC);
    char signature[OPP_SIGNATURE_MAX];

    (void)state;
    assert_int_equal(opp_sign(key, "", 0, signature, NULL), OPP_OK);
    assert_string_equal(signature, SIGNATURE);
    assert_true(opp_sign_holds(public_key, "", 0, SIGNATURE));
    assert_true(opp_sign_holds(key, "", 0, SIGNATURE));
    assert_string_equal(opp_sign_key_public(key), PUBLIC);
    assert_string_equal(opp_sign_key_id(key), ID);
    assert_string_equal(opp_sign_key_id(public_key), ID);
    opp_sign_key_free(public_key);
    opp_sign_key_free(key);
}

static void nothing_else_holds(void **state)
{
    struct opp_sign_key *key = read_key(PUBLIC), *other = NULL;
    char signature[OPP_SIGNATURE_MAX + 1] = "";

    (void)state;
    assert_false(opp_sign_holds(key, "a", 1, SIGNATURE));
    for (size_t i = 0; i < sizeof SIGNATURE - 1; i++) {
        memcpy(signature, SIGNATURE, sizeof SIGNATURE);
        signature[i] = signature[i] == 'A' ? 'B' : 'A';
        assert_false(opp_sign_holds(key, "", 0, signature));
    }
    snprintf(signature, sizeof signature, "%sA", SIGNATURE);
    assert_false(opp_sign_holds(key, "", 0, signature));
    assert_false(opp_sign_holds(key, "", 0, ""));
    assert_int_equal(opp_sign_key_make(&other, NULL), OPP_OK);
    assert_false(opp_sign_holds(other, "", 0, SIGNATURE));
    opp_sign_key_free(other);
    opp_sign_key_free(key);
}

static void a_public_key_does_not_sign(void **state)
{
    struct opp_sign_key *key = read_key(PUBLIC);
    char signature[OPP_SIGNATURE_MAX];
    struct opp_buf pem = { 0 };

    (void)state;
    assert_int_equal(opp_sign(key, "", 0, signature, NULL), OPP_E_INTERNAL);
    assert_int_equal(opp_sign_key_write(key, &pem, NULL), OPP_E_INTERNAL);
    opp_buf_free(&pem);
    opp_sign_key_free(key);
}

static void a_made_key_is_the_same_after_it_was_written_and_read(void **state)
{
    struct opp_sign_key *key = NULL, *again = NULL;
    char signature[OPP_SIGNATURE_MAX];
    struct opp_buf pem = { 0 };

    (void)state;
    assert_int_equal(opp_sign_key_make(&key, NULL), OPP_OK);
    assert_int_equal(opp_sign_key_write(key, &pem, NULL), OPP_OK);
    assert_int_equal(opp_sign_key_read(pem.bytes, pem.length, &again, NULL), OPP_OK);
    assert_int_equal(opp_sign(again, "text", 4, signature, NULL), OPP_OK);
    assert_true(opp_sign_holds(key, "text", 4, signature));
    opp_buf_free(&pem);
    opp_sign_key_free(again);
    opp_sign_key_free(key);
}

static void what_is_no_ed25519_key_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
        /* X25519 */
        "-----BEGIN PUBLIC KEY-----\n"
        "MCowBQYDK2VuAyEAhSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\n"
        "-----END PUBLIC KEY-----\n",
    };
    struct opp_sign_key *key = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(opp_sign_key_read(texts[i], strlen(texts[i]), &key, NULL), OPP_E_VALIDATION);
    assert_null(key);
}

static void a_key_that_has_a_password_is_refused(void **state)
{
    /* PRIVATE with an empty one: who gives none cannot read it either. */
    static const char locked[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                                 "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhIJ+/1upQU3AICA+gw\n"
                                 "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEGqvbExL1zpLYm4T83hXuDMEQG2B\n"
                                 "9Lath5171OYLtMMpG38JWcYbjlNHv6l8VjkhmBKGxv73ycgh+nNjPn0buMZe7unv\n"
                                 "wxi8GRwpFZMz43sWKhI=\n"
                                 "-----END ENCRYPTED PRIVATE KEY-----\n";
    struct opp_sign_key *key = NULL;

    (void)state;
    assert_int_equal(opp_sign_key_read(locked, sizeof locked - 1, &key, NULL), OPP_E_VALIDATION);
    assert_null(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_signature_is_made_and_holds),
        cmocka_unit_test(nothing_else_holds),
        cmocka_unit_test(a_public_key_does_not_sign),
        cmocka_unit_test(a_made_key_is_the_same_after_it_was_written_and_read),
        cmocka_unit_test(what_is_no_ed25519_key_is_refused),
        cmocka_unit_test(a_key_that_has_a_password_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
