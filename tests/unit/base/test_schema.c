/* SPDX-License-Identifier: MIT
 *
 * base/schema.h: what is refused at compile, what an issue says, what a query string becomes.
 */
#include "base/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *parse(const char *text)
{
    json_error_t problem;
    json_t *value = json_loads(text, JSON_DECODE_ANY, &problem);

    if (value == NULL)
        fail_msg("%s: %s", text, problem.text);
    return value;
}

static struct opp_schema *compile(const char *text)
{
    struct opp_schema *schema = NULL;
    struct opp_err err = { 0 };
    json_t *document = parse(text);

    if (opp_schema_compile(document, &schema, &err) != OPP_OK)
        fail_msg("%s: %s %s", text, err.where, err.message);
    json_decref(document);
    return schema;
}

/* Gives the issues, NULL when the value fits. */
static json_t *issues_of(const char *schema_text, const char *value_text)
{
    struct opp_schema *schema = compile(schema_text);
    json_t *value = parse(value_text);
    json_t *issues = NULL;
    enum opp_code rc = opp_schema_validate(schema, value, &issues, NULL);

    assert_int_equal(rc, issues == NULL ? OPP_OK : OPP_E_VALIDATION);
    assert_int_equal(rc, opp_schema_validate(schema, value, NULL, NULL));
    json_decref(value);
    opp_schema_free(schema);
    return issues;
}

static void expect_issue(const char *schema, const char *value, const char *code, const char *pointer,
                         const char *message)
{
    json_t *issues = issues_of(schema, value);
    const json_t *issue = json_array_get(issues, 0);

    assert_int_equal(json_array_size(issues), 1);
    assert_string_equal(json_string_value(json_object_get(issue, "code")), code);
    assert_string_equal(json_string_value(json_object_get(issue, "pointer")), pointer);
    assert_string_equal(json_string_value(json_object_get(issue, "message")), message);
    json_decref(issues);
}

static void expect_refused(const char *text, const char *where, const char *named)
{
    json_t *document = parse(text);
    struct opp_schema *schema = NULL;
    struct opp_err err = { 0 };

    assert_int_equal(opp_schema_compile(document, &schema, &err), OPP_E_VALIDATION);
    assert_null(schema);
    assert_string_equal(err.where, where);
    assert_non_null(strstr(err.message, named));
    json_decref(document);
}

static void a_keyword_that_is_not_known_is_refused_by_name_and_place(void **state)
{
    (void)state;
    expect_refused("{\"minContains\": 1}", "/minContains", "\"minContains\"");
    expect_refused("{\"patternProperties\": {}}", "/patternProperties", "\"patternProperties\"");
    expect_refused("{\"properties\": {\"a/b~\": {\"unevaluatedProperties\": false}}}",
                   "/properties/a~1b~0/unevaluatedProperties", "\"unevaluatedProperties\"");
    expect_refused("{\"allOf\": [true, {\"$dynamicRef\": \"#x\"}]}", "/allOf/1/$dynamicRef", "\"$dynamicRef\"");
    expect_refused("{\"$defs\": {\"unused\": {\"require\": []}}}", "/$defs/unused/require", "\"require\"");
    expect_refused("{\"else\": {\"nope\": 1}}", "/else/nope", "\"nope\"");
    expect_refused("{\"if\": true, \"then\": {\"nope\": 1}}", "/then/nope", "\"nope\"");
}

static void a_reference_that_leads_to_no_schema_of_the_document_is_refused(void **state)
{
    (void)state;
    expect_refused("{\"$ref\": \"#/$defs/absent\"}", "/$ref", "\"$ref\"");
    expect_refused("{\"$ref\": \"https://example.com/x\"}", "/$ref", "\"$ref\"");
    expect_refused("{\"$ref\": \"other.json\"}", "/$ref", "\"$ref\"");
    expect_refused("{\"$ref\": \"#name\"}", "/$ref", "\"$ref\"");
    expect_refused("{\"$ref\": \"#/%zz\"}", "/$ref", "\"$ref\"");
    expect_refused("{\"$defs\": {\"a\": true}, \"$ref\": \"#/$defs/a%00b\"}", "/$ref", "\"$ref\"");
    expect_refused("{\"$ref\": \"#/allOf/01\", \"allOf\": [true, {}]}", "/$ref", "\"$ref\"");
    expect_refused("{\"items\": {\"$ref\": \"#/default\"}, \"default\": {}}", "/items/$ref", "\"$ref\"");
    expect_refused("{\"properties\": {\"a\": {\"$id\": \"x\"}}}", "/properties/a/$id", "\"$id\"");
}

static void a_keyword_with_a_value_that_it_cannot_have_is_refused(void **state)
{
    static const char *const WRONG[][2] = {
        { "{\"type\": \"text\"}", "/type" },
        { "{\"type\": []}", "/type" },
        { "{\"enum\": 1}", "/enum" },
        { "{\"required\": \"a\"}", "/required" },
        { "{\"required\": [1]}", "/required" },
        { "{\"properties\": []}", "/properties" },
        { "{\"properties\": {\"a\": 1}}", "/properties/a" },
        { "{\"dependentRequired\": {\"a\": 1}}", "/dependentRequired/a" },
        { "{\"minLength\": -1}", "/minLength" },
        { "{\"maxItems\": 1.5}", "/maxItems" },
        { "{\"multipleOf\": 0}", "/multipleOf" },
        { "{\"minimum\": \"1\"}", "/minimum" },
        { "{\"uniqueItems\": 1}", "/uniqueItems" },
        { "{\"anyOf\": []}", "/anyOf" },
        { "{\"not\": null}", "/not" },
        { "{\"pattern\": \"(\"}", "/pattern" },
        { "{\"pattern\": \"(*LIMIT_MATCH=1)a\"}", "/pattern" },
        { "{\"format\": \"hostname\"}", "/format" },
        { "{\"title\": 1}", "/title" },
        { "{\"readOnly\": 1}", "/readOnly" },
        { "{\"examples\": 1}", "/examples" },
        { "[]", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++)
        expect_refused(WRONG[i][0], WRONG[i][1], "The schema is not usable");
}

static void an_issue_says_what_to_change(void **state)
{
    (void)state;
    expect_issue("{\"type\": \"string\"}", "1", "type", "", "must be a string, not a number");
    expect_issue("{\"type\": [\"null\", \"integer\"]}", "1.5", "type", "",
                 "must be an integer or null, not a number with a fraction");
    expect_issue("{\"required\": [\"a\"]}", "{}", "required", "/a", "is required");
    expect_issue("{\"enum\": [\"income\", \"expense\"]}", "\"x\"", "enum", "",
                 "must be one of \"income\", \"expense\"");
    expect_issue("{\"const\": 1}", "2", "const", "", "must be 1");
    expect_issue("{\"minLength\": 1}", "\"\"", "minLength", "", "must have at least 1 character");
    expect_issue("{\"maxLength\": 2}", "\"äöü\"", "maxLength", "", "must have at most 2 characters");
    expect_issue("{\"items\": {\"minimum\": 3}}", "[3, 2]", "minimum", "/1", "must be at least 3");
    expect_issue("{\"exclusiveMaximum\": 0.5}", "0.5", "exclusiveMaximum", "", "must be less than 0.5");
    expect_issue("{\"multipleOf\": 0.01}", "0.001", "multipleOf", "", "must have at most 2 decimal places");
    expect_issue("{\"multipleOf\": 2.5}", "4", "multipleOf", "", "must be a multiple of 2.5");
    expect_issue("{\"additionalProperties\": false}", "{\"a/b\": 1}", "additionalProperties", "/a~1b",
                 "is not a property that is known here");
    expect_issue("{\"properties\": {\"a\": false}}", "{\"a\": 1}", "false", "/a", "is not allowed here");
    expect_issue("{\"dependentRequired\": {\"a\": [\"b\"]}}", "{\"a\": 1}", "dependentRequired", "/b",
                 "is required together with \"a\"");
    expect_issue("{\"uniqueItems\": true}", "[1, 2, 1.0]", "uniqueItems", "/2", "must not be the same as item 0");
    expect_issue("{\"minProperties\": 1}", "{}", "minProperties", "", "must have at least 1 property");
    expect_issue("{\"format\": \"date\"}", "\"2026-02-29\"", "format", "", "must be a date such as 2026-03-31");
}

static void alternatives_that_all_fail_make_one_issue(void **state)
{
    (void)state;
    expect_issue("{\"anyOf\": [{\"type\": \"string\", \"minLength\": 1, \"pattern\": \"x\"}, {\"type\": \"null\"}]}",
                 "\"\"", "minLength", "", "must have at least 1 character");
    expect_issue("{\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"null\"}]}", "1", "anyOf", "",
                 "must be a string or null");
    expect_issue("{\"oneOf\": [{\"minimum\": 3}, {\"minimum\": 5}]}", "1", "oneOf", "",
                 "must have one of the 2 forms that are allowed");
    expect_issue("{\"oneOf\": [{\"minimum\": 3}, {\"minimum\": 5}]}", "7", "oneOf", "",
                 "must have exactly one of the 2 forms, and has two");
    expect_issue("{\"anyOf\": [false]}", "7", "anyOf", "", "is not allowed");
}

static void a_path_leads_to_the_place_in_names_and_numbers(void **state)
{
    json_t *issues =
        issues_of("{\"properties\": {\"a\": {\"items\": {\"required\": [\"b\"]}}}}", "{\"a\": [{\"b\": 1}, {}]}");
    json_t *wanted = parse("[\"a\", 1, \"b\"]");

    (void)state;
    assert_true(json_equal(json_object_get(json_array_get(issues, 0), "path"), wanted));
    json_decref(wanted);
    json_decref(issues);
}

static void twenty_issues_are_enough(void **state)
{
    json_t *issues =
        issues_of("{\"items\": {\"type\": \"string\"}}", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]");

    (void)state;
    assert_int_equal(json_array_size(issues), 20);
    json_decref(issues);
}

static void a_long_name_is_cut_between_two_characters(void **state)
{
    char name[200] = "x", text[240];
    json_t *issues;
    const char *key;

    (void)state;
    for (size_t i = 1; i + 2 < sizeof name; i += 2)
        memcpy(name + i, "\xC3\xA4", 3);
    snprintf(text, sizeof text, "{\"%s\": 1}", name);
    issues = issues_of("{\"additionalProperties\": false}", text);
    key = json_string_value(json_array_get(json_object_get(json_array_get(issues, 0), "path"), 0));
    assert_int_equal(strlen(key), 63);
    json_decref(issues);
}

static void a_decimal_is_a_multiple_as_it_is_written(void **state)
{
    static const char *const FITS[][2] = {
        { "0.01", "19.99" },       { "0.01", "-1234567.89" }, { "0.1", "0.3" },
        { "1e-8", "12391239123" }, { "0.5", "1e308" },        { "3", "0" },
        { "1.1", "3.3" },          { "100", "1200.0" },       { "7", "-49" },
    };
    static const char *const DIFFERS[][2] = {
        { "0.01", "19.995" }, { "0.1", "0.35" }, { "3", "1e300" }, { "100", "150" }, { "0.3", "1" }, { "7", "50" },
    };
    char schema[64];

    (void)state;
    for (size_t i = 0; i < sizeof FITS / sizeof FITS[0]; i++) {
        snprintf(schema, sizeof schema, "{\"multipleOf\": %s}", FITS[i][0]);
        assert_null(issues_of(schema, FITS[i][1]));
    }
    for (size_t i = 0; i < sizeof DIFFERS / sizeof DIFFERS[0]; i++) {
        json_t *issues;

        snprintf(schema, sizeof schema, "{\"multipleOf\": %s}", DIFFERS[i][0]);
        issues = issues_of(schema, DIFFERS[i][1]);
        assert_non_null(issues);
        json_decref(issues);
    }
}

static void limits_are_compared_exactly(void **state)
{
    (void)state;
    assert_null(issues_of("{\"exclusiveMinimum\": 9007199254740992.0}", "9007199254740993"));
    assert_null(issues_of("{\"exclusiveMaximum\": 9223372036854775808.0}", "9223372036854775807"));
    assert_null(issues_of("{\"minimum\": -9223372036854775808}", "-9223372036854775808.0"));
    assert_null(issues_of("{\"exclusiveMinimum\": 1}", "1.5"));
    expect_issue("{\"maximum\": 9007199254740992.0}", "9007199254740993", "maximum", "",
                 "must be at most 9.00719925474099e+15");
}

static void a_pattern_is_read_as_ecma_262_does(void **state)
{
    (void)state;
    assert_null(issues_of("{\"pattern\": \"^\\\\p{Letter}\\\\u0041\\\\u{1F600}\\\\/$\"}", "\"äA😀/\""));
    assert_null(issues_of("{\"pattern\": \"b\"}", "\"abc\""));
    expect_issue("{\"pattern\": \"^a$\"}", "\"a\\n\"", "pattern", "", "must have the form that is asked for");
    expect_issue("{\"pattern\": \"^\\\\d$\"}", "\"٣\"", "pattern", "", "must have the form that is asked for");
}

static void query_strings_become_what_the_schema_asks_for(void **state)
{
    struct opp_schema *schema = compile("{\"$ref\": \"#/$defs/q\", \"$defs\": {\"n\": {\"type\": \"number\"}, \"q\": "
                                        "{\"properties\": {\"i\": {\"type\": \"integer\"},"
                                        "\"n\": {\"$ref\": \"#/$defs/n\"}, \"b\": {\"type\": [\"boolean\", \"null\"]}, "
                                        "\"s\": {\"type\": \"string\"}, \"any\": {},"
                                        "\"either\": {\"type\": [\"string\", \"integer\"]}, \"bad\": {\"type\": "
                                        "\"integer\"}, \"big\": {\"type\": \"integer\"}}}}}");
    json_t *query =
        parse("{\"i\": \"-12\", \"n\": \"1.5\", \"b\": \"true\", \"s\": \"1\", \"any\": \"1\", \"either\": \"1\","
              "\"bad\": \"1x\", \"big\": \"9007199254740993\", \"more\": \"1\"}");
    json_t *wanted = parse("{\"i\": -12, \"n\": 1.5, \"b\": true, \"s\": \"1\", \"any\": \"1\", \"either\": \"1\","
                           "\"bad\": \"1x\", \"big\": \"9007199254740993\", \"more\": \"1\"}");
    json_t *out = NULL;

    (void)state;
    assert_int_equal(opp_schema_coerce(schema, query, &out, NULL), OPP_OK);
    assert_true(json_equal(out, wanted));
    assert_string_equal(json_string_value(json_object_get(query, "i")), "-12");
    json_decref(out);
    json_decref(wanted);
    json_decref(query);
    opp_schema_free(schema);
}

static void only_a_json_number_is_turned(void **state)
{
    static const char *const STAY[] = {
        "", "-", "01", "1.", ".5", "1e", "+1", " 1", "1 ", "0x10", "1e999", "nan", "inf"
    };
    struct opp_schema *schema = compile("{\"properties\": {\"n\": {\"type\": \"number\"}}}");

    (void)state;
    for (size_t i = 0; i < sizeof STAY / sizeof STAY[0]; i++) {
        json_t *query = json_pack("{s:s}", "n", STAY[i]);
        json_t *out = NULL;

        assert_int_equal(opp_schema_coerce(schema, query, &out, NULL), OPP_OK);
        assert_true(json_is_string(json_object_get(out, "n")));
        json_decref(out);
        json_decref(query);
    }
    opp_schema_free(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_keyword_that_is_not_known_is_refused_by_name_and_place),
        cmocka_unit_test(a_reference_that_leads_to_no_schema_of_the_document_is_refused),
        cmocka_unit_test(a_keyword_with_a_value_that_it_cannot_have_is_refused),
        cmocka_unit_test(an_issue_says_what_to_change),
        cmocka_unit_test(alternatives_that_all_fail_make_one_issue),
        cmocka_unit_test(a_path_leads_to_the_place_in_names_and_numbers),
        cmocka_unit_test(twenty_issues_are_enough),
        cmocka_unit_test(a_long_name_is_cut_between_two_characters),
        cmocka_unit_test(a_decimal_is_a_multiple_as_it_is_written),
        cmocka_unit_test(limits_are_compared_exactly),
        cmocka_unit_test(a_pattern_is_read_as_ecma_262_does),
        cmocka_unit_test(query_strings_become_what_the_schema_asks_for),
        cmocka_unit_test(only_a_json_number_is_turned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
