/* SPDX-License-Identifier: MIT */
#include "store/migrate.h"

#include "store/db.h"

#include <sqlite3.h>
#include <stdio.h>

static enum opp_code read_version(struct opp_db *db, size_t *version, struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = opp_db_prepare(db, "PRAGMA user_version", &statement, err);
    int result;

    if (rc != OPP_OK)
        return rc;
    result = sqlite3_step(statement);
    if (result != SQLITE_ROW)
        rc = opp_db_error(db, result, err);
    else
        *version = (size_t)sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return rc;
}

static enum opp_code run_script(struct opp_db *db, const char *script, size_t version, struct opp_err *err)
{
    char set_version[64];
    enum opp_code rc = opp_db_run(db, "BEGIN IMMEDIATE", err);

    if (rc != OPP_OK)
        return rc;
    snprintf(set_version, sizeof set_version, "PRAGMA user_version=%zu", version);
    rc = opp_db_run(db, script, err);
    if (rc == OPP_OK)
        rc = opp_db_run(db, set_version, err);
    if (rc == OPP_OK)
        rc = opp_db_run(db, "COMMIT", err);
    if (rc != OPP_OK)
        opp_db_run(db, "ROLLBACK", NULL);
    return rc;
}

/* What the disk does not take is no mistake of the script. */
static enum opp_code refuse(const char *name, size_t version, const struct opp_err *why, struct opp_err *err)
{
    enum opp_code rc = why->code == OPP_E_UNAVAILABLE ? OPP_E_IO : OPP_E_CONFIG;

    return opp_fail(err, rc, "the database %s cannot be brought to schema %zu: %s", name, version, why->message);
}

enum opp_code opp_migrate(struct opp_db *db, const char *name, const char *const *scripts, size_t count, int *fresh,
                          struct opp_err *err)
{
    struct opp_err why = { 0 };
    size_t version = 0;

    if (opp_db_check_quickly(db, &why) != OPP_OK || read_version(db, &version, &why) != OPP_OK)
        return opp_fail(err, OPP_E_IO, "the database %s is damaged or cannot be read: %s", name, why.message);
    if (fresh != NULL)
        *fresh = version == 0;
    if (version > count)
        return opp_fail(err, OPP_E_CONFIG, "the database %s has schema %zu; this program knows none after %zu", name,
                        version, count);
    for (size_t next = version; next < count; next++)
        if (run_script(db, scripts[next], next + 1, &why) != OPP_OK)
            return refuse(name, next + 1, &why, err);
    return OPP_OK;
}
