/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void what_is_added_is_there_in_order(void **state)
{
    struct opp_buf buf = { 0 };
    char *text;

    (void)state;
    opp_buf_text(&buf, "a");
    opp_buf_char(&buf, 'b');
    opp_buf_add(&buf, "cd", 2);
    opp_buf_format(&buf, "%d%s", 12, "x");
    assert_int_equal(opp_buf_check(&buf, NULL), OPP_OK);
    text = opp_buf_take(&buf);
    assert_string_equal(text, "abcd12x");
    assert_null(buf.bytes);
    free(text);
}

static void it_grows_past_every_capacity(void **state)
{
    struct opp_buf buf = { 0 };

    (void)state;
    for (size_t i = 0; i < 100000; i++)
        opp_buf_char(&buf, (char)(i % 251));
    assert_int_equal(opp_buf_check(&buf, NULL), OPP_OK);
    assert_int_equal(buf.length, 100000);
    for (size_t i = 0; i < buf.length; i++)
        assert_int_equal(buf.bytes[i], (char)(i % 251));
    opp_buf_free(&buf);
}

static void an_empty_one_is_taken_as_an_empty_text(void **state)
{
    struct opp_buf buf = { 0 };
    char *text = opp_buf_take(&buf);

    (void)state;
    assert_string_equal(text, "");
    free(text);
}

static void a_failure_is_remembered_until_the_reset(void **state)
{
    struct opp_buf buf = { 0 };
    struct opp_err err = { 0 };

    (void)state;
    opp_buf_text(&buf, "kept");
    assert_null(opp_buf_room(&buf, SIZE_MAX / 2));
    opp_buf_text(&buf, "lost");
    assert_int_equal(opp_buf_check(&buf, &err), OPP_E_MEMORY);
    assert_int_equal(err.code, OPP_E_MEMORY);
    assert_int_equal(buf.length, 4);
    opp_buf_reset(&buf);
    opp_buf_text(&buf, "again");
    assert_int_equal(opp_buf_check(&buf, NULL), OPP_OK);
    assert_memory_equal(buf.bytes, "again", 5);
    opp_buf_free(&buf);
}

static void taking_a_failed_one_gives_nothing_and_frees_it(void **state)
{
    struct opp_buf buf = { 0 };

    (void)state;
    opp_buf_text(&buf, "kept");
    assert_null(opp_buf_room(&buf, SIZE_MAX / 2));
    assert_null(opp_buf_take(&buf));
    assert_null(buf.bytes);
    assert_false(buf.failed);
}

static void room_is_lent_and_counted_by_the_caller(void **state)
{
    struct opp_buf buf = { 0 };
    char *room = opp_buf_room(&buf, 1000);

    (void)state;
    assert_non_null(room);
    memset(room, 'x', 1000);
    buf.length += 1000;
    opp_buf_char(&buf, 'y');
    assert_int_equal(buf.length, 1001);
    assert_int_equal(buf.bytes[999], 'x');
    assert_int_equal(buf.bytes[1000], 'y');
    opp_buf_free(&buf);
}

static void the_first_error_wins(void **state)
{
    struct opp_err err = { 0 };

    (void)state;
    assert_int_equal(opp_fail_at(&err, OPP_E_IO, "f:1", "number %d", 1), OPP_E_IO);
    assert_int_equal(opp_fail(&err, OPP_E_LIMIT, "number %d", 2), OPP_E_LIMIT);
    assert_int_equal(err.code, OPP_E_IO);
    assert_string_equal(err.message, "number 1");
    assert_string_equal(err.where, "f:1");
    assert_int_equal(opp_fail(NULL, OPP_E_IO, "nobody listens"), OPP_E_IO);
}

/* Of each width, so that the cut falls on each byte of a character. */
static void a_message_that_is_cut_ends_with_a_whole_character(void **state)
{
    static const char *const characters[] = { "\xc3\xa9", "\xe2\x82\xac", "\xf0\x90\x8d\x88" };

    (void)state;
    for (size_t which = 0; which < 3; which++)
        for (size_t pad = 0; pad < 4; pad++) {
            struct opp_err err = { 0 };
            char text[400] = "xxxx";
            json_t *string;

            text[pad] = '\0';
            while (strlen(text) < 300)
                strcat(text, characters[which]);
            opp_fail_at(&err, OPP_E_IO, text, "%s", text);
            string = json_string(err.message);
            assert_non_null(string);
            json_decref(string);
            string = json_string(err.where);
            assert_non_null(string);
            json_decref(string);
            assert_true(strlen(err.message) >= sizeof err.message - 4);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_there_in_order),
        cmocka_unit_test(it_grows_past_every_capacity),
        cmocka_unit_test(an_empty_one_is_taken_as_an_empty_text),
        cmocka_unit_test(a_failure_is_remembered_until_the_reset),
        cmocka_unit_test(taking_a_failed_one_gives_nothing_and_frees_it),
        cmocka_unit_test(room_is_lent_and_counted_by_the_caller),
        cmocka_unit_test(the_first_error_wins),
        cmocka_unit_test(a_message_that_is_cut_ends_with_a_whole_character),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
