/* SPDX-License-Identifier: MIT */
#include "core/replay.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/json_cache.h"
#include "core/blame.h"
#include "core/rejudge.h"
#include "core/ruling.h"
#include "core/tally.h"
#include "policy/engine.h"
#include "store/decisions.h"
#include "store/records.h"
#include "store/tx.h"

#include <stdio.h>
#include <string.h>

/* Decisions that one transaction reads: an older view of the log would keep it from shrinking, and who cancels waits
 * for the step. Slow rules take smaller steps. */
#define STEP_FIRST 16
#define STEP_MAX 256
#define STEP_MAX_MS 100

struct replaying {
    const struct opp_replay *replay;
    struct opp_replay_progress *progress;
    struct opp_session *log;
    struct opp_policy_engine *engine;
    struct opp_tally *tally;
    struct opp_json_cache *cache;
    int64_t after;    /* the number of the last decision that was looked at */
    int64_t since_ms; /* that the report is about */
    long long step;   /* how many the next step takes */
    size_t found;     /* in this step */
    size_t judged;
};

/* As opp_ruling_reason says it of a ruling that was not written yet. */
static const char *reason_of(const json_t *ruling)
{
    const char *reason = opp_json_text(ruling, "reason");

    if (reason == NULL)
        reason = opp_json_text(ruling, "window_reason");
    return reason != NULL ? reason : "";
}

static enum opp_code count(struct replaying *replaying, const struct opp_decision *logged,
                           const struct opp_rejudged *judged)
{
    struct opp_compared compared = { .tool = logged->tool,
                                     .phase = logged->phase,
                                     .request_id = logged->request_id,
                                     .app_id = logged->app_id,
                                     .org_id = logged->org_id,
                                     .number = logged->number,
                                     .at_ms = logged->at,
                                     .from = logged->verdict,
                                     .to = judged->verdict.bytes,
                                     .to_reason = opp_ruling_reason(&judged->ruling),
                                     .input = logged->request,
                                     .from_ns = logged->took_ns,
                                     .to_ns = judged->ns };
    struct opp_verdict_difference difference;
    struct opp_blame from, to;
    json_t *past = NULL;
    char error[OPP_RULING_ERROR_MAX];
    enum opp_code rc;

    opp_ruling_error(&judged->ruling, error);
    compared.error = error[0] != '\0' ? error : NULL;
    if (strcmp(compared.from, compared.to) != 0) {
        past = opp_json_cache_parse(NULL, logged->ruling);
        from = opp_blame_read(past);
        to = opp_blame_of(&judged->ruling);
        opp_verdicts_compare(compared.from, compared.to, &difference);
        compared.rule = opp_blame(&from, &to, &difference);
        compared.from_reason = reason_of(past);
    }
    rc = opp_tally_add(replaying->tally, &compared);
    json_decref(past);
    return rc;
}

static enum opp_code judge(struct replaying *replaying, const struct opp_decision *logged)
{
    struct opp_rejudged judged = { .ns = 0 };
    bool timed = replaying->judged++ % OPP_REJUDGE_TIMED_EVERY == 0;
    enum opp_code rc = OPP_OK;

    if (logged->replayable)
        rc = opp_rejudge_logged(replaying->engine, logged, replaying->cache, replaying->replay->executions, timed,
                                &judged);
    if (rc == OPP_OK && logged->replayable && !judged.read_sensitive)
        rc = count(replaying, logged, &judged);
    else if (rc == OPP_OK || rc == OPP_E_VALIDATION)
        opp_tally_unreplayable(replaying->tally);
    opp_rejudged_clear(&judged);
    return rc == OPP_E_VALIDATION ? OPP_OK : rc;
}

static enum opp_code judge_one(void *arg, void *record, struct opp_err *err)
{
    struct replaying *replaying = arg;
    const struct opp_decision *logged = record;
    enum opp_code rc = OPP_OK;

    if (!atomic_load(&replaying->progress->canceled)) { /* or the rest of the step is only looked at */
        rc = judge(replaying, logged);
        replaying->after = logged->number;
        replaying->found++;
    }
    opp_record_free(&OPP_DECISION, record);
    return rc == OPP_OK ? rc : opp_fail(err, rc, "a decision cannot be judged again");
}

static enum opp_code step(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct replaying *replaying = arg;
    struct opp_replay_progress *progress = replaying->progress;
    long long left = atomic_load(&progress->total) - atomic_load(&progress->done);
    struct opp_query query = { .record = &OPP_DECISION,
                               .order = "number",
                               .limit = left < replaying->step ? (size_t)left : (size_t)replaying->step };

    replaying->found = 0;
    opp_query_number(&query, "number", OPP_ABOVE, replaying->after);
    return opp_tx_each(tx, &query, judge_one, replaying, err);
}

static enum opp_code take_number(void *arg, void *record, struct opp_err *err)
{
    const struct opp_decision *logged = record;

    (void)err;
    *(int64_t *)arg = logged->number;
    opp_record_free(&OPP_DECISION_NUMBER, record);
    return OPP_OK;
}

/* The oldest of the newest so many; or, with an ascending order and one, the first. */
static enum opp_code find_number(struct opp_tx *tx, const struct replaying *replaying, struct opp_query *query,
                                 int64_t *out, struct opp_err *err)
{
    query->record = &OPP_DECISION_NUMBER;
    query->order = "number";
    opp_query_number(query, "number", OPP_ABOVE, replaying->after);
    return opp_tx_each(tx, query, take_number, out, err);
}

/* Where to begin, and how many there are from there on. */
static enum opp_code look(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct replaying *replaying = arg;
    const struct opp_replay *replay = replaying->replay;
    struct opp_query newest = { .descending = true, .limit = (size_t)replay->limit }, oldest = { .limit = 1 };
    struct opp_query all = { .record = &OPP_DECISION_NUMBER };
    int64_t first = 0, total = 0;
    enum opp_code rc = OPP_OK;

    replaying->after = opp_decision_number(replay->since_ms) - 1;
    if (replay->limit > 0)
        rc = find_number(tx, replaying, &newest, &first, err);
    if (first != 0)
        replaying->after = first - 1;
    else if (rc == OPP_OK)
        rc = find_number(tx, replaying, &oldest, &first, err);
    opp_query_number(&all, "number", OPP_ABOVE, replaying->after);
    if (rc == OPP_OK)
        rc = opp_tx_count(tx, &all, &total, err);
    replaying->since_ms = first != 0 ? opp_decision_time(first) : replay->now_ms;
    atomic_store(&replaying->progress->total, total);
    return rc;
}

static enum opp_code take_step(struct replaying *replaying, struct opp_err *err)
{
    int64_t begun_ms = opp_monotonic_ms(), took_ms;
    enum opp_code rc = opp_session_now(replaying->log, step, replaying, err);

    took_ms = opp_monotonic_ms() - begun_ms;
    if (took_ms > STEP_MAX_MS && replaying->step > 1)
        replaying->step /= 2;
    else if (took_ms < STEP_MAX_MS / 4 && replaying->step < STEP_MAX)
        replaying->step *= 2;
    return rc;
}

/* What is recorded while it runs is not looked at: there would be no end. */
static enum opp_code replay_all(struct replaying *replaying, struct opp_err *err)
{
    struct opp_replay_progress *progress = replaying->progress;
    enum opp_code rc = OPP_OK;

    while (rc == OPP_OK && atomic_load(&progress->done) < atomic_load(&progress->total) &&
           !atomic_load(&progress->canceled)) {
        rc = take_step(replaying, err);
        atomic_fetch_add(&progress->done, (long long)replaying->found);
        if (replaying->found == 0)
            break; /* some were pruned meanwhile */
    }
    return rc;
}

enum opp_code opp_replay_run(const struct opp_replay *replay, struct opp_replay_progress *progress,
                             struct opp_tally **out, struct opp_err *err)
{
    struct replaying replaying = { .replay = replay, .progress = progress, .step = STEP_FIRST };
    const char *profile = opp_policy_bundle_profile(replay->bundle);
    enum opp_code rc = opp_decisions_reader(replay->data_dir, &replaying.log, err);

    if (rc == OPP_OK)
        rc = opp_policy_engine_new(replay->bundle, &replaying.engine, err);
    if (rc == OPP_OK)
        rc = opp_json_cache_new(&replaying.cache, err);
    if (rc == OPP_OK)
        rc = opp_session_now(replaying.log, look, &replaying, err);
    if (rc == OPP_OK)
        rc = opp_tally_new(profile, replaying.since_ms, &replaying.tally, err);
    if (rc == OPP_OK)
        rc = replay_all(&replaying, err);
    if (rc == OPP_OK) {
        *out = replaying.tally;
        replaying.tally = NULL;
    }
    opp_tally_free(replaying.tally);
    opp_json_cache_free(replaying.cache);
    opp_policy_engine_free(replaying.engine);
    opp_session_close(replaying.log);
    return rc;
}
