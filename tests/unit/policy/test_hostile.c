/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "policy/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))
/* Sanitizers make the same work many times slower; what is measured is then only that it ends. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(OPP_COVERAGE)
#define CPU_MS_MAX 250
#else
#define CPU_MS_MAX 25
#endif
/* A host that takes a processor away counts it as the thread's time: what is over is measured again. */
#define TRIES 3
#define BUDGET_MS 10 /* of CPU time, of a decision */

/* What uses up a budget: instructions, CPU time, memory, pattern steps. */
static const char *const spenders[] = {
    "while true do end",
    "for i = 1, math.huge do end",
    "repeat until false",
    "local function f() return f() end f()",
    "local function f() f() end while true do pcall(f) end",
    "local t = {} for i = 1, 1e9 do t[i] = i end",
    "local t = {} while true do t[#t + 1] = ('x'):rep(100000) end",
    "local s = 'x' while true do s = s .. s end",
    "local s = ('a'):rep(400) while true do s:find(('.-'):rep(20) .. 'b') end",
    "local s = ('a'):rep(200000) while true do local b = s < s .. 'a' end",
    "while true do string.rep('x', 200000) end",
    "local t = {} for i = 1, 8000 do t[i] = i end while true do table.sort(t, math.max) end",
};

/* What catches the error; %s is the spender. */
static const char *const swallowers[] = {
    "pcall(function() %s end)",
    "pcall(pcall, function() %s end)",
    "pcall(function() pcall(function() %s end) end)",
    "for i = 1, 3 do pcall(function() %s end) end",
    "local ok, e = pcall(function() %s end) pcall(error, e)",
    "pcall(function() local ok = pcall(function() %s end) if not ok then error('mine') end end)",
    "local function again() return pcall(function() %s end) end pcall(again) pcall(again)",
    "pcall(table.sort, { 2, 1, 3 }, function() %s end)",
    "pcall(string.gsub, 'aa', 'a', function() %s end)",
    "for _ in function(_, i) if not i then pcall(function() %s end) return 1 end end do end",
};

/* What then says that all is well; the last ones say it in the first answer's place. */
static const char *const allowers[] = {
    "return allow()",
    "return allow{ approvals = 1 }",
    "return nil",
    "return",
    "do return allow() end",
    "goto out ::out:: return allow()",
    "local ok, a = pcall(allow) return a",
    "for _ = 1, 2 do return allow{} end",
    "return (select(2, pcall(allow)))",
};

static double cpu_ms(void)
{
    return (double)opp_thread_cpu_ns() / 1e6;
}

/* Gives what it took, in ms. */
static double must_deny(const char *rules)
{
    struct opp_policy_engine *engine = kit_engine(rules);
    struct opp_policy_decision decision = { 0 };
    double began = cpu_ms(), took;

    kit_decide(engine, NULL, &decision);
    took = cpu_ms() - began;
    if (!decision.failed || decision.outcome != OPP_OUTCOME_DENY)
        fail_msg("%s: %s", opp_outcome_name(decision.outcome), rules);
    assert_true(opp_policy_engine_stale(engine));
    opp_policy_decision_clear(&decision);
    opp_policy_engine_free(engine);
    return took;
}

static void must_deny_in_time(const char *rules)
{
    double took = must_deny(rules);

    for (int tries = 1; took > CPU_MS_MAX && tries < TRIES; tries++)
        took = must_deny(rules);
    if (took > CPU_MS_MAX)
        fail_msg("took %.1f ms: %s", took, rules);
}

static void join(char *text, size_t size, const char *swallower, const char *spender, const char *allower)
{
    const char *hole = strstr(swallower, "%s");

    snprintf(text, size, "return { { name = 'r', tools = { '*' }, decide = function() %.*s%s%s %s end } }",
             (int)(hole - swallower), swallower, spender, hole + 2, allower);
}

static void a_thousand_scripts_that_swallow_their_trip_and_allow_are_denied(void **state)
{
    char rules[1024];
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(spenders); i++)
        for (size_t j = 0; j < COUNT(swallowers); j++)
            for (size_t k = 0; k < COUNT(allowers); k++, count++) {
                join(rules, sizeof rules, swallowers[j], spenders[i], allowers[k]);
                must_deny_in_time(rules);
            }
    assert_true(count >= 1000);
}

/* What operators write to look at a text. */
static const char *const honest_patterns[] = {
    "^%s*(.-)%s*$",
    "^(.-)%s*$",
    "(.-)@(.-)%.(.-)$",
    "^[%w._-]+@[%w.-]+%.%a+$",
    "^(.*)%-(.*)%-(.*)$",
    "%f[%a]%a+%f[%A]",
    "(%a+)%s+(%a+)%s+(%a+)$",
    "%b()",
    ".*[Ii]nvoice.*%d+.*",
    "^%d+%.%d+%.%d+$",
    "(%w+)=(%w+)",
    "[^,]*,[^,]*,[^,]*;",
    ".-.-.-x",
    "%s+$",
    "^(%a*)(%a*)(%a*)(%a*)!$",
};

/* What an agent sends to hurt them. */
static const char *const units[] = { "a", " ", "(", "a-", "a@", "a.", "a ", "1.", ",", "invoice 1 " };

static char *worst_case(const char *unit)
{
    size_t length = 65536 - 16, width = strlen(unit);
    char *text = malloc(length + 2);

    assert_non_null(text);
    for (size_t i = 0; i < length; i++)
        text[i] = unit[i % width];
    memcpy(text + length, "$", 2);
    return text;
}

static struct opp_policy_engine *engine_of_pattern(const char *pattern)
{
    char rules[512];

    snprintf(rules, sizeof rules,
             "return { { name = 'r', tools = { '*' }, decide = function(request)\n"
             "if request.payload.text:find('%s') then return draft('found') end return deny('not found') end } }",
             pattern);
    return kit_engine(rules);
}

/* The answer is what the pattern says, or none: a deny that counts as failed. */
static bool try_payload(struct opp_policy_engine *engine, const char *text, double *took)
{
    struct opp_policy_request request = { .phase = OPP_PHASE_ACTION,
                                          .tool = "thing.make",
                                          .request = kit_request(OPP_PHASE_ACTION, NULL),
                                          .now_s = KIT_NOW };
    struct opp_policy_decision decision;
    double began;
    bool failed;

    json_object_set_new(request.request, "payload", json_pack("{s:s}", "text", text));
    began = cpu_ms();
    opp_policy_decide(engine, &request, &decision);
    *took = cpu_ms() - began;
    failed = decision.failed;
    assert_true(decision.outcome ==
                (failed || strcmp(decision.reason, "found") != 0 ? OPP_OUTCOME_DENY : OPP_OUTCOME_DRAFT));
    opp_policy_decision_clear(&decision);
    json_decref(request.request);
    return failed;
}

/* Whether it was too much for the budget, which is never exceeded. */
static bool is_worst_case(struct opp_policy_engine *engine, const char *text)
{
    double took;
    bool failed = try_payload(engine, text, &took);

    for (int tries = 1; took > CPU_MS_MAX && tries < TRIES; tries++)
        failed = try_payload(engine, text, &took);
    assert_true(took <= CPU_MS_MAX);
    return failed;
}

/* At once, unless what the host took was counted against it. */
static bool is_answered(struct opp_policy_engine *engine, const char *text)
{
    double took;
    bool failed = try_payload(engine, text, &took);

    for (int tries = 1; failed && took >= BUDGET_MS && tries < TRIES; tries++)
        failed = try_payload(engine, text, &took);
    return !failed;
}

static void a_payload_cannot_drive_an_honest_pattern_beyond_its_budget(void **state)
{
    int failed = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(honest_patterns); i++) {
        struct opp_policy_engine *engine = engine_of_pattern(honest_patterns[i]);

        for (size_t j = 0; j < COUNT(units); j++) {
            char *text = worst_case(units[j]);

            failed += is_worst_case(engine, text);
            assert_true(is_answered(engine, "short")); /* the state is good again */
            free(text);
        }
        opp_policy_engine_free(engine);
    }
    assert_in_range(failed, 20, 140); /* some were the worst case, and some patterns are harmless */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_scripts_that_swallow_their_trip_and_allow_are_denied),
        cmocka_unit_test(a_payload_cannot_drive_an_honest_pattern_beyond_its_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
