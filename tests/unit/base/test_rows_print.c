/* SPDX-License-Identifier: MIT */
#include "base/failing_alloc.h"
#include "base/rows.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Rows of fixed tables: printing is tested apart from how rows are stored. */
struct opp_rows {
    const char *const *columns;
    const struct opp_cell *cells;
    const char *text;
    size_t column_count, row_count;
};

size_t opp_rows_count(const struct opp_rows *rows)
{
    return rows->row_count;
}

size_t opp_rows_columns(const struct opp_rows *rows)
{
    return rows->column_count;
}

const char *opp_rows_column(const struct opp_rows *rows, size_t column)
{
    return rows->columns[column];
}

const struct opp_cell *opp_rows_cell(const struct opp_rows *rows, size_t row, size_t column)
{
    return &rows->cells[row * rows->column_count + column];
}

const char *opp_rows_text(const struct opp_rows *rows, const struct opp_cell *cell)
{
    return rows->text + cell->as.text.offset;
}

#define CELL_NULL             \
    {                         \
        .type = OPP_CELL_NULL \
    }
#define CELL_INTEGER(value)                             \
    {                                                   \
        .type = OPP_CELL_INTEGER, .as.integer = (value) \
    }
#define CELL_REAL(value)                          \
    {                                             \
        .type = OPP_CELL_REAL, .as.real = (value) \
    }
#define CELL_TEXT(at, size)                                                   \
    {                                                                         \
        .type = OPP_CELL_TEXT, .as.text = {.offset = (at), .length = (size) } \
    }

static const char *const COLUMNS[] = { "title", "id", "say \"x\"", "amount" };
static const struct opp_cell CELLS[] = {
    CELL_TEXT(0, 5), CELL_INTEGER(1),  CELL_NULL,       CELL_REAL(12.5),
    CELL_TEXT(6, 3), CELL_INTEGER(-2), CELL_TEXT(9, 0), CELL_REAL(3.0),
};
static const struct opp_rows ROWS = {
    .columns = COLUMNS, .cells = CELLS, .text = "first\0a\nb\0", .column_count = 4, .row_count = 2
};

static void assert_text(struct opp_buf *buf, const char *expected)
{
    char *text = opp_buf_take(buf);

    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void assert_printed(const struct opp_rows *rows, const struct opp_rows_view *view, const char *expected)
{
    struct opp_buf buf = { 0 };

    opp_rows_print(rows, view, &buf);
    assert_text(&buf, expected);
}

static void rows_are_an_array_of_objects_with_sorted_keys(void **state)
{
    (void)state;
    assert_printed(&ROWS, NULL,
                   "[{\"amount\":12.5,\"id\":1,\"say \\\"x\\\"\":null,\"title\":\"first\"},"
                   "{\"amount\":3,\"id\":-2,\"say \\\"x\\\"\":\"\",\"title\":\"a\\nb\"}]");
}

static void one_row_is_an_object(void **state)
{
    struct opp_buf buf = { 0 };

    (void)state;
    opp_rows_print_row(&ROWS, 1, NULL, &buf);
    assert_text(&buf, "{\"amount\":3,\"id\":-2,\"say \\\"x\\\"\":\"\",\"title\":\"a\\nb\"}");
}

static void an_empty_view_shows_everything(void **state)
{
    static const char *const NONE[] = { NULL };
    struct opp_rows_view view = { 0 };
    struct opp_buf all = { 0 };
    char *expected;

    (void)state;
    opp_rows_print(&ROWS, NULL, &all);
    expected = opp_buf_take(&all);
    assert_printed(&ROWS, &view, expected);
    view = (struct opp_rows_view){ .hidden = NONE, .redacted = NONE };
    assert_printed(&ROWS, &view, expected);
    free(expected);
}

static void hidden_columns_are_left_out(void **state)
{
    static const char *const HIDDEN[] = { "amount", "say \"x\"", "unknown", NULL };
    struct opp_rows_view view = { .hidden = HIDDEN };

    (void)state;
    assert_printed(&ROWS, &view, "[{\"id\":1,\"title\":\"first\"},{\"id\":-2,\"title\":\"a\\nb\"}]");
}

static void redacted_columns_show_the_given_text_in_every_row(void **state)
{
    static const char *const HIDDEN[] = { "say \"x\"", "amount", NULL };
    static const char *const REDACTED[] = { "title", "\"[redacted]\"", "amount", "0", "unknown", "1", NULL };
    struct opp_rows_view view = { .hidden = HIDDEN, .redacted = REDACTED };
    struct opp_buf buf = { 0 };

    (void)state;
    assert_printed(&ROWS, &view, "[{\"id\":1,\"title\":\"[redacted]\"},{\"id\":-2,\"title\":\"[redacted]\"}]");
    view.hidden = NULL;
    opp_rows_print_row(&ROWS, 0, &view, &buf);
    assert_text(&buf, "{\"amount\":0,\"id\":1,\"say \\\"x\\\"\":null,\"title\":\"[redacted]\"}");
}

static void rows_without_a_shown_column_are_empty_objects(void **state)
{
    static const char *const ALL[] = { "title", "id", "say \"x\"", "amount", NULL };
    struct opp_rows_view view = { .hidden = ALL };
    struct opp_rows none = { .row_count = 1 };

    (void)state;
    assert_printed(&ROWS, &view, "[{},{}]");
    assert_printed(&none, NULL, "[{}]");
}

static void no_rows_are_an_empty_array(void **state)
{
    struct opp_rows empty = ROWS;

    (void)state;
    empty.row_count = 0;
    assert_printed(&empty, NULL, "[]");
}

static void of_columns_with_one_name_the_first_is_printed(void **state)
{
    static const char *const SAME[] = { "b", "a", "b", "a" };
    struct opp_rows rows = ROWS;

    (void)state;
    rows.columns = SAME;
    rows.row_count = 1;
    assert_printed(&rows, NULL, "[{\"a\":1,\"b\":\"first\"}]");
}

static void keys_are_ordered_by_utf16_units(void **state)
{
    static const char *const COLUMNS_BEYOND[] = { "\xef\xbf\xbd", "\xf0\x9f\x98\x80", "z", "\xc3\xb6" };
    struct opp_rows rows = ROWS;

    (void)state;
    rows.columns = COLUMNS_BEYOND;
    rows.row_count = 1;
    assert_printed(&rows, NULL, "[{\"z\":null,\"\xc3\xb6\":12.5,\"\xf0\x9f\x98\x80\":1,\"\xef\xbf\xbd\":\"first\"}]");
}

static void an_infinite_real_is_null(void **state)
{
    static const char *const ONE[] = { "x" };
    const struct opp_cell cell = CELL_REAL((double)INFINITY);
    struct opp_rows rows = { .columns = ONE, .cells = &cell, .column_count = 1, .row_count = 1 };

    (void)state;
    assert_printed(&rows, NULL, "[{\"x\":null}]");
}

static void every_failed_allocation_is_remembered(void **state)
{
    int failures = 0;

    (void)state;
    for (;; failures++) {
        struct opp_buf all = { 0 }, one = { 0 };
        bool all_failed;

        failing_alloc_set(failures + 1);
        opp_rows_print(&ROWS, NULL, &all);
        all_failed = failing_alloc_happened();
        failing_alloc_set(failures + 1);
        opp_rows_print_row(&ROWS, 0, NULL, &one);
        failing_alloc_set(0);
        assert_int_equal(opp_buf_check(&all, NULL), all_failed ? OPP_E_MEMORY : OPP_OK);
        assert_int_equal(opp_buf_check(&one, NULL), all_failed ? OPP_E_MEMORY : OPP_OK);
        opp_buf_free(&all);
        opp_buf_free(&one);
        if (!all_failed)
            break;
    }
    assert_true(failures >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_an_array_of_objects_with_sorted_keys),
        cmocka_unit_test(one_row_is_an_object),
        cmocka_unit_test(an_empty_view_shows_everything),
        cmocka_unit_test(hidden_columns_are_left_out),
        cmocka_unit_test(redacted_columns_show_the_given_text_in_every_row),
        cmocka_unit_test(rows_without_a_shown_column_are_empty_objects),
        cmocka_unit_test(no_rows_are_an_empty_array),
        cmocka_unit_test(of_columns_with_one_name_the_first_is_printed),
        cmocka_unit_test(keys_are_ordered_by_utf16_units),
        cmocka_unit_test(an_infinite_real_is_null),
        cmocka_unit_test(every_failed_allocation_is_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
