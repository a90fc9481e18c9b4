/* SPDX-License-Identifier: MIT */
#include "core/verdict.h"

#include "core/registry.h"
#include "core/verdict_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW INT64_C(1790000000000)

/* An action that would execute at once, as far as the core is concerned. */
static struct opp_core_part open_action(void)
{
    return (struct opp_core_part){ .phase = OPP_PHASE_ACTION,
                                   .tool = "thing.make",
                                   .risk = OPP_RISK_MEDIUM,
                                   .now_ms = NOW,
                                   .window = { .enabled = true },
                                   .execute = true,
                                   .settled = true,
                                   .draft_lifetime_s = 7200 };
}

static struct opp_policy_decision silent(void)
{
    return (struct opp_policy_decision){ .max_rows = -1, .max_days = -1, .window_open = true };
}

/* Lends the verdict until the next one. */
static const char *verdict(const struct opp_core_part *core, const struct opp_policy_decision *ruling)
{
    static char text[1024];
    struct opp_buf out = { 0 };

    opp_verdict_write(&out, core, ruling);
    assert_false(out.failed);
    assert_true(out.length < sizeof text);
    memcpy(text, out.bytes, out.length);
    text[out.length] = '\0';
    opp_buf_free(&out);
    return text;
}

/* What a ruling changes of what no rules say, as the names of members. */
static void changes(const struct opp_core_part *core, const struct opp_policy_decision *ruling, const char *expected)
{
    struct opp_policy_decision nothing = silent();
    char *from = strdup(verdict(core, &nothing));
    struct opp_verdict_difference difference;
    struct opp_buf names = { 0 };

    assert_non_null(from);
    opp_verdicts_compare(from, verdict(core, ruling), &difference);
    opp_verdict_difference_write(&names, &difference);
    opp_buf_char(&names, '\0');
    assert_string_equal(names.bytes, expected);
    opp_buf_free(&names);
    free(from);
}

static void the_core_decides_where_no_rule_speaks(void **state)
{
    struct opp_core_part core = open_action();
    struct opp_policy_decision ruling = silent();

    (void)state;
    assert_string_equal(verdict(&core, &ruling), "{\"outcome\":\"allow\"}");
    core.execute = false;
    assert_string_equal(verdict(&core, &ruling), "{\"approvals\":1,\"expires_in\":7200,\"outcome\":\"draft\"}");
    core.execute = true;
    core.window.enabled = false;
    assert_string_equal(verdict(&core, &ruling), "{\"approvals\":1,\"code\":\"agent.auto_execute_disabled\","
                                                 "\"expires_in\":7200,\"outcome\":\"draft\"}");
    core.refused = OPP_E_PRECONDITION;
    assert_string_equal(verdict(&core, &ruling), "{\"code\":\"agent.precondition_failed\",\"outcome\":\"deny\"}");
}

static void every_obligation_of_an_action_is_compared(void **state)
{
    struct opp_core_part core = open_action();
    struct opp_policy_decision ruling = silent();

    (void)state;
    changes(&core, &ruling, "[]");
    ruling.outcome = OPP_OUTCOME_DENY;
    changes(&core, &ruling, "[\"code\",\"outcome\"]");
    ruling = silent();
    ruling.outcome = OPP_OUTCOME_DRAFT;
    changes(&core, &ruling, "[\"approvals\",\"code\",\"expires_in\",\"outcome\"]");
    ruling = silent();
    ruling.window_open = false;
    changes(&core, &ruling, "[\"approvals\",\"code\",\"expires_in\",\"outcome\"]");
    ruling = silent();
    ruling.approvals = 2;
    changes(&core, &ruling, "[\"approvals\",\"code\",\"expires_in\",\"outcome\"]");
    core.execute = false;
    changes(&core, &ruling, "[\"approvals\"]");
    ruling = silent();
    ruling.expires_in_s = 60;
    changes(&core, &ruling, "[\"expires_in\"]");
    ruling.expires_in_s = 9000; /* the gateway's own is the sooner */
    changes(&core, &ruling, "[]");
    ruling = silent();
    ruling.require = OPP_REQUIRE_IDEMPOTENCY;
    changes(&core, &ruling, "[\"require\"]");
    ruling = silent();
    ruling.redact = json_pack("[s]", "notes");
    changes(&core, &ruling, "[\"redact\"]");
    core.redact = json_pack("[s, s]", "name", "notes"); /* the app is not shown them anyway */
    changes(&core, &ruling, "[]");
    json_decref(core.redact);
    json_decref(ruling.redact);
    ruling.redact = NULL;
    core.redact = NULL;
    ruling.limits =
        json_pack("[{s:s, s:i, s:i, s:s, s:[s]}]", "rule", "r", "count", 1, "per", 60, "by", "app", "tools", "*");
    changes(&core, &ruling, "[\"limits\"]");
    json_decref(ruling.limits);
}

static void every_bound_of_a_read_is_compared(void **state)
{
    struct opp_core_part core = { .phase = OPP_PHASE_READ, .tool = "thing.list", .max_days = 30, .asked_days = 20 };
    struct opp_policy_decision ruling = silent();

    (void)state;
    ruling.max_rows = 5;
    changes(&core, &ruling, "[\"max_rows\"]");
    ruling.max_rows = 0;
    changes(&core, &ruling, "[\"code\",\"max_days\",\"outcome\"]");
    ruling = silent();
    ruling.max_days = 25;
    changes(&core, &ruling, "[\"max_days\"]");
    ruling.max_days = 40;
    changes(&core, &ruling, "[]");
    ruling.max_days = 19;
    changes(&core, &ruling, "[\"code\",\"max_days\",\"outcome\"]");
}

static void approvals_are_counted_where_people_decide(void **state)
{
    struct opp_core_part core = { .phase = OPP_PHASE_APPROVE, .tool = "t", .reviewed = true, .approvals_required = 1 };
    struct opp_policy_decision ruling = silent();

    (void)state;
    ruling.approvals = 2;
    changes(&core, &ruling, "[\"approvals\"]");
    core.phase = OPP_PHASE_EXECUTE;
    core.approvals_given = 1;
    changes(&core, &ruling, "[\"approvals\",\"outcome\"]");
    core.approvals_given = 2;
    changes(&core, &ruling, "[\"approvals\"]");
    core.reviewed = false;
    changes(&core, &ruling, "[\"approvals\",\"code\",\"outcome\"]");
}

/* Two profiles that bind alike are the same, whatever their rules are called and in whatever order they come. */
static void limits_are_the_same_in_any_order_and_from_any_rule(void **state)
{
    struct opp_core_part core = open_action();
    struct opp_policy_decision ruling = silent();
    char first[1024];

    (void)state;
    ruling.limits = json_loads("[{\"rule\":\"a\",\"count\":1,\"per\":60,\"by\":\"app\",\"tools\":[\"*\"]},"
                               "{\"rule\":\"b\",\"count\":2,\"per\":60,\"by\":\"key\",\"tools\":[\"*\"]}]",
                               0, NULL);
    snprintf(first, sizeof first, "%s", verdict(&core, &ruling));
    assert_string_equal(first, "{\"limits\":[{\"by\":\"app\",\"count\":1,\"per\":60,\"tools\":[\"*\"]},"
                               "{\"by\":\"key\",\"count\":2,\"per\":60,\"tools\":[\"*\"]}],\"outcome\":\"allow\"}");
    json_decref(ruling.limits);
    ruling.limits = json_loads("[{\"rule\":\"x\",\"count\":2,\"per\":60,\"by\":\"key\",\"tools\":[\"*\"]},"
                               "{\"rule\":\"y\",\"count\":1,\"per\":60,\"by\":\"app\",\"tools\":[\"*\"]}]",
                               0, NULL);
    assert_string_equal(verdict(&core, &ruling), first);
    json_decref(ruling.limits);
}

static struct opp_core_part part_of(unsigned bits)
{
    return (struct opp_core_part){ .phase = bits & 1 ? OPP_PHASE_ACTION : OPP_PHASE_EXECUTE,
                                   .tool = "thing.make",
                                   .risk = bits & 2 ? OPP_RISK_HIGH : OPP_RISK_LOW,
                                   .now_ms = NOW,
                                   .window = { .enabled = bits & 4,
                                               .expires_at = bits & 8 ? NOW + 1 : 0,
                                               .require_preflight = bits & 16,
                                               .require_idempotency = bits & 32 },
                                   .execute = bits & 64,
                                   .settled = bits & 128,
                                   .claimed = bits & 256,
                                   .have = { .justification = bits & 512,
                                             .idempotency_key = bits & 1024,
                                             .preflight = bits & 2048,
                                             .preflight_mismatch = bits & 4096,
                                             .witness = bits & 8192 },
                                   .refused = bits & 16384 ? OPP_E_PRECONDITION : OPP_OK,
                                   .reviewed = bits & 32768,
                                   .approvals_required = bits & 65536 ? 2 : 0,
                                   .approvals_given = 1,
                                   .draft_lifetime_s = 3600 };
}

/* What the log keeps of the core decides as the core did. */
static void a_part_that_was_kept_decides_as_it_did(void **state)
{
    struct opp_policy_decision ruling = silent();
    char first[1024];

    (void)state;
    ruling.require = OPP_REQUIRE_WITNESS;
    for (unsigned bits = 0; bits < 1U << 17; bits += 7) {
        struct opp_core_part core = part_of(bits), read;
        json_t *kept = opp_core_part_json(&core);

        assert_int_equal(opp_core_part_read(kept, &read), OPP_OK);
        snprintf(first, sizeof first, "%s", verdict(&core, &ruling));
        assert_string_equal(verdict(&read, &ruling), first);
        json_decref(kept);
    }
}

static void what_is_no_part_is_refused(void **state)
{
    static const char *const texts[] = { "{}", "[]", "{\"phase\":\"action\"}", "{\"phase\":\"x\",\"tool\":\"t\"}",
                                         "{\"phase\":1,\"tool\":\"t\"}" };
    struct opp_core_part read;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_t *document = json_loads(texts[i], 0, NULL);

        assert_int_equal(opp_core_part_read(document, &read), OPP_E_VALIDATION);
        json_decref(document);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_core_decides_where_no_rule_speaks),
        cmocka_unit_test(every_obligation_of_an_action_is_compared),
        cmocka_unit_test(every_bound_of_a_read_is_compared),
        cmocka_unit_test(approvals_are_counted_where_people_decide),
        cmocka_unit_test(limits_are_the_same_in_any_order_and_from_any_rule),
        cmocka_unit_test(a_part_that_was_kept_decides_as_it_did),
        cmocka_unit_test(what_is_no_part_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
