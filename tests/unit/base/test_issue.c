/* SPDX-License-Identifier: MIT */
#include "base/issue.h"

#include "base/jcs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdlib.h>

static void assert_issue(const char *where, const char *json)
{
    struct opp_err err = { 0 };
    struct opp_buf out = { 0 };
    json_t *issue;
    char *text;

    opp_fail_at(&err, OPP_E_CONFIG, where, "no");
    issue = opp_issue_of(&err);
    opp_jcs_write(&out, issue);
    text = opp_buf_take(&out);
    assert_string_equal(text, json);
    free(text);
    json_decref(issue);
}

static void an_error_is_split_into_file_and_line(void **state)
{
    (void)state;
    assert_issue("a/init.lua:12", "{\"file\":\"a/init.lua\",\"line\":12,\"message\":\"no\"}");
    assert_issue("a/init.lua", "{\"file\":\"a/init.lua\",\"line\":0,\"message\":\"no\"}");
    assert_issue("a:b/init.lua", "{\"file\":\"a:b/init.lua\",\"line\":0,\"message\":\"no\"}");
    assert_issue("a:-1", "{\"file\":\"a:-1\",\"line\":0,\"message\":\"no\"}");
    assert_issue("", "{\"file\":\"\",\"line\":0,\"message\":\"no\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(an_error_is_split_into_file_and_line) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
