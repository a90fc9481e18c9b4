/* SPDX-License-Identifier: MIT */
#include "core/told.h"
#include "core/told_spares.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

static int set_up(void **state)
{
    struct opp_told_spares *spares = malloc(sizeof *spares);

    assert_non_null(spares);
    opp_told_spares_init(spares);
    *state = spares;
    return 0;
}

static int tear_down(void **state)
{
    opp_told_spares_free(*state);
    free(*state);
    return 0;
}

static struct opp_told *blank(struct opp_told *next)
{
    struct opp_told *told = calloc(1, sizeof *told);

    assert_non_null(told);
    told->next = next;
    return told;
}

static void what_is_given_back_is_taken_again_with_its_memory(void **state)
{
    struct opp_told *told = opp_told_spares_take(*state), *again;

    assert_non_null(told);
    opp_buf_text(&told->parts, "{}");
    opp_told_spares_give(*state, told);
    again = opp_told_spares_take(*state);
    assert_ptr_equal(again, told);
    assert_true(again->parts.capacity > 0);
    opp_told_free(again);
}

static void no_more_are_kept_than_the_bound(void **state)
{
    struct opp_told_spares *spares = *state;
    struct opp_told *list = NULL;

    for (int i = 0; i < OPP_TOLD_SPARES_MAX + 5; i++)
        list = blank(list);
    opp_told_spares_give(spares, list);
    assert_int_equal(spares->count, OPP_TOLD_SPARES_MAX);
    opp_told_free(opp_told_spares_take(spares));
    assert_int_equal(spares->count, OPP_TOLD_SPARES_MAX - 1);
    opp_told_spares_give(spares, NULL);
    assert_int_equal(spares->count, OPP_TOLD_SPARES_MAX - 1);
}

static void one_that_was_great_is_not_kept(void **state)
{
    struct opp_told_spares *spares = *state;
    struct opp_told *great = blank(blank(NULL));

    assert_non_null(opp_buf_room(&great->parts, OPP_TOLD_SPARE_MAX_BYTES));
    opp_told_spares_give(spares, great);
    assert_int_equal(spares->count, 1);
    assert_true(opp_told_bytes(spares->first) <= OPP_TOLD_SPARE_MAX_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_given_back_is_taken_again_with_its_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_more_are_kept_than_the_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_was_great_is_not_kept, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
