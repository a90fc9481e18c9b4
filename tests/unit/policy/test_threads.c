/* SPDX-License-Identifier: MIT */
#include "policy/kit.h"

#include <pthread.h>

#define THREADS 4
#define DECISIONS 3000

static void *decide_often(void *arg)
{
    struct opp_policy_bundle *bundle = arg;
    struct opp_policy_engine *engine = NULL;
    struct opp_policy_decision decision = { 0 };
    intptr_t wrong = 0;

    if (opp_policy_engine_new(bundle, &engine, NULL) != OPP_OK)
        return (void *)1;
    opp_policy_bundle_unref(bundle);
    for (int i = 0; i < DECISIONS; i++) {
        kit_decide(engine, NULL, &decision);
        wrong += decision.outcome != OPP_OUTCOME_DRAFT || decision.failed || decision.window_open;
        if (opp_policy_engine_stale(engine))
            wrong += opp_policy_engine_renew(engine, NULL) != OPP_OK;
    }
    opp_policy_decision_clear(&decision);
    opp_policy_engine_free(engine);
    return (void *)wrong;
}

static void engines_of_one_bundle_run_on_many_threads(void **state)
{
    struct opp_policy_bundle *bundle = kit_bundle(
        "return { { name = 'r', tools = { '*' }, decide = function(request)\n"
        "return draft(request.impact.thing.amount .. 'x', { limit = { count = 1, per = 1 }, redact = { 'a' } }) end,\n"
        "window = function() return daily { from = '09:00', to = '10:00', tz = 'Europe/Berlin' } end } }");
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, decide_often, opp_policy_bundle_ref(bundle)), 0);
    opp_policy_bundle_unref(bundle);
    for (int i = 0; i < THREADS; i++) {
        void *wrong = NULL;

        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engines_of_one_bundle_run_on_many_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
