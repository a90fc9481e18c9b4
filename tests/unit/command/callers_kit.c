/* SPDX-License-Identifier: MIT */
#include "command/callers_kit.h"

#include "base/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <string.h>

enum opp_step (*inside)(struct opp_call *call);

static enum opp_step run_inside(struct opp_call *call)
{
    return inside != NULL ? inside(call) : OPP_NEXT;
}

static enum opp_step end(struct opp_call *call)
{
    return opp_call_answer(call, json_object());
}

static const opp_step_fn STEPS[] = { run_inside, end, NULL };
const struct opp_flow FLOW = { STEPS, 0, NULL, NULL };

void expect(struct gateway_request request, enum opp_code code)
{
    struct gateway_answer answer;

    request.flow = &FLOW;
    if (gateway_run(&kit, &request, &answer) != code)
        fail_msg("%s instead of %s", opp_code_name(answer.code), opp_code_name(code));
    gateway_forget(&answer);
}

void agent(enum opp_code code)
{
    expect((struct gateway_request){ 0 }, code);
}

void person(enum opp_code code)
{
    expect((struct gateway_request){ .person = true }, code);
}

void set(const char *sql)
{
    gateway_sql(&kit, GATEWAY, "PRAGMA foreign_keys = OFF; %s", sql);
    gateway_registry_changed(&kit);
}

enum opp_code glance(const struct opp_credentials *shown, const char *ip)
{
    bool agent = shown->authorization != NULL && strncmp(shown->authorization, "Bearer " OPP_TOKEN_AGENT, 10) == 0;
    struct opp_limited limited = { 0 };

    return opp_guard_glance(&kit.worker, shown, agent ? OPP_TOKEN_AGENT : OPP_TOKEN_ADMIN, ip, &limited);
}
