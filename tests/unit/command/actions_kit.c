/* SPDX-License-Identifier: MIT */
#include "command/actions_kit.h"

#include "base/json.h"
#include "core/action.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

char key[32], draft[OPP_ID_MAX];
unsigned count;

int set_up(void **state)
{
    (void)state;
    snprintf(key, sizeof key, "key %u", ++count);
    return 0;
}

enum opp_code act(const char *notes, const char *more, struct gateway_answer *answer)
{
    struct gateway_request request = { .flow = &OPP_FLOW_ACTION, .key = key };
    char input[1024], title[16];

    snprintf(title, sizeof title, "%u", count);
    write_action(input, sizeof input, title, notes, more);
    request.input = input;
    gateway_run(&kit, &request, answer);
    if (json_object_get(answer->data, "draft") != NULL)
        snprintf(draft, sizeof draft, "%s", opp_json_text(json_object_get(answer->data, "draft"), "id"));
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
        assert_string_equal(opp_json_text(code == OPP_OK ? answer.data : answer.details, name), text);
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
