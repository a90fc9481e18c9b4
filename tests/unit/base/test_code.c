/* SPDX-License-Identifier: MIT */
#include "base/code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

static void every_code_has_a_name_of_the_protocol(void **state)
{
    (void)state;
    for (int code = 0; code < OPP_CODE_COUNT; code++) {
        const char *name = opp_code_name((enum opp_code)code);

        assert_true(strncmp(name, "common.", 7) == 0 || strncmp(name, "agent.", 6) == 0);
        assert_true(strlen(strchr(name, '.')) > 1);
    }
}

static void every_code_has_a_status_or_none(void **state)
{
    (void)state;
    for (int code = 0; code < OPP_CODE_COUNT; code++) {
        int status = opp_code_status((enum opp_code)code);

        assert_true(status == 0 || (status >= 100 && status <= 599));
    }
}

static void every_code_has_a_known_recovery(void **state)
{
    static const char *const known[] = { "fix", "same", "preflight", "key", "poll", "operator", "none" };

    (void)state;
    for (int code = 0; code < OPP_CODE_COUNT; code++) {
        bool found = false;

        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            found = found || strcmp(opp_code_recovery((enum opp_code)code), known[i]) == 0;
        assert_true(found);
    }
}

static void every_message_is_a_sentence(void **state)
{
    (void)state;
    for (int code = 0; code < OPP_CODE_COUNT; code++) {
        const char *message = opp_code_message((enum opp_code)code);

        assert_true(strlen(message) > 3);
        assert_int_equal(message[strlen(message) - 1], '.');
    }
}

static void only_internal_codes_share_a_name(void **state)
{
    (void)state;
    for (int a = 0; a < OPP_CODE_COUNT; a++)
        for (int b = a + 1; b < OPP_CODE_COUNT; b++)
            if (strcmp(opp_code_name((enum opp_code)a), opp_code_name((enum opp_code)b)) == 0)
                assert_string_equal(opp_code_name((enum opp_code)a), "common.internal_error");
}

static void a_number_that_is_no_code_is_an_internal_error(void **state)
{
    (void)state;
    assert_string_equal(opp_code_name(OPP_CODE_COUNT), "common.internal_error");
    assert_int_equal(opp_code_status(OPP_CODE_COUNT), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_name_of_the_protocol),
        cmocka_unit_test(every_code_has_a_status_or_none),
        cmocka_unit_test(every_code_has_a_known_recovery),
        cmocka_unit_test(every_message_is_a_sentence),
        cmocka_unit_test(only_internal_codes_share_a_name),
        cmocka_unit_test(a_number_that_is_no_code_is_an_internal_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
