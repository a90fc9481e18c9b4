/* SPDX-License-Identifier: MIT */
#include "command/gateway_group.h"

#include "admin/apps.h"
#include "command/failing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>

struct gateway_kit kit;

int set_up_all(void **state)
{
    (void)state;
    gateway_start(&kit);
    return 0;
}

int set_up_all_open(void **state)
{
    struct gateway_request open = { .flow = &OPP_FLOW_APP_AUTO_EXECUTE,
                                    .person = true,
                                    .input = "{\"writes\":{\"enabled\":true},\"high_risk\":{\"enabled\":true}}" };
    struct gateway_answer answer;

    set_up_all(state);
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

int tear_down(void **state)
{
    (void)state;
    failing_before_write(NULL, NULL);
    failing_before_effect(NULL, NULL);
    failing_effects(OPP_E_INTERNAL);
    failing_short_waits(false);
    return 0;
}

void write_action(char *out, size_t size, const char *title, const char *notes, const char *more)
{
    snprintf(out, size,
             "{\"action\":\"transaction.create\",\"payload\":{\"ledgerId\":\"ledger_main\",\"kind\":\"expense\","
             "\"title\":\"%s\",\"amount_home\":1,\"notes\":\"%s\"}%s}",
             title, notes, more);
}
