/* SPDX-License-Identifier: MIT */
#include "command/actions_kit.h"

#include "admin/apps.h"
#include "command/failing.h"
#include "core/action.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

struct gateway_kit kit;
char key[32], draft[OPP_ID_MAX];
unsigned count;

int set_up_all(void **state)
{
    struct gateway_request open = { .flow = &OPP_FLOW_APP_AUTO_EXECUTE,
                                    .person = true,
                                    .input = "{\"writes\":{\"enabled\":true},\"high_risk\":{\"enabled\":true}}" };
    struct gateway_answer answer;

    (void)state;
    gateway_start(&kit);
    open.id = kit.process.demo.agent.app_id;
    assert_int_equal(gateway_run(&kit, &open, &answer), OPP_OK);
    gateway_forget(&answer);
    return 0;
}

int tear_down_all(void **state)
{
    (void)state;
    gateway_stop(&kit);
    return 0;
}

int set_up(void **state)
{
    (void)state;
    snprintf(key, sizeof key, "key %u", ++count);
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

enum opp_code act(const char *notes, const char *more, struct gateway_answer *answer)
{
    struct gateway_request request = { .flow = &OPP_FLOW_ACTION, .key = key };
    char input[1024];

    snprintf(input, sizeof input,
             "{\"action\":\"transaction.create\",\"payload\":{\"ledgerId\":\"ledger_main\",\"kind\":\"expense\","
             "\"title\":\"%u\",\"amount_home\":1,\"notes\":\"%s\"}%s}",
             count, notes, more);
    request.input = input;
    gateway_run(&kit, &request, answer);
    if (json_object_get(answer->data, "draft") != NULL)
        snprintf(draft, sizeof draft, "%s", text_of(json_object_get(answer->data, "draft"), "id"));
    return answer->code;
}

enum opp_code ask(const char *input, struct gateway_answer *answer)
{
    struct gateway_request request = { .flow = &OPP_FLOW_ACTION, .key = key, .input = input };

    return gateway_run(&kit, &request, answer);
}

void expect(const char *notes, const char *more, enum opp_code code, const char *name, const char *text)
{
    struct gateway_answer answer;

    if (act(notes, more, &answer) != code)
        fail_msg("%s instead of %s", opp_code_name(answer.code), opp_code_name(code));
    if (name != NULL)
        assert_string_equal(text_of(code == OPP_OK ? answer.data : answer.details, name), text);
    gateway_forget(&answer);
}

void make_draft(void)
{
    expect("", "", OPP_OK, "status", "draft");
}

void make_execution(void)
{
    expect("", ",\"execute\":true", OPP_OK, "status", "executed");
}
