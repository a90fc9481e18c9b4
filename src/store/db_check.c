/* SPDX-License-Identifier: MIT */
#include "base/file.h"
#include "store/db.h"

#include <sqlite3.h>
#include <string.h>

#define QUICK_PAGES_MAX 16384

bool opp_db_is_one(const char *path)
{
    static const char magic[16] = "SQLite format 3";
    struct opp_file_map map = { 0 };
    bool is_one;

    if (opp_file_map(path, &map, NULL) != OPP_OK)
        return false;
    is_one = map.length >= sizeof magic && memcmp(map.bytes, magic, sizeof magic) == 0;
    opp_file_unmap(&map);
    return is_one;
}

/* One row that says "ok", or rows that say what is wrong. */
static enum opp_code check(struct opp_db *db, const char *pragma, struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = opp_db_prepare(db, pragma, &statement, err);
    const char *said;
    int result;

    if (rc != OPP_OK)
        return rc;
    result = sqlite3_step(statement);
    said = result == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    if (result != SQLITE_ROW)
        rc = opp_db_error(db, result, err);
    else if (said == NULL || strcmp(said, "ok") != 0)
        rc = opp_fail(err, OPP_E_UNAVAILABLE, "%s", said != NULL ? said : "it cannot be checked");
    sqlite3_reset(statement);
    return rc;
}

enum opp_code opp_db_check(struct opp_db *db, struct opp_err *err)
{
    return check(db, "PRAGMA integrity_check(1)", err);
}

enum opp_code opp_db_check_quickly(struct opp_db *db, struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = opp_db_prepare(db, "PRAGMA page_count", &statement, err);
    int64_t pages;
    int result;

    if (rc != OPP_OK)
        return rc;
    result = sqlite3_step(statement);
    pages = result == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    if (result != SQLITE_ROW)
        return opp_db_error(db, result, err);
    return pages <= QUICK_PAGES_MAX ? check(db, "PRAGMA quick_check(1)", err) : OPP_OK;
}
