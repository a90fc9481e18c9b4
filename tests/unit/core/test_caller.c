/* SPDX-License-Identifier: MIT */
#include "core/guard.h"

#include "base/token.h"
#include "core/flow_kit.h"
#include "core/rate.h"
#include "core/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct flow_kit flow;

/* With a registry that nobody can look into: who does is answered OPP_E_UNAVAILABLE. */
static int set_up(void **state)
{
    (void)state;
    flow_start(&flow);
    assert_int_equal(opp_registry_slot_new(&flow.gateway.registry, NULL), OPP_OK);
    assert_int_equal(opp_rate_new(1024, &flow.gateway.rate, NULL), OPP_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    opp_rate_free(flow.gateway.rate);
    opp_registry_slot_free(flow.gateway.registry);
    flow_stop(&flow);
    return 0;
}

static enum opp_code glance(const char *token, const char *ip)
{
    char authorization[96];
    struct opp_credentials shown = { .authorization = authorization };
    bool agent = strncmp(token, OPP_TOKEN_ADMIN, strlen(OPP_TOKEN_ADMIN)) != 0;
    struct opp_limited limited = { 0 };

    snprintf(authorization, sizeof authorization, "Bearer %s", token);
    return opp_guard_glance(&flow.worker, &shown, agent ? OPP_TOKEN_AGENT : OPP_TOKEN_ADMIN, ip, &limited);
}

static void a_mistyped_token_is_not_looked_up(void **state)
{
    char token[OPP_TOKEN_MAX];

    (void)state;
    assert_int_equal(opp_token_make(OPP_TOKEN_AGENT, token, NULL), OPP_OK);
    assert_int_equal(glance(token, "192.0.2.1"), OPP_E_UNAVAILABLE);
    for (size_t i = strlen(OPP_TOKEN_AGENT); token[i] != '\0'; i++) {
        char mistyped[OPP_TOKEN_MAX], ip[32];

        snprintf(mistyped, sizeof mistyped, "%s", token);
        mistyped[i] = mistyped[i] == 'a' ? 'b' : 'a';
        snprintf(ip, sizeof ip, "192.0.2.%zu", i);
        assert_int_equal(glance(mistyped, ip), OPP_E_TOKEN_INVALID);
    }
}

static void failures_are_counted_by_address_and_ipv6_by_its_network(void **state)
{
    int64_t most = flow.gateway.settings.auth_failures_per_minute;
    char ip[64];

    (void)state;
    for (int i = 0; i < most; i++) {
        snprintf(ip, sizeof ip, "2001:db8:1:2::%x", (unsigned)i + 1);
        assert_int_equal(glance("x", ip), OPP_E_TOKEN_INVALID);
    }
    assert_int_equal(glance("x", "2001:db8:1:2:ffff::1"), OPP_E_RATE_LIMITED);
    assert_int_equal(glance("x", "2001:db8:1:3::1"), OPP_E_TOKEN_INVALID);
    assert_int_equal(glance("x", "192.0.2.1"), OPP_E_TOKEN_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_mistyped_token_is_not_looked_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_are_counted_by_address_and_ipv6_by_its_network, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
