/* SPDX-License-Identifier: MIT */
#include "core/generation.h"

#include "adapter/adapter.h"
#include "adapter/sources.h"
#include "base/loop.h"
#include "policy/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

static const struct opp_policy_tool tool = { "thing.make", "action", "medium", NULL, NULL };
static const struct opp_policy_tools tools = { &tool, 1 };

/* One worker's generation of rules that answer once and then for ever try to remember it, which ends their state. */
static struct opp_generation *make_generation(void)
{
    struct opp_policy_sources *sources = NULL;
    struct opp_adapter_sources *files = NULL;
    struct opp_loaded loaded = { 0 };
    struct opp_generation *generation = NULL;
    json_t *value = json_pack("{s:s, s:[{s:s, s:s}, {s:s, s:s}]}", "profile", "p", "files", "name", "p/profile.lua",
                              "text", "return { description = 'd' }", "name", "p/10.lua", "text",
                              "local n = 0 return { { name = 'r', tools = { '*' }, decide = function() n = n + 1 "
                              "return allow() end } }");

    assert_int_equal(opp_policy_sources_from_json(value, &sources, NULL), OPP_OK);
    assert_int_equal(opp_policy_bundle_new(sources, &tools, &loaded.bundle, NULL, NULL), OPP_OK);
    json_decref(value);
    value = json_array();
    assert_int_equal(opp_adapter_sources_from_json(value, &files, NULL), OPP_OK);
    assert_int_equal(opp_adapters_new(files, NULL, &loaded.adapters, NULL, NULL), OPP_OK);
    opp_adapter_sources_unref(files);
    json_decref(value);
    assert_int_equal(opp_generation_new(&loaded, 1, 1, &generation, NULL), OPP_OK);
    return generation;
}

static void wear_out(struct opp_generation *generation)
{
    struct opp_policy_request request = { .phase = OPP_PHASE_ACTION,
                                          .tool = "thing.make",
                                          .request = json_pack("{s:s}", "phase", "action") };
    struct opp_policy_decision decision = { 0 };

    opp_policy_decide(opp_generation_engine(generation, 0), &request, &decision);
    assert_true(decision.failed);
    opp_policy_decision_clear(&decision);
    json_decref(request.request);
}

/* What a call does: it pins, is judged, is answered. */
static void run_call(struct opp_generation_slot *slot, struct opp_loop *loop)
{
    struct opp_generation *generation = opp_generation_pin(slot);

    wear_out(generation);
    opp_generation_done(generation, 0, loop);
}

static void put_in_force(struct opp_generation_slot *slot, struct opp_generation *generation)
{
    assert_true(opp_generation_begin(slot) != 0);
    opp_generation_prepare(slot, generation, NULL);
    opp_generation_ready(slot);
    opp_generation_commit(slot);
}

static void stop(void *arg)
{
    opp_loop_stop(arg);
}

static void run_once(struct opp_loop *loop)
{
    struct opp_timer *timer = opp_timer_start(loop, 1, stop, loop);

    assert_non_null(timer);
    assert_int_equal(opp_loop_run(loop, NULL), OPP_OK);
}

static void a_state_is_renewed_when_the_reply_was_sent_and_not_before(void **state)
{
    struct opp_generation_slot *slot = NULL;
    struct opp_loop *loop = NULL;
    struct opp_generation *generation = make_generation();
    struct opp_policy_engine *engine = opp_generation_engine(generation, 0);

    (void)state;
    assert_int_equal(opp_generation_slot_new(&slot, NULL), OPP_OK);
    assert_int_equal(opp_loop_new(&loop, NULL), OPP_OK);
    put_in_force(slot, generation);
    run_call(slot, loop);
    assert_true(opp_policy_engine_stale(engine));
    run_call(slot, loop); /* a second one before the loop gets to it */
    run_once(loop);
    assert_false(opp_policy_engine_stale(engine));
    opp_generation_done(opp_generation_pin(slot), 0, loop); /* nothing to do: unpins */
    opp_generation_slot_free(slot);
    opp_loop_free(loop);
}

static void a_generation_that_is_replaced_lives_until_its_state_is_renewed(void **state)
{
    struct opp_generation_slot *slot = NULL;
    struct opp_loop *loop = NULL;

    (void)state;
    assert_int_equal(opp_generation_slot_new(&slot, NULL), OPP_OK);
    assert_int_equal(opp_loop_new(&loop, NULL), OPP_OK);
    put_in_force(slot, make_generation());
    run_call(slot, loop);
    put_in_force(slot, make_generation());
    run_call(slot, loop);
    opp_loop_free(loop); /* which ran what waited */
    opp_generation_slot_free(slot);
}

/* Whoever is in force and whoever is pinned lives; the rest is freed. */
static void there_is_room_when_old_ones_have_ended(void **state)
{
    struct opp_generation_slot *slot = NULL;
    struct opp_generation *pinned[OPP_GENERATIONS_MAX];
    uint64_t change;

    (void)state;
    assert_int_equal(opp_generation_slot_new(&slot, NULL), OPP_OK);
    for (size_t i = 0; i < OPP_GENERATIONS_MAX; i++) {
        assert_true(opp_generation_await_room(slot));
        put_in_force(slot, make_generation());
        pinned[i] = opp_generation_pin(slot);
    }
    assert_false(opp_generation_await_room(slot));
    opp_generation_unpin(pinned[OPP_GENERATIONS_MAX - 1]); /* in force still */
    assert_false(opp_generation_await_room(slot));
    opp_generation_unpin(pinned[1]);
    assert_true(opp_generation_await_room(slot));
    for (size_t i = 0; i < OPP_GENERATIONS_MAX * 3; i++) {
        assert_true(opp_generation_await_room(slot));
        put_in_force(slot, make_generation());
    }
    opp_generation_unpin(pinned[0]);
    for (size_t i = 2; i < OPP_GENERATIONS_MAX - 1; i++)
        opp_generation_unpin(pinned[i]);
    change = opp_generation_begin(slot);
    assert_true(change != 0);
    opp_generation_prepare(slot, make_generation(), NULL);
    opp_generation_abandon(slot, change);
    opp_generation_slot_free(slot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_is_renewed_when_the_reply_was_sent_and_not_before),
        cmocka_unit_test(a_generation_that_is_replaced_lives_until_its_state_is_renewed),
        cmocka_unit_test(there_is_room_when_old_ones_have_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
