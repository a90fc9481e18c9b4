/* SPDX-License-Identifier: MIT */
#include "core/recent.h"

#include "base/json.h"
#include "core/gateway.h"
#include "core/intent.h"
#include "core/rules.h"
#include "policy/glob.h"
#include "store/store.h"
#include "store/tx.h"

#include <string.h>

/* What is counted: the executions that began after a time, of tools that match, by the same subject. */
struct counting {
    const char *app_id, *key_id, *actor_user_id; /* NULL: any */
    const char *glob;                            /* NULL: any tool, unless globs says which */
    const json_t *globs;
    int64_t after_ms, before_ms, most, count; /* before_ms, most 0: none */
};

static bool tool_matches(const struct counting *counting, const char *action)
{
    size_t index;
    json_t *glob;

    if (counting->globs == NULL)
        return counting->glob == NULL || opp_glob(counting->glob, action);
    json_array_foreach(counting->globs, index, glob)
    {
        if (opp_glob(json_string_value(glob), action))
            return true;
    }
    return false;
}

static bool same(const char *wanted, const char *found)
{
    return wanted == NULL || strcmp(wanted, found) == 0;
}

static enum opp_code count_one(void *arg, void *record, struct opp_err *err)
{
    struct counting *counting = arg;
    const struct opp_execution *execution = record;
    bool counts = strcmp(execution->status, "failed") != 0 && tool_matches(counting, execution->action) &&
                  same(counting->key_id, execution->key_id) && same(counting->actor_user_id, execution->actor_user_id);

    (void)err;
    counting->count += counts ? 1 : 0;
    opp_record_free(&OPP_EXECUTION_HEAD, record);
    return counting->most != 0 && counting->count >= counting->most ? OPP_E_LIMIT : OPP_OK;
}

static enum opp_code count_all(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct counting *counting = arg;
    struct opp_query query = { .record = &OPP_EXECUTION_HEAD };

    opp_query_text(&query, "app_id", OPP_EQUAL, counting->app_id);
    opp_query_number(&query, "created_at", OPP_ABOVE, counting->after_ms);
    if (counting->before_ms != 0)
        opp_query_number(&query, "created_at", OPP_BELOW, counting->before_ms);
    return opp_tx_each(tx, &query, count_one, counting, err);
}

int64_t opp_recent_count(void *arg, const char *tool, int64_t seconds)
{
    struct opp_call *call = arg;
    const struct opp_intent *intent = call->state;
    struct counting counting = { .app_id = intent->app->record->id,
                                 .glob = tool,
                                 .after_ms = opp_call_now_ms(call) - seconds * 1000 };

    return opp_session_now(call->worker->session, count_all, &counting, NULL) == OPP_OK ? counting.count : -1;
}

int64_t opp_recent_as_of(struct opp_session *session, const char *app_id, int64_t at_ms, const char *tool,
                         int64_t seconds)
{
    struct counting counting = {
        .app_id = app_id, .glob = tool, .after_ms = at_ms - seconds * 1000, .before_ms = at_ms
    };

    return opp_session_now(session, count_all, &counting, NULL) == OPP_OK ? counting.count : -1;
}

/* By tool, everybody's executions of its tools count; by actor, those of all apps that act for the same one. */
static enum opp_code check_limit(struct opp_tx *tx, const json_t *limit, const struct opp_draft *draft, int64_t now_ms,
                                 struct opp_err *err)
{
    const char *by = opp_json_text(limit, "by");
    bool one_app = strcmp(by, "app") == 0 || strcmp(by, "key") == 0;
    struct counting counting = { .app_id = one_app ? draft->app_id : NULL,
                                 .key_id = strcmp(by, "key") == 0 ? draft->key_id : NULL,
                                 .actor_user_id = strcmp(by, "actor") == 0 ? draft->actor_user_id : NULL,
                                 .globs = json_object_get(limit, "tools"),
                                 .most = json_integer_value(json_object_get(limit, "count")) };
    int64_t per_s = json_integer_value(json_object_get(limit, "per"));
    enum opp_code rc;

    if (counting.most == 0)
        return opp_fail_at(err, OPP_E_LIMIT, "limit", "the rule's limit is used up");
    counting.after_ms = now_ms - per_s * 1000;
    rc = count_all(tx, &counting, err);
    if (rc == OPP_E_LIMIT)
        return opp_fail_at(err, OPP_E_LIMIT, "limit", "the rule's limit is used up");
    return rc;
}

enum opp_code opp_rules_limits(struct opp_tx *tx, const struct opp_policy_decision *ruling,
                               const struct opp_draft *draft, int64_t now_ms, const json_t **used_up,
                               struct opp_err *err)
{
    size_t index;
    json_t *limit;
    enum opp_code rc = OPP_OK;

    json_array_foreach(ruling->limits, index, limit)
    {
        rc = check_limit(tx, limit, draft, now_ms, err);
        if (rc == OPP_E_LIMIT && used_up != NULL)
            *used_up = limit;
        if (rc != OPP_OK)
            break;
    }
    return rc;
}
