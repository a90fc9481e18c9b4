/* SPDX-License-Identifier: MIT */
#include "store/migrate.h"

#include "store/db.h"

#include <stdio.h>

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

enum opp_code opp_migrate(struct opp_db *db, const char *name, const char *const *scripts, size_t count, int *fresh,
                          struct opp_err *err)
{
    struct opp_err why = { 0 };
    enum opp_code rc = opp_db_read_version(db, err);
    size_t version = opp_db_version(db);

    if (rc != OPP_OK)
        return rc;
    if (fresh != NULL)
        *fresh = version == 0;
    if (version > count)
        return opp_fail(err, OPP_E_CONFIG, "the database %s has schema %zu; this program knows none after %zu", name,
                        version, count);
    for (size_t next = version; next < count; next++)
        if (run_script(db, scripts[next], next + 1, &why) != OPP_OK)
            return opp_fail(err, OPP_E_CONFIG, "the database %s cannot be brought to schema %zu: %s", name, next + 1,
                            why.message);
    return OPP_OK;
}
