/* SPDX-License-Identifier: MIT */
#include "adapter/effect_internal.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/jcs.h"
#include "base/json.h"
#include "base/utf8.h"
#include "store/db.h"

#include <math.h>
#include <sqlite3.h>
#include <string.h>

#define EFFECT_DEADLINE_MS 5000

/* One effect on its way through the writer. */
struct application {
    struct opp_db *db;
    const struct opp_effect *effect;
    const char *action;
    const struct opp_sql_host *host;
    json_t *rows; /* what statements gave, by name */
};

static enum opp_code stale(struct opp_err *err)
{
    return opp_fail(err, OPP_E_STALE, "what the effect was computed from has changed");
}

/* Steps a repeated query along what it gave before. */
static enum opp_code compare_rows(const struct application *apply, const struct opp_recorded *before,
                                  sqlite3_stmt *statement, struct opp_err *err)
{
    size_t count = opp_rows_count(before->rows), row = 0;
    int result;

    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        if (row >= count || !opp_sql_same_row(statement, before->rows, row))
            return stale(err);
        row++;
        if (before->first_only)
            return OPP_OK;
    }
    if (result != SQLITE_DONE)
        return opp_db_error(apply->db, result, err);
    return row == count ? OPP_OK : stale(err);
}

static enum opp_code repeat_query(const struct application *apply, const struct opp_recorded *before,
                                  struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = opp_db_prepare(apply->db, before->sql, &statement, err);

    if (rc != OPP_OK)
        return rc;
    rc = opp_sql_bind(statement, before->params, NULL, err);
    if (rc == OPP_OK)
        rc = compare_rows(apply, before, statement, err);
    sqlite3_reset(statement);
    return rc;
}

/* NULL: JSON cannot say it. */
static json_t *cell_json(sqlite3_stmt *statement, int column)
{
    const char *text;
    int64_t integer;
    size_t length;

    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        integer = sqlite3_column_int64(statement, column);
        return opp_jcs_is_exact(integer) ? json_integer(integer) : NULL;
    case SQLITE_FLOAT:
        return json_real(sqlite3_column_double(statement, column)); /* NULL too: what is infinite */
    case SQLITE_TEXT:
        text = (const char *)sqlite3_column_text(statement, column);
        length = (size_t)sqlite3_column_bytes(statement, column);
        return text != NULL && opp_utf8_valid(text, length) ? json_stringn_nocheck(text, length) : NULL;
    case SQLITE_NULL:
        return json_null();
    default:
        return NULL;
    }
}

/* Keeps the row that a statement gave under its name. */
static enum opp_code keep_row(const struct application *apply, const char *name, sqlite3_stmt *statement,
                              struct opp_err *err)
{
    int count = sqlite3_column_count(statement);
    json_t *row = json_object();

    if (json_object_set_new(apply->rows, name, row) != 0)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a row");
    for (int i = 0; i < count; i++)
        if (json_object_set_new(row, sqlite3_column_name(statement, i), cell_json(statement, i)) != 0)
            return opp_fail(err, OPP_E_SCRIPT, "the column %s holds what JSON cannot say",
                            sqlite3_column_name(statement, i));
    return OPP_OK;
}

static enum opp_code fail_statement(const struct application *apply, int result, struct opp_err *err)
{
    if ((result & 0xff) == SQLITE_CONSTRAINT)
        return opp_fail(err, OPP_E_ACTION_INVALID, "%s", sqlite3_errmsg(opp_db_handle(apply->db)));
    return opp_db_error(apply->db, result, err);
}

/* Runs the bound statement to its end. */
static enum opp_code step_statement(const struct application *apply, const char *name, sqlite3_stmt *statement,
                                    struct opp_err *err)
{
    enum opp_code rc = OPP_OK;
    int result;

    if (name != NULL && json_object_set_new(apply->rows, name, json_null()) != 0)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a row");
    for (size_t row = 0; (result = sqlite3_step(statement)) == SQLITE_ROW && rc == OPP_OK; row++)
        if (row == 0 && name != NULL)
            rc = keep_row(apply, name, statement, err);
    if (rc == OPP_OK && result != SQLITE_DONE)
        rc = fail_statement(apply, result, err);
    return rc;
}

static enum opp_code check_affects(const struct application *apply, const json_t *affects, size_t n,
                                   struct opp_err *err)
{
    int64_t changed = sqlite3_changes64(opp_db_handle(apply->db));
    int64_t min = json_integer_value(json_object_get(affects, "min"));
    int64_t max = json_integer_value(json_object_get(affects, "max"));

    if (affects == NULL || (changed >= min && changed <= max))
        return OPP_OK;
    return opp_fail(err, OPP_E_PRECONDITION, "statement %zu affected %lld rows", n, (long long)changed);
}

static enum opp_code run_statement(const struct application *apply, const json_t *described, size_t n,
                                   struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = opp_db_prepare(apply->db, opp_json_text(described, "sql"), &statement, err);

    if (rc != OPP_OK)
        return rc;
    if (sqlite3_stmt_readonly(statement))
        rc = opp_fail(err, OPP_E_SCRIPT, "statement %zu changes nothing", n);
    if (rc == OPP_OK)
        rc = opp_sql_bind(statement, json_object_get(described, "params"), apply->host, err);
    if (rc == OPP_OK)
        rc = step_statement(apply, opp_json_text(described, "as"), statement, err);
    sqlite3_reset(statement);
    return rc == OPP_OK ? check_affects(apply, json_object_get(described, "affects"), n, err) : rc;
}

/* A deferred foreign key would fail the commit, and with it all that share it. */
static enum opp_code check_deferred(const struct application *apply, struct opp_err *err)
{
    int open = 0, highest = 0;

    sqlite3_db_status(opp_db_handle(apply->db), SQLITE_DBSTATUS_DEFERRED_FKS, &open, &highest, 0);
    return open == 0 ? OPP_OK : opp_fail(err, OPP_E_ACTION_INVALID, "a foreign key leads nowhere");
}

static enum opp_code run_all(const struct application *apply, json_t **out, struct opp_err *err)
{
    const json_t *statements = json_object_get(apply->effect->data, "statements");
    enum opp_code rc = OPP_OK;
    json_t *statement;
    size_t i;

    for (size_t n = 0; n < apply->effect->queries.count && rc == OPP_OK; n++)
        rc = repeat_query(apply, &apply->effect->queries.list[n], err);
    if (rc != OPP_OK)
        return rc;
    json_array_foreach(statements, i, statement)
    {
        rc = run_statement(apply, statement, i + 1, err);
        if (rc != OPP_OK)
            return rc;
    }
    rc = check_deferred(apply, err);
    if (rc == OPP_OK)
        rc = opp_symbols_resolve(json_object_get(apply->effect->data, "result"), apply->host, apply->rows, out, err);
    return rc;
}

enum opp_code opp_sql_apply(struct opp_db *db, const struct opp_effect *effect, const char *action,
                            const struct opp_sql_host *host, json_t **out, struct opp_err *err)
{
    struct application apply = { .db = db, .effect = effect, .action = action, .host = host, .rows = json_object() };
    json_t *result = NULL;
    enum opp_code rc;

    if (apply.rows == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for an effect");
    opp_db_deadline(db, opp_monotonic_ms() + EFFECT_DEADLINE_MS);
    rc = opp_sql_receipt(db, host->effect_id, &result, err);
    if (rc == OPP_E_ABSENT) {
        rc = run_all(&apply, &result, err);
        opp_crash_point("effect.unreceipted");
        if (rc == OPP_OK)
            rc = opp_sql_write_receipt(db, action, host, result, err);
        opp_crash_point("effect.written");
    }
    opp_db_deadline(db, 0);
    json_decref(apply.rows);
    if (rc == OPP_OK)
        *out = result;
    else
        json_decref(result);
    return rc;
}
