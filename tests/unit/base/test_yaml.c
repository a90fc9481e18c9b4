/* SPDX-License-Identifier: MIT */
#include "base/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct opp_yaml *parsed(const char *text)
{
    struct opp_yaml *yaml = NULL;
    struct opp_err err = { 0 };

    if (opp_yaml_parse("f.yaml", text, strlen(text), &yaml, &err) != OPP_OK)
        fail_msg("%s: %s in: %s", err.where, err.message, text);
    return yaml;
}

static void assert_value(const char *text, const char *json)
{
    struct opp_yaml *yaml = parsed(text);
    char *dumped = json_dumps(opp_yaml_value(yaml), JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

    if (dumped == NULL || strcmp(dumped, json) != 0)
        fail_msg("%s is %s, not %s", text, dumped, json);
    free(dumped);
    opp_yaml_free(yaml);
}

/* YAML 1.2.2, section 10.3.2, and what YAML 1.1 would have read otherwise. */
static const char *const CORE_SCALARS[][2] = {
    { "~", "null" },
    { "null", "null" },
    { "Null", "null" },
    { "NULL", "null" },
    { "nULL", "\"nULL\"" },
    { "true", "true" },
    { "True", "true" },
    { "TRUE", "true" },
    { "false", "false" },
    { "False", "false" },
    { "FALSE", "false" },
    { "tRUE", "\"tRUE\"" },
    { "yes", "\"yes\"" },
    { "no", "\"no\"" },
    { "on", "\"on\"" },
    { "off", "\"off\"" },
    { "y", "\"y\"" },
    { "0", "0" },
    { "-0", "0" },
    { "+12", "12" },
    { "-19", "-19" },
    { "0123", "123" },
    { "0o14", "12" },
    { "0xC", "12" },
    { "0xff", "255" },
    { "0o8", "\"0o8\"" },
    { "0x", "\"0x\"" },
    { "0xg", "\"0xg\"" },
    { "-0x1", "\"-0x1\"" },
    { "-0o1", "\"-0o1\"" },
    { "0b1", "\"0b1\"" },
    { "1_000", "\"1_000\"" },
    { "12:30", "\"12:30\"" },
    { "1.5", "1.5" },
    { "-1.5", "-1.5" },
    { "+1.5", "1.5" },
    { ".5", "0.5" },
    { "-.5", "-0.5" },
    { "1.", "1.0" },
    { "1e3", "1000.0" },
    { "1.5E-1", "0.15" },
    { "1e", "\"1e\"" },
    { "1e+", "\"1e+\"" },
    { ".", "\".\"" },
    { "+", "\"+\"" },
    { "-.", "\"-.\"" },
    { ".e1", "\".e1\"" },
    { "1.2.3", "\"1.2.3\"" },
    { "1 2", "\"1 2\"" },
    { "inf", "\"inf\"" },
    { "nan", "\"nan\"" },
    { "0x1p3", "\"0x1p3\"" },
    { "--1", "\"--1\"" },
    { "2026-11-22", "\"2026-11-22\"" },
    { "=", "\"=\"" },
    { "9223372036854775807", "9223372036854775807" },
    { "-9223372036854775808", "-9223372036854775808" },
    { "a\\n", "\"a\\\\n\"" },
    { "\xc3\xa9", "\"\xc3\xa9\"" },
    { "<<", "\"<<\"" },
};

static void plain_scalars_follow_the_core_schema(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof CORE_SCALARS / sizeof *CORE_SCALARS; i++)
        assert_value(CORE_SCALARS[i][0], CORE_SCALARS[i][1]);
}

static void quoted_and_block_scalars_are_strings(void **state)
{
    (void)state;
    assert_value("'true'", "\"true\"");
    assert_value("\"1\"", "\"1\"");
    assert_value("''", "\"\"");
    assert_value("'~'", "\"~\"");
    assert_value("\"a\\tb\\u00e9\"", "\"a\\tb\xc3\xa9\"");
    assert_value("a: |\n  1\n", "{\"a\":\"1\\n\"}");
    assert_value("a: >-\n  true\n", "{\"a\":\"true\"}");
}

static void documents_become_json(void **state)
{
    (void)state;
    assert_value("", "{}");
    assert_value("# only a comment\n\n", "{}");
    assert_value("\xef\xbb\xbf"
                 "a: 1\n",
                 "{\"a\":1}");
    assert_value("---\na: 1\n...\n", "{\"a\":1}");
    assert_value("a:\nb: 2\n", "{\"a\":null,\"b\":2}");
    assert_value("{a: [1, {b: c}], d: {}}", "{\"a\":[1,{\"b\":\"c\"}],\"d\":{}}");
    assert_value("b:\n- x\n- - y\n  - 2\na: {}\n", "{\"b\":[\"x\",[\"y\",2]],\"a\":{}}");
    assert_value("1: a\ntrue: b\n'': c\n", "{\"1\":\"a\",\"true\":\"b\",\"\":\"c\"}");
}

static void every_value_knows_its_line(void **state)
{
    struct opp_yaml *yaml = parsed("# a comment\n"
                                   "server:\n"
                                   "  listen: here\n"
                                   "  list:\n"
                                   "    - one\n"
                                   "    - name: two\n"
                                   "      size:\n"
                                   "        3\n"
                                   "a/b~c: {x: 1,\n"
                                   "  y: 2}\n"
                                   "'0': z\n");

    (void)state;
    assert_int_equal(opp_yaml_line(yaml, ""), 2);
    assert_int_equal(opp_yaml_line(yaml, "/server"), 2);
    assert_int_equal(opp_yaml_line(yaml, "/server/listen"), 3);
    assert_int_equal(opp_yaml_line(yaml, "/server/list"), 4);
    assert_int_equal(opp_yaml_line(yaml, "/server/list/0"), 5);
    assert_int_equal(opp_yaml_line(yaml, "/server/list/1"), 6);
    assert_int_equal(opp_yaml_line(yaml, "/server/list/1/size"), 7);
    assert_int_equal(opp_yaml_line(yaml, "/a~1b~0c"), 9);
    assert_int_equal(opp_yaml_line(yaml, "/a~1b~0c/y"), 10);
    assert_int_equal(opp_yaml_line(yaml, "/0"), 11);
    opp_yaml_free(yaml);
}

static void an_unknown_pointer_has_the_line_of_its_nearest_parent(void **state)
{
    struct opp_yaml *yaml = parsed("x: 1\na:\n  b:\n    - 1\n    - 2\n"), *empty = parsed("");

    (void)state;
    assert_int_equal(opp_yaml_line(yaml, "/none"), 1);
    assert_int_equal(opp_yaml_line(yaml, "/a/none/deeper"), 2);
    assert_int_equal(opp_yaml_line(yaml, "/a/b/2"), 3);
    assert_int_equal(opp_yaml_line(yaml, "/a/b/01"), 3);
    assert_int_equal(opp_yaml_line(yaml, "/a/b/-"), 3);
    assert_int_equal(opp_yaml_line(yaml, "/a/b/"), 3);
    assert_int_equal(opp_yaml_line(yaml, "/a/b/1/x"), 5);
    assert_int_equal(opp_yaml_line(yaml, "a"), 1);
    assert_int_equal(opp_yaml_line(empty, "/a"), 1);
    opp_yaml_free(yaml);
    opp_yaml_free(empty);
}

static void elements_are_found_by_every_number(void **state)
{
    char text[2048] = "", pointer[16];
    struct opp_yaml *yaml;

    (void)state;
    for (int i = 0; i < 120; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "- %d\n", i);
    yaml = parsed(text);
    for (int i = 0; i < 120; i++) {
        snprintf(pointer, sizeof pointer, "/%d", i);
        assert_int_equal(opp_yaml_line(yaml, pointer), i + 1);
    }
    opp_yaml_free(yaml);
}

static void assert_refused(const char *text, size_t length, const char *where, const char *why)
{
    struct opp_yaml *yaml = NULL;
    struct opp_err err = { 0 };

    if (opp_yaml_parse("f.yaml", text, length, &yaml, &err) != OPP_E_CONFIG)
        fail_msg("taken: %s", text);
    assert_null(yaml);
    assert_string_equal(err.where, where);
    if (strstr(err.message, why) == NULL)
        fail_msg("%s: %s does not say %s", text, err.message, why);
}

static void what_is_not_supported_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text, *where, *why;
    } rows[] = {
        { "a: [1\nb: 2\n", "f.yaml:2", "expected" },
        { "a: 1\n\tb: 2\n", "f.yaml:2", "tab" },
        { "a: 'x\n", "f.yaml:2", "end of stream" },
        { "a: b: c\n", "f.yaml:1", "not allowed" },
        { "a: 1\nb: 2\na: 3\n", "f.yaml:3", "\"a\" is on line 1 already" },
        { "x:\n  'a': 1\n  \"a\": 1\n", "f.yaml:3", "\"a\" is on line 2 already" },
        { "{1: a, '1': b}", "f.yaml:1", "already" },
        { "x: 1\n? [a, b]\n: c\n", "f.yaml:2", "key must be" },
        { "? {a: b}\n: c\n", "f.yaml:1", "key must be" },
        { "a: &x 1\n", "f.yaml:1", "anchors" },
        { "a: &x [1]\n", "f.yaml:1", "anchors" },
        { "a: &x {b: 1}\n", "f.yaml:1", "anchors" },
        { "&x a: 1\n", "f.yaml:1", "anchors" },
        { "a: 1\nb: *x\n", "f.yaml:2", "aliases" },
        { "*x : 1\n", "f.yaml:1", "aliases" },
        { "- *x\n", "f.yaml:1", "aliases" },
        { "\na: !!str 1\n", "f.yaml:2", "tags" },
        { "a: !own 1\n", "f.yaml:1", "tags" },
        { "a: ! 1\n", "f.yaml:1", "tags" },
        { "a: !!map {b: 1}\n", "f.yaml:1", "tags" },
        { "a: !!seq [1]\n", "f.yaml:1", "tags" },
        { "!!str a: 1\n", "f.yaml:1", "tags" },
        { "a: 1\n---\nb: 2\n", "f.yaml:2", "second document" },
        { "a: 1\n...\n---\n", "f.yaml:3", "second document" },
        { "a: .inf\n", "f.yaml:1", ".inf is not" },
        { "a: 1\nb: -.INF\n", "f.yaml:2", "-.INF is not" },
        { "a: .nan\n", "f.yaml:1", ".nan is not" },
        { "a: 1e999\n", "f.yaml:1", "too large" },
        { "a: 9223372036854775808\n", "f.yaml:1", "64 bits" },
        { "a: -9223372036854775809\n", "f.yaml:1", "64 bits" },
        { "a: 0xffffffffffffffff\n", "f.yaml:1", "64 bits" },
        { "a: 1\nb: \xff\n", "f.yaml:2", "UTF-8" },
        { "a: 1\n\nb: \x01\n", "f.yaml:3", "control" },
        { "a: \"x\\0y\"\n", "f.yaml:1", "U+0000" },
        { "b: 1\n\"x\\0y\": 1\n", "f.yaml:2", "U+0000" },
        { "a: \"\\ud800\"\n", "f.yaml:1", "" },
        { "%YAML 2.0\n---\na: 1\n", "f.yaml:1", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_refused(rows[i].text, strlen(rows[i].text), rows[i].where, rows[i].why);
    assert_refused("a: 1\n\0", 6, "f.yaml:2", "control");
}

static void values_nest_32_deep_and_no_deeper(void **state)
{
    char text[128] = "";
    struct opp_yaml *yaml;

    (void)state;
    memset(text, '[', 32);
    memset(text + 32, ']', 32);
    yaml = parsed(text);
    opp_yaml_free(yaml);
    memset(text, '[', 33);
    memset(text + 33, ']', 33);
    assert_refused(text, 66, "f.yaml:1", "too deep");
    strcpy(text, "a:\n");
    for (int i = 0; i < 32; i++)
        strcat(text, "- ");
    assert_refused(text, strlen(text), "f.yaml:2", "too deep");
}

static void a_text_of_one_mebibyte_is_read_and_no_larger(void **state)
{
    size_t max = 1024 * 1024;
    char *text = malloc(max + 2);
    struct opp_yaml *yaml = NULL;

    (void)state;
    assert_non_null(text);
    memset(text, '#', max + 1);
    text[max + 1] = '\0';
    assert_int_equal(opp_yaml_parse("f.yaml", text, max, &yaml, NULL), OPP_OK);
    opp_yaml_free(yaml);
    assert_refused(text, max + 1, "f.yaml:1", "1 MiB");
    free(text);
}

static void a_long_name_keeps_its_line(void **state)
{
    char name[400];
    struct opp_yaml *yaml = NULL;
    struct opp_err err = { 0 };

    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(opp_yaml_parse(name, "\n- *x", 5, &yaml, &err), OPP_E_CONFIG);
    assert_string_equal(err.where + strlen(err.where) - 3, "n:2");
    assert_int_equal(opp_yaml_parse(name, "\n- *x", 5, &yaml, NULL), OPP_E_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_scalars_follow_the_core_schema),
        cmocka_unit_test(quoted_and_block_scalars_are_strings),
        cmocka_unit_test(documents_become_json),
        cmocka_unit_test(every_value_knows_its_line),
        cmocka_unit_test(an_unknown_pointer_has_the_line_of_its_nearest_parent),
        cmocka_unit_test(elements_are_found_by_every_number),
        cmocka_unit_test(what_is_not_supported_is_refused_with_its_line),
        cmocka_unit_test(values_nest_32_deep_and_no_deeper),
        cmocka_unit_test(a_text_of_one_mebibyte_is_read_and_no_larger),
        cmocka_unit_test(a_long_name_keeps_its_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
