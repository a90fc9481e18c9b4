/* SPDX-License-Identifier: MIT */
#include "audit/row_scan.h"

#include <string.h>

static bool take(struct opp_row_scan *scan, char wanted)
{
    if (scan->at == scan->end || *scan->at != wanted)
        return false;
    scan->at++;
    return true;
}

/* Behind the quote that opens it; leaves off behind the one that closes it. */
static bool skip_string(struct opp_row_scan *scan)
{
    while (scan->at < scan->end) {
        char c = *scan->at++;

        if (c == '"')
            return true;
        if (c == '\\' && scan->at < scan->end)
            scan->at++;
    }
    return false;
}

/* An object, an array, a string, or what stands up to the next comma: whether it is valid in itself is not asked. */
static bool skip_value(struct opp_row_scan *scan)
{
    const char *begin = scan->at;
    size_t depth = 0;

    while (scan->at < scan->end) {
        char c = *scan->at;

        if (depth == 0 && (c == ',' || c == '}'))
            return scan->at > begin;
        scan->at++;
        if (c == '"' && !skip_string(scan))
            return false;
        if (c == '{' || c == '[')
            depth++;
        if ((c == '}' || c == ']') && depth-- == 0)
            return false;
    }
    return false;
}

static bool rises(const char *before, size_t before_length, const char *name, size_t length)
{
    size_t shorter = before_length < length ? before_length : length;
    int order = before != NULL ? memcmp(before, name, shorter) : -1;

    return order < 0 || (order == 0 && before_length < length);
}

static bool read_member(struct opp_row_scan *scan)
{
    const char *before = scan->name, *name;
    size_t before_length = scan->name_length;

    if (!take(scan, '"'))
        return false;
    name = scan->at;
    if (!skip_string(scan))
        return false;
    scan->name = name;
    scan->name_length = (size_t)(scan->at - name) - 1;
    if (!rises(before, before_length, name, scan->name_length) || !take(scan, ':'))
        return false;
    scan->value = scan->at;
    if (!skip_value(scan))
        return false;
    scan->value_length = (size_t)(scan->at - scan->value);
    return true;
}

bool opp_row_scan_next(struct opp_row_scan *scan)
{
    if (scan->bad || scan->at == scan->end) {
        scan->bad = scan->bad || !scan->begun;
        return false;
    }
    if (scan->begun && take(scan, '}')) {
        scan->bad = scan->at != scan->end;
        return false;
    }
    scan->bad = !take(scan, scan->begun ? ',' : '{') || !read_member(scan) || scan->at == scan->end;
    scan->begun = true;
    return !scan->bad;
}

bool opp_row_scan_is(const struct opp_row_scan *scan, const char *name)
{
    return strlen(name) == scan->name_length && memcmp(name, scan->name, scan->name_length) == 0;
}
