/* SPDX-License-Identifier: MIT */
#include "adapter/databases_internal.h"
#include "store/backup.h"
#include "store/db.h"
#include "store/writer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct opp_databases {
    struct opp_databases_settings settings;
    pthread_mutex_t lock; /* guards the list */
    struct opp_database *first;
};

static enum opp_code no_memory(struct opp_err *err)
{
    return opp_fail(err, OPP_E_MEMORY, "no memory for an adapter's database");
}

enum opp_code opp_databases_new(const struct opp_databases_settings *settings, struct opp_databases **out,
                                struct opp_err *err)
{
    struct opp_databases *databases = calloc(1, sizeof *databases);

    if (databases == NULL)
        return no_memory(err);
    databases->settings = *settings;
    pthread_mutex_init(&databases->lock, NULL);
    *out = databases;
    return OPP_OK;
}

void opp_database_close(struct opp_database *database)
{
    if (database == NULL)
        return;
    opp_writer_stop(database->writer);
    free(database->name);
    free(database->file);
    free(database->path);
    free(database);
}

void opp_databases_end(struct opp_databases *databases)
{
    for (struct opp_database *database = databases != NULL ? databases->first : NULL; database != NULL;
         database = database->next)
        opp_writer_end(database->writer);
}

void opp_databases_close(struct opp_databases *databases)
{
    struct opp_database *next;

    if (databases == NULL)
        return;
    for (struct opp_database *database = databases->first; database != NULL; database = next) {
        next = database->next;
        opp_database_close(database);
    }
    pthread_mutex_destroy(&databases->lock);
    free(databases);
}

const struct opp_databases_settings *opp_databases_settings(const struct opp_databases *databases)
{
    return &databases->settings;
}

const struct opp_database *opp_databases_find(struct opp_databases *databases, const char *name)
{
    const struct opp_database *found;

    pthread_mutex_lock(&databases->lock);
    found = databases->first;
    while (found != NULL && strcmp(found->name, name) != 0)
        found = found->next;
    pthread_mutex_unlock(&databases->lock);
    return found;
}

void opp_databases_add(struct opp_databases *databases, struct opp_database *database)
{
    pthread_mutex_lock(&databases->lock);
    database->next = databases->first;
    databases->first = database;
    pthread_mutex_unlock(&databases->lock);
}

enum opp_code opp_databases_backup(struct opp_databases *databases, struct opp_backup *backup, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    pthread_mutex_lock(&databases->lock);
    for (struct opp_database *database = databases->first; rc == OPP_OK && database != NULL; database = database->next)
        rc = opp_backup_add(backup, database->file, database->writer, err);
    pthread_mutex_unlock(&databases->lock);
    return rc;
}

enum opp_code opp_databases_check(struct opp_databases *databases, const char *name, const char *file,
                                  struct opp_err *err)
{
    const struct opp_database *other;
    enum opp_code rc = OPP_OK;

    pthread_mutex_lock(&databases->lock);
    for (other = databases->first; rc == OPP_OK && other != NULL; other = other->next) {
        bool same_name = strcmp(other->name, name) == 0, same_file = strcmp(other->file, file) == 0;

        if (same_name != same_file)
            rc = opp_fail(err, OPP_E_CONFIG,
                          "the database '%s' with the file %s: '%s' with %s is open until the gateway ends", name, file,
                          other->name, other->file);
    }
    pthread_mutex_unlock(&databases->lock);
    return rc;
}

static enum opp_code start(const struct opp_databases_settings *settings, struct opp_database *database,
                           struct opp_err *err)
{
    struct opp_writer_settings writer = { .name = database->name,
                                          .log = settings->log,
                                          .metrics = settings->metrics,
                                          .queue_max_bytes = settings->queue_max_bytes,
                                          .on_unknown = settings->on_unknown };
    struct opp_err why = { 0 };
    struct opp_db *db = NULL;
    enum opp_code rc = opp_db_open(database->path, OPP_DB_WRITER, &db, err);

    if (rc != OPP_OK)
        return rc;
    rc = opp_db_check_quickly(db, &why);
    if (rc == OPP_OK)
        return opp_writer_start(db, &writer, &database->writer, err);
    opp_db_close(db);
    return opp_fail(err, OPP_E_IO, "the database %s is damaged or cannot be read: %s", database->path, why.message);
}

static bool fill(const struct opp_databases_settings *settings, struct opp_database *database, const char *name,
                 const char *file)
{
    database->name = strdup(name);
    database->file = strdup(file);
    if (settings->data_dir == NULL)
        database->path = strdup(":memory:");
    else if (asprintf(&database->path, "%s/%s", settings->data_dir, file) < 0)
        database->path = NULL;
    return database->name != NULL && database->file != NULL && database->path != NULL;
}

enum opp_code opp_database_open(const struct opp_databases *databases, const char *name, const char *file,
                                struct opp_database **out, struct opp_err *err)
{
    struct opp_database *database = calloc(1, sizeof *database);
    enum opp_code rc;

    if (database == NULL)
        return no_memory(err);
    rc = fill(&databases->settings, database, name, file) ? start(&databases->settings, database, err) : no_memory(err);
    if (rc == OPP_OK)
        *out = database;
    else
        opp_database_close(database);
    return rc;
}
