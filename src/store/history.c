/* SPDX-License-Identifier: MIT */
#include "store/history.h"

#include "base/hash.h"
#include "store/db.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define WHERE_MAX 128

static const char table[] = "CREATE TABLE IF NOT EXISTS opp_migrations (version INTEGER PRIMARY KEY,"
                            " file TEXT NOT NULL, sha256 TEXT NOT NULL)";

static enum opp_code remember(struct opp_db *db, const struct opp_migration *migration, size_t version,
                              struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    char hash[OPP_HASH_HEX];
    enum opp_code rc = opp_db_prepare(db, "INSERT INTO opp_migrations VALUES (?1, ?2, ?3)", &statement, err);
    int result;

    if (rc != OPP_OK)
        return rc;
    opp_hash_hex(migration->script, strlen(migration->script), hash);
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)version);
    sqlite3_bind_text(statement, 2, migration->file, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, hash, -1, SQLITE_STATIC);
    result = sqlite3_step(statement);
    if (result != SQLITE_DONE)
        rc = opp_db_error(db, result, err);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

/* A row that says what ran as the next of the list. */
static enum opp_code compare(sqlite3_stmt *row, const struct opp_migration *list, size_t count, size_t *run,
                             struct opp_err *err)
{
    const char *file = (const char *)sqlite3_column_text(row, 0), *sha256 = (const char *)sqlite3_column_text(row, 1);
    char hash[OPP_HASH_HEX];

    if (file == NULL || sha256 == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a database's history");
    if (*run < count) {
        opp_hash_hex(list[*run].script, strlen(list[*run].script), hash);
        if (strcmp(hash, sha256) != 0)
            return opp_fail_at(err, OPP_E_CONFIG, list[*run].file,
                               "the migration has run and was changed since (it was %s); add another instead", file);
    }
    ++*run;
    return OPP_OK;
}

/* Before there was a history, PRAGMA user_version said how many had run. What they were is taken to be what is listed.
 */
static enum opp_code adopt(struct opp_db *db, const struct opp_migration *list, size_t count, size_t *run,
                           struct opp_err *err)
{
    enum opp_code rc = opp_db_read_version(db, err);

    *run = opp_db_version(db);
    for (size_t i = 0; rc == OPP_OK && i < *run && i < count; i++)
        rc = remember(db, &list[i], i + 1, err);
    return rc;
}

enum opp_code opp_history_check(struct opp_db *db, const struct opp_migration *list, size_t count, size_t *run,
                                struct opp_err *err)
{
    sqlite3_stmt *rows = NULL;
    enum opp_code rc = opp_db_run(db, table, err);
    int result = SQLITE_DONE;

    *run = 0;
    if (rc == OPP_OK)
        rc = opp_db_prepare(db, "SELECT file, sha256 FROM opp_migrations ORDER BY version", &rows, err);
    if (rc != OPP_OK)
        return rc;
    while (rc == OPP_OK && (result = sqlite3_step(rows)) == SQLITE_ROW)
        rc = compare(rows, list, count, run, err);
    if (rc == OPP_OK && result != SQLITE_DONE)
        rc = opp_db_error(db, result, err);
    sqlite3_reset(rows);
    return rc == OPP_OK && *run == 0 ? adopt(db, list, count, run, err) : rc;
}

enum opp_code opp_history_blame(struct opp_db *db, size_t count, struct opp_err *err)
{
    sqlite3_stmt *rows = NULL;
    enum opp_code rc = opp_db_prepare(db, "SELECT file FROM opp_migrations WHERE version = ?1", &rows, err);
    const char *file;

    if (rc != OPP_OK)
        return rc;
    sqlite3_bind_int64(rows, 1, (sqlite3_int64)count + 1);
    file = sqlite3_step(rows) == SQLITE_ROW ? (const char *)sqlite3_column_text(rows, 0) : NULL;
    rc = opp_fail_at(err, OPP_E_CONFIG, file, "the migration has run and is not there any more");
    sqlite3_reset(rows);
    sqlite3_clear_bindings(rows);
    return rc;
}

/* The transaction is the caller's, and so is the file. */
static int authorize(void *arg, int action, const char *a, const char *b, const char *c, const char *d)
{
    (void)arg, (void)a, (void)b, (void)c, (void)d;
    switch (action) {
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
        return SQLITE_DENY;
    default:
        return SQLITE_OK;
    }
}

/* What is wrong with the script is told with its line; what is wrong with the disk is not the script's fault. */
static enum opp_code blame(struct opp_db *db, const struct opp_migration *script, const char *at, int result,
                           struct opp_err *err)
{
    enum opp_code rc = opp_db_error(db, result, NULL);
    sqlite3 *handle = opp_db_handle(db);
    int offset = sqlite3_error_offset(handle), line = 1;
    const char *end = at + (offset > 0 ? offset : (int)strspn(at, " \t\r\n"));
    char where[WHERE_MAX];

    if (rc == OPP_E_UNAVAILABLE || rc == OPP_E_MEMORY)
        return opp_db_error(db, result, err);
    for (const char *next = script->script; next < end; next++)
        line += *next == '\n';
    snprintf(where, sizeof where, "%.100s:%d", script->file, line);
    return opp_fail_at(err, OPP_E_CONFIG, where, "%s", sqlite3_errmsg(handle));
}

static enum opp_code run_statements(struct opp_db *db, const struct opp_migration *script, struct opp_err *err)
{
    const char *at = script->script, *next = at;
    enum opp_code rc = OPP_OK;

    for (; rc == OPP_OK && *at != '\0'; at = next) {
        sqlite3_stmt *statement = NULL;
        int result = sqlite3_prepare_v2(opp_db_handle(db), at, -1, &statement, &next);

        while (result == SQLITE_OK && statement != NULL && (result = sqlite3_step(statement)) == SQLITE_ROW)
            result = SQLITE_OK;
        if (result != SQLITE_OK && result != SQLITE_DONE)
            rc = blame(db, script, at, result, err);
        sqlite3_finalize(statement);
    }
    return rc;
}

enum opp_code opp_history_script(struct opp_db *db, const struct opp_migration *script, struct opp_err *err)
{
    enum opp_code rc;

    sqlite3_set_authorizer(opp_db_handle(db), authorize, NULL);
    rc = run_statements(db, script, err);
    sqlite3_set_authorizer(opp_db_handle(db), NULL, NULL);
    return rc;
}

enum opp_code opp_history_run(struct opp_db *db, const struct opp_migration *list, size_t count, size_t run,
                              struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    for (size_t i = run; rc == OPP_OK && i < count; i++) {
        rc = opp_history_script(db, &list[i], err);
        if (rc == OPP_OK)
            rc = remember(db, &list[i], i + 1, err);
    }
    return rc;
}
