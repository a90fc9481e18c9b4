/* SPDX-License-Identifier: MIT
 *
 * decide_time POLICIES PROFILE - prints how long a decision takes, as one JSON object: {profile, decisions, p50_us,
 * p99_us, max_us, renew_us}. The states are renewed between decisions, as a worker does it.
 */
#include "base/clock.h"
#include "policy/engine.h"

#include <stdio.h>
#include <stdlib.h>

#define DECISIONS 200000

static const struct opp_policy_tool tools[] = { { "transaction.delete", "action", "high", NULL, NULL } };
static int64_t times_ns[DECISIONS];

static int by_time(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

static json_t *make_request(void)
{
    return json_loads("{\"phase\":\"action\",\"tool\":{\"name\":\"transaction.delete\",\"kind\":\"action\",\"risk\":"
                      "\"high\",\"scopes\":[]},\"app\":{\"id\":\"a\",\"name\":\"n\",\"scope\":\"org\",\"org_id\":\"o\","
                      "\"scopes\":[],\"policy\":{}},\"key\":{\"id\":\"k\",\"name\":\"n\"},\"actor\":{},\"ip\":"
                      "\"127.0.0.1\",\"now\":1772798400,\"payload\":{\"transactionId\":\"t\"},\"resources\":[],"
                      "\"impact\":{\"summary\":\"s\"},\"state\":{\"id\":\"t\"},\"justification\":\"j\",\"execute\":"
                      "true}",
                      0, NULL);
}

static int64_t renew(struct opp_policy_engine *engine)
{
    int64_t start = opp_monotonic_ns();

    if (!opp_policy_engine_stale(engine))
        return 0;
    if (opp_policy_engine_renew(engine, NULL) != OPP_OK)
        exit(1);
    return opp_monotonic_ns() - start;
}

static int64_t measure(struct opp_policy_engine *engine)
{
    int64_t renewing = 0;

    for (size_t i = 0; i < DECISIONS; i++) {
        struct opp_policy_request request = {
            .phase = OPP_PHASE_ACTION, .tool = "transaction.delete", .request = make_request(), .now_s = 1772798400
        };
        struct opp_policy_decision decision;
        int64_t start = opp_monotonic_ns(), took;

        opp_policy_decide(engine, &request, &decision);
        times_ns[i] = opp_monotonic_ns() - start;
        if (decision.failed)
            exit(1);
        opp_policy_decision_clear(&decision);
        json_decref(request.request);
        took = renew(engine);
        renewing = took > renewing ? took : renewing;
    }
    return renewing;
}

/* The time, in microseconds, that this many of a hundred decisions did not exceed. */
static double percentile_us(size_t percent)
{
    size_t place = (size_t)DECISIONS / 100 * percent;

    return (double)times_ns[place] / 1000;
}

int main(int argc, char **argv)
{
    const struct opp_policy_tools all = { tools, 1 };
    struct opp_policy_sources *sources = NULL;
    struct opp_policy_bundle *bundle = NULL;
    struct opp_policy_engine *engine = NULL;
    struct opp_err err = { 0 };
    int64_t renewing;

    if (argc != 3 || opp_policy_sources_read(argv[1], argv[2], &sources, &err) != OPP_OK ||
        opp_policy_bundle_new(sources, &all, &bundle, NULL, &err) != OPP_OK ||
        opp_policy_engine_new(bundle, &engine, &err) != OPP_OK) {
        fprintf(stderr, "decide_time: %s: %s\n", err.where, err.message);
        return 1;
    }
    renewing = measure(engine);
    qsort(times_ns, DECISIONS, sizeof *times_ns, by_time);
    printf("{\"profile\":\"%s\",\"decisions\":%d,\"p50_us\":%.2f,\"p99_us\":%.2f,\"max_us\":%.1f,\"renew_us\":%.1f}\n",
           argv[2], DECISIONS, percentile_us(50), percentile_us(99), (double)times_ns[DECISIONS - 1] / 1000,
           (double)renewing / 1000);
    opp_policy_engine_free(engine);
    opp_policy_bundle_unref(bundle);
    return 0;
}
