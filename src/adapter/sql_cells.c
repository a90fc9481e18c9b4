/* SPDX-License-Identifier: MIT */
#include "adapter/sql_bind.h"
#include "base/utf8.h"

#include <math.h>
#include <sqlite3.h>
#include <string.h>

#define COLUMNS_MAX 200

enum opp_code opp_sql_new_rows(sqlite3_stmt *statement, struct opp_rows **out, struct opp_err *err)
{
    const char *names[COLUMNS_MAX];
    int count = sqlite3_column_count(statement);

    if (count > COLUMNS_MAX)
        return opp_fail(err, OPP_E_SCRIPT, "a query has at most %d columns", COLUMNS_MAX);
    for (int i = 0; i < count; i++) {
        names[i] = sqlite3_column_name(statement, i);
        if (names[i] == NULL)
            return opp_fail(err, OPP_E_MEMORY, "no memory for a column's name");
    }
    return opp_rows_new(names, (size_t)count, out, err);
}

static enum opp_code add_text(sqlite3_stmt *statement, int column, sqlite3_value *value, struct opp_rows *rows,
                              struct opp_err *err)
{
    const char *text = (const char *)sqlite3_value_text(value);
    size_t length = (size_t)sqlite3_value_bytes(value);

    if (text == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a cell");
    if (!opp_rows_add_text(rows, text, length) && !opp_utf8_valid(text, length))
        return opp_fail(err, OPP_E_SCRIPT, "the column %s holds text that is not UTF-8",
                        sqlite3_column_name(statement, column));
    return OPP_OK;
}

/* The connection is one thread's and was opened without a mutex, so the value may be read without being protected. */
static enum opp_code add_cell(sqlite3_stmt *statement, int column, struct opp_rows *rows, struct opp_err *err)
{
    sqlite3_value *value = sqlite3_column_value(statement, column);
    double real;

    switch (sqlite3_value_type(value)) {
    case SQLITE_NULL:
        opp_rows_add_null(rows);
        return OPP_OK;
    case SQLITE_INTEGER:
        opp_rows_add_integer(rows, sqlite3_value_int64(value));
        return OPP_OK;
    case SQLITE_FLOAT:
        real = sqlite3_value_double(value);
        if (!isfinite(real))
            return opp_fail(err, OPP_E_SCRIPT, "the column %s holds an infinite number",
                            sqlite3_column_name(statement, column));
        opp_rows_add_real(rows, real);
        return OPP_OK;
    case SQLITE_TEXT:
        return add_text(statement, column, value, rows, err);
    default:
        return opp_fail(err, OPP_E_SCRIPT, "the column %s holds a blob", sqlite3_column_name(statement, column));
    }
}

enum opp_code opp_sql_add_row(sqlite3_stmt *statement, struct opp_rows *rows, struct opp_err *err)
{
    int count = sqlite3_column_count(statement);
    enum opp_code rc = OPP_OK;

    for (int i = 0; i < count && rc == OPP_OK; i++)
        rc = add_cell(statement, i, rows, err);
    return rc;
}

static bool same_cell(sqlite3_stmt *statement, int column, const struct opp_rows *rows, const struct opp_cell *cell)
{
    const void *text;
    double real;

    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_NULL:
        return cell->type == OPP_CELL_NULL;
    case SQLITE_INTEGER:
        return cell->type == OPP_CELL_INTEGER && sqlite3_column_int64(statement, column) == cell->as.integer;
    case SQLITE_FLOAT:
        real = sqlite3_column_double(statement, column);
        /* 0.0 and -0.0 are the same to whoever looked, and no cell is a NaN: SQLite has none. */
        return cell->type == OPP_CELL_REAL && real >= cell->as.real && real <= cell->as.real;
    case SQLITE_TEXT:
        text = sqlite3_column_text(statement, column);
        return text != NULL && cell->type == OPP_CELL_TEXT &&
               (size_t)sqlite3_column_bytes(statement, column) == cell->as.text.length &&
               memcmp(text, opp_rows_text(rows, cell), cell->as.text.length) == 0;
    default:
        return false;
    }
}

bool opp_sql_same_row(sqlite3_stmt *statement, const struct opp_rows *rows, size_t row)
{
    size_t count = (size_t)sqlite3_column_count(statement);

    if (count != opp_rows_columns(rows))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!same_cell(statement, (int)i, rows, opp_rows_cell(rows, row, i)))
            return false;
    return true;
}
