/* SPDX-License-Identifier: MIT */
#include "script/pattern.h"

#include "script/pattern_set.h"

#include <string.h>

#define DEPTH_MAX 200 /* nested tries: at most one for each item of the pattern */
#define NOWHERE SIZE_MAX

enum capture_state {
    CAPTURE_OPEN,
    CAPTURE_CLOSED,
    CAPTURE_POSITION
};

struct capture {
    enum capture_state state;
    size_t start;
    size_t length;
};

struct matcher {
    struct opp_pattern *p;
    size_t level;
    unsigned depth;
    enum opp_pattern_result result; /* other than NONE once the search must stop */
    struct capture captures[OPP_PATTERN_CAPTURES_MAX];
};

static size_t try(struct matcher *m, size_t s, size_t p);

static size_t malformed(struct matcher *m, const char *why)
{
    m->result = OPP_PATTERN_MALFORMED;
    m->p->why = why;
    return NOWHERE;
}

static bool spend(struct matcher *m, size_t steps)
{
    if (m->result != OPP_PATTERN_NONE)
        return false;
    *m->p->steps -= (int64_t)steps;
    if (*m->p->steps >= 0)
        return true;
    m->result = OPP_PATTERN_EXHAUSTED;
    return false;
}

static char pattern_at(const struct matcher *m, size_t p)
{
    return p < m->p->pattern_length ? m->p->pattern[p] : '\0';
}

static unsigned char subject_at(const struct matcher *m, size_t s)
{
    return s < m->p->subject_length ? (unsigned char)m->p->subject[s] : '\0';
}

static bool takes(struct matcher *m, size_t s, size_t p, size_t end)
{
    if (!spend(m, 1 + (end - p) / 16) || s >= m->p->subject_length)
        return false;
    return opp_pattern_item_takes(m->p->pattern, p, end, (unsigned char)m->p->subject[s]);
}

static size_t repeat_most(struct matcher *m, size_t s, size_t p, size_t end)
{
    size_t count = 0;

    while (takes(m, s + count, p, end))
        count++;
    for (;; count--) {
        size_t found = try(m, s + count, end + 1);

        if (found != NOWHERE || count == 0 || m->result != OPP_PATTERN_NONE)
            return found;
    }
}

static size_t repeat_least(struct matcher *m, size_t s, size_t p, size_t end)
{
    for (;; s++) {
        size_t found = try(m, s, end + 1);

        if (found != NOWHERE || !takes(m, s, p, end))
            return found;
    }
}

static size_t open_capture(struct matcher *m, size_t s, size_t p, enum capture_state state)
{
    size_t found;

    if (m->level >= OPP_PATTERN_CAPTURES_MAX)
        return malformed(m, "too many captures");
    m->captures[m->level++] = (struct capture){ .state = state, .start = s };
    found = try(m, s, p);
    if (found == NOWHERE)
        m->level--;
    return found;
}

static size_t close_capture(struct matcher *m, size_t s, size_t p)
{
    size_t level = m->level;
    size_t found;

    while (level > 0 && m->captures[level - 1].state != CAPTURE_OPEN)
        level--;
    if (level == 0)
        return malformed(m, "invalid pattern capture");
    m->captures[level - 1].state = CAPTURE_CLOSED;
    m->captures[level - 1].length = s - m->captures[level - 1].start;
    found = try(m, s, p);
    if (found == NOWHERE)
        m->captures[level - 1].state = CAPTURE_OPEN;
    return found;
}

/* The end of a %bxy that begins at s. */
static size_t balanced(struct matcher *m, size_t s, size_t p)
{
    const struct opp_pattern *of = m->p;
    size_t nesting = 1;

    if (p + 3 >= of->pattern_length)
        return malformed(m, "malformed pattern (missing arguments to '%b')");
    if (s >= of->subject_length || of->subject[s] != of->pattern[p + 2])
        return NOWHERE;
    while (++s < of->subject_length && spend(m, 1)) {
        if (of->subject[s] == of->pattern[p + 3]) {
            if (--nesting == 0)
                return s + 1;
        } else if (of->subject[s] == of->pattern[p + 2]) {
            nesting++;
        }
    }
    return NOWHERE;
}

/* Where to go on behind the set of a %f at p, if the frontier is at s; else NOWHERE. */
static size_t frontier(struct matcher *m, size_t s, size_t p)
{
    const char *pattern = m->p->pattern;
    size_t end;

    if (pattern_at(m, p + 2) != '[')
        return malformed(m, "missing '[' after '%f' in pattern");
    end = opp_pattern_item_end(pattern, m->p->pattern_length, p + 2, &m->p->why);
    if (end == 0)
        return malformed(m, m->p->why);
    if (!spend(m, 1 + (end - p) / 8))
        return NOWHERE;
    if (opp_pattern_set_takes(pattern, p + 2, end, s == 0 ? '\0' : subject_at(m, s - 1)) ||
        !opp_pattern_set_takes(pattern, p + 2, end, subject_at(m, s)))
        return NOWHERE;
    return end;
}

/* The end of what capture %1 to %9 holds, again at s. */
static size_t repeated_capture(struct matcher *m, size_t s, char digit)
{
    size_t level = (size_t)(digit - '1'); /* %0 wraps far out of range */
    const struct capture *capture = &m->captures[level < m->level ? level : 0];

    if (level >= m->level || capture->state == CAPTURE_OPEN)
        return malformed(m, "invalid capture index in pattern");
    if (capture->state == CAPTURE_POSITION || m->p->subject_length - s < capture->length)
        return NOWHERE;
    if (!spend(m, 1 + capture->length / 16) ||
        memcmp(m->p->subject + capture->start, m->p->subject + s, capture->length) != 0)
        return NOWHERE;
    return s + capture->length;
}

/* One item and what follows it. *done stays false when the item simply matched: then *s and *p are where to go on. */
static size_t try_item(struct matcher *m, size_t *s, size_t *p, bool *done)
{
    size_t end = opp_pattern_item_end(m->p->pattern, m->p->pattern_length, *p, &m->p->why);
    size_t found;

    *done = true;
    if (end == 0)
        return malformed(m, m->p->why);
    switch (pattern_at(m, end)) {
    case '*':
        return repeat_most(m, *s, *p, end);
    case '+':
        return takes(m, *s, *p, end) ? repeat_most(m, *s + 1, *p, end) : NOWHERE;
    case '-':
        return repeat_least(m, *s, *p, end);
    case '?':
        found = takes(m, *s, *p, end) ? try(m, *s + 1, end + 1) : NOWHERE;
        if (found != NOWHERE || m->result != OPP_PATTERN_NONE)
            return found;
        *p = end + 1;
        break;
    default:
        if (!takes(m, *s, *p, end))
            return NOWHERE;
        *s += 1;
        *p = end;
    }
    *done = false;
    return NOWHERE;
}

/* %b, %f and %1: as try_item. */
static size_t try_special(struct matcher *m, size_t *s, size_t *p, bool *done)
{
    char kind = pattern_at(m, *p + 1);
    size_t next;

    if (kind == 'f') {
        next = frontier(m, *s, *p);
        *p = next;
    } else if (kind == 'b') {
        next = balanced(m, *s, *p);
        *s = next;
        *p += 4;
    } else if (kind >= '0' && kind <= '9') {
        next = repeated_capture(m, *s, kind);
        *s = next;
        *p += 2;
    } else {
        return try_item(m, s, p, done);
    }
    *done = next == NOWHERE;
    return NOWHERE;
}

static size_t try_from(struct matcher *m, size_t s, size_t p)
{
    bool done = false;
    size_t found = NOWHERE;

    while (!done) {
        if (p >= m->p->pattern_length)
            return s;
        if (!spend(m, 1))
            return NOWHERE;
        switch (m->p->pattern[p]) {
        case '(':
            return pattern_at(m, p + 1) == ')' ? open_capture(m, s, p + 2, CAPTURE_POSITION)
                                               : open_capture(m, s, p + 1, CAPTURE_OPEN);
        case ')':
            return close_capture(m, s, p + 1);
        case '$':
            if (p + 1 == m->p->pattern_length)
                return s == m->p->subject_length ? s : NOWHERE;
            found = try_item(m, &s, &p, &done);
            break;
        case '%':
            found = try_special(m, &s, &p, &done);
            break;
        default:
            found = try_item(m, &s, &p, &done);
        }
    }
    return found;
}

/* The end of a match of the pattern from p on with the subject from s on, or NOWHERE. */
static size_t try(struct matcher *m, size_t s, size_t p)
{
    size_t found;

    if (m->depth >= DEPTH_MAX)
        return malformed(m, "pattern too complex");
    m->depth++;
    found = try_from(m, s, p);
    m->depth--;
    return found;
}

static enum opp_pattern_result report(struct matcher *m, size_t start, size_t end, struct opp_pattern_found *out)
{
    out->start = start;
    out->end = end;
    out->count = m->level;
    for (size_t i = 0; i < m->level; i++) {
        const struct capture *capture = &m->captures[i];

        if (capture->state == CAPTURE_OPEN) {
            malformed(m, "unfinished capture");
            return OPP_PATTERN_MALFORMED;
        }
        out->captures[i].start = capture->start;
        out->captures[i].length = capture->length;
        out->captures[i].position = capture->state == CAPTURE_POSITION;
    }
    return OPP_PATTERN_MATCH;
}

static enum opp_pattern_result match_at(struct opp_pattern *p, size_t at, size_t skip, struct opp_pattern_found *out)
{
    struct matcher m;
    size_t end;

    m.p = p;
    m.level = 0;
    m.depth = 0;
    m.result = OPP_PATTERN_NONE;
    end = try(&m, at, skip);
    return m.result == OPP_PATTERN_NONE && end != NOWHERE ? report(&m, at, end, out) : m.result;
}

enum opp_pattern_result opp_pattern_at(struct opp_pattern *p, size_t at, struct opp_pattern_found *out)
{
    return match_at(p, at, 0, out);
}

enum opp_pattern_result opp_pattern_search(struct opp_pattern *p, size_t from, struct opp_pattern_found *out)
{
    bool anchored = p->pattern_length > 0 && p->pattern[0] == '^';
    enum opp_pattern_result result;

    do {
        result = match_at(p, from, anchored ? 1 : 0, out);
    } while (result == OPP_PATTERN_NONE && !anchored && from++ < p->subject_length);
    return result;
}
