/* SPDX-License-Identifier: MIT
 *
 * script/pattern.h - Lua 5.4's pattern language over bytes, with a budget of steps and bounded recursion.
 * May include: nothing.
 */
#ifndef OPP_SCRIPT_PATTERN_H
#define OPP_SCRIPT_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPP_PATTERN_CAPTURES_MAX 32

enum opp_pattern_result {
    OPP_PATTERN_NONE,      /* no match */
    OPP_PATTERN_MATCH,     /* *out says where */
    OPP_PATTERN_MALFORMED, /* why says what is wrong with the pattern */
    OPP_PATTERN_EXHAUSTED  /* the steps ran out */
};

/* Borrowed bytes and the budget, which is counted down and may be shared by many searches. */
struct opp_pattern {
    const char *subject;
    size_t subject_length;
    const char *pattern;
    size_t pattern_length;
    int64_t *steps;
    const char *why; /* static text, set with OPP_PATTERN_MALFORMED */
};

struct opp_pattern_capture {
    size_t start;
    size_t length;
    bool position; /* an empty capture (): its value is start + 1 */
};

struct opp_pattern_found {
    size_t start;
    size_t end; /* one behind the last byte */
    size_t count;
    struct opp_pattern_capture captures[OPP_PATTERN_CAPTURES_MAX];
};

/* Looks for the first match at or behind byte from (at most the subject's length); a leading ^ anchors it there.
 * A step is a pattern item tried at a byte, or a byte that %b looks at; long sets and back references cost more. */
enum opp_pattern_result opp_pattern_search(struct opp_pattern *p, size_t from, struct opp_pattern_found *out);

/* Tries the one match that begins at byte at; ^ is an ordinary byte. */
enum opp_pattern_result opp_pattern_at(struct opp_pattern *p, size_t at, struct opp_pattern_found *out);

#endif
