/* SPDX-License-Identifier: MIT */
#include "adapter/adapter_fixture.h"
#include "base/json.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define THREADS 4
#define ROUNDS 25

static const char tools[] =
    "{ name = 'a.add', kind = 'action', scopes = { 's' }, description = 'D.', load = thing, resources = touched, "
    "execute ="
    " function(call, thing) return sql.effect { database = 'things', { 'UPDATE things SET amount = amount + 1 WHERE id "
    "= "
    ":id RETURNING amount', { id = thing.id }, affects = 1, as = 'row' }, result = { amount = from.row.amount } } end "
    "},"
    "{ name = 'a.get', kind = 'read', scopes = { 's' }, description = 'D.', http = { method = 'GET', path = '/b' }, "
    "read ="
    " function(call) return { amount = call.sql('things'):value(\"SELECT amount FROM things WHERE id = 't1'\") } end }";

struct worker {
    struct fixture f; /* shares the adapters; has a loop and a session */
    pthread_t thread;
    int number, applied, stale, wrong;
};

/* Adds one, again as often as another was faster. */
static void add_one(struct worker *worker, const char *effect_id)
{
    enum opp_code rc = OPP_E_STALE;

    while (rc == OPP_E_STALE) {
        struct opp_tool_call call = fixture_call(&worker->f, "a.add", "{\"id\":\"t1\"}");
        json_t *result = NULL;

        rc = fixture_apply(&worker->f, &call, effect_id, &result);
        worker->applied += rc == OPP_OK;
        worker->stale += rc == OPP_E_STALE;
        worker->wrong += rc != OPP_OK && rc != OPP_E_STALE;
        json_decref(result);
        fixture_call_free(&call);
    }
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    char effect_id[32];

    for (int round = 0; round < ROUNDS; round++) {
        snprintf(effect_id, sizeof effect_id, "eff_%d_%d", worker->number, round);
        add_one(worker, effect_id);
        snprintf(effect_id, sizeof effect_id, "eff_shared_%d", round);
        add_one(worker, effect_id);
    }
    return NULL;
}

static void effects_of_many_sessions_are_each_applied_once(void **state)
{
    struct worker workers[THREADS] = { 0 };
    struct fixture f;
    char answer[64];

    (void)state;
    fixture_begin(&f);
    fixture_open_with(&f, tools);
    for (int i = 0; i < THREADS; i++) {
        workers[i].number = i;
        workers[i].f.adapters = f.adapters;
        assert_int_equal(opp_loop_new(&workers[i].f.loop, NULL), OPP_OK);
        assert_int_equal(opp_adapter_session_open(f.adapters, &workers[i].f.session, NULL), OPP_OK);
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].applied, 2 * ROUNDS);
        assert_int_equal(workers[i].wrong, 0);
        opp_adapter_session_close(workers[i].f.session);
        opp_loop_free(workers[i].f.loop);
    }
    snprintf(answer, sizeof answer, "{\"amount\":%d}", 1 + THREADS * ROUNDS + ROUNDS);
    fixture_reads(&f, "a.get", "{}", answer);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(effects_of_many_sessions_are_each_applied_once) };

    return cmocka_run_group_tests_name("adapters and threads", tests, NULL, NULL);
}
