/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "policy/kit.h"

#include "base/file.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIR OPP_SOURCE_DIR "/tests/escape"
#ifdef __SANITIZE_ADDRESS__
#define CPU_MS_MAX 250
#elif defined(__SANITIZE_THREAD__) || defined(OPP_COVERAGE)
#define CPU_MS_MAX 250
#else
#define CPU_MS_MAX 25
#endif

static int64_t cpu_ms(void)
{
    return opp_thread_cpu_ns() / 1000000;
}

static void expected_of(const char *text, char expected[16])
{
    const char *at = strstr(text, "-- outcome: ");

    assert_non_null(at);
    assert_int_equal(sscanf(at, "-- outcome: %15[a-z]", expected), 1);
}

/* What one decision by the engine comes to, and how long it took. */
static const char *outcome_of(struct opp_policy_engine *engine, int64_t *took_ms)
{
    struct opp_policy_decision decision = { 0 };
    int64_t start = cpu_ms();
    const char *outcome;

    kit_decide(engine, NULL, &decision);
    *took_ms = cpu_ms() - start;
    outcome = decision.failed ? "failed" : opp_outcome_name(decision.outcome);
    if (decision.failed) {
        assert_int_equal(decision.outcome, OPP_OUTCOME_DENY);
        assert_string_equal(decision.reason, "A policy rule failed.");
        assert_null(strstr(decision.error.message, "0x"));
    }
    opp_policy_decision_clear(&decision);
    return outcome;
}

static const char *try_rules(const char *text, int64_t *took_ms)
{
    struct opp_policy_bundle *bundle = NULL;
    struct opp_policy_engine *engine = NULL;
    const char *outcome;
    int64_t start = cpu_ms(), again_ms;

    if (opp_policy_bundle_new(kit_sources("p/10.lua", text, NULL), &kit_tools, &bundle, NULL, NULL) != OPP_OK) {
        *took_ms = cpu_ms() - start;
        return "refused";
    }
    assert_int_equal(opp_policy_engine_new(bundle, &engine, NULL), OPP_OK);
    outcome = outcome_of(engine, took_ms);
    for (int i = 0; i < 2; i++) { /* the least counts: a host that takes the processor away counts it as the thread's */
        assert_string_equal(outcome_of(engine, &again_ms), outcome);
        *took_ms = again_ms < *took_ms ? again_ms : *took_ms;
    }
    opp_policy_engine_free(engine);
    opp_policy_bundle_unref(bundle);
    return outcome;
}

static void every_trick_has_the_outcome_it_must_have(void **state)
{
    char **names = NULL, path[300], expected[16];
    size_t count = 0, wrong = 0;

    (void)state;
    assert_int_equal(opp_file_list(DIR, ".lua", &names, NULL), OPP_OK);
    for (; names[count] != NULL; count++) {
        char *text = NULL;
        size_t length = 0;
        int64_t took_ms = 0;
        const char *outcome;

        snprintf(path, sizeof path, DIR "/%s", names[count]);
        assert_int_equal(opp_file_read(path, OPP_POLICY_FILE_MAX_BYTES, &text, &length, NULL), OPP_OK);
        expected_of(text, expected);
        outcome = try_rules(text, &took_ms);
        if (strcmp(outcome, expected) != 0 || took_ms > CPU_MS_MAX) {
            print_error("%s: %s after %d ms, expected %s\n", names[count], outcome, (int)took_ms, expected);
            wrong++;
        }
        free(text);
    }
    opp_names_free(names);
    assert_int_equal(wrong, 0);
    assert_true(count >= 100);
}

static size_t held_bytes(void)
{
    return mallinfo2().uordblks;
}

static void try_all(void)
{
    char **names = NULL, path[300];

    assert_int_equal(opp_file_list(DIR, ".lua", &names, NULL), OPP_OK);
    for (size_t i = 0; names[i] != NULL; i++) {
        char *text = NULL;
        size_t length = 0;
        int64_t took_ms = 0;

        snprintf(path, sizeof path, DIR "/%s", names[i]);
        assert_int_equal(opp_file_read(path, OPP_POLICY_FILE_MAX_BYTES, &text, &length, NULL), OPP_OK);
        try_rules(text, &took_ms);
        free(text);
    }
    opp_names_free(names);
}

/* From the second time on, when what is allocated once for all is there; what malloc keeps in hand of each thread
 * counts as held. A sanitizer's allocator says 0, and finds leaks. */
static void the_memory_that_tricks_take_comes_back(void **state)
{
    size_t before;

    (void)state;
    try_all();
    before = held_bytes();
    for (int i = 0; i < 3; i++)
        try_all();
    assert_true(held_bytes() <= before + 65536);
}

static void bytecode_is_refused(void **state)
{
    char text[] = "\x1bLua\x54";
    struct opp_policy_bundle *bundle = NULL;
    struct opp_err err = { 0 };

    (void)state;
    assert_int_equal(opp_policy_bundle_new(kit_sources("p/10.lua", text, NULL), &kit_tools, &bundle, NULL, &err),
                     OPP_E_CONFIG);
    assert_string_equal(err.message, "this is bytecode; only text is loaded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_trick_has_the_outcome_it_must_have),
        cmocka_unit_test(the_memory_that_tricks_take_comes_back),
        cmocka_unit_test(bytecode_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
