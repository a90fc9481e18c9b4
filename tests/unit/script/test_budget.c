/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "script/freeze.h"
#include "script/json_lua.h"
#include "script/kit.h"
#include "script/starving.h"
#include "script/view.h"

#include <lua.h>

#include <stdio.h>
#include <string.h>

/* Sanitizers make the same work many times slower; what is measured is then only that it ends. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(OPP_COVERAGE)
#define CPU_MS_MAX 2000
#else
#define CPU_MS_MAX 25
#endif
/* A host that takes a processor away counts it as the thread's time: what is over is measured again. */
#define TRIES 3

static double cpu_ms(void)
{
    return (double)opp_thread_cpu_ns() / 1e6;
}

/* Each of these would hang, swallow the memory, or answer in spite of a trip. */
static const char *const hostile[] = {
    "while true do end",
    "local function f() return f() end return f()",
    "local function f() return 1 + f() end return f()",
    "repeat until false",
    "for i = 1, math.huge do end",
    "goto a ::a:: goto a",
    "pcall(function() while true do end end) return true",
    "while true do pcall(function() while true do end end) end",
    "local function f() pcall(f) end while true do f() end",
    "local function f() return pcall(f) end f() while true do f() end",
    "pcall(pcall, pcall, pcall, function() while true do end end) return true",
    "for i = 1, 1e9 do if pcall(error) then end end return true",
    "local s = 'x' while true do s = s .. s end",
    "pcall(function() local s = 'x' while true do s = s .. s end end) return true",
    "local t = {} for i = 1, 1e9 do t[i] = i end",
    "pcall(function() local t = {} for i = 1, 1e9 do t[i] = i end end) return true",
    "local t = {} for i = 1, 1e9 do t[i .. ''] = {} end",
    "local t = {} while true do t = { t } end",
    "local t = {} while true do t = { t, ('x'):rep(1000) .. #t } end",
    "while true do local s = ('x'):rep(200000) end",
    "while true do local s = ('x'):rep(200000):upper() end",
    "while true do local s = ('x'):rep(200000):reverse():lower() end",
    "local s = ('x'):rep(200000) while true do local b = s < s .. 'a' end",
    "local s, t = ('x'):rep(200000) .. 'a', ('x'):rep(200000) .. 'b' while true do local b = s < t end",
    "local s, t = ('x'):rep(200000) .. 'a', ('x'):rep(200000) .. 'b' while true do local b = s == t end",
    "local s = (' '):rep(200000) .. '1' while true do local n = s + 1 end",
    "local s = (' '):rep(200000) .. '1' while true do local n = s | 1 end",
    "local s = ('1'):rep(200000) while true do local n = tonumber(s) end",
    "local s = ('1'):rep(200000) while true do local n = tonumber(s, 10) end",
    "while true do local s = ('x'):rep(1 << 40) end",
    "for i = 1, 1e9 do pcall(string.rep, 'x', 1 << 40) end return true",
    "return ('a'):rep(400):find((\".-\"):rep(3) .. 'b')",
    "return ('a'):rep(30):find((\".-\"):rep(30) .. 'b')",
    "pcall(function() return ('a'):rep(400):find((\".-\"):rep(30) .. 'b') end) return true",
    "return ('a'):rep(100000):find(('a*'):rep(20) .. 'b')",
    "return ('('):rep(100000):find('%b()')",
    "return ('a'):rep(200000):gsub('', 'xxxxxxxx')",
    "local s = ('a'):rep(200000) return s:gsub('.', { a = s })",
    "local s = ('a'):rep(20000) while true do s:gsub('.', function() end) end",
    "local s = ('a'):rep(20000) while true do for w in s:gmatch('.') do end end",
    "local s, p = ('a'):rep(200000), ('a'):rep(100000) .. 'b' while true do s:find(p, 1, true) end",
    "return ('a'):rep(10000):find('[' .. ('b'):rep(100000) .. ']')",
    "while true do local s = ('%99d%99d%99d'):format(1, 2, 3) end",
    "while true do local s = ('%99.99f'):rep(200):format(table.unpack(array{}, 1, 1)) end",
    "return ('%s'):rep(1000):format(('x'):rep(200000))",
    "local t = {} for i = 1, 8000 do t[i] = ('x'):rep(100) .. i end while true do table.concat(t) end",
    "local t = {} for i = 1, 8000 do t[i] = 8000 - i end while true do table.sort(t) end",
    "local t = {} for i = 1, 8000 do t[i] = i end table.sort(t, function() while true do end end)",
    "local t = {} for i = 1, 8000 do t[i] = i end while true do table.sort(t, math.max) end",
    "local t = {} for i = 1, 8000 do t[i] = i end while true do table.insert(t, 1, 0) table.remove(t, 1) end",
    "table.move({}, 1, math.maxinteger - 1, 2)",
    "while true do pcall(table.move, {}, 1, 1 << 40, 2) end",
    "return table.concat({}, '', 1, 1 << 60)",
    "return table.concat({}, 'x', math.mininteger, math.maxinteger)",
    "while true do pcall(table.unpack, {}, 1, 1 << 40) end",
    "local function f(...) return f(1, ...) end return f()",
    "local t = {} for i = 1, 7000 do t[i] = i end while true do select('#', table.unpack(t)) end",
    "return ('x'):rep(200000):byte(1, -1)",
    "local t = {} for i = 1, 8000 do t['k' .. i] = i end for k in pairs(t) do t[k] = nil end while true do next(t) end",
    "local s = '' for i = 1, 1e9 do s = s .. i end",
    "local x = 2 while true do x = x ^ x end",
    "local f = function() end while true do local g = function() return f end end",
    "error(('x'):rep(200000))",
    "error(setmetatable)",
    "local t = {} t[t] = t error(t)",
};

/* Alone a chunk must not answer; inside a pcall it may, if it did not trip. Gives what it took, in ms. */
static double run_once(bool alone, const char *text)
{
    struct opp_script *script = kit_script();
    struct opp_err err = { 0 };
    double before, used;
    enum opp_code rc;

    opp_script_begin(script);
    before = cpu_ms();
    rc = kit_run(script, text, &err);
    used = cpu_ms() - before;
    if (rc == OPP_OK && alone)
        fail_msg("answered: %s", text);
    if (rc == OPP_OK && opp_script_tripped(script))
        fail_msg("answered in spite of a trip: %s", text);
    if (opp_script_live(script) > OPP_SCRIPT_LIMITS_DEFAULT.live_bytes)
        fail_msg("holds %zu bytes: %s", opp_script_live(script), text);
    opp_script_free(script);
    return used;
}

static void run_hostile(const char *before_it, const char *chunk, const char *behind)
{
    char text[1024];
    double used = CPU_MS_MAX + 1;

    snprintf(text, sizeof text, "%s%s%s", before_it, chunk, behind);
    for (int tries = 0; used > CPU_MS_MAX && tries < TRIES; tries++)
        used = run_once(before_it[0] == '\0', text);
    if (used > CPU_MS_MAX)
        fail_msg("took %.1f ms: %s", used, text);
}

static void every_hostile_script_is_ended_in_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++)
        run_hostile("", hostile[i], "");
}

static void no_hostile_script_can_swallow_its_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        run_hostile("pcall(function() ", hostile[i], " end) return true");
        run_hostile("for i = 1, 3 do pcall(pcall, function() ", hostile[i], " end) end return true");
    }
}

static void a_trip_stays_after_the_next_begin(void **state)
{
    struct opp_script *script = kit_script();
    struct opp_err err = { 0 };

    (void)state;
    assert_string_equal(kit_eval(script, "\nwhile true do end"), "test.lua:2: the script ran out of instructions");
    assert_true(opp_script_tripped(script));
    opp_script_begin(script);
    assert_int_equal(kit_run(script, "return true", &err), OPP_E_LIMIT);
    assert_int_equal(lua_gettop(opp_script_lua(script)), 0);
    opp_script_free(script);
}

static void an_honest_script_ends_within_its_instructions(void **state)
{
    struct opp_script *script = kit_script();

    (void)state;
    for (int i = 0; i < 5; i++)
        assert_string_equal(kit_eval(script, "local n = 0 for i = 1, 20000 do n = n + 1 end return n"), "20000");
    assert_in_range(opp_script_used(script), 40000 - 256, 60000);
    opp_script_free(script);
}

/* Gives what it takes to end a script that has instructions left, in ms. */
static double spin(void)
{
    struct opp_script_limits limits = OPP_SCRIPT_LIMITS_DEFAULT;
    struct opp_script *script = kit_script();
    double before, used;

    limits.instructions = INT64_MAX / 2;
    opp_script_set_limits(script, &limits);
    before = cpu_ms();
    assert_string_equal(kit_eval(script, "while true do end"), "test.lua:1: the script ran out of CPU time");
    used = cpu_ms() - before;
    opp_script_free(script);
    return used;
}

static void cpu_time_ends_a_script_that_has_instructions_left(void **state)
{
    double used = spin();

    (void)state;
    assert_true(used >= 9);
    for (int tries = 1; used > CPU_MS_MAX && tries < TRIES; tries++)
        used = spin();
    assert_true(used <= CPU_MS_MAX);
}

static void a_refill_gives_instructions_back(void **state)
{
    static const char text[] = "local n = 0 for i = 1, 30000 do n = n + 1 end return n";
    struct opp_script *script = kit_script();

    (void)state;
    opp_script_begin(script);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(kit_run(script, text, NULL), OPP_OK);
        opp_script_refill(script);
    }
    assert_int_equal(kit_run(script, text, NULL), OPP_OK);
    assert_int_equal(kit_run(script, text, NULL), OPP_E_LIMIT);
    opp_script_free(script);
}

struct journey {
    json_t *json;
    struct opp_rows *rows;
};

static int l_push_both(lua_State *L)
{
    struct journey *journey = lua_touserdata(L, 1);

    lj_view_json(L, journey->json, NULL);
    lj_view_rows(L, journey->rows);
    return 2;
}

/* From a new state to a printed answer; any step may fail. */
static enum opp_code travel(struct journey *journey, struct opp_buf *out)
{
    static const char text[] =
        "local j, r = ... local t = {} for k, v in pairs(j) do t[#t + 1] = k .. tostring(v) end\n"
        "local s = ('%s-%5d'):format('x', 7):rep(9, ','):gsub('x', function(c) return c .. c end)\n"
        "local ok, e = pcall(function() return j.a.b.c.d end)\n"
        "table.sort(t) return { t = t, s = s, j = j.a, r = r, e = e, row = r[1].n, list = array{ r[1] } }";
    struct opp_script *script = NULL;
    int snapshot = 0;
    enum opp_code rc = opp_script_new(&OPP_SCRIPT_LIMITS_DEFAULT, &script, NULL);

    if (rc == OPP_OK)
        rc = opp_sandbox_open(script, NULL);
    if (rc == OPP_OK)
        rc = opp_sandbox_seal(script, NULL);
    if (rc == OPP_OK)
        rc = opp_script_load(script, text, strlen(text), "t.lua", NULL);
    if (rc == OPP_OK)
        rc = opp_script_protect(script, l_push_both, journey, NULL);
    if (rc == OPP_OK)
        rc = opp_script_call(script, 2, 1, NULL);
    if (rc == OPP_OK)
        rc = opp_script_freeze(script, -1, &snapshot, NULL);
    if (rc == OPP_OK)
        rc = opp_script_print(opp_script_lua(script), -1, out, NULL, NULL);
    opp_script_free(script);
    return rc;
}

static void fail_each_allocation(bool all)
{
    static const char *const column[] = { "n" };
    struct journey journey = { .json = json_pack("{s:{s:i},s:s}", "a", "b", 1, "c", "text") };
    struct opp_buf out = { 0 };
    bool failed = true;
    int failures = 0;

    assert_int_equal(opp_rows_new(column, 1, &journey.rows, NULL), OPP_OK);
    opp_rows_add_text(journey.rows, "one", 3);
    for (int n = 1; failed; n++) {
        enum opp_code rc;

        starving_set(n, all);
        rc = travel(&journey, &out);
        failed = starving_happened();
        starving_set(0, false);
        opp_buf_free(&out);
        if (all || rc != OPP_OK)
            assert_int_equal(rc, failed ? OPP_E_MEMORY : OPP_OK);
        assert_int_equal(journey.json->refcount, 1);
        failures++;
    }
    assert_true(failures > 300);
    json_decref(journey.json);
    opp_rows_free(journey.rows);
}

static void memory_that_runs_out_anywhere_is_an_error_and_no_leak(void **state)
{
    (void)state;
    fail_each_allocation(true);
}

static void one_allocation_that_fails_is_an_error_or_made_good(void **state)
{
    (void)state;
    fail_each_allocation(false);
}

static void every_cap_from_nothing_on_ends_in_an_error_or_an_answer(void **state)
{
    int answered = 0;

    (void)state;
    for (size_t cap = 1000; cap < 120000; cap += 997) {
        struct opp_script_limits limits = OPP_SCRIPT_LIMITS_DEFAULT;
        struct opp_script *script = NULL;
        enum opp_code rc;

        limits.live_bytes = cap;
        limits.cpu_ms = 1000;
        rc = opp_script_new(&limits, &script, NULL);
        if (rc == OPP_OK)
            rc = opp_sandbox_open(script, NULL);
        if (rc == OPP_OK)
            rc = opp_sandbox_seal(script, NULL);
        if (rc == OPP_OK)
            rc = kit_run(script, "local t = {} for i = 1, 500 do t[i] = { i } end return #t", NULL);
        assert_true(rc == OPP_OK || rc == OPP_E_LIMIT);
        answered += rc == OPP_OK;
        opp_script_free(script);
    }
    assert_in_range(answered, 1, 110);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_hostile_script_is_ended_in_time),
        cmocka_unit_test(no_hostile_script_can_swallow_its_trip),
        cmocka_unit_test(a_trip_stays_after_the_next_begin),
        cmocka_unit_test(an_honest_script_ends_within_its_instructions),
        cmocka_unit_test(cpu_time_ends_a_script_that_has_instructions_left),
        cmocka_unit_test(a_refill_gives_instructions_back),
        cmocka_unit_test(memory_that_runs_out_anywhere_is_an_error_and_no_leak),
        cmocka_unit_test(one_allocation_that_fails_is_an_error_or_made_good),
        cmocka_unit_test(every_cap_from_nothing_on_ends_in_an_error_or_an_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
