/* SPDX-License-Identifier: MIT */
#include "audit/notary.h"

#include "audit/checkpoint.h"
#include "base/date.h"
#include "base/jcs.h"
#include "store/store.h"
#include "store/tx.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES ((size_t)1024 * 1024)
#define RETRY_MS 1000

struct opp_notary {
    struct opp_notary_settings settings;
    struct opp_session *session;  /* reads the rows' hashes, on the thread below */
    struct opp_chain_point point; /* the last checkpoint, or zeroed */
    pthread_t thread;
    pthread_mutex_t lock; /* guards head and what follows */
    pthread_cond_t wake;
    struct opp_chain_head head; /* as the newest commit left it */
    int64_t waiting_since_ms;   /* monotonic; when the first row after the last checkpoint was committed; 0: none */
    int64_t retry_at_ms;        /* monotonic; after a failure */
    int64_t signed_seq;
    bool at_once; /* the last run has left rows without a checkpoint */
    bool stopping;
};

static bool due_by_rows(const struct opp_notary *notary)
{
    return notary->head.seq - notary->signed_seq >= notary->settings.rows_max;
}

/* On the writer's thread, after each commit. */
static void on_commit(void *arg, const struct opp_chain_head *head)
{
    struct opp_notary *notary = arg;
    bool first;

    pthread_mutex_lock(&notary->lock);
    notary->head = *head;
    first = notary->waiting_since_ms == 0 && head->seq > notary->signed_seq;
    if (first)
        notary->waiting_since_ms = opp_monotonic_ms();
    if (first || due_by_rows(notary))
        pthread_cond_signal(&notary->wake);
    pthread_mutex_unlock(&notary->lock);
}

/* When the next checkpoint is due, in monotonic milliseconds; 0: there is nothing to sign. */
static int64_t due_at(const struct opp_notary *notary)
{
    int64_t due;

    if (notary->waiting_since_ms == 0)
        return 0;
    due = notary->waiting_since_ms;
    if (!notary->stopping && !notary->at_once && !due_by_rows(notary))
        due += notary->settings.period_ms;
    return due > notary->retry_at_ms || notary->stopping ? due : notary->retry_at_ms;
}

static void wait_until(struct opp_notary *notary, int64_t at_ms)
{
    struct timespec until = { .tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000 };

    if (at_ms == 0)
        pthread_cond_wait(&notary->wake, &notary->lock);
    else
        pthread_cond_timedwait(&notary->wake, &notary->lock, &until);
}

/* Waits until there is something to sign, which it gives; false: the end, and there is nothing. With the lock held. */
static bool await_work(struct opp_notary *notary, struct opp_chain_head *head)
{
    for (;;) {
        int64_t at = due_at(notary);

        if (at != 0 && opp_monotonic_ms() >= at) {
            *head = notary->head;
            return true;
        }
        if (notary->stopping)
            return false;
        wait_until(notary, at);
    }
}

static enum opp_code store_checkpoint(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    return opp_tx_insert(tx, &OPP_CHECKPOINT, arg, err);
}

static enum opp_code append_line(const char *path, const char *line, size_t length, struct opp_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    bool done = fd >= 0 && write(fd, line, length) == (ssize_t)length && fsync(fd) == 0;
    int number = errno;

    if (fd >= 0)
        close(fd);
    return done ? OPP_OK : opp_fail(err, OPP_E_IO, "cannot append to %s: %s", path, strerrordesc_np(number));
}

/* Whether a write that stopped in the middle left a part of a line behind. */
static bool ends_in_a_line(const char *path)
{
    struct stat status;
    char last = '\n';
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return true;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0 ||
        pread(fd, &last, 1, status.st_size - 1) != 1)
        last = '\n';
    close(fd);
    return last == '\n';
}

static void write_file(const struct opp_notary *notary, const struct opp_checkpoint *checkpoint)
{
    json_t *shown = opp_checkpoint_show(checkpoint);
    struct opp_buf line = { 0 };
    struct opp_err err = { 0 };
    enum opp_code rc;

    if (!ends_in_a_line(notary->settings.file))
        opp_buf_char(&line, '\n');
    opp_jcs_write(&line, shown);
    opp_buf_char(&line, '\n');
    rc = shown != NULL ? opp_buf_check(&line, &err) : opp_fail(&err, OPP_E_MEMORY, "no memory for a checkpoint");
    if (rc == OPP_OK)
        rc = append_line(notary->settings.file, line.bytes, line.length, &err);
    if (rc != OPP_OK)
        opp_log_event(notary->settings.log, OPP_LOG_ERROR, "audit.checkpoint_file_failed", "reason", err.message, NULL);
    opp_buf_free(&line);
    json_decref(shown);
}

/* Outside of the store, where whoever can change the store cannot change it too. */
static void give_out(const struct opp_notary *notary, const struct opp_checkpoint *checkpoint)
{
    char seq[24], time[OPP_DATE_MAX];

    snprintf(seq, sizeof seq, "%lld", (long long)checkpoint->seq);
    opp_date_format(checkpoint->time, time);
    opp_log_event(notary->settings.log, OPP_LOG_INFO, "audit.checkpoint", "seq", seq, "hash", checkpoint->hash, "link",
                  checkpoint->link, "signed_at", time, "key", checkpoint->key, "signature", checkpoint->signature,
                  NULL);
    if (notary->settings.file != NULL)
        write_file(notary, checkpoint);
}

struct reaching {
    struct opp_chain_point point;
    int64_t seq;
};

static enum opp_code reach(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct reaching *reaching = arg;

    return opp_checkpoint_reach(tx, &reaching->point, reaching->seq, err);
}

static enum opp_code make_checkpoint(struct opp_notary *notary, const struct opp_chain_head *head,
                                     struct reaching *reaching, struct opp_checkpoint **out, struct opp_err *err)
{
    const struct opp_notary_settings *settings = &notary->settings;
    enum opp_code rc = opp_session_now(notary->session, reach, reaching, err);

    if (rc == OPP_OK && strcmp(reaching->point.hash, head->hash) != 0)
        rc = opp_fail(err, OPP_E_UNAVAILABLE, "row %lld is not the one that was written", (long long)head->seq);
    if (rc == OPP_OK)
        rc = opp_checkpoint_make(settings->key, &reaching->point, opp_clock_now_ms(settings->clock), out, err);
    return rc == OPP_OK ? opp_store_now(settings->store, store_checkpoint, *out, err) : rc;
}

static bool sign_head(struct opp_notary *notary, const struct opp_chain_head *head)
{
    struct reaching reaching = { notary->point, head->seq };
    struct opp_checkpoint *checkpoint = NULL;
    struct opp_err err = { 0 };
    enum opp_code rc = make_checkpoint(notary, head, &reaching, &checkpoint, &err);

    if (rc == OPP_OK) {
        notary->point = reaching.point;
        give_out(notary, checkpoint);
    } else {
        opp_log_event(notary->settings.log, OPP_LOG_ERROR, "audit.checkpoint_failed", "reason", err.message, NULL);
    }
    opp_record_free(&OPP_CHECKPOINT, checkpoint);
    return rc == OPP_OK;
}

/* With the lock held: what is still to be signed counts its time from now. */
static void note(struct opp_notary *notary, const struct opp_chain_head *head, bool done)
{
    int64_t now_ms = opp_monotonic_ms();

    if (!done) {
        notary->retry_at_ms = now_ms + RETRY_MS;
        return;
    }
    notary->retry_at_ms = 0;
    notary->at_once = false;
    notary->signed_seq = head->seq;
    notary->waiting_since_ms = notary->head.seq > head->seq ? now_ms : 0;
}

static void *run(void *arg)
{
    struct opp_notary *notary = arg;
    struct opp_chain_head head;
    bool done = true;

    pthread_mutex_lock(&notary->lock);
    while ((done || !notary->stopping) && await_work(notary, &head)) {
        pthread_mutex_unlock(&notary->lock);
        done = sign_head(notary, &head);
        pthread_mutex_lock(&notary->lock);
        note(notary, &head, done);
    }
    pthread_mutex_unlock(&notary->lock);
    return NULL;
}

static int start_thread(struct opp_notary *notary)
{
    pthread_attr_t attributes;
    int failed = pthread_attr_init(&attributes);

    if (failed != 0)
        return failed;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    failed = pthread_create(&notary->thread, &attributes, run, notary);
    pthread_attr_destroy(&attributes);
    return failed;
}

static void init_waiting(struct opp_notary *notary)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&notary->lock, NULL);
    pthread_cond_init(&notary->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

/* Where the last run has left off: what it could not sign any more is signed at once. */
static enum opp_code find_start(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_notary *notary = arg;
    struct opp_checkpoint *last = NULL;
    enum opp_code rc = opp_checkpoint_before(tx, 0, &last, err);

    if (rc != OPP_OK && rc != OPP_E_ABSENT)
        return rc;
    notary->head = *opp_tx_chain(tx);
    notary->signed_seq = last != NULL ? last->seq : 0;
    notary->at_once = notary->head.seq > notary->signed_seq;
    if (notary->at_once)
        notary->waiting_since_ms = opp_monotonic_ms();
    opp_record_free(&OPP_CHECKPOINT, last);
    return OPP_OK;
}

static void destroy(struct opp_notary *notary)
{
    opp_session_close(notary->session);
    pthread_cond_destroy(&notary->wake);
    pthread_mutex_destroy(&notary->lock);
    free(notary);
}

enum opp_code opp_notary_start(const struct opp_notary_settings *settings, struct opp_notary **out, struct opp_err *err)
{
    struct opp_notary *notary = calloc(1, sizeof *notary);
    enum opp_code rc;

    if (notary == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the audit trail's checkpoints");
    notary->settings = *settings;
    init_waiting(notary);
    rc = opp_session_open_dir(settings->dir, &notary->session, err);
    if (rc == OPP_OK)
        rc = opp_store_now(settings->store, find_start, notary, err);
    if (rc == OPP_OK) {
        opp_store_on_commit(settings->store, on_commit, notary);
        if (start_thread(notary) != 0) {
            opp_store_on_commit(settings->store, NULL, NULL);
            rc = opp_fail(err, OPP_E_IO, "cannot start the thread that signs the audit trail");
        }
    }
    if (rc == OPP_OK)
        *out = notary;
    else
        destroy(notary);
    return rc;
}

void opp_notary_stop(struct opp_notary *notary)
{
    if (notary == NULL)
        return;
    pthread_mutex_lock(&notary->lock);
    notary->stopping = true;
    pthread_cond_signal(&notary->wake);
    pthread_mutex_unlock(&notary->lock);
    pthread_join(notary->thread, NULL);
    opp_store_on_commit(notary->settings.store, NULL, NULL);
    destroy(notary);
}
