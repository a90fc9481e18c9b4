/* SPDX-License-Identifier: MIT
 *
 * base/rows.h - the result of one query: named columns and typed cells in one block of memory, read-only once made.
 * May include: base.
 */
#ifndef OPP_BASE_ROWS_H
#define OPP_BASE_ROWS_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opp_cell_type {
    OPP_CELL_NULL,
    OPP_CELL_INTEGER,
    OPP_CELL_REAL,
    OPP_CELL_TEXT
};

struct opp_cell {
    enum opp_cell_type type;
    bool plain; /* a text that JSON has as it is: opp_jcs_is_plain */
    union {
        int64_t integer;
        double real;
        struct {
            size_t offset; /* into the rows' text; NUL-terminated there */
            size_t length;
        } text;
    } as;
};

struct opp_rows;

/* Gives empty rows of the named columns (copied). OPP_E_MEMORY. */
enum opp_code opp_rows_new(const char *const *columns, size_t column_count, struct opp_rows **out, struct opp_err *err);
struct opp_rows *opp_rows_ref(struct opp_rows *rows);
void opp_rows_free(struct opp_rows *rows); /* drops a reference; NULL allowed */

/* Appends one cell, row by row, left to right. A failed allocation is remembered: opp_rows_check. A text gives whether
 * it is plain. */
void opp_rows_add_null(struct opp_rows *rows);
void opp_rows_add_integer(struct opp_rows *rows, int64_t value);
void opp_rows_add_real(struct opp_rows *rows, double value);
bool opp_rows_add_text(struct opp_rows *rows, const char *text, size_t length);
enum opp_code opp_rows_check(const struct opp_rows *rows, struct opp_err *err);

size_t opp_rows_count(const struct opp_rows *rows);
size_t opp_rows_columns(const struct opp_rows *rows);
size_t opp_rows_bytes(const struct opp_rows *rows);
const char *opp_rows_column(const struct opp_rows *rows, size_t column);
/* The column's number, or -1. */
int opp_rows_find(const struct opp_rows *rows, const char *column);
/* Lends the cell until the rows are freed. row and column must be in range. */
const struct opp_cell *opp_rows_cell(const struct opp_rows *rows, size_t row, size_t column);
const char *opp_rows_text(const struct opp_rows *rows, const struct opp_cell *cell);

/* How one column of a printed row is shown: NULL everywhere shows all columns as they are. */
struct opp_rows_view {
    const char *const *hidden;   /* names of columns that are left out, NULL-terminated; may be NULL */
    size_t most;                 /* rows printed; 0: all */
    const char *const *redacted; /* pairs name, JSON text shown instead; NULL-terminated; may be NULL */
};

/* Writes the rows as a JSON array of objects, or one row as an object, as RFC 8785 has them (keys sorted). Lends the
 * name of a column with an integer that was shown and is not exact in JSON (opp_jcs_is_exact); NULL: there is none. */
const char *opp_rows_print(const struct opp_rows *rows, const struct opp_rows_view *view, struct opp_buf *out);
const char *opp_rows_print_row(const struct opp_rows *rows, size_t row, const struct opp_rows_view *view,
                               struct opp_buf *out);

#endif
