/* SPDX-License-Identifier: MIT */
#include "base/percent.h"
#include "http/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_target_is_a_path_and_a_query(void **state)
{
    struct opp_target target;

    (void)state;
    assert_true(opp_target_parse("/a/b%20c?d=%00&//..", &target));
    assert_int_equal(target.path_length, strlen("/a/b%20c"));
    assert_string_equal(target.query, "d=%00&//..");
    assert_true(opp_target_parse("/", &target));
    assert_int_equal(target.path_length, 1);
    assert_string_equal(target.query, "");
    assert_true(opp_target_parse("/a?", &target));
    assert_string_equal(target.query, "");
}

static void names_that_begin_with_dots_are_fair(void **state)
{
    struct opp_target target;

    (void)state;
    assert_true(opp_target_parse("/.well-known/..a/a./a..", &target));
    assert_true(opp_target_parse("/...", &target));
    assert_true(opp_target_parse("/a/", &target));
}

static void what_can_be_read_in_two_ways_is_refused(void **state)
{
    static const char *const targets[] = {
        "",       "*",         "a",           "http://h/a", "//a",  "/a//b", "/a//",    "/.",     "/..",    "/a/.",
        "/a/..",  "/a/./b",    "/a/../b",     "/..?a",      "/.?",  "/a#b",  "/a?b#c",  "/a\\b",  "/a b",   "/a\tb",
        "/a\x7f", "/\xc3\xa4", "/a?\xc3\xa4", "/%",         "/%4",  "/%4?a", "/%zz",    "/%2",    "/a%00b", "/a%2fb",
        "/a%2Fb", "/%2e",      "/%2E%2e",     "/%5c",       "/%5C", "/%25",  "/a%2541", "/a?b c", "/a?b\\",
    };
    struct opp_target target;

    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        if (opp_target_parse(targets[i], &target))
            fail_msg("%s was taken", targets[i]);
}

static void a_target_has_2048_bytes_at_most(void **state)
{
    char text[OPP_TARGET_MAX + 2] = "/";
    struct opp_target target;

    (void)state;
    memset(text + 1, 'a', OPP_TARGET_MAX - 1);
    assert_true(opp_target_parse(text, &target));
    text[OPP_TARGET_MAX] = 'a';
    assert_false(opp_target_parse(text, &target));
    text[5] = '?';
    assert_false(opp_target_parse(text, &target));
}

static bool decodes(const char *text, const char *expected)
{
    char out[64];
    size_t length;

    return opp_percent_decode(text, strlen(text), false, out, &length) && strcmp(out, expected) == 0 &&
           length == strlen(expected);
}

static void escapes_are_decoded(void **state)
{
    (void)state;
    assert_true(decodes("", ""));
    assert_true(decodes("a%20b%2fc+", "a b/c+"));
    assert_true(decodes("%C3%a4%e2%82%ac%F0%9F%98%80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
    assert_true(decodes("%f4%8f%bf%bf", "\xf4\x8f\xbf\xbf"));
}

static void what_hides_no_text_is_not_decoded(void **state)
{
    static const char *const texts[] = { "%",         "%4",        "%4g",          "%g4",          "a%",
                                         "%00",       "%80",       "%c3",          "%c3%28",       "%c0%af",
                                         "%e0%80%af", "%ed%a0%80", "%f0%80%80%80", "%f4%90%80%80", "%f5%80%80%80",
                                         "%e2%82",    "%ff" };
    char out[64];
    size_t length;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (opp_percent_decode(texts[i], strlen(texts[i]), false, out, &length))
            fail_msg("%s was taken", texts[i]);
}

static void all_but_what_is_unreserved_is_encoded(void **state)
{
    static const char text[] = "/a b~%\xc3\xa4?#._-\0z";
    char out[3 * sizeof text];

    (void)state;
    out[opp_percent_encode(text, sizeof text - 1, "/", out)] = '\0';
    assert_string_equal(out, "/a%20b~%25%C3%A4%3F%23._-%00z");
    out[opp_percent_encode(text, 3, "", out)] = '\0';
    assert_string_equal(out, "%2Fa%20");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_is_a_path_and_a_query),
        cmocka_unit_test(names_that_begin_with_dots_are_fair),
        cmocka_unit_test(what_can_be_read_in_two_ways_is_refused),
        cmocka_unit_test(a_target_has_2048_bytes_at_most),
        cmocka_unit_test(escapes_are_decoded),
        cmocka_unit_test(what_hides_no_text_is_not_decoded),
        cmocka_unit_test(all_but_what_is_unreserved_is_encoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
