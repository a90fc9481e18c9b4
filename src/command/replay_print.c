/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "command/replay.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS 6
#define CELL_MAX 120

typedef char row[COLUMNS][CELL_MAX];

static const row TITLES = { "count", "tool", "phase", "from -> to", "changed", "rule" };

static json_int_t number(const json_t *report, const char *name)
{
    return json_integer_value(json_object_get(report, name));
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = opp_json_text(object, name);

    return text != NULL ? text : "-";
}

static void join(char cell[CELL_MAX], const json_t *names)
{
    size_t length = 0, index;
    json_t *name;

    cell[0] = '\0';
    json_array_foreach(names, index, name)
    {
        if (length < CELL_MAX)
            length += (size_t)snprintf(cell + length, CELL_MAX - length, "%s%s", index > 0 ? "," : "",
                                       json_string_value(name));
    }
}

static void fill(row cells, const json_t *difference)
{
    snprintf(cells[0], CELL_MAX, "%" JSON_INTEGER_FORMAT, number(difference, "count"));
    snprintf(cells[1], CELL_MAX, "%s", text_of(difference, "tool"));
    snprintf(cells[2], CELL_MAX, "%s", text_of(difference, "phase"));
    snprintf(cells[3], CELL_MAX, "%s -> %s", text_of(json_object_get(difference, "from"), "outcome"),
             text_of(json_object_get(difference, "to"), "outcome"));
    join(cells[4], json_object_get(difference, "changed"));
    snprintf(cells[5], CELL_MAX, "%s", text_of(difference, "rule"));
}

/* The last column is as long as it is. */
static void print_row(const row cells, const int width[COLUMNS])
{
    printf("%*s", width[0], cells[0]);
    for (size_t i = 1; i + 1 < COLUMNS; i++)
        printf("  %-*s", width[i], cells[i]);
    printf("  %s\n", cells[COLUMNS - 1]);
}

static void widen(int width[COLUMNS], const row cells)
{
    for (size_t i = 0; i < COLUMNS; i++)
        width[i] = (int)strlen(cells[i]) > width[i] ? (int)strlen(cells[i]) : width[i];
}

static void print_table(const json_t *differences)
{
    int width[COLUMNS] = { 0 };
    json_t *difference;
    size_t index;
    row cells;

    widen(width, TITLES);
    json_array_foreach(differences, index, difference)
    {
        fill(cells, difference);
        widen(width, (const char(*)[CELL_MAX])cells);
    }
    print_row(TITLES, width);
    json_array_foreach(differences, index, difference)
    {
        fill(cells, difference);
        print_row((const char(*)[CELL_MAX])cells, width);
    }
}

void opp_replay_print(const json_t *report)
{
    const json_t *differences = json_object_get(report, "differences");

    puts(text_of(report, "sentence"));
    if (number(report, "unreplayable") > 0)
        printf("%" JSON_INTEGER_FORMAT " more cannot be judged again: what their rules read is only kept as a hash.\n",
               number(report, "unreplayable"));
    if (number(report, "errors") > 0)
        printf("The last error: %s\n", text_of(report, "last_error"));
    if (json_array_size(differences) > 0) {
        putchar('\n');
        print_table(differences);
    }
}
