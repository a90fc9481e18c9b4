/* SPDX-License-Identifier: MIT */
#include "adapter/adapter_fixture.h"
#include "adapter/http_target.h"
#include "adapter/upstream_fixture.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fixture f;
static struct upstream_fixture u;

#define ANSWER                                                                                        \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: \"v1\"\r\nContent-Length: 27\r\n\r\n" \
    "{\"id\":\"o1\",\"items\":[1,2,3]}"

static int set_up(void **state)
{
    (void)state;
    fixture_begin(&f);
    upstream_begin(&u, fake_upstream_answer, ANSWER);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_end(&f);
    upstream_end(&u);
    return 0;
}

/* An adapter with one action, a.b, whose functions these are; ask() reads the upstream. */
static void open_with(const char *functions)
{
    char text[4096];

    snprintf(text, sizeof text,
             "local function ask(call) return call.http { upstream = 'crm', path = { 'orders', 'o1' } } end\n"
             "local function nothing() return value { result = {} } end\n"
             "return { name = 'a', description = 'D.', upstreams = { crm = { etag = 'strong' }, old = {} },\n"
             "databases = { things = { file = 'things.db', migrations = { '1.sql' }, demo = 'demo.sql' } },\n"
             "tools = { { name = 'a.b', kind = 'action', scopes = { 's' }, description = 'Does it.',\n"
             "resources = function() return { { kind = 'x', id = '1' } } end, %s } } }\n",
             functions);
    fixture_write(&f, "a/init.lua", text);
    fixture_must_open(&f);
    opp_adapters_bind(f.adapters, u.upstreams, NULL, NULL);
}

static void await(int done)
{
    while (f.done < done)
        upstream_step(&u);
}

/* Loads, and inspects if that went well. */
static struct opp_tool_call run(void)
{
    struct opp_tool_call call = fixture_call(&f, "a.b", "{\"id\":\"t1\",\"note\":\":now\"}");
    int done = f.done;

    call.upstreams = u.client;
    opp_tool_load(&call);
    await(++done);
    if (call.rc == OPP_OK) {
        opp_tool_inspect(&call);
        await(++done);
    }
    return call;
}

static void assert_runs(const char *functions)
{
    struct opp_tool_call call;

    open_with(functions);
    call = run();
    if (call.rc != OPP_OK)
        fail_msg("%s: %d %s", functions, (int)call.rc, call.refusal.message);
    fixture_call_free(&call);
    fixture_close(&f);
}

static void assert_defect(const char *functions, const char *needle)
{
    struct opp_tool_call call;

    open_with(functions);
    call = run();
    if (call.rc != OPP_E_EXECUTION_FAILED || !call.refusal.defect || strstr(call.refusal.message, needle) == NULL)
        fail_msg("%s: wanted '%s', got %d: %s", functions, needle, (int)call.rc, call.refusal.message);
    fixture_call_free(&call);
    fixture_close(&f);
}

static void a_function_waits_for_an_upstream_wherever_it_asks(void **state)
{
    (void)state;
    upstream_open(&u);
    assert_runs("load = function(call) local a = ask(call) assert(a.status == 200 and a.etag == '\"v1\"') return a end,"
                "check = function(call, a) assert(ask(call).body.id == a.body.id) end,"
                "state = function(call) return { n = #ask(call).body.items } end,"
                "impact = function(call) for _, n in ipairs(ask(call).body.items) do assert(n < 4) end"
                " return { summary = ask(call).body.id } end, execute = nothing");
    assert_int_equal(atomic_load(&u.fake.requests), 5);
    assert_runs(
        "load = function(call) local sql = call.sql('things') local n = sql:value('SELECT count(*) FROM things')"
        " ask(call) assert(n == sql:value('SELECT count(*) FROM things')) return {} end, execute = nothing");
    assert_runs("load = function(call) local went_well, a = pcall(ask, call) assert(went_well and a.status == 200)"
                " local fine, why = pcall(function() ask(call) error('mine', 0) end) assert(not fine and why == 'mine')"
                " return {} end, execute = nothing");
}

static void a_call_asks_the_host_only_so_often(void **state)
{
    (void)state;
    upstream_open(&u);
    assert_runs("load = function(call) for _ = 1, 64 do ask(call) end return {} end, execute = nothing");
    assert_defect("load = function(call) for _ = 1, 65 do ask(call) end return {} end, execute = nothing",
                  "at most 64 times");
}

static void what_cannot_be_asked_is_a_defect(void **state)
{
    static const char *const cases[][2] = {
        { "call.http { upstream = 'erp', path = {} }", "an upstream of its adapter" },
        { "call.http { upstream = 'old', path = {} }", "an upstream of its adapter" }, /* declared, not configured */
        { "call.http { path = {} }", "an upstream of its adapter" },
        { "call.http { upstream = 'crm' }", "path is a list" },
        { "call.http { upstream = 'crm', path = 'orders' }", "path is a list" },
        { "call.http { upstream = 'crm', path = { a = 1 } }", "path is a list" },
        { "call.http { upstream = 'crm', path = { '..' } }", "neither . nor .." },
        { "call.http { upstream = 'crm', path = { '' } }", "not empty" },
        { "call.http { upstream = 'crm', path = { true } }", "a text or an integer" },
        { "call.http { upstream = 'crm', path = {}, method = 'POST' }", "GET or HEAD" },
        { "call.http { upstream = 'crm', path = {}, method = 1 }", "GET or HEAD" },
        { "call.http { upstream = 'crm', path = {}, headers = {} }", "no field 'headers'" },
        { "call.http { upstream = 'crm', path = {}, query = { a = null } }", "query: a" },
        { "call.http('crm')", "table" },
        { "table.sort({ 2, 1 }, function() return ask(call) end)", "called by the host" },
        { "('x'):gsub('x', function() ask(call) end)", "called by the host" },
    };
    char functions[512];

    (void)state;
    upstream_open(&u);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(functions, sizeof functions, "load = function(call) %s return {} end, execute = nothing", cases[i][0]);
        assert_defect(functions, cases[i][1]);
    }
    assert_defect("execute = function(call) ask(call) return nothing() end", "execute asks no upstream");
    assert_int_equal(atomic_load(&u.fake.requests), 0);
}

static void a_budget_is_kept_between_two_answers_and_a_trip_is_final(void **state)
{
    static const char *const cases[] = {
        "ask(call) while true do end",
        "pcall(function() ask(call) while true do end end) return {}",
        "while true do pcall(function() ask(call) while true do end end) end",
        "pcall(function() pcall(function() ask(call) while true do end end) ask(call) end) return {}",
        "local t = {} ask(call) for i = 1, 1e9 do t[i] = ('x'):rep(1e6) .. i end",
    };
    char functions[512];

    (void)state;
    upstream_open(&u);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct opp_tool_call call;

        snprintf(functions, sizeof functions, "load = function(call) %s end, execute = nothing", cases[i]);
        open_with(functions);
        call = run();
        if (call.rc != OPP_E_EXECUTION_FAILED || !call.refusal.tripped)
            fail_msg("%s: %d %s", cases[i], (int)call.rc, call.refusal.message);
        fixture_call_free(&call);
        fixture_close(&f);
    }
}

static void hang(struct fake_upstream *fake, int fd)
{
    if (fake_upstream_read(fake, fd) != 0)
        fake_upstream_wait(fake, fd);
}

static void no_answer_is_a_refusal_that_can_be_caught(void **state)
{
    struct opp_tool_call call;

    (void)state;
    u.fake.serve = hang;
    u.settings.timeout_ms = 50;
    upstream_open(&u);
    open_with("load = ask, execute = nothing");
    call = run();
    assert_int_equal(call.rc, OPP_E_EXECUTION_FAILED);
    assert_false(call.refusal.defect);
    assert_int_equal(call.refusal.retry_after_s, 5);
    fixture_call_free(&call);
    fixture_close(&f);
    assert_runs("load = function(call) local fine, why = pcall(ask, call) assert(not fine and why) return {} end,"
                "execute = nothing");
    open_with("load = function(call) local fine, why = pcall(ask, call) if not fine then return why end end,"
              "execute = nothing");
    call = run();
    assert_int_equal(call.refusal.retry_after_s, 5);
    fixture_call_free(&call);
}

static void a_call_that_is_given_up_ends_and_leaves_no_state_behind(void **state)
{
    struct opp_tool_call call, other;

    (void)state;
    u.fake.serve = hang;
    upstream_open(&u);
    open_with("load = function(call) if call.payload.id == 't1' then ask(call) end return {} end, execute = nothing");
    call = fixture_call(&f, "a.b", "{\"id\":\"t1\"}");
    call.upstreams = u.client;
    opp_tool_load(&call);
    assert_true(opp_tool_waits(&call));
    other = fixture_call(&f, "a.b", "{\"id\":\"t2\"}"); /* beside it, in a state of its own */
    assert_int_equal(fixture_inspect(&other), OPP_OK);
    assert_false(opp_tool_waits(&other));
    opp_tool_abandon(&call);
    assert_int_equal(call.rc, OPP_E_EXECUTION_FAILED);
    assert_false(opp_tool_waits(&call));
    fixture_call_free(&call);
    fixture_call_free(&other);
    call = fixture_call(&f, "a.b", "{\"id\":\"t1\"}"); /* and one that is closed while it waits */
    call.upstreams = u.client;
    opp_tool_load(&call);
    fixture_call_free(&call);
}

static void an_effect_that_makes_no_sense_is_a_defect(void **state)
{
    static const char *const cases[][2] = {
        { "method = 'POST', path = {}", "names an upstream" },
        { "upstream = 'erp', method = 'POST', path = {}", "names an upstream" },
        { "upstream = 'crm', path = {}", "method is" },
        { "upstream = 'crm', method = 'GET', path = {}", "method is" },
        { "upstream = 'crm', method = 'POST'", "path is a list" },
        { "upstream = 'crm', method = 'POST', path = { '.' }", "neither . nor .." },
        { "upstream = 'crm', method = 'POST', path = { from.answer }", "named 'answer'" },
        { "upstream = 'crm', method = 'POST', path = {}, json = { from.answer.id }", "named 'answer'" },
        { "upstream = 'crm', method = 'POST', path = {}, result = { id = from.row.id }", "named 'row'" },
        { "upstream = 'crm', method = 'POST', path = {}, headers = {}", "no field 'headers'" },
        { "upstream = 'crm', method = 'POST', path = {}, { 1 }", "no field" },
        { "upstream = 'crm', method = 'POST', path = {}, if_match = 'v1'", "if_match is an ETag" },
        { "upstream = 'old', method = 'POST', path = {}, if_match = '\"v1\"'", "have no ETags" },
        { "upstream = 'crm', method = 'POST', path = {}, outcome = { [99] = 'applied' }", "outcome" },
        { "upstream = 'crm', method = 'POST', path = {}, outcome = { [200] = 'fine' }", "outcome" },
        { "upstream = 'crm', method = 'POST', path = {}, outcome = 'applied'", "outcome" },
        { "upstream = 'crm', method = 'POST', path = {}, receipt = {}", "path is a list" },
        { "upstream = 'crm', method = 'POST', path = {}, receipt = { get = {}, read = 'x' }", "read is a function" },
        { "upstream = 'crm', method = 'POST', path = {}, receipt = { get = { 'x' }, settle = -1 }", "settle" },
        { "upstream = 'crm', method = 'POST', path = {}, receipt = { get = { 'x' }, ask = 1 }", "no field 'ask'" },
        { "upstream = 'crm', method = 'POST', path = {}, receipt = { get = { 'orders', 'o1' } }", "no other effect" },
        { "upstream = 'crm', method = 'POST', path = {}, receipt = { get = { ':effect_id', ':now_ms' } }",
          "asked for later" },
        { "upstream = 'crm', method = 'POST', path = {},"
          "receipt = { get = { ':effect_id' }, query = { at = { ':now_ms' } } }",
          "asked for later" },
        { "upstream = 'crm', method = 'POST', path = {}, json = { ':new_id_1' }", "':new_id_1'" },
    };
    char functions[512];

    (void)state;
    upstream_open(&u);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(functions, sizeof functions, "execute = function() return http.effect { %s } end", cases[i][0]);
        assert_defect(functions, cases[i][1]);
    }
    assert_defect("load = function() return { f = nothing } end, execute = function() return"
                  " http.effect { upstream = 'crm', method = 'POST', path = {}, outcome = nothing } end",
                  "is data");
}

static void the_hosts_words_are_symbols_but_no_text_of_the_payload(void **state)
{
    struct opp_tool_call call;

    (void)state;
    upstream_open(&u);
    open_with("execute = function(call) call.new_id('o_') return http.effect { upstream = 'crm', method = 'PUT',"
              " path = { 'orders', ':new_id_1' }, json = { by = call.effect_id, at = ':now_ms', text = 'now' },"
              " result = { id = ':new_id_1' } } end");
    call = run();
    assert_int_equal(call.rc, OPP_OK);
    assert_json(opp_effect_data(call.effect),
                "{\"json\":{\"at\":{\"$host\":\"now_ms\"},\"by\":{\"$host\":\"effect_id\"},\"text\":\"now\"},"
                "\"method\":\"PUT\",\"new_ids\":[\"o_\"],"
                "\"path\":[\"orders\",{\"$new_id\":{\"n\":1,\"prefix\":\"o_\"}}],"
                "\"result\":{\"id\":{\"$new_id\":{\"n\":1,\"prefix\":\"o_\"}}},\"upstream\":\"crm\"}");
    fixture_call_free(&call);
    fixture_close(&f);
    open_with("execute = function(call) return http.effect { upstream = 'crm', method = 'PUT', path = {},"
              " json = { note = call.payload.note } } end");
    call = run();
    assert_int_equal(call.rc, OPP_E_ACTION_INVALID);
    fixture_call_free(&call);
    fixture_close(&f);
    open_with("execute = function(call) for key in pairs(call.payload.tags) do"
              " return http.effect { upstream = 'crm', method = 'PUT', path = {}, json = { key } } end end");
    call = fixture_call(&f, "a.b", "{\"tags\":{\":effect_id\":1}}");
    assert_int_equal(fixture_inspect(&call), OPP_E_ACTION_INVALID);
    fixture_call_free(&call);
}

static void what_a_receipt_is_found_by_is_the_effects_own(void **state)
{
    static const char *const receipts[] = {
        "{ get = { 'effects', ':effect_id' } }",
        "{ get = { 'effects' }, query = { key = { call.effect_id } } }",
        "{ get = { 'orders', call.new_id('o_') } }",
        "{ get = { 'orders' }, read = nothing }",
    };
    char functions[512];

    (void)state;
    upstream_open(&u);
    for (size_t i = 0; i < sizeof receipts / sizeof *receipts; i++) {
        snprintf(functions, sizeof functions,
                 "execute = function(call) return http.effect { upstream = 'crm', method = 'POST', path = {},"
                 " receipt = %s } end",
                 receipts[i]);
        assert_runs(functions);
    }
}

static void no_segment_is_another_path_once_it_is_decoded(void **state)
{
    static const char *const segments[] = {
        "../x", "x/..", "x/../y", "..\\\\x", "./x", "x\\\\.", "a\\r\\nb", "a\\u0000", "a\\u007f", "\\u0000..",
    };
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof segments / sizeof *segments; i++) {
        struct opp_buf out = { 0 };
        json_t *path;

        snprintf(text, sizeof text, "[\"a\",\"%s\"]", segments[i]);
        path = json_loads(text, JSON_ALLOW_NUL, NULL);
        assert_non_null(path);
        if (opp_http_path(path, &out, NULL) != OPP_E_SCRIPT)
            fail_msg("%s is %s", segments[i], out.bytes);
        opp_buf_free(&out);
        json_decref(path);
    }
}

static void assert_target(const char *path, const char *query, const char *wanted)
{
    json_t *segments = json_loads(path, 0, NULL), *parameters = json_loads(query, 0, NULL);
    struct opp_buf a = { 0 }, b = { 0 };
    char text[256];

    assert_int_equal(opp_http_path(segments, &a, NULL), OPP_OK);
    assert_int_equal(opp_http_query(parameters, &b, NULL), OPP_OK);
    snprintf(text, sizeof text, "%s?%s", a.bytes, b.bytes);
    assert_string_equal(text, wanted);
    opp_buf_free(&a);
    opp_buf_free(&b);
    json_decref(segments);
    json_decref(parameters);
}

static void a_target_says_what_it_was_made_of(void **state)
{
    (void)state;
    assert_target("[]", "{}", "/?");
    assert_target("{}", "{}", "/?");
    assert_target("[\"a\",7,\"b c\"]", "{\"q\":\"x&y=1\"}", "/a/7/b%20c?q=x%26y%3D1");
    assert_target("[\".x/...\",\"%2e\",\"?#\",\"\xc3\xa4\"]", "{}", "/.x%2F.../%252e/%3F%23/%C3%A4?");
    assert_target("[\"a\"]", "{\"n\":[1,true,\"x\"],\"z\":0.5}", "/a?n=1&n=true&n=x&z=0.5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_function_waits_for_an_upstream_wherever_it_asks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_call_asks_the_host_only_so_often, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_asked_is_a_defect, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_budget_is_kept_between_two_answers_and_a_trip_is_final, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_answer_is_a_refusal_that_can_be_caught, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_call_that_is_given_up_ends_and_leaves_no_state_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_effect_that_makes_no_sense_is_a_defect, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_hosts_words_are_symbols_but_no_text_of_the_payload, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_receipt_is_found_by_is_the_effects_own, set_up, tear_down),
        cmocka_unit_test(no_segment_is_another_path_once_it_is_decoded),
        cmocka_unit_test(a_target_says_what_it_was_made_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
