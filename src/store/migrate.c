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

/* What the disk does not take, or memory has no room for, is no mistake of the script. */
static enum opp_code refuse(const char *name, size_t version, const struct opp_err *why, struct opp_err *err)
{
    enum opp_code rc = why->code == OPP_E_UNAVAILABLE ? OPP_E_IO
                       : why->code == OPP_E_MEMORY    ? OPP_E_MEMORY
                                                      : OPP_E_CONFIG;

    return opp_fail(err, rc, "the database %s cannot be brought to schema %zu: %s", name, version, why->message);
}

enum opp_code opp_migrate(struct opp_db *db, const char *name, const char *const *scripts, size_t count, int *fresh,
                          struct opp_err *err)
{
    struct opp_err why = { 0 };
    size_t version;

    if (opp_db_check_quickly(db, &why) != OPP_OK || opp_db_read_version(db, &why) != OPP_OK)
        return opp_fail(err, OPP_E_IO, "the database %s is damaged or cannot be read: %s", name, why.message);
    version = opp_db_version(db);
    if (fresh != NULL)
        *fresh = version == 0;
    if (version > count)
        return opp_fail(
            err, OPP_E_CONFIG,
            "the database %s has schema %zu; this program knows none after %zu: a newer oppd has opened it, and "
            "can again; to go back, restore a backup of before",
            name, version, count);
    for (size_t next = version; next < count; next++)
        if (run_script(db, scripts[next], next + 1, &why) != OPP_OK)
            return refuse(name, next + 1, &why, err);
    return OPP_OK;
}
