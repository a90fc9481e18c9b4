/* SPDX-License-Identifier: MIT */
#include "adapter/effect_internal.h"
#include "base/jcs.h"
#include "base/json.h"
#include "store/db.h"

#include <sqlite3.h>
#include <string.h>

static const char TABLES[] = "CREATE TABLE IF NOT EXISTS opp_receipts (effect_id TEXT PRIMARY KEY, "
                             "action TEXT NOT NULL, result TEXT NOT NULL, created_at INTEGER NOT NULL);"
                             "CREATE TABLE IF NOT EXISTS opp_identity (id TEXT NOT NULL);"
                             "INSERT INTO opp_identity SELECT lower(hex(randomblob(16)))"
                             " WHERE NOT EXISTS (SELECT 1 FROM opp_identity);";

enum opp_code opp_sql_receipts_open(struct opp_db *db, char identity[OPP_IDENTITY_MAX], struct opp_err *err)
{
    enum opp_code rc = opp_db_run(db, TABLES, err);

    return rc == OPP_OK ? opp_sql_identity(db, identity, err) : rc;
}

enum opp_code opp_sql_identity(struct opp_db *db, char identity[OPP_IDENTITY_MAX], struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = opp_db_prepare(db, "SELECT id FROM opp_identity", &statement, err);
    const char *text;
    int result;

    if (rc != OPP_OK)
        return rc;
    result = sqlite3_step(statement);
    text = result == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    if (text != NULL && strlen(text) < OPP_IDENTITY_MAX)
        memcpy(identity, text, strlen(text) + 1);
    else if (result == SQLITE_ROW || result == SQLITE_DONE)
        rc = opp_fail(err, OPP_E_INTERNAL, "the database does not say which it is");
    else
        rc = opp_db_error(db, result, err);
    sqlite3_reset(statement);
    return rc;
}

enum opp_code opp_sql_receipt(struct opp_db *db, const char *effect_id, json_t **out, struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = opp_db_prepare(db, "SELECT result FROM opp_receipts WHERE effect_id = ?1", &statement, err);
    int result;

    if (rc != OPP_OK)
        return rc;
    sqlite3_bind_text(statement, 1, effect_id, -1, SQLITE_STATIC);
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW) {
        rc = opp_json_read((const char *)sqlite3_column_text(statement, 0), (size_t)sqlite3_column_bytes(statement, 0),
                           out);
        if (rc != OPP_OK)
            opp_fail(err, rc, "the receipt of %s is not JSON", effect_id);
    } else {
        rc = result == SQLITE_DONE ? OPP_E_ABSENT : opp_db_error(db, result, err);
    }
    sqlite3_reset(statement);
    return rc;
}

enum opp_code opp_sql_write_receipt(struct opp_db *db, const char *action, const struct opp_sql_host *host,
                                    const json_t *result, struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    struct opp_buf text = { 0 };
    enum opp_code rc;
    int done;

    opp_jcs_write(&text, result);
    rc = opp_buf_check(&text, err);
    if (rc == OPP_OK)
        rc = opp_db_prepare(db,
                            "INSERT INTO opp_receipts (effect_id, action, result, created_at) VALUES (?1, ?2, ?3, ?4)",
                            &statement, err);
    if (rc == OPP_OK) {
        sqlite3_bind_text(statement, 1, host->effect_id, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 2, action, -1, SQLITE_STATIC);
        sqlite3_bind_text64(statement, 3, text.bytes, text.length, SQLITE_STATIC, SQLITE_UTF8);
        sqlite3_bind_int64(statement, 4, host->now_ms);
        done = sqlite3_step(statement);
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
        rc = done == SQLITE_DONE ? OPP_OK : opp_db_error(db, done, err);
    }
    opp_buf_free(&text);
    return rc;
}
