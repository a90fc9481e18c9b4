/* SPDX-License-Identifier: MIT */
#include "base/failing_alloc.h"
#include "base/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MANY 5000

static const char *const columns[] = { "id", "name" };

static enum opp_code fill(size_t count, struct opp_rows **out)
{
    struct opp_rows *rows = NULL;
    enum opp_code rc = opp_rows_new(columns, 2, &rows, NULL);

    if (rc != OPP_OK)
        return rc;
    for (size_t i = 0; i < count; i++) {
        opp_rows_add_integer(rows, (int64_t)i);
        opp_rows_add_text(rows, "a\0bc", i % 5);
    }
    rc = opp_rows_check(rows, NULL);
    if (rc == OPP_OK)
        *out = rows;
    else
        opp_rows_free(rows);
    return rc;
}

static void cells_come_back_as_they_were_added(void **state)
{
    struct opp_rows *rows = NULL;

    (void)state;
    assert_int_equal(fill(MANY, &rows), OPP_OK);
    assert_int_equal(opp_rows_count(rows), MANY);
    for (size_t i = 0; i < MANY; i++) {
        const struct opp_cell *text = opp_rows_cell(rows, i, 1);

        assert_int_equal(opp_rows_cell(rows, i, 0)->as.integer, i);
        assert_int_equal(text->as.text.length, i % 5);
        assert_memory_equal(opp_rows_text(rows, text), "a\0bc", i % 5);
        assert_int_equal(opp_rows_text(rows, text)[i % 5], '\0');
    }
    assert_true(opp_rows_bytes(rows) >= MANY * 2 * sizeof(struct opp_cell));
    opp_rows_free(rows);
}

static void columns_are_found_by_name(void **state)
{
    struct opp_rows *rows = NULL;

    (void)state;
    assert_int_equal(fill(0, &rows), OPP_OK);
    assert_int_equal(opp_rows_count(rows), 0);
    assert_int_equal(opp_rows_find(rows, "name"), 1);
    assert_int_equal(opp_rows_find(rows, "nam"), -1);
    assert_string_equal(opp_rows_column(rows, 0), "id");
    opp_rows_free(rows);
}

static void the_last_reference_frees(void **state)
{
    struct opp_rows *rows = NULL;

    (void)state;
    assert_int_equal(fill(1, &rows), OPP_OK);
    opp_rows_free(opp_rows_ref(rows));
    assert_int_equal(opp_rows_count(rows), 1);
    opp_rows_free(rows);
    opp_rows_free(NULL);
}

static void an_allocation_that_fails_is_remembered(void **state)
{
    int failures = 0;
    bool failed = true;

    (void)state;
    for (int n = 1; failed; n++) {
        struct opp_rows *rows = NULL;
        enum opp_code rc;

        failing_alloc_set(n);
        rc = fill(MANY, &rows);
        failed = failing_alloc_happened();
        failing_alloc_set(0);
        assert_int_equal(rc, failed ? OPP_E_MEMORY : OPP_OK);
        failures += failed;
        opp_rows_free(rows);
    }
    assert_in_range(failures, 7, 100);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_come_back_as_they_were_added),
        cmocka_unit_test(columns_are_found_by_name),
        cmocka_unit_test(the_last_reference_frees),
        cmocka_unit_test(an_allocation_that_fails_is_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
