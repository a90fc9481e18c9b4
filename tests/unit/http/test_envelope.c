/* SPDX-License-Identifier: MIT */
#include "http/envelope.h"
#include "http/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_bytes(struct opp_buf *buf, const char *expected)
{
    char *text = opp_buf_take(buf);

    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void a_success_is_canonical(void **state)
{
    json_t *data = json_pack("{s:i, s:[b, n, f], s:s}", "z", 1, "a", 1, 0.1, "\xc3\xa4", "\n");
    struct opp_buf buf = { 0 };

    (void)state;
    opp_envelope_success(&buf, data);
    assert_bytes(&buf, "{\"code\":\"common.success\",\"data\":{\"a\":[true,null,0.1],\"z\":1,\"\xc3\xa4\":\"\\n\"},"
                       "\"ok\":true}");
    json_decref(data);
}

static void a_refusal_has_its_code_recovery_and_message(void **state)
{
    struct opp_buf buf = { 0 };

    (void)state;
    opp_envelope_refusal(&buf, OPP_E_ROUTE_UNKNOWN, NULL, NULL);
    assert_bytes(&buf, "{\"code\":\"common.not_found\",\"details\":{\"recovery\":\"fix\"},\"message\":\"There is no "
                       "such route.\",\"ok\":false}");
}

static void recovery_joins_the_details(void **state)
{
    json_t *details = json_pack("{s:s, s:s}", "zone", "a", "draftId", "drf_1");
    struct opp_buf buf = { 0 };

    (void)state;
    opp_envelope_refusal(&buf, OPP_E_PRECONDITION, "The \"state\" moved.", details);
    assert_bytes(&buf, "{\"code\":\"agent.precondition_failed\",\"details\":{\"draftId\":\"drf_1\",\"recovery\":"
                       "\"preflight\",\"zone\":\"a\"},\"message\":\"The \\\"state\\\" moved.\",\"ok\":false}");
    json_decref(details);
}

static void the_last_resort_is_the_envelope_of_an_internal_error(void **state)
{
    struct opp_buf buf = { 0 };

    (void)state;
    opp_envelope_refusal(&buf, OPP_E_INTERNAL, NULL, NULL);
    assert_bytes(&buf, OPP_ENVELOPE_LAST_RESORT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_success_is_canonical),
        cmocka_unit_test(a_refusal_has_its_code_recovery_and_message),
        cmocka_unit_test(recovery_joins_the_details),
        cmocka_unit_test(the_last_resort_is_the_envelope_of_an_internal_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
