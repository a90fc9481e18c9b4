/* SPDX-License-Identifier: MIT */
#include "base/data_file.h"
#include "base/json.h"

#include "base/jcs.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *parsed(const char *text)
{
    struct opp_err err = { 0 };
    json_t *value = NULL;

    assert_int_equal(opp_json_parse(text, strlen(text), &value, &err), OPP_OK);
    assert_non_null(value);
    assert_int_equal(err.code, OPP_OK);
    return value;
}

static void assert_parses(const char *text)
{
    json_decref(parsed(text));
}

/* Refused for the reason whose words these are; nothing is given. */
static void assert_refused_bytes(const char *bytes, size_t length, const char *words)
{
    struct opp_err err = { 0 };
    json_t *value = NULL;

    assert_int_equal(opp_json_parse(bytes, length, &value, &err), OPP_E_VALIDATION);
    assert_null(value);
    assert_int_equal(err.code, OPP_E_VALIDATION);
    if (strstr(err.message, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.message, words);
}

static void assert_refused(const char *text, const char *words)
{
    assert_refused_bytes(text, strlen(text), words);
}

/* Gives open count times, middle, close count times. */
static char *nested(const char *open, const char *middle, const char *close, size_t count)
{
    char *text = calloc(1, count * (strlen(open) + strlen(close)) + strlen(middle) + 1), *at = text;

    assert_non_null(text);
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, open);
    at = stpcpy(at, middle);
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, close);
    return text;
}

static void any_type_can_be_a_whole_text(void **state)
{
    (void)state;
    assert_parses("null");
    assert_parses(" true\r\n\t");
    assert_parses("-0.5e3");
    assert_parses("\"text\"");
    assert_parses("[]");
    assert_parses("{}");
}

static void what_is_no_json_is_refused_without_quoting_it(void **state)
{
    struct opp_err err = { 0 };
    json_t *value = NULL;

    (void)state;
    assert_refused("", "is empty");
    assert_refused("   ", "ends too early");
    assert_refused("[1,2", "ends too early");
    assert_refused("[1,]", "is not JSON");
    assert_refused("[1] 2", "goes on after its value");
    assert_refused("{\"a\":NaN}", "is not JSON");
    assert_refused("[Infinity]", "is not JSON");
    assert_refused("\"\xff\"", "is not valid UTF-8");
    assert_refused("\"\xed\xa0\x80\"", "is not valid UTF-8");
    assert_refused("\"\\ud800\"", "is not JSON");
    assert_refused("\"unclosed\\", "is not JSON");
    assert_int_equal(opp_json_parse("[secret]", 8, &value, &err), OPP_E_VALIDATION);
    assert_null(strstr(err.message, "secret"));
    assert_non_null(strstr(err.message, "at byte "));
}

static void a_repeated_key_is_refused(void **state)
{
    (void)state;
    assert_refused("{\"a\":1,\"a\":1}", "repeats a key");
    assert_refused("[{\"a\":1,\"\\u0061\":2}]", "repeats a key");
    assert_parses("[{\"a\":1},{\"a\":2}]");
}

static void nul_is_refused_in_every_shape(void **state)
{
    (void)state;
    assert_refused_bytes("[1]\0", 4, "a NUL byte");
    assert_refused_bytes("\"a\0b\"", 5, "a NUL byte");
    assert_refused("\"a\\u0000b\"", "U+0000 in a string");
    assert_refused("{\"a\\u0000b\":1}", "U+0000 in a key");
}

static void a_number_that_a_double_cannot_hold_is_refused(void **state)
{
    (void)state;
    assert_refused("1e400", "a number that is too large");
    assert_refused("[-1e400]", "a number that is too large");
    assert_refused("9223372036854775808", "a number that is too large");
    assert_refused("9007199254740993", "an integer that a double cannot hold");
    assert_refused("{\"a\":[-9007199254740993]}", "an integer that a double cannot hold");
    assert_refused("9223372036854775807", "an integer that a double cannot hold");
    assert_refused("18014398509481986", "an integer that a double cannot hold");
}

static void an_integer_that_a_double_holds_is_kept(void **state)
{
    json_t *value = parsed("[9007199254740992,-9007199254740992,9007199254740994,-9223372036854775808,0,-0]");

    (void)state;
    assert_int_equal(json_integer_value(json_array_get(value, 0)), INT64_C(9007199254740992));
    assert_int_equal(json_integer_value(json_array_get(value, 2)), INT64_C(9007199254740994));
    assert_int_equal(json_integer_value(json_array_get(value, 3)), INT64_MIN);
    json_decref(value);
}

static void a_number_too_small_for_a_double_is_zero(void **state)
{
    json_t *value = parsed("1e-400");

    (void)state;
    assert_true(json_real_value(value) == 0.0);
    json_decref(value);
}

static void depth_is_bounded_in_arrays_and_objects(void **state)
{
    static const char *const OPEN[] = { "[", "{\"a\":" }, *const CLOSE[] = { "]", "}" };
    static const char *const ONE_MORE[] = { "[]", "{}" };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char *most = nested(OPEN[i], "1", CLOSE[i], OPP_JSON_DEPTH_MAX);
        char *over = nested(OPEN[i], ONE_MORE[i], CLOSE[i], OPP_JSON_DEPTH_MAX);
        char *open = nested(OPEN[i], "", "", 100000);

        assert_parses(most);
        assert_refused(over, "more than 64 levels");
        assert_refused(open, "more than 64 levels");
        free(most);
        free(over);
        free(open);
    }
}

static void brackets_inside_strings_are_no_depth(void **state)
{
    char *text = nested("[{", "", "", 1000), *quoted = nested("[\"\\\"", text, "\\\\\"]", 1);

    (void)state;
    assert_parses(quoted);
    free(text);
    free(quoted);
}

/* An array of count times element. */
static char *array_of(const char *element, size_t count)
{
    char *text = calloc(1, count * (strlen(element) + 1) + 3), *at = text;

    assert_non_null(text);
    *at++ = '[';
    for (size_t i = 0; i < count; i++) {
        at = stpcpy(at, i > 0 ? "," : "");
        at = stpcpy(at, element);
    }
    *at = ']';
    return text;
}

/* An element stands for each values; the array itself is one more. */
static void assert_bounded(const char *element, size_t each)
{
    size_t most = (OPP_JSON_VALUES_MAX - 1) / each;
    char *fits = array_of(element, most), *over = array_of(element, most + 1);

    assert_parses(fits);
    assert_refused(over, "more than 20000 values");
    free(fits);
    free(over);
}

static void the_count_of_values_is_bounded_exactly(void **state)
{
    (void)state;
    assert_bounded("1", 1);
    assert_bounded("{}", 1);
    assert_bounded("[ ]", 1);
    assert_bounded("\",[\"", 1);
    assert_bounded("[1]", 2);
    assert_bounded("{\"a\":1,\"b\":[2,3]}", 5);
}

static void members_are_asked_by_type(void **state)
{
    json_t *object = parsed("{\"text\":\"x\",\"number\":1,\"yes\":true,\"no\":false}");

    (void)state;
    assert_string_equal(opp_json_text(object, "text"), "x");
    assert_null(opp_json_text(object, "number"));
    assert_null(opp_json_text(object, "absent"));
    assert_null(opp_json_text(NULL, "text"));
    assert_true(opp_json_true(object, "yes"));
    assert_false(opp_json_true(object, "no"));
    assert_false(opp_json_true(object, "number"));
    assert_false(opp_json_true(object, "absent"));
    json_decref(object);
}

static bool equal_texts(const char *a, const char *b)
{
    json_t *x = parsed(a), *y = parsed(b);
    bool equal = opp_json_equal(x, y);

    assert_true(opp_json_equal(y, x) == equal);
    json_decref(x);
    json_decref(y);
    return equal;
}

static void values_are_equal_as_json(void **state)
{
    (void)state;
    assert_true(equal_texts("1", "1.0"));
    assert_true(equal_texts("0", "-0.0"));
    assert_true(equal_texts("100", "1e2"));
    assert_true(equal_texts("1.5", "15e-1"));
    assert_true(equal_texts("null", "null"));
    assert_true(equal_texts("{\"a\":[1,\"x\"],\"b\":null}", "{\"b\":null,\"a\":[1.0,\"\\u0078\"]}"));
    assert_true(equal_texts("-9223372036854775808", "-9223372036854775808.0"));
}

static void values_that_differ_are_not_equal(void **state)
{
    (void)state;
    assert_false(equal_texts("1", "2"));
    assert_false(equal_texts("1", "1.5"));
    assert_false(equal_texts("1.25", "1.5"));
    assert_false(equal_texts("1", "\"1\""));
    assert_false(equal_texts("1", "1e300"));
    assert_false(equal_texts("true", "false"));
    assert_false(equal_texts("0", "false"));
    assert_false(equal_texts("\"a\"", "\"ab\""));
    assert_false(equal_texts("\"a\"", "\"b\""));
    assert_false(equal_texts("[1,2]", "[2,1]"));
    assert_false(equal_texts("[1]", "[1,1]"));
    assert_false(equal_texts("{\"a\":1}", "{\"b\":1}"));
    assert_false(equal_texts("{\"a\":1}", "{\"a\":2}"));
    assert_false(equal_texts("{\"a\":1}", "{\"a\":1,\"b\":1}"));
    assert_false(equal_texts("[]", "{}"));
    assert_false(opp_json_equal(NULL, json_null()));
}

static int allocations_left;

static void *alloc_until_none_left(size_t size)
{
    return allocations_left > 0 && --allocations_left == 0 ? NULL : malloc(size);
}

static void a_parser_out_of_memory_never_blames_the_text(void **state)
{
    static const char TEXT[] = "{\"a\":[1,2.5,\"text\",{\"b\":null}],\"c\":[3,4,5,6,7,8,9,10,11,12]}";
    int failures = 0;
    enum opp_code rc;

    (void)state;
    json_set_alloc_funcs(alloc_until_none_left, free);
    do {
        json_t *value = NULL;

        allocations_left = ++failures;
        rc = opp_json_parse(TEXT, strlen(TEXT), &value, NULL);
        assert_true(rc == OPP_OK || rc == OPP_E_MEMORY);
        assert_true((rc == OPP_OK) == (value != NULL));
        json_decref(value);
    } while (allocations_left == 0);
    json_set_alloc_funcs(malloc, free);
    assert_true(failures > 10);
}

static bool is_refused_on_purpose(const char *name)
{
    return strcmp(name, "y_object_duplicated_key.json") == 0 ||
           strcmp(name, "y_object_duplicated_key_and_value.json") == 0 ||
           strcmp(name, "y_string_null_escape.json") == 0 || strcmp(name, "y_object_escaped_null_in_key.json") == 0;
}

static void check_vector(const char *dir, const char *name)
{
    size_t length = 0;
    char *bytes = data_file_read(dir, name, &length);
    struct opp_err err = { 0 };
    json_t *value = NULL;
    enum opp_code rc;

    assert_non_null(bytes);
    rc = opp_json_parse(bytes, length, &value, &err);
    if (name[0] == 'y' && rc != OPP_OK && !is_refused_on_purpose(name))
        fail_msg("%s is refused: %s", name, err.message);
    if ((name[0] == 'n' || is_refused_on_purpose(name)) && rc != OPP_E_VALIDATION)
        fail_msg("%s is not refused", name);
    assert_true(rc == OPP_OK || rc == OPP_E_VALIDATION);
    json_decref(value);
    free(bytes);
}

static void the_public_parsing_vectors_come_out_as_named(void **state)
{
    static const char PATH[] = OPP_DATA_DIR "/json-parsing/test_parsing";
    DIR *dir = data_dir_open(PATH);
    struct dirent *entry;
    size_t count = 0;

    (void)state;
    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        check_vector(PATH, entry->d_name);
        count++;
    }
    closedir(dir);
    assert_true(count > 300);
}

static void expect_read_as_written(json_t *value)
{
    struct opp_buf first = { 0 }, second = { 0 };
    json_t *again = NULL;

    opp_jcs_write(&first, value);
    assert_int_equal(opp_json_read(first.bytes, first.length, &again), OPP_OK);
    assert_true(opp_json_equal(value, again));
    opp_jcs_write(&second, again);
    assert_int_equal(first.length, second.length);
    assert_memory_equal(first.bytes, second.bytes, first.length);
    json_decref(again);
    json_decref(value);
    opp_buf_free(&first);
    opp_buf_free(&second);
}

static void what_was_written_is_read_whatever_its_numbers(void **state)
{
    static const double numbers[] = { 1e20,
                                      -1e20,
                                      123456789012345678901.0,
                                      -92092071992547409.1,
                                      9007199254740992.0,
                                      1e21,
                                      5e-324,
                                      1.7976931348623157e308,
                                      -0.0,
                                      0.1,
                                      9223372036854775808.0 };

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        expect_read_as_written(json_real(numbers[i]));
        expect_read_as_written(
            json_pack("{s:[f, i], s:{s:f}, s:s}", "a", numbers[i], 5, "b", "c", numbers[i], "d", "text"));
    }
    expect_read_as_written(json_integer(INT64_C(1) << 60));
    expect_read_as_written(json_pack("[I, I]", (json_int_t)9007199254740991, (json_int_t)-9007199254740991));
}

static void small_integers_beside_large_numbers_stay_integers(void **state)
{
    static const char text[] = "{\"a\":[1,100000000000000000000],\"b\":2.5,\"c\":-7}";
    json_t *value = NULL;

    (void)state;
    assert_int_equal(opp_json_read(text, strlen(text), &value), OPP_OK);
    assert_true(json_is_integer(json_array_get(json_object_get(value, "a"), 0)));
    assert_true(json_real_value(json_array_get(json_object_get(value, "a"), 1)) == 1e20);
    assert_true(json_is_real(json_object_get(value, "b")));
    assert_int_equal(json_integer_value(json_object_get(value, "c")), -7);
    json_decref(value);
}

static void what_is_no_json_is_not_read(void **state)
{
    json_t *value = NULL;

    (void)state;
    assert_int_equal(opp_json_read("{", 1, &value), OPP_E_INTERNAL);
    assert_int_equal(opp_json_read("{\"a\":1,\"a\":2}", 13, &value), OPP_E_INTERNAL);
    assert_int_equal(opp_json_read("[100000000000000000000", 22, &value), OPP_E_INTERNAL);
    assert_int_equal(opp_json_read("[1e999]", 7, &value), OPP_E_INTERNAL);
    assert_null(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_whatever_its_numbers),
        cmocka_unit_test(small_integers_beside_large_numbers_stay_integers),
        cmocka_unit_test(what_is_no_json_is_not_read),
        cmocka_unit_test(any_type_can_be_a_whole_text),
        cmocka_unit_test(what_is_no_json_is_refused_without_quoting_it),
        cmocka_unit_test(a_repeated_key_is_refused),
        cmocka_unit_test(nul_is_refused_in_every_shape),
        cmocka_unit_test(a_number_that_a_double_cannot_hold_is_refused),
        cmocka_unit_test(an_integer_that_a_double_holds_is_kept),
        cmocka_unit_test(a_number_too_small_for_a_double_is_zero),
        cmocka_unit_test(depth_is_bounded_in_arrays_and_objects),
        cmocka_unit_test(brackets_inside_strings_are_no_depth),
        cmocka_unit_test(the_count_of_values_is_bounded_exactly),
        cmocka_unit_test(members_are_asked_by_type),
        cmocka_unit_test(values_are_equal_as_json),
        cmocka_unit_test(values_that_differ_are_not_equal),
        cmocka_unit_test(a_parser_out_of_memory_never_blames_the_text),
        cmocka_unit_test(the_public_parsing_vectors_come_out_as_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
