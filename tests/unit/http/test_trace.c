/* SPDX-License-Identifier: MIT */
#include "http/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"

static bool goes_on(const char *received, const char *flags)
{
    char made[OPP_TRACE_MAX];

    opp_trace_make(made, received);
    assert_int_equal(strlen(made), OPP_TRACE_MAX - 1);
    assert_memory_equal(made, "00-", 3);
    assert_true(strstr(made, SPAN) == NULL);
    return strncmp(made + OPP_TRACE_ID_AT, TRACE, OPP_TRACE_ID_LENGTH) == 0 && strcmp(made + 53, flags) == 0;
}

static void a_valid_trace_goes_on_with_a_span_of_its_own(void **state)
{
    (void)state;
    assert_true(goes_on("00-" TRACE "-" SPAN "-01", "01"));
    assert_true(goes_on("00-" TRACE "-" SPAN "-00", "00"));
    assert_true(goes_on("cc-" TRACE "-" SPAN "-01", "01"));
    assert_true(goes_on("cc-" TRACE "-" SPAN "-01-more", "01"));
}

static void what_is_not_valid_begins_another(void **state)
{
    static const char *const texts[] = {
        "",
        "00",
        "00-" TRACE "-" SPAN,
        "00-" TRACE "-" SPAN "-",
        "00-" TRACE "-" SPAN "-0",
        "00-" TRACE "-" SPAN "-01-more",
        "00-" TRACE "-" SPAN "-01 ",
        "cc-" TRACE "-" SPAN "-01.more",
        "ff-" TRACE "-" SPAN "-01",
        "0-" TRACE "-" SPAN "-011",
        "00_" TRACE "-" SPAN "-01",
        "00-" TRACE "_" SPAN "-01",
        "00-" TRACE "-" SPAN "_01",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" TRACE "-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01",
        "00-" TRACE "-b7ad6b716920333x-01",
        "00-" TRACE "-" SPAN "-0x",
        "0x-" TRACE "-" SPAN "-01",
    };

    (void)state;
    assert_false(goes_on("00-"
                         "1af7651916cd43dd8448eb211c80319c"
                         "-" SPAN "-01",
                         "01"));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char made[OPP_TRACE_MAX];

        opp_trace_make(made, texts[i]);
        if (strncmp(made + OPP_TRACE_ID_AT, TRACE, OPP_TRACE_ID_LENGTH) == 0)
            fail_msg("%s was taken", texts[i]);
        assert_string_equal(made + 52, "-00");
    }
}

static void new_traces_differ(void **state)
{
    char one[OPP_TRACE_MAX], other[OPP_TRACE_MAX];

    (void)state;
    opp_trace_make(one, NULL);
    opp_trace_make(other, NULL);
    assert_memory_not_equal(one + OPP_TRACE_ID_AT, other + OPP_TRACE_ID_AT, OPP_TRACE_ID_LENGTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_valid_trace_goes_on_with_a_span_of_its_own),
        cmocka_unit_test(what_is_not_valid_begins_another),
        cmocka_unit_test(new_traces_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
