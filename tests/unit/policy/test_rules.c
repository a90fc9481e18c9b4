/* SPDX-License-Identifier: MIT */
#include "policy/kit.h"

#include <stdio.h>
#include <string.h>

#define RULE(body) "return { { name = 'r', tools = { 'thing.delete' }, " body " } }"
/* As DECIDE, the request's fields read through r, which nobody can follow while it loads. */
#define UNSEEN(body) DECIDE("local r = ({ request })[1] " body)
#define DECIDE(body) RULE("decide = function(request) " body " end")

static void answers_have_their_outcome(void **state)
{
    (void)state;
    assert_string_equal(kit_say(DECIDE("return nil")), "{\"outcome\":\"allow\"}");
    assert_string_equal(kit_say(DECIDE("")), "{\"outcome\":\"allow\"}");
    assert_string_equal(kit_say(DECIDE("return allow()")), "{\"outcome\":\"allow\"}");
    assert_string_equal(kit_say(DECIDE("return draft('look')")), "{\"outcome\":\"draft\",\"reason\":\"look\"}");
    assert_string_equal(kit_say(DECIDE("return deny('no', { tag = 't' })")),
                        "{\"outcome\":\"deny\",\"reason\":\"no\",\"tag\":\"t\"}");
}

static void obligations_are_carried(void **state)
{
    (void)state;
    assert_string_equal(
        kit_say(DECIDE("return draft('d', { approvals = 2, expires_in = 3600, max_rows = 0, max_days = 7,\n"
                       "require = { 'witness', 'preflight' }, redact = { 'b', 'a', 'b' },\n"
                       "limit = { count = 5, per = 3600 } })")),
        "{\"approvals\":2,\"expires_in\":3600,\"limits\":[{\"by\":\"app\",\"count\":5,\"per\":3600,\"rule\":\"r\","
        "\"tools\":[\"thing.delete\"]}],\"max_days\":7,\"max_rows\":0,\"outcome\":\"draft\",\"reason\":\"d\","
        "\"redact\":[\"a\",\"b\"],\"require\":[\"preflight\",\"witness\"]}");
    assert_string_equal(
        kit_say(DECIDE("return allow { limit = { count = 0, per = 1, by = 'actor', tools = { 'thing.*' } } }")),
        "{\"limits\":[{\"by\":\"actor\",\"count\":0,\"per\":1,\"rule\":\"r\",\"tools\":[\"thing.*\"]}],"
        "\"outcome\":\"allow\"}");
}

static void a_table_changed_after_an_answer_changes_nothing(void **state)
{
    (void)state;
    assert_string_equal(kit_say(DECIDE("local t = { approvals = 2, redact = { 'a' } } local a = draft('d', t)\n"
                                       "t.approvals = 1 t.redact[1] = 'z' return a")),
                        "{\"approvals\":2,\"outcome\":\"draft\",\"reason\":\"d\",\"redact\":[\"a\"]}");
}

static void wrong_obligations_are_errors_at_their_line(void **state)
{
    static const char *const wrong[][2] = {
        { "draft('d', { approvels = 2 })", "p/10.lua:1: an obligation has no field 'approvels'" },
        { "draft('d', { approvals = 0 })", "p/10.lua:1: approvals is a whole number from 1 to 100" },
        { "draft('d', { approvals = 1.5 })", "p/10.lua:1: approvals is a whole number from 1 to 100" },
        { "draft('d', { approvals = '2' })", "p/10.lua:1: approvals is a whole number from 1 to 100" },
        { "allow { expires_in = -1 }", "p/10.lua:1: expires_in is a whole number from 1 to 31622400" },
        { "allow { max_rows = -1 }", "p/10.lua:1: max_rows is a whole number from 0 to 2147483647" },
        { "allow { max_days = 0 }", "p/10.lua:1: max_days is a whole number from 1 to 36600" },
        { "allow { require = { 'luck' } }",
          "p/10.lua:1: require is a list of preflight, idempotency, justification, witness" },
        { "allow { require = 'witness' }",
          "p/10.lua:1: require is a list of preflight, idempotency, justification, witness" },
        { "allow { redact = {} }", "p/10.lua:1: redact is a list of 1 to 64 texts" },
        { "allow { redact = { 1 } }", "p/10.lua:1: redact is text of 1 to 200 bytes" },
        { "allow { limit = { count = 1 } }", "p/10.lua:1: a limit needs count and per" },
        { "allow { limit = { count = 1, per = 1, by = 'day' } }",
          "p/10.lua:1: limit.by is \"app\", \"key\", \"actor\" or \"tool\"" },
        { "allow { limit = { count = 1, per = 1, x = 1 } }", "p/10.lua:1: a limit has no field 'x'" },
        { "allow 'x'", "p/10.lua:1: an obligation is a table, not a string" },
        { "allow({}, 1)", "p/10.lua:1: it takes at most 1 arguments" },
        { "deny('no', { approvals = 2 })", "p/10.lua:1: what deny takes has no field 'approvals'" },
        { "deny()", "p/10.lua:1: bad argument #1 to 'deny' (string expected, got nil)" },
        { "draft('')", "p/10.lua:1: bad argument #1 to 'draft' (a reason has 1 to 511 bytes)" },
        { "deny('\\xff')", "p/10.lua:1: bad argument #1 to 'deny' (a reason is UTF-8 text)" },
    };
    char rule[200];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(rule, sizeof rule, DECIDE("return %s"), wrong[i][0]);
        assert_string_equal(kit_say(rule), wrong[i][1]);
    }
}

static void nonsense_answers_deny(void **state)
{
    static const char *const nonsense[] = { "true",
                                            "false",
                                            "'allow'",
                                            "0",
                                            "0/0",
                                            "{}",
                                            "null",
                                            "{ outcome = 'x' }",
                                            "select",
                                            "request",
                                            "always()",
                                            "allow",
                                            "allow(), allow()",
                                            "function() end",
                                            "nil, nil" };
    char rule[200];

    (void)state;
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        snprintf(rule, sizeof rule, DECIDE("return %s"), nonsense[i]);
        if (strncmp(kit_say(rule), "p/10.lua:1: ", 12) != 0)
            fail_msg("%s: %s", nonsense[i], kit_say(rule));
    }
}

static void reading_a_field_of_another_phase_denies(void **state)
{
    (void)state;
    assert_string_equal(kit_say_phase(DECIDE("return allow(request.impact and nil)"), OPP_PHASE_READ, NULL),
                        "p/10.lua:1: there is no field 'impact' here");
    assert_string_equal(kit_say_phase(DECIDE("return request.reviewer and nil"), OPP_PHASE_EXECUTE, NULL),
                        "p/10.lua:1: there is no field 'reviewer' here");
    assert_string_equal(kit_say_phase(DECIDE("return draft(request.reviewer.user_id)"), OPP_PHASE_APPROVE, NULL),
                        "{\"outcome\":\"draft\",\"reason\":\"user_2\"}");
    assert_string_equal(kit_say(DECIDE("if request.recent { seconds = 60 } > 1 then return deny('x') end")),
                        "p/10.lua:1: there is no field 'recent' here");
}

static void a_misspelt_name_denies(void **state)
{
    (void)state;
    assert_string_equal(kit_say(UNSEEN("return r.paylod and nil")), "p/10.lua:1: there is no field 'paylod' here");
    assert_string_equal(kit_say(UNSEEN("return r.app.polcy and nil")), "p/10.lua:1: there is no field 'polcy' here");
    assert_string_equal(kit_say(UNSEEN("return r.impact.thing.amuont and nil")),
                        "p/10.lua:1: there is no field 'amuont' here");
    assert_string_equal(kit_say(UNSEEN("return r.impact.thign and nil")), "p/10.lua:1: there is no field 'thign' here");
    assert_string_equal(kit_say_phase(UNSEEN("return r.impact.list[1].idd and nil"), OPP_PHASE_ACTION,
                                      "{\"impact\":{\"list\":[{\"id\":1}]}}"),
                        "p/10.lua:1: there is no field 'idd' here");
    assert_string_equal(kit_say(UNSEEN("return r.actor.id and nil")), "p/10.lua:1: there is no field 'id' here");
    assert_string_equal(kit_say_phase(UNSEEN("return r.resources[1].parents[1].knd and nil"), OPP_PHASE_ACTION,
                                      "{\"resources\":[{\"kind\":\"t\",\"id\":\"1\",\"parents\":[{}]}]}"),
                        "p/10.lua:1: there is no field 'knd' here");
    assert_string_equal(kit_say_phase(UNSEEN("return r.resources[1].org and nil"), OPP_PHASE_ACTION,
                                      "{\"resources\":[{\"kind\":\"t\",\"id\":\"1\"}]}"),
                        "p/10.lua:1: there is no field 'org' here");
    assert_string_equal(kit_say(DECIDE("return _ENV['al' .. 'ow']()")), "p/10.lua:1: the global 'alow' is not defined");
}

static void what_is_known_but_absent_is_nil(void **state)
{
    (void)state;
    assert_string_equal(kit_say(DECIDE("return draft(tostring(request.impact.thing.title) ..\n"
                                       "tostring(request.state.amount) .. tostring(request.impact.summary))")),
                        "{\"outcome\":\"draft\",\"reason\":\"nil5s\"}");
    assert_string_equal(kit_say_phase(DECIDE("return draft(tostring(request.impact.open.anything))"), OPP_PHASE_ACTION,
                                      "{\"impact\":{\"open\":{}}}"),
                        "{\"outcome\":\"draft\",\"reason\":\"nil\"}");
}

static void constructors_answer(void **state)
{
    static const char *const asked[][2] = {
        { "glob('thing.*', 'thing.delete')", "true" },
        { "glob('*.d*e', 'thing.delete')", "true" },
        { "glob('thing', 'thing.delete')", "false" },
        { "glob('*', '')", "true" },
        { "ip_in(request.ip, '10.0.0.0/8')", "true" },
        { "ip_in('::ffff:10.1.1.1', '10.0.0.0/8')", "true" },
        { "ip_in('11.0.0.1', '10.0.0.0/8')", "false" },
        { "now_in('Europe/Berlin').hour", "13" },
        { "now_in('UTC').weekday", "fri" },
        { "within(always(), request.now)", "true" },
        { "within(never('x'), request.now)", "false" },
        { "within(daily { from = '11:00', to = '13:00', tz = 'UTC' }, request.now)", "true" },
        { "within(weekly { days = 'mon-thu', from = '00:00', to = '24:00', tz = 'UTC' }, request.now)", "false" },
        { "within(between { from = 0, to = 10 }, 9.9)", "true" },
        { "null == nil", "false" },
        { "type(null)", "null" },
        { "#array {}", "0" },
    };
    char rule[300], expected[100];

    (void)state;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        snprintf(rule, sizeof rule, DECIDE("return draft(tostring(%s))"), asked[i][0]);
        snprintf(expected, sizeof expected, "{\"outcome\":\"draft\",\"reason\":\"%s\"}", asked[i][1]);
        assert_string_equal(kit_say(rule), expected);
    }
}

static void wrong_arguments_deny(void **state)
{
    static const char *const wrong[] = {
        "glob('a')",
        "glob({}, 'a')",
        "ip_in('nonsense', '10.0.0.0/8')",
        "ip_in('10.0.0.1', '10.0.0.0/33')",
        "now_in('Mars/Olympus')",
        "now_in('../../etc/passwd')",
        "within('x', 1)",
        "within(always(), 'x')",
        "within(always(), 0/0)",
        "daily {}",
        "daily { from = '25:00', to = '26:00', tz = 'UTC' }",
        "daily { from = '09:00', to = '17:00' }",
        "daily { from = '09:00', to = '17:00', tz = 'UTC', kind = 'always' }",
        "weekly { days = 'freitag', from = '09:00', to = '17:00', tz = 'UTC' }",
        "between { from = 'gestern', to = 5 }",
        "always(1)",
        "never()",
        "never('\\xff')",
        "require 'lib.x'",
    };
    char rule[300];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(rule, sizeof rule, DECIDE("local x = %s"), wrong[i]);
        if (strncmp(kit_say(rule), "p/10.lua:1: ", 12) != 0)
            fail_msg("%s: %s", wrong[i], kit_say(rule));
    }
    assert_string_equal(kit_say(DECIDE("local x = never(('x'):rep(600))")),
                        "p/10.lua:1: never: a window's reason must be a text of 1 to 256 bytes at /reason");
}

static void windows_of_rules_must_all_be_open(void **state)
{
    static const char two[] = "return { { name = 'a', tools = { '*' }, window = function() "
                              "return daily { from = '13:00', to = '18:00', tz = 'UTC' } end },\n"
                              "{ name = 'b', tools = { '*' }, window = function(request) "
                              "return weekly { days = 'mon', from = '14:00', to = '15:00', tz = 'UTC' } end } }";
    struct opp_policy_engine *engine = kit_engine(two);
    struct opp_policy_decision decision = { 0 };

    (void)state;
    kit_decide(engine, NULL, &decision);
    assert_false(decision.failed);
    assert_true(decision.has_window);
    assert_false(decision.window_open);
    assert_int_equal(decision.opens_at_s, KIT_NOW + 3 * 86400 + 2 * 3600);
    kit_decide(engine, "{\"now\":1773064800}", &decision); /* Monday 14:00 */
    assert_true(decision.window_open);
    assert_int_equal(decision.until_s, 1773064800 + 3600);
    kit_decide_phase(engine, OPP_PHASE_READ, "thing.delete", NULL, &decision);
    assert_false(decision.has_window);
    opp_policy_decision_clear(&decision);
    opp_policy_engine_free(engine);
}

static void a_window_that_cannot_be_told_is_closed(void **state)
{
    struct opp_policy_engine *engine =
        kit_engine(RULE("window = function(request) if request.payload.id then return never('holiday') end end"));
    struct opp_policy_decision decision = { 0 };

    (void)state;
    kit_decide(engine, NULL, &decision);
    assert_false(decision.window_open);
    assert_string_equal(decision.window_reason, "holiday");
    assert_int_equal(decision.opens_at_s, 0);
    kit_decide_phase(engine, OPP_PHASE_DISCOVER, "thing.delete", NULL, &decision);
    assert_false(decision.failed);
    assert_int_equal(decision.outcome, OPP_OUTCOME_ALLOW);
    assert_false(decision.window_open);
    opp_policy_decision_clear(&decision);
    opp_policy_engine_free(engine);
    assert_string_equal(kit_say(RULE("window = function() return true end")),
                        "p/10.lua:1: window gives a boolean; it gives daily{}, weekly{}, between{}, always(), never() "
                        "or nothing");
}

static void discover_hides(void **state)
{
    (void)state;
    assert_string_equal(kit_say_phase(RULE("discover = function() return false end"), OPP_PHASE_DISCOVER, NULL),
                        "{\"outcome\":\"deny\",\"reason\":\"Policy does not offer this tool.\"}");
    assert_string_equal(kit_say_phase(RULE("discover = function() return true end"), OPP_PHASE_DISCOVER, NULL),
                        "{\"outcome\":\"allow\"}");
    assert_string_equal(
        kit_say_phase(RULE("discover = function(r) return draft(r.app.id) end"), OPP_PHASE_DISCOVER, NULL),
        "{\"outcome\":\"draft\",\"reason\":\"app_1\"}");
    assert_string_equal(kit_say_phase(RULE("discover = function(q) local r = ({ q })[1] return r.payload and true end"),
                                      OPP_PHASE_DISCOVER, NULL),
                        "p/10.lua:1: there is no field 'payload' here");
    assert_string_equal(kit_say_phase(RULE("discover = function() return 1 end"), OPP_PHASE_DISCOVER, NULL),
                        "p/10.lua:1: discover gives a number; it gives true, false, allow{}, draft(), deny() or "
                        "nothing");
    assert_string_equal(kit_say(RULE("discover = function() return false end")), "{\"outcome\":\"allow\"}");
}

static void a_draft_of_a_read_is_a_deny(void **state)
{
    (void)state;
    assert_string_equal(kit_say_phase(DECIDE("return draft('look')"), OPP_PHASE_READ, NULL),
                        "{\"outcome\":\"deny\",\"reason\":\"look\"}");
}

static void a_tool_that_was_not_there_at_load_is_denied(void **state)
{
    struct opp_policy_engine *engine = kit_engine("return {}");
    struct opp_policy_decision decision = { 0 };

    (void)state;
    kit_decide_phase(engine, OPP_PHASE_ACTION, "thing.other", NULL, &decision);
    assert_true(decision.failed);
    assert_int_equal(decision.outcome, OPP_OUTCOME_DENY);
    opp_policy_decision_clear(&decision);
    opp_policy_engine_free(engine);
}

static int64_t three(void *arg, const char *tool, int64_t seconds)
{
    assert_ptr_equal(arg, &three);
    return tool != NULL && strcmp(tool, "thing.*") == 0 && seconds == 60 ? 3 : -1;
}

static void recent_counts(void **state)
{
    struct opp_policy_engine *engine =
        kit_engine(DECIDE("if request.recent { tool = request.payload.tool, seconds = 60 } > 2 then\n"
                          "return deny('too many') end"));
    struct opp_policy_request request = { .phase = OPP_PHASE_ACTION, .tool = "thing.delete", .recent = three };
    struct opp_policy_decision decision;

    (void)state;
    request.arg = (void *)(uintptr_t)&three;
    request.request = kit_request(OPP_PHASE_ACTION, "{\"payload\":{\"tool\":\"thing.*\"}}");
    opp_policy_decide(engine, &request, &decision);
    assert_false(decision.failed);
    assert_string_equal(decision.reason, "too many");
    opp_policy_decision_clear(&decision);
    json_decref(request.request);
    request.request = kit_request(OPP_PHASE_ACTION, "{\"payload\":{\"tool\":\"other\"}}");
    opp_policy_decide(engine, &request, &decision);
    assert_true(decision.failed);
    assert_string_equal(decision.error.message, "recent executions are not known now");
    opp_policy_decision_clear(&decision);
    json_decref(request.request);
    opp_policy_engine_free(engine);
}

/* A failure that leaves something behind, and an answer that takes it away, would be a memory that nobody sees. */
static void what_a_failed_rule_keeps_is_not_there_for_the_next_request(void **state)
{
    struct opp_policy_engine *engine =
        kit_engine("local kept = false\n"
                   "return { { name = 'r', tools = { 'thing.delete' }, decide = function()\n"
                   "if kept then kept = false return draft('I remember') end kept = true error('x') end },\n"
                   "{ name = 'w', tools = { 'thing.make' }, witness = function()\n"
                   "if kept then kept = false return 'I remember' end kept = true error('y') end } }");
    struct opp_policy_decision decision = { 0 };
    json_t *facts = NULL, *nothing = json_object();
    struct opp_err err = { 0 };

    (void)state;
    for (int i = 0; i < 2; i++) {
        kit_decide(engine, NULL, &decision);
        assert_true(decision.failed);
        assert_string_equal(decision.error.message, "x");
        assert_string_equal(decision.failed_rule, "r");
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(opp_policy_witness(engine, "thing.make", nothing, nothing, &facts, &err), OPP_E_SCRIPT);
        assert_string_equal(err.message, "y");
    }
    json_decref(nothing);
    opp_policy_decision_clear(&decision);
    opp_policy_engine_free(engine);
}

static void witnesses_are_gathered_by_rule(void **state)
{
    struct opp_policy_engine *engine =
        kit_engine("return { { name = 'a', tools = { '*' }, witness = function(request, state)\n"
                   "return { amount = state.amount, id = request.payload.id, same = request.state == state } end },\n"
                   "{ name = 'b', tools = { 'thing.delete' }, witness = function(_, state) return state end },\n"
                   "{ name = 'c', tools = { 'thing.make' }, witness = function(q) return ({ q })[1].impact end } }");
    json_t *witness = NULL, *given = json_pack("{s:i}", "amount", 5), *payload = json_pack("{s:s}", "id", "x");
    struct opp_err err = { 0 };

    (void)state;
    assert_int_equal(opp_policy_witness(engine, "thing.delete", given, payload, &witness, NULL), OPP_OK);
    assert_true(json_equal(json_object_get(witness, "b"), given));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(witness, "a"), "amount")), 5);
    assert_true(json_is_true(json_object_get(json_object_get(witness, "a"), "same")));
    assert_int_equal(json_object_size(witness), 2);
    json_decref(witness);
    assert_int_equal(opp_policy_witness(engine, "thing.make", given, payload, &witness, &err), OPP_E_SCRIPT);
    assert_string_equal(err.message, "there is no field 'impact' here");
    assert_string_equal(err.where, "p/10.lua:4");
    json_decref(given);
    json_decref(payload);
    opp_policy_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_have_their_outcome),
        cmocka_unit_test(obligations_are_carried),
        cmocka_unit_test(a_table_changed_after_an_answer_changes_nothing),
        cmocka_unit_test(wrong_obligations_are_errors_at_their_line),
        cmocka_unit_test(nonsense_answers_deny),
        cmocka_unit_test(reading_a_field_of_another_phase_denies),
        cmocka_unit_test(a_misspelt_name_denies),
        cmocka_unit_test(what_is_known_but_absent_is_nil),
        cmocka_unit_test(constructors_answer),
        cmocka_unit_test(wrong_arguments_deny),
        cmocka_unit_test(windows_of_rules_must_all_be_open),
        cmocka_unit_test(a_window_that_cannot_be_told_is_closed),
        cmocka_unit_test(discover_hides),
        cmocka_unit_test(a_draft_of_a_read_is_a_deny),
        cmocka_unit_test(a_tool_that_was_not_there_at_load_is_denied),
        cmocka_unit_test(recent_counts),
        cmocka_unit_test(what_a_failed_rule_keeps_is_not_there_for_the_next_request),
        cmocka_unit_test(witnesses_are_gathered_by_rule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
