/* SPDX-License-Identifier: MIT */
#include "policy/kit.h"

#include "base/jcs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVALUATIONS 10000
#define REQUESTS 50
#define TEXT_MAX 1024

/* The neighbour uses what the environment has, so that a change of any of it would show. */
static const char neighbour[] =
    "local lib = require 'lib.a'\n"
    "return { { name = 'honest', tools = { 'thing.delete' }, decide = function(request)\n"
    "  local t = { 'b', 'a', tostring(request.impact.thing.amount), type(null), #request.app.scopes }\n"
    "  for k, v in pairs(lib.limits) do table.insert(t, k .. tostring(v)) end\n"
    "  t[#t + 1] = ('x-y'):gsub('%a', string.upper) t[#t + 1] = string.format('%5.2f', math.abs(-1.5))\n"
    "  t[#t + 1] = tostring(glob('a*', 'abc')) .. tostring(ip_in(request.ip, '10.0.0.0/8'))\n"
    "  t[#t + 1] = now_in('UTC').weekday .. select('#', table.unpack({}, 1, 3)) .. ('ab'):rep(2, ',')\n"
    "  for w in ('one two'):gmatch('%a+') do t[#t + 1] = w:byte() end\n"
    "  for i, s in ipairs(request.app.scopes) do t[#t + 1] = i .. s end\n"
    "  t[#t + 1] = tostring(pcall(error, 'e')) .. tostring(next({})) .. (tonumber('7') + math.max(1, 2))\n"
    "  table.sort(t, function(a, b) return tostring(a) < tostring(b) end)\n"
    "  return draft(table.concat(t, ' '), { approvals = 2, limit = { count = lib.limits.count, per = 60 } })\n"
    "end, window = function() return lib.hours end } }";

static const char library[] =
    "return { limits = { count = 5, per = 60 }, hours = daily { from = '09:00', to = '17:00', tz = 'UTC' } }";

/* Overwrites all that it can reach, in every way that the language has; what is refused it swallows. */
static const char hostile[] =
    "local lib = require 'lib.a'\n"
    "local function overwrite(t, seen)\n"
    "  if seen[t] then return end seen[t] = true\n"
    "  local keys = {} pcall(function() for k in pairs(t) do keys[#keys + 1] = k end end)\n"
    "  for _, k in ipairs(keys) do\n"
    "    local v = t[k]\n"
    "    pcall(function() t[k] = function() return 'mine' end end)\n"
    "    pcall(function() t[k] = nil end)\n"
    "    if type(v) == 'table' then overwrite(v, seen) end\n"
    "  end\n"
    "  pcall(function() t.new = 1 end) pcall(table.insert, t, 'new') pcall(table.remove, t) pcall(table.sort, t)\n"
    "  pcall(table.move, { 1, 2 }, 1, 2, 1, t) pcall(array, t)\n"
    "end\n"
    "local function attack(request)\n"
    "  local seen = {}\n"
    "  overwrite(_ENV, seen) overwrite(lib, seen) overwrite(request, seen) overwrite(null, seen)\n"
    "  pcall(function() ('').rep = nil end) pcall(function() ('').__index = {} end)\n"
    "  pcall(function() lib.hours.from = '00:00' end)\n"
    "  local _ENV = { string = 1, table = 1 }\n"
    "end\n"
    "local kept = 0\n"
    "return { { name = 'quiet', tools = { 'thing.make' }, decide = function(request)\n"
    "  attack(request) return allow { redact = { 'all' } } end },\n"
    "{ name = 'remembers', tools = { 'thing.list' }, decide = function(request)\n"
    "  attack(request) kept = kept + 1 return allow() end } }";

static struct opp_policy_engine *make_engine(void)
{
    struct opp_policy_sources *sources =
        kit_sources("p/10.lua", neighbour, "p/20.lua", hostile, "p/lib/a.lua", library, NULL);
    struct opp_policy_bundle *bundle = NULL;
    struct opp_policy_engine *engine = NULL;
    struct opp_err err = { 0 };

    if (opp_policy_bundle_new(sources, &kit_tools, &bundle, NULL, &err) != OPP_OK)
        fail_msg("%s: %s", err.where, err.message);
    assert_int_equal(opp_policy_engine_new(bundle, &engine, NULL), OPP_OK);
    opp_policy_bundle_unref(bundle);
    return engine;
}

/* The neighbour's decision on one of the requests, as text. */
static void ask_neighbour(struct opp_policy_engine *engine, int number, char text[TEXT_MAX])
{
    struct opp_policy_decision decision = { 0 };
    struct opp_buf bytes = { 0 };
    char members[128];
    json_t *shown;

    snprintf(members, sizeof members, "{\"impact\":{\"summary\":\"s\",\"thing\":{\"amount\":%d}}}", number);
    kit_decide(engine, members, &decision);
    shown = opp_policy_decision_json(&decision);
    opp_jcs_write(&bytes, shown);
    snprintf(text, TEXT_MAX, "%.*s %s", (int)bytes.length, bytes.bytes, decision.error.message);
    opp_buf_free(&bytes);
    json_decref(shown);
    opp_policy_decision_clear(&decision);
}

static void write_all(int fd, const void *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = write(fd, (const char *)bytes + done, length - done);

        if (n <= 0)
            _exit(1);
        done += (size_t)n;
    }
}

/* A process of its own, in which nothing hostile ever runs. */
static void clean_process(int fd)
{
    struct opp_policy_engine *engine = make_engine();
    char text[TEXT_MAX];

    for (int i = 0; i < REQUESTS; i++) {
        memset(text, 0, sizeof text);
        ask_neighbour(engine, i, text);
        write_all(fd, text, sizeof text);
    }
    _exit(0);
}

static void read_expected(char (*expected)[TEXT_MAX])
{
    int ends[2], status = 0;
    size_t have = 0;
    pid_t child;
    ssize_t n;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        clean_process(ends[1]);
    close(ends[1]);
    while ((n = read(ends[0], (char *)expected + have, (size_t)REQUESTS * TEXT_MAX - have)) > 0)
        have += (size_t)n;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(have, (size_t)REQUESTS * TEXT_MAX);
}

/* What overwrites gets nowhere, and is denied where it would have remembered. Says whether it ran to its end:
 * sanitizers make it too slow for its budget. */
static bool attack(struct opp_policy_engine *engine, int number)
{
    struct opp_policy_decision decision = { 0 };
    bool ended;

    if (number % 10 != 0) {
        kit_decide_phase(engine, OPP_PHASE_ACTION, "thing.make", NULL, &decision);
    } else {
        kit_decide_phase(engine, OPP_PHASE_READ, "thing.list", NULL, &decision);
        assert_true(decision.failed && decision.outcome == OPP_OUTCOME_DENY);
        assert_true(opp_policy_engine_stale(engine));
    }
    ended = !decision.failed;
    opp_policy_decision_clear(&decision);
    return ended;
}

static void a_neighbour_is_as_in_a_process_of_its_own(void **state)
{
    static char expected[REQUESTS][TEXT_MAX];
    struct opp_policy_engine *engine;
    char text[TEXT_MAX];
    int ended = 0;

    (void)state;
    read_expected(expected);
    assert_non_null(strstr(expected[7], "\"draft\""));
    assert_string_not_equal(expected[7], expected[8]);
    engine = make_engine();
    for (int i = 0; i < EVALUATIONS / 2; i++) {
        ended += attack(engine, i);
        ask_neighbour(engine, i % REQUESTS, text);
        assert_string_equal(text, expected[i % REQUESTS]);
        if (opp_policy_engine_stale(engine))
            assert_int_equal(opp_policy_engine_renew(engine, NULL), OPP_OK);
    }
    opp_policy_engine_free(engine);
    assert_true(ended > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_neighbour_is_as_in_a_process_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
