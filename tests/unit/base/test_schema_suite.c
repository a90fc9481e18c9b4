/* SPDX-License-Identifier: MIT
 *
 * The official JSON Schema test suite, where its files are at hand: whatever compiles must agree with it, and what does
 * not compile must hold a keyword that this validator says it does not know. The directory of the suite's draft may be
 * given as an argument.
 */
#include "base/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PATH_BYTES 1024

static const char *directory = OPP_DATA_DIR "/json-schema-test-suite/draft2020-12";

static const char *const FILES[] = {
    "additionalProperties",
    "allOf",
    "anyOf",
    "boolean_schema",
    "const",
    "contains",
    "default",
    "defs",
    "dependentRequired",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "if-then-else",
    "infinite-loop-detection",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "optional/float-overflow",
    "optional/format/date",
    "optional/format/date-time",
    "optional/format/email",
    "optional/format/uri",
    "optional/non-bmp-regex",
    "pattern",
    "prefixItems",
    "properties",
    "propertyNames",
    "ref",
    "required",
    "type",
    "uniqueItems",
};

static const char *const UNKNOWN[] = {
    "$anchor",       "$dynamicAnchor",    "$dynamicRef",      "$vocabulary",           "contentEncoding",
    "contentSchema", "contentMediaType",  "dependentSchemas", "definitions",           "maxContains",
    "minContains",   "patternProperties", "unevaluatedItems", "unevaluatedProperties", "unknownKeyword",
};

struct count {
    unsigned groups;
    unsigned skipped;
    unsigned tests;
    unsigned wrong;
};

static bool is_remote(const char *key, const json_t *value)
{
    return strcmp(key, "$ref") == 0 && json_is_string(value) && json_string_value(value)[0] != '#';
}

/* Whether the document really holds what may be refused: an unknown keyword, a reference elsewhere, a second $id. */
static bool holds_unknown(json_t *value, unsigned depth)
{
    const char *key;
    size_t index;
    json_t *item;

    json_array_foreach(value, index, item) if (holds_unknown(item, depth + 1)) return true;
    json_object_foreach(value, key, item)
    {
        if (is_remote(key, item) || (depth > 0 && strcmp(key, "$id") == 0) || holds_unknown(item, depth + 1))
            return true;
        for (size_t i = 0; i < sizeof UNKNOWN / sizeof UNKNOWN[0]; i++)
            if (strcmp(UNKNOWN[i], key) == 0)
                return true;
    }
    return false;
}

static void judge_tests(const char *file, const json_t *group, const struct opp_schema *schema, struct count *count)
{
    json_t *test;
    size_t index;

    json_array_foreach(json_object_get(group, "tests"), index, test)
    {
        json_t *issues = NULL;
        enum opp_code rc = opp_schema_validate(schema, json_object_get(test, "data"), &issues, NULL);

        count->tests++;
        if (rc != (json_is_true(json_object_get(test, "valid")) ? OPP_OK : OPP_E_VALIDATION) ||
            (rc != OPP_OK) != (json_array_size(issues) > 0)) {
            count->wrong++;
            print_error("%s: %s: %s: %d\n", file, json_string_value(json_object_get(group, "description")),
                        json_string_value(json_object_get(test, "description")), (int)rc);
        }
        json_decref(issues);
    }
}

static void judge_group(const char *file, const json_t *group, struct count *count)
{
    json_t *document = json_object_get(group, "schema");
    struct opp_schema *schema = NULL;
    struct opp_err err = { 0 };

    count->groups++;
    if (opp_schema_compile(document, &schema, &err) == OPP_OK) {
        judge_tests(file, group, schema, count);
        opp_schema_free(schema);
        return;
    }
    count->skipped++;
    if (err.code != OPP_E_VALIDATION || !holds_unknown(document, 0)) {
        count->wrong++;
        print_error("%s: %s: refused at %s: %s\n", file, json_string_value(json_object_get(group, "description")),
                    err.where, err.message);
    }
}

static void judge_file(const char *name, struct count *count)
{
    char path[PATH_BYTES];
    json_error_t problem;
    json_t *groups, *group;
    size_t index;

    snprintf(path, sizeof path, "%s/%s.json", directory, name);
    groups = json_load_file(path, JSON_ALLOW_NUL, &problem);
    if (groups == NULL)
        fail_msg("%s: %s", path, problem.text);
    json_array_foreach(groups, index, group) judge_group(name, group, count);
    json_decref(groups);
}

static void every_file_of_the_official_suite_agrees(void **state)
{
    struct count total = { 0 };

    (void)state;
    if (access(directory, R_OK) != 0) {
        print_message("skipped: no conformance data\n");
        return;
    }
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        struct count count = { 0 };

        judge_file(FILES[i], &count);
        print_message("%-28s %3u groups, %2u skipped, %3u tests\n", FILES[i], count.groups, count.skipped, count.tests);
        total.groups += count.groups;
        total.skipped += count.skipped;
        total.tests += count.tests;
        total.wrong += count.wrong;
    }
    print_message("%-28s %3u groups, %2u skipped, %3u tests\n", "all", total.groups, total.skipped, total.tests);
    assert_int_equal(total.wrong, 0);
    assert_true(total.tests > 500);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_file_of_the_official_suite_agrees) };

    if (argc > 1)
        directory = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
