/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

static bool no_memory;

char *__wrap_strdup(const char *text)
{
    return no_memory ? NULL : __real_strdup(text);
}

static void a_copy_is_the_callers_own(void **state)
{
    char text[] = "abc";
    bool failed = false;
    char *copy = opp_text_copy(text, &failed);

    (void)state;
    text[0] = 'x';
    assert_string_equal(copy, "abc");
    assert_false(failed);
    free(copy);
}

static void no_text_is_copied_as_none_and_is_no_failure(void **state)
{
    bool failed = false;

    (void)state;
    assert_null(opp_text_copy(NULL, &failed));
    assert_false(failed);
}

static void a_failure_is_remembered_by_the_copies_after_it(void **state)
{
    bool failed = false;
    char *copy;

    (void)state;
    no_memory = true;
    assert_null(opp_text_copy("lost", &failed));
    no_memory = false;
    assert_true(failed);
    copy = opp_text_copy("made", &failed);
    assert_string_equal(copy, "made");
    assert_true(failed);
    free(copy);
}

static void a_replaced_text_may_be_made_of_the_old_one(void **state)
{
    char *owned = NULL;

    (void)state;
    assert_int_equal(opp_text_replace(&owned, "pending"), OPP_OK);
    assert_int_equal(opp_text_replace(&owned, owned + 3), OPP_OK);
    assert_string_equal(owned, "ding");
    free(owned);
}

static void without_memory_the_old_text_stays(void **state)
{
    char *owned = NULL;
    enum opp_code rc;

    (void)state;
    assert_int_equal(opp_text_replace(&owned, "pending"), OPP_OK);
    no_memory = true;
    rc = opp_text_replace(&owned, "success");
    no_memory = false;
    assert_int_equal(rc, OPP_E_MEMORY);
    assert_string_equal(owned, "pending");
    free(owned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_the_callers_own),
        cmocka_unit_test(no_text_is_copied_as_none_and_is_no_failure),
        cmocka_unit_test(a_failure_is_remembered_by_the_copies_after_it),
        cmocka_unit_test(a_replaced_text_may_be_made_of_the_old_one),
        cmocka_unit_test(without_memory_the_old_text_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
