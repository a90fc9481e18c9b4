/* SPDX-License-Identifier: MIT */
#include "policy/kit.h"

#include "base/file.h"
#include "policy/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RULE(fields) "return { { name = 'r', tools = { 'thing.delete' }, " fields " } }"
#define SILENT "decide = function() end"

static void what_is_wrong_is_refused_at_its_line(void **state)
{
    static const char *const wrong[][2] = {
        { "return {\n  { name = 'r' tools = {} } }", "p/10.lua:2: '}' expected near 'tools'" },
        { "\n\nerror('boom')", "p/10.lua:3: boom" },
        { "local x = {} x.y.z = 1", "p/10.lua:1: attempt to index a nil value (field 'y')" },
        { "return 1", "p/10.lua:0: a file of rules returns a list of rules, not a number" },
        { "", "p/10.lua:0: a file of rules returns a list of rules, not a nil" },
        { "return { name = 'r' }", "p/10.lua:0: a file returns a list of rules: return { { name = … }, … }" },
        { "return { 1 }", "p/10.lua:0: a rule is a table; a file returns a list of rules: return { { name = … } }" },
        { "return { { tools = { '*' },\n " SILENT " } }",
          "p/10.lua:2: a rule needs a name, text of at most 200 bytes" },
        { "return { { name = 'r',\n " SILENT " } }",
          "p/10.lua:2: a rule needs tools, a list of names or globs: { \"*\" }" },
        { RULE(SILENT ", decied = 1"),
          "p/10.lua:1: a rule has no field 'decied' like this: name, tools, optional, discover, decide, window, "
          "witness, tests" },
        { RULE("decide = 1"), "p/10.lua:0: a rule's decide is a function of its own" },
        { RULE("decide = allow"), "p/10.lua:0: a rule's decide is a function of its own" },
        { RULE("optional = 1, " SILENT),
          "p/10.lua:1: a rule has no field 'optional' like this: name, tools, optional, discover, decide, window, "
          "witness, tests" },
        { RULE(""), "p/10.lua:0: the rule 'r' says nothing: it has no discover, decide, window or witness" },
        { RULE("desc = print"), "p/10.lua:1: the global 'print' is not defined" },
        { "return { { name = 'r', tools = { 'thing.delet' }, " SILENT " } }",
          "p/10.lua:1: the rule 'r' is about the tool 'thing.delet', which does not exist (optional = true allows "
          "it)" },
        { "return { { name = 'r', tools = { '*' }, " SILENT " },\n{ name = 'r', tools = { '*' }, " SILENT " } }",
          "p/10.lua:2: there is another rule named 'r', in p/10.lua" },
        { "x = 1 return {}", "p/10.lua:1: the global 'x' cannot be assigned: use a local" },
        { "while true do end", "p/10.lua:1: the script ran out of instructions" },
        { RULE("decide = function() return alow() end, tests = { { expect = { 'allow' } } }"),
          "p/10.lua:1: the global 'alow' is not defined" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_string_equal(kit_refusal(wrong[i][0]), wrong[i][1]);
}

static void a_misspelt_fact_is_found_without_running_anything(void **state)
{
    static const char *const wrong[][2] = {
        { "return request.paylod.x", "p/10.lua:2: no request that decide is given has a field request.paylod" },
        { "return request.impact.thing.amuont",
          "p/10.lua:2: none of the rule's tools has request.impact.thing.amuont" },
        { "return request.draft.approvals", "p/10.lua:2: none of the rule's tools has request.draft.approvals" },
        { "return request.actor.usr_id", "p/10.lua:2: none of the rule's tools has request.actor.usr_id" },
        { "return request.app.policy.dta", "p/10.lua:2: none of the rule's tools has request.app.policy.dta" },
        { "return request.app.polcy", "p/10.lua:2: none of the rule's tools has request.app.polcy" },
        { "local t = request.impact.thing\nif t.amount > 5 then\nt = nil end\nif request.phase then return t.x end\n"
          "return request.impact.x",
          "p/10.lua:6: none of the rule's tools has request.impact.x" },
        { "local t = request.impact.thing\nfor i = 1, 3 do\nif i > t.amount then return deny(t.tilte) end end",
          "p/10.lua:4: none of the rule's tools has request.impact.thing.tilte" },
        { "local app = request.app\nif ip_in(request.ip, '::/0') then request = nil end\nreturn app.nmae",
          "p/10.lua:4: none of the rule's tools has request.app.nmae" },
    };
    static const char *const fine[] = {
        "local t = request.impact.thing return t.amount > 5 and draft(t.title) or nil",
        "local t = request.app t = request.impact.thing return t.amount > 5 and nil",
        "local t = request.app\nif t then t = request.impact.thing end return t.amount and nil",
        "local t = request.app for i = 1, 2 do if i > 1 then t.amount = 1 end t = request.impact.thing end",
        "return (request.payload or request.impact).anything",
        "local t = request.app local function f() t = request.impact.thing end f() return t.amount and nil",
        "local request = { x = 1 } return request.x > 1 and nil",
        "request = { x = 1 } return request.x > 1 and nil",
        "return request.state.amount and request.impact.summary and request.impact.open.x and nil",
        "return request.recent { seconds = 5 } and request.reviewer.roles and request.draft.approved_by and nil",
    };
    char text[600];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, RULE("decide = function(request)\n%s end"), wrong[i][0]);
        assert_string_equal(kit_refusal(text), wrong[i][1]);
    }
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        snprintf(text, sizeof text, RULE("decide = function(request)\n%s end"), fine[i]);
        assert_string_equal(kit_warning(text), "");
    }
    assert_string_equal(kit_refusal(RULE("discover = function(r) return r.payload.x end")),
                        "p/10.lua:1: no request that discover is given has a field request.payload");
    assert_string_equal(kit_refusal(RULE("discover = function(r) return r.recent { seconds = 60 } < 9 end")),
                        "p/10.lua:1: no request that discover is given has a field request.recent");
    assert_string_equal(kit_refusal(RULE("discover = function(r) return ({ r })[1].recent { seconds = 60 } < 9 end,\n"
                                         "tests = { { phase = 'discover', given = {}, expect = { 'allow' } } }")),
                        "p/10.lua:1: test 1 of the rule 'r' fails: outcome is \"deny\", expected \"allow\" (there is "
                        "no field 'recent' here) at p/10.lua:1");
    assert_string_equal(
        kit_refusal(RULE("discover = function() end,\ntests = { { phase = 'discover', given = { "
                         "recent = 1 }, expect = { 'allow' } } }")),
        "p/10.lua:1: test 1 of the rule 'r' fails: given.recent: a request of the phase discover has no "
        "such field");
    assert_string_equal(kit_refusal(RULE("witness = function(r) return r.impact end")),
                        "p/10.lua:1: no request that witness is given has a field request.impact");
    assert_string_equal(kit_warning(RULE("decide = function() local t = {} return t.x end")), "");
    assert_string_equal(kit_warning("return { { name = 'r', tools = { '*' }, decide = function(request)\n"
                                    "return request.impact.thing.other and nil end } }"),
                        "");
}

static void a_glob_that_matches_nothing_is_a_warning(void **state)
{
    (void)state;
    assert_string_equal(kit_warning("return { { name = 'r', tools = { 'x.*' }, " SILENT " } }"),
                        "p/10.lua:1: the rule 'r' is about 'x.*', which no tool is called");
    assert_string_equal(kit_warning("return { { name = 'r', tools = { 'x.*', 'y' }, optional = true, " SILENT " } }"),
                        "");
    assert_string_equal(kit_warning(RULE("decide = function() return draft('x') end,\n"
                                         "tests = { { given = { phase = 'read' }, expect = { 'deny' } } }")),
                        "p/10.lua:1: the rule 'r' drafts a read, which is a deny");
}

static void every_issue_is_reported(void **state)
{
    struct opp_policy_bundle *bundle = NULL;
    struct opp_policy_report report = { 0 };

    (void)state;
    assert_int_equal(opp_policy_bundle_new(kit_sources("p/10.lua", "syntax error", "p/20.lua", "error('x')", "p/30.lua",
                                                       "return { { name = 'r' } }", "p/lib/a.lua", "return (", NULL),
                                           &kit_tools, &bundle, &report, NULL),
                     OPP_E_CONFIG);
    assert_int_equal(json_array_size(report.issues), 5);
    opp_policy_report_clear(&report);
}

static void tests_of_rules_run_at_load(void **state)
{
    static const char *const bad[][2] = {
        { "expect = { 'deny' }", "outcome is \"draft\", expected \"deny\"" },
        { "expect = { 'draft', approvals = 3 }", "approvals is 2, expected 3" },
        { "expect = { 'draft', max_rows = 3 }", "max_rows is nothing, expected 3" },
        { "expect = { 'draft', limit = { count = 5 } }",
          "limit is [{\"by\":\"app\",\"count\":4,\"per\":60,\"rule\":\"r\",\"tools\":[\"thing.delete\"]}], expected "
          "{\"count\":5}" },
        { "expect = { 'draft', luck = 1 }", "nothing called 'luck' can be expected" },
        { "expect = { approvals = 2 }", "expect begins with an outcome: { \"draft\" }" },
        { "given = { paylod = {} }, expect = { 'draft' }",
          "given.paylod: a request of the phase action has no such field" },
        { "given = { impact = { thing = { amuont = 1 } } }, expect = { 'draft' }",
          "given has a 'amuont' where requests about the tool have none" },
        { "given = { actor = { id = 'u' } }, expect = { 'draft' }",
          "given has a 'id' where requests about the tool have none" },
        { "given = { tool = 'thing.delte' }, expect = { 'draft' }", "given.tool: there is no such tool" },
        { "given = { phase = 'later' }, expect = { 'draft' }", "its phase is none" },
        { "given = { now = 'soon' }, expect = { 'draft' }",
          "given.now is neither RFC 3339 with an offset nor seconds since 1970" },
        { "given = { now = 1e18 }, expect = { 'draft' }",
          "given.now is neither RFC 3339 with an offset nor seconds since 1970" },
        { "gievn = 1, expect = { 'draft' }", "a test has no field 'gievn': given, expect, phase, name" },
        { "given = { payload = { fail = true } }, expect = { 'draft' }",
          "outcome is \"deny\", expected \"draft\" (on purpose) at p/10.lua:2" },
    };
    char text[600], expected[400];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text,
                 RULE("decide = function(request)\nif request.payload.fail then error('on purpose') end\n"
                      "return draft('d', { approvals = 2, limit = { count = 4, per = 60 } }) end,\n"
                      "tests = { { expect = { 'draft', approvals = 2, limit = { count = 4 } } }, { %s } }"),
                 bad[i][0]);
        snprintf(expected, sizeof expected, "p/10.lua:1: test 2 of the rule 'r' fails: %s", bad[i][1]);
        assert_string_equal(kit_refusal(text), expected);
    }
}

static void a_test_sees_what_it_is_given(void **state)
{
    struct opp_policy_bundle *bundle =
        kit_bundle(RULE("decide = function(request)\n"
                        "local txn = request.impact.thing\n"
                        "if request.recent { seconds = 60 } > 2 then return deny('often') end\n"
                        "if now_in('Europe/Berlin').hour >= 16 and txn.amount > 1000 then\n"
                        "return draft('late', { require = { 'witness', 'preflight' } }) end end,\n"
                        "tests = {\n"
                        "{ given = { now = '2026-03-06T16:00:00+01:00', impact = { thing = { amount = 1001 } } },\n"
                        "  expect = { 'draft', require = { 'preflight', 'witness' }, reason = 'late' } },\n"
                        "{ given = { now = '2026-03-06T15:59:59+01:00', impact = { thing = { amount = 1001 } } },\n"
                        "  expect = { 'allow' } },\n"
                        "{ given = { recent = 3, impact = { thing = {} } }, expect = { 'deny' } },\n"
                        "{ given = { now = '2026-03-06T16:00:00+01:00', impact = { thing = {} } },\n"
                        "  expect = { 'deny', failed = true } } }"));

    (void)state;
    opp_policy_bundle_unref(bundle);
}

static void require_gives_files_of_the_profile(void **state)
{
    struct opp_policy_bundle *bundle = NULL;
    struct opp_policy_report report = { 0 };

    (void)state;
    assert_int_equal(
        opp_policy_bundle_new(
            kit_sources("p/10.lua",
                        "local a, p = require 'lib.a', require 'profile'\nassert(a == require 'lib.a')\n"
                        "return { { name = 'r', tools = { '*' }, decide = function() return a.say(p.settings.zone) "
                        "end, tests = { { expect = { 'deny', reason = 'UTCb' } } } } }",
                        "p/lib/a.lua",
                        "local b = require 'lib.b' return { say = function(s) return deny(s .. b.x) end }",
                        "p/lib/b.lua", "return { x = 'b' }", NULL),
            &kit_tools, &bundle, NULL, NULL),
        OPP_OK);
    opp_policy_bundle_unref(bundle);
    assert_string_equal(kit_refusal("require 'lib.a'"),
                        "p/10.lua:1: there is no module 'lib.a': require takes \"lib.name\" for lib/name.lua, and "
                        "\"profile\"");
    assert_string_equal(kit_refusal("require '../../etc/passwd'"),
                        "p/10.lua:1: there is no module '../../etc/passwd': require takes \"lib.name\" for "
                        "lib/name.lua, and \"profile\"");
    bundle = NULL;
    assert_int_equal(
        opp_policy_bundle_new(kit_sources("p/10.lua", "require 'lib.a' return {}", "p/lib/a.lua",
                                          "return require 'lib.b'", "p/lib/b.lua", "return require 'lib.a'", NULL),
                              &kit_tools, &bundle, &report, NULL),
        OPP_E_CONFIG);
    assert_null(bundle);
    assert_string_equal(json_string_value(json_object_get(json_array_get(report.issues, 0), "message")),
                        "the modules require each other in a circle at 'lib.a'");
    assert_string_equal(json_string_value(json_object_get(json_array_get(report.issues, 0), "file")), "p/lib/b.lua");
    opp_policy_report_clear(&report);
}

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[300];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    *strrchr(path, '/') = '\0';
    assert_int_equal(opp_file_make_dir(path, 0700, NULL), OPP_OK);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(opp_file_write(path, 0600, text, strlen(text), NULL), OPP_OK);
}

static void a_profile_has_the_rules_of_the_one_it_extends(void **state)
{
    char dir[] = "/tmp/opp-policies-XXXXXX";
    struct opp_policy_sources *sources = NULL, *again = NULL;
    struct opp_err err = { 0 };
    char kept[65], remove[64];
    json_t *value;

    (void)state;
    assert_non_null(mkdtemp(dir));
    write_file(dir, "base/profile.lua", "return { description = 'b' }");
    write_file(dir, "base/10.lua", "return {}");
    write_file(dir, "top/profile.lua", "return { description = 't', extends = 'base' }");
    write_file(dir, "top/20.lua", "return {}");
    write_file(dir, "top/lib/a.lua", "return {}");
    assert_int_equal(opp_policy_sources_read(dir, "top", &sources, NULL), OPP_OK);
    assert_int_equal(opp_policy_sources_count(sources), 5);
    assert_string_equal(opp_policy_sources_at(sources, 0)->name, "base/10.lua");
    assert_string_equal(opp_policy_sources_at(sources, 1)->name, "base/profile.lua");
    assert_string_equal(opp_policy_sources_at(sources, 2)->name, "top/20.lua");
    assert_string_equal(opp_policy_sources_at(sources, 4)->name, "top/lib/a.lua");
    strcpy(kept, opp_policy_sources_sha256(sources));
    value = opp_policy_sources_to_json(sources);
    assert_int_equal(opp_policy_sources_from_json(value, &again, NULL), OPP_OK);
    assert_string_equal(opp_policy_sources_sha256(again), kept);
    assert_string_equal(opp_policy_sources_profile(again), "top");
    json_decref(value);
    opp_policy_sources_free(again);
    opp_policy_sources_free(sources);
    write_file(dir, "base/10.lua", "return { }");
    assert_int_equal(opp_policy_sources_read(dir, "top", &sources, NULL), OPP_OK);
    assert_string_not_equal(opp_policy_sources_sha256(sources), kept);
    opp_policy_sources_free(sources);
    write_file(dir, "base/profile.lua", "return { description = 'b', extends = 'top' }");
    assert_int_equal(opp_policy_sources_read(dir, "top", &sources, &err), OPP_E_CONFIG);
    assert_string_equal(err.message, "the profiles extend each other, or too many of them");
    write_file(dir, "base/10.lua", "\x1bLua");
    write_file(dir, "base/profile.lua", "return { description = 'b', extend = 'top' }");
    err = (struct opp_err){ 0 };
    assert_int_equal(opp_policy_sources_read(dir, "base", &sources, &err), OPP_E_CONFIG);
    assert_string_equal(err.where, "base/profile.lua");
    assert_int_equal(opp_policy_sources_read(dir, "none", &sources, NULL), OPP_E_CONFIG);
    assert_int_equal(opp_policy_sources_read(dir, "../top", &sources, NULL), OPP_E_CONFIG);
    assert_int_equal(opp_policy_sources_read(dir, "", &sources, NULL), OPP_E_CONFIG);
    snprintf(remove, sizeof remove, "rm -r %s", dir);
    assert_int_equal(system(remove), 0);
}

static const struct opp_policy_tool ledger[] = {
    { "ledger.list", "read", "low", NULL, NULL },
    { "transaction.create", "action", "medium", NULL, NULL },
    { "transaction.delete", "action", "high", NULL, NULL },
};

static void the_shipped_profiles_load(void **state)
{
    static const char *const profiles[] = { "default", "strict" };
    const struct opp_policy_tools tools = { ledger, 3 };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct opp_policy_report report = { 0 };
        struct opp_err err = { 0 };

        if (kit_check(OPP_SOURCE_DIR "/policies", profiles[i], &tools, &report, &err) != OPP_OK)
            fail_msg("%s: %s", err.where, err.message);
        assert_int_equal(json_array_size(report.issues), 0);
        assert_int_equal(json_array_size(report.warnings), 0);
        assert_int_equal(json_array_size(report.tests), i == 0 ? 0 : 13);
        opp_policy_report_clear(&report);
    }
}

static void a_rule_cannot_remember(void **state)
{
    struct opp_policy_engine *engine = kit_engine(RULE("decide = (function() local n = 0\n"
                                                       "return function() n = n + 1 return allow() end end)()"));
    struct opp_policy_decision decision = { 0 };

    (void)state;
    kit_decide(engine, NULL, &decision);
    assert_true(decision.failed);
    assert_string_equal(decision.error.message,
                        "a rule changed a variable outside of its function; rules have no memory");
    assert_true(opp_policy_engine_stale(engine));
    kit_decide(engine, NULL, &decision);
    assert_true(decision.failed);
    opp_policy_decision_clear(&decision);
    opp_policy_engine_free(engine);
}

static void an_engine_is_stale_after_a_thousand_calls(void **state)
{
    struct opp_policy_engine *engine = kit_engine(RULE("decide = function(r) return draft(r.app.id) end"));
    struct opp_policy_decision decision = { 0 };

    (void)state;
    for (int i = 0; i < OPP_POLICY_ENGINE_CALLS_MAX; i++) {
        assert_false(opp_policy_engine_stale(engine));
        kit_decide(engine, NULL, &decision);
        assert_string_equal(decision.reason, "app_1");
    }
    assert_true(opp_policy_engine_stale(engine));
    assert_int_equal(opp_policy_engine_renew(engine, NULL), OPP_OK);
    assert_false(opp_policy_engine_stale(engine));
    kit_decide(engine, NULL, &decision);
    assert_string_equal(decision.reason, "app_1");
    opp_policy_decision_clear(&decision);
    opp_policy_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_refused_at_its_line),
        cmocka_unit_test(a_misspelt_fact_is_found_without_running_anything),
        cmocka_unit_test(a_glob_that_matches_nothing_is_a_warning),
        cmocka_unit_test(every_issue_is_reported),
        cmocka_unit_test(tests_of_rules_run_at_load),
        cmocka_unit_test(a_test_sees_what_it_is_given),
        cmocka_unit_test(require_gives_files_of_the_profile),
        cmocka_unit_test(a_profile_has_the_rules_of_the_one_it_extends),
        cmocka_unit_test(the_shipped_profiles_load),
        cmocka_unit_test(a_rule_cannot_remember),
        cmocka_unit_test(an_engine_is_stale_after_a_thousand_calls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
