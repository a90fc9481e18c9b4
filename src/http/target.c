/* SPDX-License-Identifier: MIT */
#include "http/target.h"

#include "base/percent.h"

#include <string.h>

enum part {
    PART_START,
    PART_PATH,
    PART_ESCAPE,
    PART_LAST_DIGIT,
    PART_QUERY
};

/* What a segment is so far. */
enum segment {
    SEGMENT_EMPTY,
    SEGMENT_DOT,
    SEGMENT_DOTS,
    SEGMENT_NAMED
};

/* What another server on the way could read as another path. */
static bool is_fair_escape(char high, char low)
{
    const char text[] = { '%', high, low, '\0' };
    int byte = opp_percent_byte(text);

    return byte > 0 && strchr("%./\\", byte) == NULL;
}

static bool is_fair_byte(char c)
{
    return c > 0x20 && c < 0x7f && c != '#' && c != '\\';
}

static bool is_dots(int segment)
{
    return segment == SEGMENT_DOT || segment == SEGMENT_DOTS;
}

static bool in_path(struct opp_target_scan *scan, char c)
{
    switch (c) {
    case '/':
        if (scan->segment != SEGMENT_NAMED)
            return false;
        scan->segment = SEGMENT_EMPTY;
        return true;
    case '?':
        scan->part = PART_QUERY;
        return !is_dots(scan->segment);
    case '%':
        scan->part = PART_ESCAPE;
        return true;
    case '.':
        if (scan->segment < SEGMENT_NAMED)
            scan->segment++;
        return true;
    default:
        scan->segment = SEGMENT_NAMED;
        return true;
    }
}

static bool in_part(struct opp_target_scan *scan, char c)
{
    switch (scan->part) {
    case PART_START:
        scan->part = PART_PATH;
        return c == '/';
    case PART_PATH:
        return in_path(scan, c);
    case PART_ESCAPE:
        scan->escape = c;
        scan->part = PART_LAST_DIGIT;
        return true;
    case PART_LAST_DIGIT:
        scan->part = PART_PATH;
        scan->segment = SEGMENT_NAMED;
        return is_fair_escape(scan->escape, c);
    default:
        return true;
    }
}

bool opp_target_scan(struct opp_target_scan *scan, char c)
{
    if (!is_fair_byte(c) || scan->length == OPP_TARGET_MAX || !in_part(scan, c))
        return false;
    scan->length++;
    if (scan->part != PART_QUERY)
        scan->path_length = scan->length;
    return true;
}

bool opp_target_scan_end(const struct opp_target_scan *scan)
{
    return scan->part == PART_QUERY || (scan->part == PART_PATH && !is_dots(scan->segment));
}

bool opp_target_parse(const char *target, struct opp_target *out)
{
    struct opp_target_scan scan = { 0 };

    for (const char *at = target; *at != '\0'; at++)
        if (!opp_target_scan(&scan, *at))
            return false;
    if (!opp_target_scan_end(&scan))
        return false;
    out->path = target;
    out->path_length = scan.path_length;
    out->query = target + scan.path_length;
    if (*out->query == '?')
        out->query++;
    return true;
}
