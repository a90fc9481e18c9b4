/* SPDX-License-Identifier: MIT */
#include "base/rows.h"

#include "base/jcs.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CELLS 64

struct opp_rows {
    atomic_size_t references;
    size_t column_count;
    char **columns;
    struct opp_cell *cells;
    size_t count;
    size_t capacity;
    struct opp_buf text;
    bool failed;
};

/* The names stand behind the pointers to them, in one block. */
static enum opp_code copy_columns(struct opp_rows *rows, const char *const *columns, size_t count)
{
    size_t bytes = (count + 1) * sizeof *rows->columns;
    char *text;

    for (size_t i = 0; i < count; i++)
        bytes += strlen(columns[i]) + 1;
    rows->columns = calloc(1, bytes);
    if (rows->columns == NULL)
        return OPP_E_MEMORY;
    text = (char *)(rows->columns + count + 1);
    for (size_t i = 0; i < count; i++) {
        rows->columns[i] = text;
        text = stpcpy(text, columns[i]) + 1;
    }
    rows->column_count = count;
    return OPP_OK;
}

enum opp_code opp_rows_new(const char *const *columns, size_t column_count, struct opp_rows **out, struct opp_err *err)
{
    struct opp_rows *rows = calloc(1, sizeof *rows);

    if (rows == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for rows");
    atomic_init(&rows->references, 1);
    if (copy_columns(rows, columns, column_count) != OPP_OK) {
        opp_rows_free(rows);
        return opp_fail(err, OPP_E_MEMORY, "no memory for the names of %zu columns", column_count);
    }
    *out = rows;
    return OPP_OK;
}

struct opp_rows *opp_rows_ref(struct opp_rows *rows)
{
    atomic_fetch_add_explicit(&rows->references, 1, memory_order_relaxed);
    return rows;
}

void opp_rows_free(struct opp_rows *rows)
{
    if (rows == NULL || atomic_fetch_sub_explicit(&rows->references, 1, memory_order_acq_rel) != 1)
        return;
    free(rows->columns);
    free(rows->cells);
    opp_buf_free(&rows->text);
    free(rows);
}

static void add(struct opp_rows *rows, struct opp_cell cell)
{
    size_t capacity = rows->capacity != 0 ? rows->capacity * 2 : FIRST_CELLS;
    struct opp_cell *grown;

    if (rows->failed)
        return;
    if (rows->count == rows->capacity) {
        grown = reallocarray(rows->cells, capacity, sizeof *grown);
        if (grown == NULL) {
            rows->failed = true;
            return;
        }
        rows->cells = grown;
        rows->capacity = capacity;
    }
    rows->cells[rows->count++] = cell;
}

void opp_rows_add_null(struct opp_rows *rows)
{
    add(rows, (struct opp_cell){ .type = OPP_CELL_NULL });
}

void opp_rows_add_integer(struct opp_rows *rows, int64_t value)
{
    add(rows, (struct opp_cell){ .type = OPP_CELL_INTEGER, .as.integer = value });
}

void opp_rows_add_real(struct opp_rows *rows, double value)
{
    add(rows, (struct opp_cell){ .type = OPP_CELL_REAL, .as.real = value });
}

bool opp_rows_add_text(struct opp_rows *rows, const char *text, size_t length)
{
    struct opp_cell cell = { .type = OPP_CELL_TEXT, .plain = opp_jcs_is_plain(text, length) };
    char *room;

    cell.as.text.offset = rows->text.length;
    cell.as.text.length = length;
    room = opp_buf_room(&rows->text, length + 1);
    if (room != NULL) { /* else the buffer remembers */
        memcpy(room, text, length);
        room[length] = '\0';
        rows->text.length += length + 1;
    }
    add(rows, cell);
    return cell.plain;
}

enum opp_code opp_rows_check(const struct opp_rows *rows, struct opp_err *err)
{
    if (rows->failed || rows->text.failed)
        return opp_fail(err, OPP_E_MEMORY, "no memory for %zu cells", rows->count);
    return OPP_OK;
}

size_t opp_rows_count(const struct opp_rows *rows)
{
    return rows->column_count != 0 ? rows->count / rows->column_count : 0;
}

size_t opp_rows_columns(const struct opp_rows *rows)
{
    return rows->column_count;
}

size_t opp_rows_bytes(const struct opp_rows *rows)
{
    return sizeof *rows + rows->capacity * sizeof *rows->cells + rows->text.capacity;
}

const char *opp_rows_column(const struct opp_rows *rows, size_t column)
{
    return rows->columns[column];
}

int opp_rows_find(const struct opp_rows *rows, const char *column)
{
    for (size_t i = 0; i < rows->column_count; i++)
        if (strcmp(rows->columns[i], column) == 0)
            return (int)i;
    return -1;
}

const struct opp_cell *opp_rows_cell(const struct opp_rows *rows, size_t row, size_t column)
{
    return &rows->cells[row * rows->column_count + column];
}

const char *opp_rows_text(const struct opp_rows *rows, const struct opp_cell *cell)
{
    return rows->text.bytes + cell->as.text.offset;
}
