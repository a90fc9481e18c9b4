/* SPDX-License-Identifier: MIT */
#include "command/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

static const char *const NAMES[] = { "listen", "admin-listen", "workers", "log" };

static const char *nearest(const char *word)
{
    return opp_nearest(word, NAMES, sizeof NAMES / sizeof *NAMES);
}

static void a_letter_more_less_or_other_is_near(void **state)
{
    (void)state;
    assert_string_equal(nearest("lissten"), "listen");
    assert_string_equal(nearest("lisen"), "listen");
    assert_string_equal(nearest("worters"), "workers");
    assert_string_equal(nearest("admin_lisen"), "admin-listen");
}

static void two_swapped_letters_are_near(void **state)
{
    (void)state;
    assert_string_equal(nearest("wrokers"), "workers");
    assert_string_equal(nearest("lgo"), "log");
}

static void another_word_is_not_near(void **state)
{
    (void)state;
    assert_null(nearest("colour"));
    assert_null(nearest("x"));
    assert_null(nearest("abc"));
}

static void an_empty_word_and_a_very_long_one_are_not_near(void **state)
{
    (void)state;
    assert_null(nearest(""));
    assert_null(nearest("listenlistenlistenlistenlistenlistenlistenlistenlistenlistenlisten"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_letter_more_less_or_other_is_near),
        cmocka_unit_test(two_swapped_letters_are_near),
        cmocka_unit_test(another_word_is_not_near),
        cmocka_unit_test(an_empty_word_and_a_very_long_one_are_not_near),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
