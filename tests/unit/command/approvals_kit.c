/* SPDX-License-Identifier: MIT */
#include "command/approvals_kit.h"

#include "base/json.h"
#include "core/action.h"
#include "core/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

char draft[OPP_ID_MAX];
unsigned count;

void make_draft(const char *notes)
{
    struct gateway_request request = { .flow = &OPP_FLOW_ACTION };
    struct gateway_answer answer;
    char input[512], key[32];

    snprintf(key, sizeof key, "%u", ++count);
    request.key = key;
    write_action(input, sizeof input, key, notes, "");
    request.input = input;
    assert_int_equal(gateway_run(&kit, &request, &answer), OPP_OK);
    snprintf(draft, sizeof draft, "%s", opp_json_text(json_object_get(answer.data, "draft"), "id"));
    gateway_forget(&answer);
}

void expect_of(const struct opp_flow *flow, const char *input, enum opp_code code, const char *reason)
{
    struct gateway_request request = {
        .flow = flow, .person = flow == &OPP_FLOW_APPROVE || flow == &OPP_FLOW_REJECT, .id = draft, .input = input
    };
    struct gateway_answer answer;

    if (gateway_run(&kit, &request, &answer) != code)
        fail_msg("%s instead of %s", opp_code_name(answer.code), opp_code_name(code));
    if (reason != NULL)
        assert_string_equal(opp_json_text(answer.details, "reason"), reason);
    gateway_forget(&answer);
}

void approve(enum opp_code code, const char *reason)
{
    expect_of(&OPP_FLOW_APPROVE, NULL, code, reason);
}

void set_draft(const char *what)
{
    gateway_sql(&kit, GATEWAY, "UPDATE drafts SET %s WHERE id = '%s'", what, draft);
}

const char *change;

void the_draft_changes(void *arg)
{
    (void)arg;
    set_draft(change);
}
