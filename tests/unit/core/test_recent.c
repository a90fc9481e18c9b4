/* SPDX-License-Identifier: MIT */
#include "core/rules.h"

#include "policy/decision.h"
#include "store/store_kit.h"
#include "store/tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>

#define NOW_MS INT64_C(1790000000000)
#define STEPS 5000 /* of the database; some fifty are enough for what is looked for */

static struct kit kit;

/* Executions of one app, a second apart, the newest of them now. */
static void add_executions(int count, const char *result)
{
    char sql[1024];

    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d)"
             " INSERT INTO executions(id, draft_id, app_id, key_id, actor_user_id, action, effect_id, status, result,"
             " created_at, finished_at) SELECT 'exe_' || i, 'drf_' || i, 'app_1', 'key_1', 'user_1', 'thing.make',"
             " 'eff_' || i, 'success', '%s', %lld - i * 1000, 0 FROM n",
             count, result, (long long)NOW_MS);
    kit_sql(&kit, OPP_STORE_FILE, sql);
}

struct asking {
    const char *by;
    int64_t count;
};

/* Whether another may begin where so many may within ten seconds. */
static enum opp_code ask(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    const struct asking *asking = arg;
    char app[] = "app_1", key[] = "key_1", actor[] = "user_1";
    struct opp_draft draft = { .app_id = app, .key_id = key, .actor_user_id = actor };
    struct opp_policy_decision ruling = { .limits =
                                              json_pack("[{s:s, s:[s], s:I, s:i}]", "by", asking->by, "tools",
                                                        "thing.*", "count", (json_int_t)asking->count, "per", 10) };
    enum opp_code rc;

    opp_tx_steps(tx, STEPS);
    rc = opp_rules_limits(tx, &ruling, &draft, NOW_MS, NULL, err);
    opp_tx_steps(tx, 0);
    json_decref(ruling.limits);
    return rc;
}

static void assert_limits(const char *by)
{
    struct asking room = { by, 11 }, none = { by, 10 };

    assert_int_equal(opp_store_now(kit.store, ask, &room, NULL), OPP_OK);
    assert_int_equal(opp_store_now(kit.store, ask, &none, NULL), OPP_E_LIMIT);
}

static void a_limit_looks_at_its_own_time_however_much_was_before(void **state)
{
    (void)state;
    add_executions(20000, "{}");
    assert_limits("app");
    assert_limits("key");
    assert_limits("actor");
    assert_limits("tool");
}

static void what_is_damaged_in_a_result_is_counted_all_the_same(void **state)
{
    (void)state;
    add_executions(20, "{");
    assert_limits("app");
    assert_limits("tool");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kit_test(a_limit_looks_at_its_own_time_however_much_was_before, &kit),
        kit_test(what_is_damaged_in_a_result_is_counted_all_the_same, &kit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
