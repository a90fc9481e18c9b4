/* SPDX-License-Identifier: MIT */
#include "adapter/internal.h"
#include "base/file.h"
#include "base/json.h"
#include "store/backup.h"
#include "store/db.h"
#include "store/migrate.h"
#include "store/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECEIPTS_DAYS 30
#define PATH_BYTES 4096

static const char receipts[] = "CREATE TABLE IF NOT EXISTS opp_receipts (effect_id TEXT PRIMARY KEY, "
                               "action TEXT NOT NULL, result TEXT NOT NULL, created_at INTEGER NOT NULL);";

static enum opp_code no_memory(struct opp_err *err)
{
    return opp_fail(err, OPP_E_MEMORY, "no memory for an adapter's database");
}

/* Gives the text of an SQL file of the adapter. */
static enum opp_code read_sql(const struct opp_adapter *adapter, const char *file, char **out, struct opp_err *err)
{
    char path[PATH_BYTES];
    struct opp_err why = { 0 };
    enum opp_code rc;
    size_t length;

    if ((size_t)snprintf(path, sizeof path, "%s/%s", adapter->dir, file) >= sizeof path)
        return opp_fail(err, OPP_E_CONFIG, "the adapter %s has too long a path", adapter->name);
    rc = opp_file_read(path, OPP_ADAPTER_FILE_MAX, out, &length, &why);
    if (rc == OPP_OK)
        return OPP_OK;
    return opp_fail_at(err, rc == OPP_E_ABSENT || rc == OPP_E_LIMIT ? OPP_E_CONFIG : rc, path, "%s", why.message);
}

/* path names the database in what is said of it. */
static enum opp_code migrate(const struct opp_adapter *adapter, const char *path, const json_t *files,
                             struct opp_db *db, int *fresh, struct opp_err *err)
{
    size_t count = json_array_size(files);
    char **scripts = calloc(count, sizeof *scripts);
    enum opp_code rc = scripts != NULL ? OPP_OK : no_memory(err);

    for (size_t i = 0; i < count && rc == OPP_OK; i++)
        rc = read_sql(adapter, json_string_value(json_array_get(files, i)), &scripts[i], err);
    if (rc == OPP_OK)
        rc = opp_migrate(db, path, (const char *const *)scripts, count, fresh, err);
    for (size_t i = 0; scripts != NULL && i < count; i++)
        free(scripts[i]);
    free(scripts);
    return rc;
}

/* Makes the host's own table, and drops receipts that nobody asks for any more. What is old is told by the newest
 * receipt and not by the clock: a gateway that was down for months must still find the receipt of what it died in. */
static enum opp_code keep_receipts(struct opp_db *db, struct opp_err *err)
{
    char old[160];
    enum opp_code rc = opp_db_run(db, receipts, err);

    snprintf(old, sizeof old,
             "DELETE FROM opp_receipts WHERE created_at < (SELECT max(created_at) FROM opp_receipts) - %lld",
             RECEIPTS_DAYS * 86400000LL);
    return rc == OPP_OK ? opp_db_run(db, old, err) : rc;
}

static enum opp_code seed(const struct opp_adapter *adapter, const char *file, struct opp_db *db, struct opp_err *err)
{
    struct opp_err why = { 0 };
    char *script = NULL;
    enum opp_code rc = read_sql(adapter, file, &script, err);

    if (rc != OPP_OK)
        return rc;
    rc = opp_db_run(db, "BEGIN IMMEDIATE", &why);
    if (rc == OPP_OK)
        rc = opp_db_run(db, script, &why);
    if (rc == OPP_OK)
        rc = opp_db_run(db, "COMMIT", &why);
    free(script);
    return rc == OPP_OK ? OPP_OK : opp_fail_at(err, OPP_E_CONFIG, file, "the demo data do not load: %s", why.message);
}

static enum opp_code prepare(const struct opp_adapter *adapter, const char *path, const json_t *declared,
                             const struct opp_adapters_settings *settings, struct opp_db *db, struct opp_err *err)
{
    const char *demo = opp_json_text(declared, "demo");
    int fresh = 0;
    enum opp_code rc = migrate(adapter, path, json_object_get(declared, "migrations"), db, &fresh, err);

    if (rc == OPP_OK)
        rc = keep_receipts(db, err);
    if (rc == OPP_OK && fresh && settings->demo && demo != NULL)
        rc = seed(adapter, demo, db, err);
    return rc;
}

static enum opp_code start(struct opp_database *database, struct opp_db *db,
                           const struct opp_adapters_settings *settings, struct opp_err *err)
{
    struct opp_writer_settings writer = { .name = database->name,
                                          .log = settings->log,
                                          .queue_max_bytes = settings->queue_max_bytes,
                                          .on_unknown = settings->on_unknown };

    return opp_writer_start(db, &writer, &database->writer, err);
}

static enum opp_code open_one(struct opp_adapter *adapter, const char *name, const json_t *declared,
                              const struct opp_adapters_settings *settings, struct opp_err *err)
{
    struct opp_database *database = &adapter->databases[adapter->database_count];
    const char *file = opp_json_text(declared, "file");
    bool kept = settings->data_dir != NULL;
    struct opp_db *db = NULL;
    enum opp_code rc;

    adapter->database_count++;
    database->name = strdup(name);
    if (database->name == NULL || asprintf(&database->path, "%s/%s", kept ? settings->data_dir : "", file) < 0) {
        database->path = NULL;
        return no_memory(err);
    }
    rc = opp_db_open(kept ? database->path : ":memory:", OPP_DB_WRITER, &db, err);
    if (rc != OPP_OK)
        return rc;
    rc = prepare(adapter, kept ? database->path : database->name, declared, settings, db, err);
    if (rc != OPP_OK || !kept) {
        opp_db_close(db);
        return rc;
    }
    return start(database, db, settings, err);
}

enum opp_code opp_databases_open(struct opp_adapter *adapter, const json_t *declared,
                                 const struct opp_adapters_settings *settings, struct opp_err *err)
{
    json_t *databases = json_object_get(declared, "databases");
    enum opp_code rc = OPP_OK;
    const char *name;
    json_t *database;

    if (json_object_size(databases) == 0)
        return OPP_OK;
    adapter->databases = calloc(json_object_size(databases), sizeof *adapter->databases);
    if (adapter->databases == NULL)
        return no_memory(err);
    json_object_foreach(databases, name, database)
    {
        rc = open_one(adapter, name, database, settings, err);
        if (rc != OPP_OK)
            break;
    }
    return rc;
}

void opp_databases_close(struct opp_adapter *adapter)
{
    for (size_t i = 0; i < adapter->database_count; i++) {
        opp_writer_stop(adapter->databases[i].writer);
        free(adapter->databases[i].name);
        free(adapter->databases[i].path);
    }
    free(adapter->databases);
    adapter->databases = NULL;
    adapter->database_count = 0;
}

const struct opp_database *opp_databases_find(const struct opp_adapters *adapters, const char *name)
{
    for (size_t i = 0; i < adapters->count; i++)
        for (size_t k = 0; k < adapters->list[i].database_count; k++)
            if (strcmp(adapters->list[i].databases[k].name, name) == 0)
                return &adapters->list[i].databases[k];
    return NULL;
}

static const char *file_of(const struct opp_database *database)
{
    return strrchr(database->path, '/') + 1;
}

enum opp_code opp_adapters_backup(const struct opp_adapters *adapters, struct opp_backup *backup, struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; i < adapters->count; i++)
        for (size_t k = 0; rc == OPP_OK && k < adapters->list[i].database_count; k++) {
            const struct opp_database *database = &adapters->list[i].databases[k];

            rc = opp_backup_add(backup, file_of(database), database->writer, err);
        }
    return rc;
}
