/* SPDX-License-Identifier: MIT */
#include "base/jcs.h"
#include "base/rows.h"

#include <stdlib.h>
#include <string.h>

/* One member that every row prints: `,"key":`, and what is shown instead of the cell where it is redacted. */
struct part {
    const char *name;
    const char *instead;
    size_t column;
    size_t prefix; /* into the plan's text */
    size_t length;
};

/* What is the same for every row, worked out once for a print. */
struct plan {
    struct part *parts;
    size_t count;
    struct opp_buf text;
};

static bool is_hidden(const struct opp_rows_view *view, const char *name)
{
    for (const char *const *hidden = view != NULL ? view->hidden : NULL; hidden != NULL && *hidden != NULL; hidden++) {
        if (strcmp(*hidden, name) == 0)
            return true;
    }
    return false;
}

static const char *shown_instead(const struct opp_rows_view *view, const char *name)
{
    for (const char *const *pair = view != NULL ? view->redacted : NULL; pair != NULL && *pair != NULL; pair += 2) {
        if (strcmp(pair[0], name) == 0)
            return pair[1];
    }
    return NULL;
}

static int compare_parts(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    int order = opp_jcs_compare(x->name, y->name);

    return order != 0 ? order : (x->column > y->column) - (x->column < y->column);
}

/* Of columns with the same name the first is printed, as opp_rows_find finds it: an object says a key once. */
static void drop_repeated(struct plan *plan)
{
    size_t kept = 0;

    for (size_t i = 0; i < plan->count; i++) {
        if (kept == 0 || strcmp(plan->parts[kept - 1].name, plan->parts[i].name) != 0)
            plan->parts[kept++] = plan->parts[i];
    }
    plan->count = kept;
}

static void write_prefixes(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct part *part = &plan->parts[i];

        part->prefix = plan->text.length;
        opp_buf_char(&plan->text, i == 0 ? '{' : ',');
        opp_jcs_string(&plan->text, part->name, strlen(part->name));
        opp_buf_char(&plan->text, ':');
        if (part->instead != NULL)
            opp_buf_text(&plan->text, part->instead);
        part->length = plan->text.length - part->prefix;
    }
}

static bool make_plan(const struct opp_rows *rows, const struct opp_rows_view *view, struct plan *plan)
{
    size_t columns = opp_rows_columns(rows);

    *plan = (struct plan){ 0 };
    if (columns == 0)
        return true;
    plan->parts = calloc(columns, sizeof *plan->parts);
    if (plan->parts == NULL)
        return false;
    for (size_t column = 0; column < columns; column++) {
        const char *name = opp_rows_column(rows, column);

        if (!is_hidden(view, name))
            plan->parts[plan->count++] =
                (struct part){ .name = name, .instead = shown_instead(view, name), .column = column };
    }
    qsort(plan->parts, plan->count, sizeof *plan->parts, compare_parts);
    drop_repeated(plan);
    write_prefixes(plan);
    return !plan->text.failed;
}

static void free_plan(struct plan *plan)
{
    free(plan->parts);
    opp_buf_free(&plan->text);
}

static void print_cell(const struct opp_rows *rows, const struct opp_cell *cell, struct opp_buf *out)
{
    switch (cell->type) {
    case OPP_CELL_NULL:
        opp_buf_add(out, "null", 4);
        break;
    case OPP_CELL_INTEGER:
        opp_jcs_integer(out, cell->as.integer);
        break;
    case OPP_CELL_REAL:
        opp_jcs_real(out, cell->as.real);
        break;
    case OPP_CELL_TEXT:
        if (cell->plain)
            opp_jcs_plain(out, opp_rows_text(rows, cell), cell->as.text.length);
        else
            opp_jcs_string(out, opp_rows_text(rows, cell), cell->as.text.length);
        break;
    }
}

static bool is_exact(const struct opp_cell *cell)
{
    return cell->type != OPP_CELL_INTEGER || opp_jcs_is_exact(cell->as.integer);
}

/* Puts the name of a column whose cell is not exact into *inexact. */
static void print_planned(const struct opp_rows *rows, size_t row, const struct plan *plan, struct opp_buf *out,
                          const char **inexact)
{
    if (plan->count == 0)
        opp_buf_char(out, '{');
    for (size_t i = 0; i < plan->count; i++) {
        const struct part *part = &plan->parts[i];
        const struct opp_cell *cell = opp_rows_cell(rows, row, part->column);

        opp_buf_add(out, plan->text.bytes + part->prefix, part->length);
        if (part->instead != NULL)
            continue;
        print_cell(rows, cell, out);
        if (!is_exact(cell))
            *inexact = part->name;
    }
    opp_buf_char(out, '}');
}

const char *opp_rows_print(const struct opp_rows *rows, const struct opp_rows_view *view, struct opp_buf *out)
{
    size_t count = opp_rows_count(rows);
    const char *inexact = NULL;
    struct plan plan;

    if (view != NULL && view->most != 0 && count > view->most)
        count = view->most;
    if (!make_plan(rows, view, &plan)) {
        out->failed = true;
        goto out;
    }
    opp_buf_char(out, '[');
    for (size_t row = 0; row < count; row++) {
        if (row > 0)
            opp_buf_char(out, ',');
        print_planned(rows, row, &plan, out, &inexact);
    }
    opp_buf_char(out, ']');
out:
    free_plan(&plan);
    return inexact;
}

const char *opp_rows_print_row(const struct opp_rows *rows, size_t row, const struct opp_rows_view *view,
                               struct opp_buf *out)
{
    const char *inexact = NULL;
    struct plan plan;

    if (make_plan(rows, view, &plan))
        print_planned(rows, row, &plan, out, &inexact);
    else
        out->failed = true;
    free_plan(&plan);
    return inexact;
}
