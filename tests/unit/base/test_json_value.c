/* SPDX-License-Identifier: MIT
 *
 * What base/json.h says of values that are there already.
 */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool equal(const char *a, const char *b)
{
    json_t *x = json_loads(a, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    json_t *y = json_loads(b, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    bool same;

    assert_non_null(x);
    assert_non_null(y);
    same = opp_json_equal(x, y);
    assert_int_equal(opp_json_equal(y, x), same);
    json_decref(x);
    json_decref(y);
    return same;
}

static void numbers_are_equal_by_value(void **state)
{
    (void)state;
    assert_true(equal("1", "1.0"));
    assert_true(equal("0", "-0.0"));
    assert_true(equal("1e2", "100"));
    assert_true(equal("0.5", "5e-1"));
    assert_false(equal("1", "1.5"));
    assert_false(equal("1", "2"));
    assert_false(equal("1", "true"));
    assert_false(equal("0", "null"));
    assert_false(equal("1", "\"1\""));
}

static void a_whole_number_that_a_double_cannot_hold_differs_from_its_neighbour(void **state)
{
    (void)state;
    assert_true(equal("9007199254740992", "9007199254740992.0"));
    assert_false(equal("9007199254740993", "9007199254740992.0"));
    assert_false(equal("9223372036854775807", "9223372036854775808.0"));
    assert_true(equal("-9223372036854775808", "-9223372036854775808.0"));
    assert_false(equal("1", "1e300"));
}

static void a_member_is_an_integer_however_that_is_written(void **state)
{
    json_t *value =
        json_loads("{\"a\": 240, \"b\": 240.0, \"c\": -2.4e2, \"d\": 0.5, \"e\": 1e300, \"f\": \"240\"}", 0, NULL);

    (void)state;
    assert_int_equal(opp_json_integer(value, "a"), 240);
    assert_int_equal(opp_json_integer(value, "b"), 240);
    assert_int_equal(opp_json_integer(value, "c"), -240);
    assert_int_equal(opp_json_integer(value, "d"), 0);
    assert_int_equal(opp_json_integer(value, "e"), 0);
    assert_int_equal(opp_json_integer(value, "f"), 0);
    assert_int_equal(opp_json_integer(value, "none"), 0);
    json_decref(value);
}

static void members_have_no_order_and_items_have_one(void **state)
{
    (void)state;
    assert_true(equal("{\"a\": 1, \"b\": [2, {}]}", "{\"b\": [2.0, {}], \"a\": 1}"));
    assert_false(equal("{\"a\": 1}", "{\"a\": 1, \"b\": 2}"));
    assert_false(equal("{\"a\": 1, \"c\": 2}", "{\"a\": 1, \"b\": 2}"));
    assert_false(equal("[1, 2]", "[2, 1]"));
    assert_false(equal("[1, 2]", "[1]"));
    assert_false(equal("[]", "{}"));
}

static void text_is_compared_to_its_end_beyond_a_nul(void **state)
{
    (void)state;
    assert_true(equal("\"a\\u0000b\"", "\"a\\u0000b\""));
    assert_false(equal("\"a\\u0000b\"", "\"a\\u0000c\""));
    assert_false(equal("\"a\"", "\"a\\u0000\""));
}

static json_t *nest(unsigned depth)
{
    json_t *value = json_array();

    for (unsigned i = 0; i < depth; i++) {
        json_t *outer = json_array();

        json_array_append_new(outer, value);
        value = outer;
    }
    return value;
}

static void what_is_nested_deeper_than_any_input_is_equal_to_nothing(void **state)
{
    json_t *shallow = nest(OPP_JSON_DEPTH_MAX), *deep = nest(1000);

    (void)state;
    assert_true(opp_json_equal(shallow, shallow));
    assert_false(opp_json_equal(deep, deep));
    assert_false(opp_json_equal(NULL, shallow));
    json_decref(shallow);
    json_decref(deep);
}

static void a_member_is_asked_for_its_text_or_its_truth(void **state)
{
    json_t *object = json_loads("{\"name\": \"x\", \"n\": 1, \"yes\": true, \"no\": false}", 0, NULL);

    (void)state;
    assert_string_equal(opp_json_text(object, "name"), "x");
    assert_null(opp_json_text(object, "n"));
    assert_null(opp_json_text(object, "absent"));
    assert_null(opp_json_text(NULL, "name"));
    assert_true(opp_json_true(object, "yes"));
    assert_false(opp_json_true(object, "no"));
    assert_false(opp_json_true(object, "n"));
    assert_false(opp_json_true(object, "absent"));
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_equal_by_value),
        cmocka_unit_test(a_whole_number_that_a_double_cannot_hold_differs_from_its_neighbour),
        cmocka_unit_test(a_member_is_an_integer_however_that_is_written),
        cmocka_unit_test(members_have_no_order_and_items_have_one),
        cmocka_unit_test(text_is_compared_to_its_end_beyond_a_nul),
        cmocka_unit_test(what_is_nested_deeper_than_any_input_is_equal_to_nothing),
        cmocka_unit_test(a_member_is_asked_for_its_text_or_its_truth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
