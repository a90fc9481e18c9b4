/* SPDX-License-Identifier: MIT */
#include "policy/kit.h"

#include "script/starving.h"

#include <stdlib.h>

static const char rules[] =
    "local lib = require 'lib.a'\n"
    "return { { name = 'denies', tools = { 'thing.*' }, decide = function(request)\n"
    "  return deny('no ' .. request.app.id, { tag = lib.tag }) end },\n"
    "{ name = 'obliges', tools = { '*' }, decide = function(request)\n"
    "  return allow { redact = { 'a', 'b' }, limit = { count = 1, per = 60, tools = { 'thing.*' } } } end,\n"
    "  window = function() return daily { from = '09:00', to = '10:00', tz = 'UTC' } end,\n"
    "  witness = function(_, state) return { amount = state.amount, tables = { {}, { 1 } } } end,\n"
    "  tests = { { given = { state = { amount = 1 } }, expect = { 'allow', window = 'closed' } } } } }";

/* jansson's own allocations are in a library that --wrap does not reach. */
static void *json_malloc(size_t size)
{
    return malloc(size);
}

static enum opp_code load(struct opp_policy_bundle **out)
{
    return opp_policy_bundle_new(kit_sources("p/10.lua", rules, "p/lib/a.lua", "return { tag = 't' }", NULL),
                                 &kit_tools, out, NULL, NULL);
}

/* kit_sources is not to starve: only what is tested is. */
static enum opp_code load_starving(int nth, bool all, struct opp_policy_bundle **out)
{
    struct opp_policy_sources *sources = kit_sources("p/10.lua", rules, "p/lib/a.lua", "return { tag = 't' }", NULL);

    starving_set(nth, all);
    return opp_policy_bundle_new(sources, &kit_tools, out, NULL, NULL);
}

static void a_load_that_starves_gives_nothing_or_all(bool all)
{
    bool failed = true;

    for (int nth = 1; failed; nth += getenv("OPP_LONG") != NULL ? 1 : 1 + nth / 200) {
        struct opp_policy_bundle *bundle = NULL;
        enum opp_code rc = load_starving(nth, all, &bundle);

        failed = starving_happened();
        starving_set(0, false);
        assert_true((rc == OPP_OK) == (bundle != NULL));
        if (!failed)
            assert_int_equal(rc, OPP_OK);
        opp_policy_bundle_unref(bundle);
    }
}

static void loading_without_memory_is_refused(void **state)
{
    (void)state;
    a_load_that_starves_gives_nothing_or_all(false);
    a_load_that_starves_gives_nothing_or_all(true);
}

/* Says whether an allocation failed. */
static bool decide_starving(struct opp_policy_engine *engine, int nth, bool all)
{
    struct opp_policy_request request = { .phase = OPP_PHASE_ACTION, .tool = "thing.make", .now_s = KIT_NOW };
    struct opp_policy_decision decision;
    bool starved;

    request.request = kit_request(OPP_PHASE_ACTION, NULL);
    starving_set(nth, all);
    opp_policy_decide(engine, &request, &decision);
    starved = starving_happened();
    starving_set(0, false);
    assert_int_equal(decision.outcome, OPP_OUTCOME_DENY);
    if (!starved)
        assert_string_equal(decision.reason, "no app_1");
    opp_policy_decision_clear(&decision);
    json_decref(request.request);
    return starved;
}

static bool witness_starving(struct opp_policy_engine *engine, int nth, bool all)
{
    json_t *facts = NULL, *told = json_pack("{s:i}", "amount", 5);
    enum opp_code rc;
    bool starved;

    starving_set(nth, all);
    rc = opp_policy_witness(engine, "thing.make", told, told, &facts, NULL);
    starved = starving_happened();
    starving_set(0, false);
    assert_true((rc == OPP_OK) == (facts != NULL));
    assert_true(rc == OPP_OK || starved);
    if (rc == OPP_OK)
        assert_int_equal(json_object_size(json_object_get(facts, "obliges")), 2);
    json_decref(facts);
    json_decref(told);
    return starved;
}

static void asks_starving(bool (*ask)(struct opp_policy_engine *engine, int nth, bool all), bool all)
{
    struct opp_policy_bundle *bundle = NULL;
    bool starved = true;

    assert_int_equal(load(&bundle), OPP_OK);
    for (int nth = 1; starved; nth++) {
        struct opp_policy_engine *engine = NULL;

        assert_int_equal(opp_policy_engine_new(bundle, &engine, NULL), OPP_OK);
        starved = ask(engine, nth, all);
        assert_false(ask(engine, 0, false)); /* whole again: renewed by itself if it tripped */
        opp_policy_engine_free(engine);
    }
    opp_policy_bundle_unref(bundle);
}

static void deciding_without_memory_denies(void **state)
{
    (void)state;
    asks_starving(decide_starving, false);
    asks_starving(decide_starving, true);
}

static void a_witness_without_memory_is_refused(void **state)
{
    (void)state;
    asks_starving(witness_starving, false);
    asks_starving(witness_starving, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loading_without_memory_is_refused),
        cmocka_unit_test(deciding_without_memory_denies),
        cmocka_unit_test(a_witness_without_memory_is_refused),
    };

    json_set_alloc_funcs(json_malloc, free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
