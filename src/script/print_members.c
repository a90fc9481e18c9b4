/* SPDX-License-Identifier: MIT */
#include "script/print_members.h"

#include "base/jcs.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum opp_code opp_members_start(struct opp_members *members, struct opp_buf *out, size_t max, struct opp_err *err)
{
    *members = (struct opp_members){ .out = out };
    if (max > 0) {
        members->list = calloc(max, sizeof *members->list);
        if (members->list == NULL)
            return opp_fail(err, OPP_E_MEMORY, "no memory to sort %zu members", max);
    }
    opp_buf_char(out, '{');
    members->start = out->length;
    return OPP_OK;
}

/* The comma is part of the member before it, but is not counted: the order decides where commas go. */
static void end_member(struct opp_members *members)
{
    struct opp_member *last;

    if (members->count == 0)
        return;
    last = &members->list[members->count - 1];
    last->length = members->out->length - last->start;
}

void opp_members_begin(struct opp_members *members, const char *key, size_t length)
{
    end_member(members);
    if (members->count > 0)
        opp_buf_char(members->out, ',');
    members->list[members->count++] = (struct opp_member){ .key = key, .start = members->out->length };
    opp_jcs_string(members->out, key, length);
    opp_buf_char(members->out, ':');
}

static int compare(const void *a, const void *b)
{
    return opp_jcs_compare(((const struct opp_member *)a)->key, ((const struct opp_member *)b)->key);
}

static bool is_sorted(const struct opp_members *members)
{
    for (size_t i = 1; i < members->count; i++)
        if (compare(&members->list[i - 1], &members->list[i]) > 0)
            return false;
    return true;
}

/* Writes the members again in order, from a copy of what is there. */
static void sort(struct opp_members *members)
{
    struct opp_buf *out = members->out;
    struct opp_buf copy = { 0 };

    opp_buf_add(&copy, out->bytes + members->start, out->length - members->start);
    if (copy.failed) {
        out->failed = true;
        return;
    }
    qsort(members->list, members->count, sizeof *members->list, compare);
    out->length = members->start;
    for (size_t i = 0; i < members->count; i++) {
        if (i > 0)
            opp_buf_char(out, ',');
        opp_buf_add(out, copy.bytes + (members->list[i].start - members->start), members->list[i].length);
    }
    opp_buf_free(&copy);
}

void opp_members_finish(struct opp_members *members)
{
    end_member(members);
    if (!members->out->failed && !is_sorted(members))
        sort(members);
    opp_buf_char(members->out, '}');
    free(members->list);
    members->list = NULL;
}
