/* SPDX-License-Identifier: MIT */
#include "command/approvals_kit.h"

#include "command/failing.h"
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

struct gateway_kit kit;
char draft[OPP_ID_MAX];
unsigned count;

int set_up_all(void **state)
{
    (void)state;
    gateway_start(&kit);
    return 0;
}

int tear_down_all(void **state)
{
    (void)state;
    gateway_stop(&kit);
    return 0;
}

int tear_down(void **state)
{
    (void)state;
    failing_before_write(NULL, NULL);
    failing_before_effect(NULL, NULL);
    failing_effects(OPP_E_INTERNAL);
    failing_short_waits(false);
    return 0;
}

const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

void make_draft(const char *notes)
{
    struct gateway_request request = { .flow = &OPP_FLOW_ACTION };
    struct gateway_answer answer;
    char input[512], key[32];

    snprintf(key, sizeof key, "%u", ++count);
    request.key = key;
    snprintf(input, sizeof input,
             "{\"action\":\"transaction.create\",\"payload\":{\"ledgerId\":\"ledger_main\",\"kind\":\"expense\","
             "\"title\":\"%u\",\"amount_home\":1,\"notes\":\"%s\"}}",
             count, notes);
    request.input = input;
    assert_int_equal(gateway_run(&kit, &request, &answer), OPP_OK);
    snprintf(draft, sizeof draft, "%s", text_of(json_object_get(answer.data, "draft"), "id"));
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
        assert_string_equal(text_of(answer.details, "reason"), reason);
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
