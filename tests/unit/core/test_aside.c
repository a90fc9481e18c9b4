/* SPDX-License-Identifier: MIT */
#include "core/flow_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

static struct flow_kit flow;
static bool no_threads;
static pthread_t loop_thread;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg)
{
    return no_threads ? EAGAIN : __real_pthread_create(thread, attributes, run, arg);
}

static int set_up(void **state)
{
    (void)state;
    loop_thread = pthread_self();
    flow_start(&flow);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_stop(&flow);
    return 0;
}

/* The flow's state: how often it was done by another thread. */
static void count_elsewhere(struct opp_call *call)
{
    *(int *)call->state += pthread_equal(pthread_self(), loop_thread) == 0 ? 1 : 0;
}

static enum opp_step aside(struct opp_call *call)
{
    flow_note(call, "a");
    return opp_flow_aside(call, count_elsewhere);
}

static enum opp_step end(struct opp_call *call)
{
    flow_note(call, pthread_equal(pthread_self(), loop_thread) != 0 ? "e" : "?");
    return opp_call_answer(call, json_pack("{s:i}", "elsewhere", *(int *)call->state));
}

static const opp_step_fn STEPS[] = { aside, aside, end, NULL };
static const struct opp_flow FLOW = { STEPS, sizeof(int), NULL, NULL };

static void what_is_done_aside_is_done_by_another_thread_before_the_next_step(void **state)
{
    (void)state;
    opp_flow_start(flow_call(&flow, NULL), &FLOW);
    assert_string_equal(flow.trace, "a");
    flow_run(&flow);
    assert_string_equal(flow.trace, "aae!");
    assert_int_equal(json_integer_value(json_object_get(flow.answer.data, "elsewhere")), 2);
}

static void where_no_thread_is_to_be_had_the_call_ends(void **state)
{
    (void)state;
    no_threads = true;
    opp_flow_start(flow_call(&flow, NULL), &FLOW);
    no_threads = false;
    assert_string_equal(flow.trace, "a!");
    assert_int_equal(flow.answer.code, OPP_E_UNAVAILABLE);
    assert_int_equal(flow.answer.retry_after_s, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_done_aside_is_done_by_another_thread_before_the_next_step),
        TEST(where_no_thread_is_to_be_had_the_call_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
