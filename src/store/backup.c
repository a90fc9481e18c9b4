/* SPDX-License-Identifier: MIT */
#include "store/backup.h"

#include "store/db.h"
#include "store/writer.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_PAGES 128

/* One database. The copy's connection is used on the writer's thread alone, and nobody else looks at the members while
 * a write of it is under way. */
struct copy {
    struct opp_backup *owner;
    struct opp_writer *writer;
    char *file;
    sqlite3 *to;
    sqlite3_backup *pages;
    struct opp_write write;
    bool done;    /* the write is */
    bool resting; /* the copy is whole, and the writer waits */
};

struct opp_backup {
    char *dir;
    const atomic_bool *cancel;
    struct copy **copies;
    const char **files;
    size_t count;
    pthread_mutex_t lock; /* guards done, resting and released */
    pthread_cond_t changed;
    bool released;
};

enum opp_code opp_backup_new(const char *dir, const atomic_bool *cancel, struct opp_backup **out, struct opp_err *err)
{
    struct opp_backup *backup = calloc(1, sizeof *backup);

    if (backup != NULL)
        backup->dir = strdup(dir);
    if (backup == NULL || backup->dir == NULL) {
        free(backup);
        return opp_fail(err, OPP_E_MEMORY, "no memory for a backup");
    }
    backup->cancel = cancel;
    pthread_mutex_init(&backup->lock, NULL);
    pthread_cond_init(&backup->changed, NULL);
    *out = backup;
    return OPP_OK;
}

/* Room for one more, and for the end of the list of names. */
static bool grow(struct opp_backup *backup)
{
    struct copy **copies = reallocarray(backup->copies, backup->count + 1, sizeof(struct copy *));
    const char **files;

    if (copies == NULL)
        return false;
    backup->copies = copies;
    files = reallocarray(backup->files, backup->count + 2, sizeof(const char *));
    if (files == NULL)
        return false;
    backup->files = files;
    return true;
}

enum opp_code opp_backup_add(struct opp_backup *backup, const char *file, struct opp_writer *writer,
                             struct opp_err *err)
{
    struct copy *copy = calloc(1, sizeof *copy);

    if (copy != NULL)
        copy->file = strdup(file);
    if (copy == NULL || copy->file == NULL || !grow(backup)) {
        if (copy != NULL)
            free(copy->file);
        free(copy);
        return opp_fail(err, OPP_E_MEMORY, "no memory for a backup");
    }
    copy->owner = backup;
    copy->writer = writer;
    backup->files[backup->count] = copy->file;
    backup->copies[backup->count++] = copy;
    backup->files[backup->count] = NULL;
    return OPP_OK;
}

const char *const *opp_backup_files(const struct opp_backup *backup)
{
    return backup->files;
}

static enum opp_code explain(const struct copy *copy, int result, struct opp_err *err)
{
    const char *reason =
        copy->to != NULL && sqlite3_errcode(copy->to) != SQLITE_OK ? sqlite3_errmsg(copy->to) : sqlite3_errstr(result);

    return opp_fail(err, OPP_E_UNAVAILABLE, "cannot copy %s: %s", copy->file, reason);
}

/* The copy is made durable as a whole, later; until then nobody wants it. */
static enum opp_code open_file(struct copy *copy, struct opp_err *err)
{
    static const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
    char *path = NULL;
    int result;

    if (asprintf(&path, "%s/%s", copy->owner->dir, copy->file) < 0)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a backup");
    result = sqlite3_open_v2(path, &copy->to, flags, NULL);
    free(path);
    if (result == SQLITE_OK)
        result = sqlite3_exec(copy->to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL, NULL);
    return result == SQLITE_OK ? OPP_OK : explain(copy, result, err);
}

/* Copies some pages; the first step none, to learn how many there are. */
static enum opp_code step(struct opp_db *db, void *arg, struct opp_err *err)
{
    struct copy *copy = arg;
    int count = copy->pages != NULL ? STEP_PAGES : 0, result;

    if (copy->pages == NULL)
        copy->pages = sqlite3_backup_init(copy->to, "main", opp_db_handle(db), "main");
    if (copy->pages == NULL)
        return explain(copy, sqlite3_errcode(copy->to), err);
    result = sqlite3_backup_step(copy->pages, count);
    return result == SQLITE_OK || result == SQLITE_BUSY || result == SQLITE_LOCKED ? OPP_OK
                                                                                   : explain(copy, result, err);
}

static void rest(struct copy *copy)
{
    struct opp_backup *backup = copy->owner;

    pthread_mutex_lock(&backup->lock);
    copy->resting = true;
    pthread_cond_broadcast(&backup->changed);
    while (!backup->released)
        pthread_cond_wait(&backup->changed, &backup->lock);
    pthread_mutex_unlock(&backup->lock);
}

static enum opp_code close_file(struct copy *copy, struct opp_err *err)
{
    int result = copy->pages != NULL ? sqlite3_backup_finish(copy->pages) : SQLITE_OK;
    enum opp_code rc = result == SQLITE_OK ? OPP_OK : explain(copy, result, err);

    copy->pages = NULL;
    sqlite3_close(copy->to);
    copy->to = NULL;
    return rc;
}

/* The last operation of a copy, whole or not. */
static enum opp_code finish(struct opp_db *db, void *arg, struct opp_err *err)
{
    struct copy *copy = arg;
    int result = sqlite3_backup_step(copy->pages, -1);
    enum opp_code rc = result == SQLITE_DONE ? OPP_OK : explain(copy, result, err);

    (void)db;
    if (rc == OPP_OK)
        rc = close_file(copy, err);
    if (rc == OPP_OK)
        rest(copy);
    return rc;
}

static enum opp_code give_up(struct opp_db *db, void *arg, struct opp_err *err)
{
    (void)db;
    (void)err;
    close_file(arg, NULL);
    return OPP_OK;
}

static void done(void *arg)
{
    struct copy *copy = arg;
    struct opp_backup *backup = copy->owner;

    pthread_mutex_lock(&backup->lock);
    copy->done = true;
    pthread_cond_broadcast(&backup->changed);
    pthread_mutex_unlock(&backup->lock);
}

static void submit(struct copy *copy, enum opp_code (*apply)(struct opp_db *db, void *arg, struct opp_err *err))
{
    copy->done = copy->resting = false;
    copy->write = (struct opp_write){ .apply = apply, .done = done, .arg = copy, .aside = true };
    if (opp_writer_submit(copy->writer, &copy->write) != OPP_OK) {
        copy->write.rc = OPP_E_UNAVAILABLE;
        copy->done = true;
    }
}

/* Waits until the operation is over, or its writer rests. */
static enum opp_code await(struct copy *copy, bool over, struct opp_err *err)
{
    struct opp_backup *backup = copy->owner;
    bool resting;

    pthread_mutex_lock(&backup->lock);
    while (!copy->done && (over || !copy->resting))
        pthread_cond_wait(&backup->changed, &backup->lock);
    resting = copy->resting && !copy->done;
    pthread_mutex_unlock(&backup->lock);
    if (resting || copy->write.rc == OPP_OK)
        return OPP_OK;
    return opp_fail(err, copy->write.rc, "%s",
                    copy->write.err.message[0] != '\0' ? copy->write.err.message : "the writer is about to end");
}

/* Copies until little is missing. */
static enum opp_code copy_most(struct copy *copy, struct opp_err *err)
{
    enum opp_code rc = open_file(copy, err);

    while (rc == OPP_OK && (copy->pages == NULL || sqlite3_backup_remaining(copy->pages) > STEP_PAGES)) {
        if (copy->owner->cancel != NULL && atomic_load(copy->owner->cancel))
            return opp_fail(err, OPP_E_UNAVAILABLE, "the gateway is about to end");
        submit(copy, step);
        rc = await(copy, true, err);
    }
    return rc;
}

static void release(struct opp_backup *backup)
{
    pthread_mutex_lock(&backup->lock);
    backup->released = true;
    pthread_cond_broadcast(&backup->changed);
    pthread_mutex_unlock(&backup->lock);
    for (size_t i = 0; i < backup->count; i++)
        if (backup->copies[i]->resting)
            await(backup->copies[i], true, NULL);
}

enum opp_code opp_backup_run(struct opp_backup *backup, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; rc == OPP_OK && i < backup->count; i++)
        rc = copy_most(backup->copies[i], err);
    for (size_t i = 0; rc == OPP_OK && i < backup->count; i++) {
        submit(backup->copies[i], finish);
        rc = await(backup->copies[i], false, err);
    }
    release(backup);
    return rc;
}

static void free_copy(struct copy *copy)
{
    if (copy->pages != NULL) {
        submit(copy, give_up);
        await(copy, true, NULL);
    }
    sqlite3_close(copy->to);
    free(copy->file);
    free(copy);
}

void opp_backup_free(struct opp_backup *backup)
{
    if (backup == NULL)
        return;
    for (size_t i = 0; i < backup->count; i++)
        free_copy(backup->copies[i]);
    pthread_cond_destroy(&backup->changed);
    pthread_mutex_destroy(&backup->lock);
    free(backup->copies);
    free(backup->files);
    free(backup->dir);
    free(backup);
}
