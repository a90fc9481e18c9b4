/* SPDX-License-Identifier: MIT */
#include "base/pem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/pem.h>

static void what_is_wrong_in_a_file_is_told_from_memory_that_is_out(void **state)
{
    (void)state;
    ERR_clear_error();
    assert_true(opp_pem_starved()); /* not even for an error was there any */
    ERR_raise(ERR_LIB_PEM, PEM_R_NO_START_LINE);
    ERR_raise(ERR_LIB_SSL, ERR_R_PEM_LIB);
    assert_false(opp_pem_starved());
    ERR_raise(ERR_LIB_PEM, ERR_R_MALLOC_FAILURE);
    ERR_raise(ERR_LIB_SSL, ERR_R_PEM_LIB);
    assert_true(opp_pem_starved());
    assert_int_equal(ERR_peek_error(), 0);
}

static void nobody_is_asked_for_a_password(void **state)
{
    char text[8] = "";

    (void)state;
    assert_int_equal(opp_pem_no_password(text, sizeof text, 0, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_in_a_file_is_told_from_memory_that_is_out),
        cmocka_unit_test(nobody_is_asked_for_a_password),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
