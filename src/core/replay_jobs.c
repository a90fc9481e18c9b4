/* SPDX-License-Identifier: MIT */
#include "core/replay_jobs.h"

#include "base/hash.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/hub.h"
#include "core/policy_load.h"
#include "core/replay.h"
#include "core/shape.h"
#include "core/tally.h"
#include "store/store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define STACK_BYTES ((size_t)4 * 1024 * 1024)
#define NICE 15 /* whoever else has work comes first */

enum status {
    RUNNING,
    DONE,
    FAILED,
    CANCELED
};

struct job {
    struct job *next; /* older */
    struct opp_replay_jobs *jobs;
    struct opp_replay_progress progress;
    char id[OPP_ID_MAX], profile[72], sha256[OPP_HASH_HEX], user_id[256];
    int64_t since_ms, limit, started_at, finished_at;
    enum status status;
    struct opp_tally *tally; /* when it is done */
    json_t *issues;          /* of a profile that does not load */
    struct opp_err err;
};

struct opp_replay_jobs {
    struct opp_gateway *gateway;
    pthread_mutex_t lock; /* guards all below, and what jobs are but for their progress */
    pthread_cond_t ended;
    struct job *newest, *running;
};

static void free_job(struct job *job)
{
    opp_tally_free(job->tally);
    json_decref(job->issues);
    free(job);
}

enum opp_code opp_replay_jobs_new(struct opp_gateway *gateway, struct opp_replay_jobs **out, struct opp_err *err)
{
    struct opp_replay_jobs *jobs = calloc(1, sizeof *jobs);

    if (jobs == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for replays");
    jobs->gateway = gateway;
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_cond_init(&jobs->ended, NULL);
    *out = jobs;
    return OPP_OK;
}

void opp_replay_jobs_free(struct opp_replay_jobs *jobs)
{
    if (jobs == NULL)
        return;
    pthread_mutex_lock(&jobs->lock);
    if (jobs->running != NULL)
        atomic_store(&jobs->running->progress.canceled, true);
    while (jobs->running != NULL)
        pthread_cond_wait(&jobs->ended, &jobs->lock);
    pthread_mutex_unlock(&jobs->lock);
    while (jobs->newest != NULL) {
        struct job *job = jobs->newest;

        jobs->newest = job->next;
        free_job(job);
    }
    pthread_cond_destroy(&jobs->ended);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}

/* What one job comes to, on its thread; the job has it when it is over. */
struct outcome {
    enum opp_code rc;
    struct opp_generation *generation;
    struct opp_load_report report;
    struct opp_tally *tally;
    struct opp_err err;
};

static enum opp_code load(struct job *job, struct outcome *outcome)
{
    struct opp_gateway *gateway = job->jobs->gateway;
    struct opp_policies_wanted wanted = { .loaded_at_ms = job->started_at };
    struct opp_sources sources = { 0 };
    enum opp_code rc = opp_policies_read_rules(gateway, job->profile, &sources, &outcome->err);

    if (rc == OPP_OK)
        rc = opp_policies_make(gateway, &sources, &wanted, &outcome->report, &outcome->generation, &outcome->err);
    return rc == OPP_E_IO ? OPP_E_CONFIG : rc; /* a file that cannot be read is an issue like others */
}

static enum opp_code replay(struct job *job, struct outcome *outcome)
{
    struct opp_policy_bundle *bundle = opp_generation_bundle(outcome->generation);
    struct opp_replay replay = { .data_dir = job->jobs->gateway->data_dir,
                                 .bundle = bundle,
                                 .since_ms = job->since_ms,
                                 .limit = job->limit,
                                 .now_ms = job->started_at };
    enum opp_code rc = opp_session_open(job->jobs->gateway->store, NULL, &replay.executions, &outcome->err);

    pthread_mutex_lock(&job->jobs->lock);
    snprintf(job->sha256, sizeof job->sha256, "%s", opp_generation_sha256(outcome->generation));
    pthread_mutex_unlock(&job->jobs->lock);
    if (rc == OPP_OK)
        rc = opp_replay_run(&replay, &job->progress, &outcome->tally, &outcome->err);
    opp_session_close(replay.executions);
    return rc;
}

/* What could not be read at all has no line, and is an issue like the others. */
static json_t *issues_of(struct outcome *outcome)
{
    json_t *issues;

    if (outcome->rc != OPP_E_CONFIG)
        return NULL;
    issues = opp_load_issues(&outcome->report);
    if (json_array_size(issues) > 0)
        return issues;
    json_decref(issues);
    return json_pack("[{s:s, s:i, s:s}]", "file", outcome->err.where, "line", 0, "message", outcome->err.message);
}

static void finish(struct job *job, struct outcome *outcome)
{
    struct opp_replay_jobs *jobs = job->jobs;

    pthread_mutex_lock(&jobs->lock);
    job->finished_at = opp_clock_now_ms(jobs->gateway->clock);
    job->status = outcome->rc != OPP_OK ? FAILED : atomic_load(&job->progress.canceled) ? CANCELED : DONE;
    job->tally = outcome->tally;
    job->issues = issues_of(outcome);
    job->err = outcome->err;
    jobs->running = NULL;
    opp_hub_notify(jobs->gateway->hub, job->id);
    pthread_cond_signal(&jobs->ended);
    pthread_mutex_unlock(&jobs->lock);
}

static void *run(void *arg)
{
    struct job *job = arg;
    struct outcome outcome = { .rc = OPP_OK };

    setpriority(PRIO_PROCESS, 0, NICE); /* of this thread alone, on Linux */
    outcome.rc = load(job, &outcome);
    if (outcome.rc == OPP_OK)
        outcome.rc = replay(job, &outcome);
    opp_generation_unpin(outcome.generation);
    if (outcome.rc != OPP_OK)
        opp_log_event(job->jobs->gateway->log, OPP_LOG_WARN, "policy.replay_failed", "job", job->id, "message",
                      outcome.err.message, NULL);
    finish(job, &outcome); /* from here on the job is others' */
    opp_load_report_clear(&outcome.report);
    return NULL;
}

static struct job *make_job(struct opp_replay_jobs *jobs, const struct opp_replay_asked *asked)
{
    struct job *job = calloc(1, sizeof *job);

    if (job == NULL)
        return NULL;
    job->jobs = jobs;
    job->started_at = opp_clock_now_ms(jobs->gateway->clock);
    opp_id_make(job->id, "job_", job->started_at);
    snprintf(job->profile, sizeof job->profile, "%s", asked->profile);
    snprintf(job->user_id, sizeof job->user_id, "%s", asked->user_id);
    job->since_ms = asked->since_ms;
    job->limit = asked->limit;
    return job;
}

static bool start_thread(struct job *job)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int failed;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    failed = pthread_create(&thread, &attributes, run, job);
    pthread_attr_destroy(&attributes);
    return failed == 0;
}

static void forget_oldest(struct opp_replay_jobs *jobs)
{
    struct job **at = &jobs->newest;

    for (size_t kept = 0; kept < OPP_REPLAY_JOBS_KEPT && *at != NULL; kept++)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    free_job(*at);
    *at = NULL;
}

static enum opp_code start(struct opp_replay_jobs *jobs, struct job *job, struct opp_err *err)
{
    if (jobs->running != NULL)
        return opp_fail(err, OPP_E_UNAVAILABLE, "another replay runs");
    if (!start_thread(job))
        return opp_fail(err, OPP_E_MEMORY, "no thread for a replay");
    job->next = jobs->newest;
    jobs->newest = jobs->running = job;
    forget_oldest(jobs);
    return OPP_OK;
}

enum opp_code opp_replay_jobs_start(struct opp_replay_jobs *jobs, const struct opp_replay_asked *asked,
                                    char id[OPP_ID_MAX], struct opp_err *err)
{
    struct job *job = make_job(jobs, asked);
    enum opp_code rc;

    if (job == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a replay");
    memcpy(id, job->id, OPP_ID_MAX);
    pthread_mutex_lock(&jobs->lock);
    rc = start(jobs, job, err);
    pthread_mutex_unlock(&jobs->lock);
    if (rc != OPP_OK)
        free_job(job);
    return rc;
}

/* With the lock. */
static struct job *find(struct opp_replay_jobs *jobs, const char *id)
{
    struct job *job = jobs->newest;

    while (job != NULL && strcmp(job->id, id) != 0)
        job = job->next;
    return job;
}

static const char *status_name(enum status status)
{
    static const char *const names[] = { "running", "done", "failed", "canceled" };

    return names[status];
}

/* What the log says of it may name where files lie. */
static const char *error_of(const struct job *job)
{
    if (job->status != FAILED)
        return NULL;
    return job->issues != NULL ? job->err.message : "The decision log cannot be judged again now.";
}

static json_t *show_number(int64_t number)
{
    return number > 0 ? json_integer(number) : json_null();
}

static json_t *show_job(const struct job *job)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:o, s:o, s:I, s:I, s:s, s:o, s:o, s:s?}", "id", job->id, "kind",
                     "replay", "status", status_name(job->status), "profile", job->profile, "sha256",
                     job->sha256[0] != '\0' ? job->sha256 : NULL, "since", opp_shape_time(job->since_ms), "limit",
                     show_number(job->limit), "total", (json_int_t)atomic_load(&job->progress.total), "done",
                     (json_int_t)atomic_load(&job->progress.done), "started_by", job->user_id, "started_at",
                     opp_shape_time(job->started_at), "finished_at", opp_shape_time(job->finished_at), "error",
                     error_of(job));
}

enum opp_code opp_replay_jobs_show(struct opp_replay_jobs *jobs, const char *id, const json_t *org_ids, json_t **out,
                                   json_t **issues)
{
    enum opp_code rc = OPP_E_ABSENT;
    const struct job *job;

    pthread_mutex_lock(&jobs->lock);
    job = find(jobs, id);
    if (job != NULL) {
        *out = json_pack("{s:o, s:o?}", "job", show_job(job), "report",
                         job->status == DONE ? opp_tally_report(job->tally, org_ids) : NULL);
        rc = *out != NULL ? OPP_OK : OPP_E_MEMORY;
        if (rc == OPP_OK && issues != NULL && job->issues != NULL)
            *issues = json_deep_copy(job->issues);
    }
    pthread_mutex_unlock(&jobs->lock);
    return rc;
}

json_t *opp_replay_jobs_list(struct opp_replay_jobs *jobs)
{
    json_t *list = json_array();

    pthread_mutex_lock(&jobs->lock);
    for (const struct job *job = jobs->newest; job != NULL; job = job->next)
        json_array_append_new(list, show_job(job));
    pthread_mutex_unlock(&jobs->lock);
    return list;
}

enum opp_code opp_replay_jobs_cancel(struct opp_replay_jobs *jobs, const char *id)
{
    struct job *job;

    pthread_mutex_lock(&jobs->lock);
    job = find(jobs, id);
    if (job != NULL)
        atomic_store(&job->progress.canceled, true);
    pthread_mutex_unlock(&jobs->lock);
    return job != NULL ? OPP_OK : OPP_E_ABSENT;
}
