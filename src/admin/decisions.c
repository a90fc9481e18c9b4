/* SPDX-License-Identifier: MIT */
#include "admin/decisions.h"

#include "base/date.h"
#include "base/json.h"
#include "core/call.h"
#include "core/gateway.h"
#include "core/manifest_compare.h"
#include "core/page.h"
#include "core/shape.h"
#include "core/staging.h"
#include "store/decisions.h"

#include <stdio.h>
#include <stdlib.h>

/* What one answer looks at, some tens of milliseconds of a worker's time. */
#define STEPS_MAX 100000
#define NEAR_ROWS 10000

struct list {
    struct opp_page page;
};

static enum opp_step read_query(struct opp_call *call)
{
    return opp_call_check_query(call, OPP_SCHEMA_DECISION_LIST);
}

static json_t *parsed(const char *text)
{
    return text != NULL ? json_loads(text, 0, NULL) : json_null();
}

static json_t *shape_decision(void *record, struct opp_tx *tx)
{
    const struct opp_decision *decision = record;
    int64_t tenths = decision->took_ns / 100; /* of a microsecond */

    (void)tx;
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s?, s:s, s:o, s:s, s:I, s:s, s:f, s:I, s:b, s:b, s:o, s:o, s:o, s:o,"
                     " s:o, s:o, s:o}",
                     "number", (json_int_t)decision->number, "request_id", decision->request_id, "tool", decision->tool,
                     "phase", decision->phase, "app_id", decision->app_id, "org_id", decision->org_id, "outcome",
                     decision->outcome, "at", opp_shape_time(decision->at), "profile", decision->profile, "generation",
                     (json_int_t)decision->generation, "sha256", decision->sha256, "took_us", (double)tenths / 10,
                     "sample", (json_int_t)decision->sample, "replayable", (int)decision->replayable, "differs",
                     (int)decision->differs, "request", parsed(decision->request), "core", parsed(decision->core),
                     "recent", parsed(decision->recent), "hashed", parsed(decision->hashed), "ruling",
                     parsed(decision->ruling), "verdict", parsed(decision->verdict), "staged",
                     parsed(decision->staged));
}

/* Times are read out of a decision's number: the list is in its order. */
static void bound(struct opp_query *query, const struct opp_call *call, const char *field, enum opp_compare compare)
{
    const char *text = opp_call_text(call, field);
    int64_t at_ms;

    if (text != NULL && opp_date_parse(text, &at_ms, NULL) == OPP_OK)
        opp_query_number(query, "number", compare, opp_decision_number(at_ms) - (compare == OPP_ABOVE ? 1 : 0));
}

static void add_times(struct opp_query *query, const struct opp_call *call)
{
    bound(query, call, "from", OPP_ABOVE);
    bound(query, call, "to", OPP_BELOW);
}

static void add_filters(struct opp_query *query, const struct opp_call *call)
{
    const json_t *differs = json_object_get(call->input, "differs");

    opp_query_text(query, "request_id", OPP_EQUAL, opp_call_text(call, "requestId"));
    opp_query_text(query, "app_id", OPP_EQUAL, opp_call_text(call, "appId"));
    opp_query_text(query, "tool", OPP_EQUAL, opp_call_text(call, "tool"));
    opp_query_text(query, "phase", OPP_EQUAL, opp_call_text(call, "phase"));
    opp_query_text(query, "outcome", OPP_EQUAL, opp_call_text(call, "outcome"));
    opp_query_list(query, "org_id", call->admin->org_ids);
    if (differs != NULL)
        opp_query_number(query, "differs", OPP_EQUAL, json_is_true(differs) ? 1 : 0);
    add_times(query, call);
}

/* The lowest number that was seen, and how many were. */
struct seen {
    int64_t lowest;
    size_t count;
};

static enum opp_code see(void *arg, void *record, struct opp_err *err)
{
    struct seen *seen = arg;

    (void)err;
    seen->lowest = ((const struct opp_decision *)record)->number;
    seen->count++;
    opp_record_free(&OPP_DECISION_NUMBER, record);
    return OPP_OK;
}

static enum opp_code see_near(struct opp_call *call, struct opp_tx *tx, struct seen *seen, struct opp_err *err)
{
    struct opp_query query = {
        .record = &OPP_DECISION_NUMBER, .order = "number", .descending = true, .limit = NEAR_ROWS
    };
    const char *cursor = opp_call_text(call, "cursor");

    if (cursor != NULL)
        opp_query_number(&query, "number", OPP_BELOW, atoll(cursor));
    add_times(&query, call);
    return opp_tx_each(tx, &query, see, seen, err);
}

/* Only the next so many of the log, of which none may match: then the cursor is all that there is to answer. */
static enum opp_code find_near(struct opp_call *call, struct opp_tx *tx, struct opp_err *err)
{
    struct opp_page *page = &((struct list *)call->state)->page;
    struct opp_query query = { .record = &OPP_DECISION };
    struct seen seen = { .count = 0 };
    enum opp_code rc = see_near(call, tx, &seen, err);
    char lowest[32];

    opp_page_clear(page);
    add_filters(&query, call);
    opp_query_number(&query, "number", OPP_ABOVE, seen.lowest - 1);
    if (rc == OPP_OK)
        rc = opp_page_read(page, call, tx, &query, shape_decision, err);
    if (rc != OPP_OK || page->next != NULL || seen.count < NEAR_ROWS)
        return rc;
    snprintf(lowest, sizeof lowest, "%lld", (long long)seen.lowest);
    return opp_page_cut(page, lowest, err);
}

/* Filters that match much each and little together have no end that a worker could wait for: what was found until then
 * is answered, and the next search goes on there. */
static enum opp_code find_decisions(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_page *page = &((struct list *)call->state)->page;
    struct opp_query query = { .record = &OPP_DECISION };
    enum opp_code rc;

    add_filters(&query, call);
    opp_tx_steps(tx, STEPS_MAX);
    rc = opp_page_read(page, call, tx, &query, shape_decision, err);
    opp_tx_steps(tx, 0);
    if (rc != OPP_E_LIMIT)
        return rc;
    *err = (struct opp_err){ 0 };
    return page->last[0] != '\0' ? opp_page_cut(page, page->last, err) : find_near(call, tx, err);
}

/* With what the log lacks. */
static enum opp_step answer_list(struct opp_call *call)
{
    const struct opp_page *page = &((struct list *)call->state)->page;
    struct opp_staging_counts counts;

    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    opp_staging_count(call->worker->gateway->staging, &counts);
    return opp_call_answer(call, json_pack("{s:O, s:s?, s:I, s:I}", "items", page->items, "nextCursor", page->next,
                                           "skipped", (json_int_t)counts.skipped, "lost", (json_int_t)counts.lost));
}

static enum opp_step find(struct opp_call *call)
{
    struct opp_staging *staging = call->worker->gateway->staging;

    call->op.err = (struct opp_err){ 0 };
    call->op.rc =
        staging != NULL ? opp_staging_read_log(staging, find_decisions, call, &call->op.err) : OPP_E_UNAVAILABLE;
    return answer_list(call);
}

static void dispose_list(void *state)
{
    opp_page_clear(&((struct list *)state)->page);
}

static const opp_step_fn LIST_STEPS[] = { read_query, find, NULL };
const struct opp_flow OPP_FLOW_DECISION_LIST = { LIST_STEPS, sizeof(struct list), dispose_list, NULL };

static enum opp_code add_manifests(struct opp_call *call, struct opp_policy_bundle *staged, json_t *report,
                                   struct opp_err *err)
{
    struct opp_manifest_comparison comparison = { 0 };
    enum opp_code rc = opp_manifest_compare(call, staged, &comparison, err);

    if (rc == OPP_OK && (json_array_extend(json_object_get(report, "differences"), comparison.differences) != 0 ||
                         json_object_set_new(report, "manifests",
                                             json_pack("{s:I, s:I}", "apps", (json_int_t)comparison.apps, "compared",
                                                       (json_int_t)comparison.apps_compared)) != 0))
        rc = OPP_E_MEMORY;
    json_decref(comparison.differences);
    return rc;
}

static enum opp_step report(struct opp_call *call)
{
    struct opp_staging *staging = call->worker->gateway->staging;
    struct opp_policy_bundle *bundle = staging != NULL ? opp_staging_bundle(staging) : NULL;
    struct opp_err err = { 0 };
    json_t *shown = NULL;
    enum opp_code rc = OPP_E_ABSENT;

    if (bundle != NULL)
        rc = opp_staging_report(staging, call->admin->org_ids, &shown, &err);
    if (rc == OPP_OK)
        rc = add_manifests(call, bundle, shown, &err);
    opp_policy_bundle_unref(bundle);
    if (rc == OPP_OK)
        return opp_call_answer(call, shown);
    json_decref(shown);
    if (rc == OPP_E_ABSENT)
        return opp_call_refuse(call, OPP_E_PRECONDITION, "Nothing is staged.",
                               json_pack("{s:s, s:s}", "action", "policy.stage.report", "reason", "nothing_staged"));
    return opp_call_fail(call, rc, &err);
}

static const opp_step_fn REPORT_STEPS[] = { report, NULL };
const struct opp_flow OPP_FLOW_STAGE_REPORT = { REPORT_STEPS, 0, NULL, NULL };
