/* SPDX-License-Identifier: MIT */
#include "base/jcs.h"
#include "http/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_json(json_t *value, const char *expected)
{
    struct opp_buf buf = { 0 };
    char *text;

    opp_jcs_write(&buf, value);
    text = opp_buf_take(&buf);
    assert_string_equal(text, expected);
    free(text);
    json_decref(value);
}

static void assert_query(const char *text, const char *expected)
{
    json_t *query = NULL, *issues = NULL;

    assert_int_equal(opp_query_parse(text, &query, &issues, NULL), OPP_OK);
    assert_null(issues);
    assert_json(query, expected);
}

static void assert_refused(const char *text, const char *expected)
{
    json_t *query = NULL, *issues = NULL;

    assert_int_equal(opp_query_parse(text, &query, &issues, NULL), OPP_E_VALIDATION);
    assert_null(query);
    assert_json(issues, expected);
}

static void pairs_become_members(void **state)
{
    (void)state;
    assert_query("", "{}");
    assert_query("a=1&b=two", "{\"a\":\"1\",\"b\":\"two\"}");
    assert_query("a&b=&c==", "{\"a\":\"\",\"b\":\"\",\"c\":\"=\"}");
    assert_query("&a=1&&b=2&", "{\"a\":\"1\",\"b\":\"2\"}");
    assert_query("=x", "{\"\":\"x\"}");
}

static void a_plus_is_a_space_and_an_escape_what_it_stands_for(void **state)
{
    (void)state;
    assert_query("a+b=c+d%2Be", "{\"a b\":\"c d+e\"}");
    assert_query("%61%26=%3d%C3%A4", "{\"a&\":\"=\xc3\xa4\"}");
}

static void a_repeated_name_is_refused(void **state)
{
    (void)state;
    assert_refused("a=1&b=2&%61=3", "[{\"code\":\"repeated\",\"message\":\"This query parameter is given more than "
                                    "once.\",\"path\":[\"a\"],\"pointer\":\"/a\"}]");
    assert_refused("a/~=1&a/~=1", "[{\"code\":\"repeated\",\"message\":\"This query parameter is given more than "
                                  "once.\",\"path\":[\"a/~\"],\"pointer\":\"/a~1~0\"}]");
}

static void a_long_name_is_quoted_in_part(void **state)
{
    char text[300] = "";
    json_t *query = NULL, *issues = NULL;
    const char *quoted;

    (void)state;
    for (int i = 0; i < 2; i++) {
        strcat(text, i != 0 ? "&x" : "x");
        for (int j = 0; j < 40; j++)
            strcat(text, "\xc3\xa4");
    }
    assert_int_equal(opp_query_parse(text, &query, &issues, NULL), OPP_E_VALIDATION);
    quoted = json_string_value(json_array_get(json_object_get(json_array_get(issues, 0), "path"), 0));
    assert_non_null(quoted);
    assert_int_equal(strlen(quoted), 63);
    json_decref(issues);
}

static void what_hides_no_text_is_refused(void **state)
{
    static const char *const texts[] = { "a=%", "a=%4", "%zz=1", "a=%00", "a=%ff", "a=%c3&b=%a4", "a=1&%ed%a0%80" };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_refused(texts[i], "[{\"code\":\"invalid_encoding\",\"message\":\"The query has a broken "
                                 "percent-encoding or is not UTF-8.\",\"path\":[],\"pointer\":\"\"}]");
}

static void sixty_four_pairs_are_taken_and_no_more(void **state)
{
    char text[512] = "", *at = text;
    json_t *query = NULL, *issues = NULL;

    (void)state;
    for (int i = 0; i < 64; i++)
        at += snprintf(at, 8, "&k%d", i);
    assert_int_equal(opp_query_parse(text, &query, &issues, NULL), OPP_OK);
    assert_int_equal(json_object_size(query), 64);
    json_decref(query);
    strcat(text, "&more");
    assert_refused(text, "[{\"code\":\"too_many\",\"message\":\"The query has more than 64 parameters.\",\"path\":[],"
                         "\"pointer\":\"\"}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_become_members),
        cmocka_unit_test(a_plus_is_a_space_and_an_escape_what_it_stands_for),
        cmocka_unit_test(a_repeated_name_is_refused),
        cmocka_unit_test(a_long_name_is_quoted_in_part),
        cmocka_unit_test(what_hides_no_text_is_refused),
        cmocka_unit_test(sixty_four_pairs_are_taken_and_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
