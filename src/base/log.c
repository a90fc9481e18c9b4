/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include "base/date.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096
#define LINE_END_BYTES 3 /* the quotation mark, brace and newline that end a cut line */

struct opp_log {
    int fd;
    enum opp_log_format format;
    enum opp_log_level least;
};

/* A line in the making. What does not fit is left out whole, a character or a pair at a time, and then all else. */
struct line {
    char bytes[LINE_MAX_BYTES];
    size_t length;
    bool full;
};

static const char *const LEVELS[] = { "debug", "info", "warn", "error" };

enum opp_code opp_log_new(int fd, enum opp_log_format format, enum opp_log_level least, struct opp_log **out,
                          struct opp_err *err)
{
    struct opp_log *log = malloc(sizeof *log);

    if (log == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a log");
    *log = (struct opp_log){ .fd = fd, .format = format, .least = least };
    *out = log;
    return OPP_OK;
}

void opp_log_free(struct opp_log *log)
{
    free(log);
}

static bool fits(const struct line *line, size_t length)
{
    return !line->full && line->length + length <= LINE_MAX_BYTES - LINE_END_BYTES;
}

static void add(struct line *line, const char *bytes, size_t length)
{
    if (!fits(line, length)) {
        line->full = true;
        return;
    }
    memcpy(line->bytes + line->length, bytes, length);
    line->length += length;
}

static void add_text(struct line *line, const char *text)
{
    add(line, text, strlen(text));
}

/* A terminal obeys the C0 and C1 controls, so none is written as it is. Gives the code of the control at text or -1. */
static int control_at(const unsigned char *text)
{
    if (text[0] < 0x20 || text[0] == 0x7f)
        return text[0];
    return text[0] == 0xc2 && text[1] >= 0x80 && text[1] < 0xa0 ? text[1] : -1;
}

/* A quoted JSON string (RFC 8259, section 7); bytes that are no UTF-8 become U+FFFD. */
static void add_quoted(struct line *line, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    char escape[8];

    add_text(line, "\"");
    while (*at != '\0' && !line->full) {
        size_t length = opp_utf8_character((const char *)at, strnlen((const char *)at, 4));
        int control = control_at(at);

        if (control >= 0) {
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)control & 0xffU);
            add_text(line, escape);
        } else if (*at == '"' || *at == '\\') {
            add(line, (const char[]){ '\\', (char)*at }, 2);
        } else if (length == 0) {
            add_text(line, "\xef\xbf\xbd");
        } else {
            add(line, (const char *)at, length);
        }
        at += length != 0 ? length : 1;
    }
    line->bytes[line->length++] = '"'; /* room was kept */
}

/* Whether a reader of text sees where the value ends without quotation marks. */
static bool is_plain(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (*at <= ' ' || *at >= 0x7f || *at == '"' || *at == '=' || *at == '\\')
            return false;
    return *text != '\0';
}

static void add_json_pair(struct line *line, const char *name, const char *value)
{
    size_t before = line->length;

    add_text(line, before == 0 ? "{" : ",");
    add_quoted(line, name);
    add_text(line, ":");
    if (!fits(line, 1)) {
        line->full = true;
        line->length = before;
        return;
    }
    add_quoted(line, value);
}

static void add_text_pair(struct line *line, const char *name, const char *value)
{
    size_t before = line->length;

    add_text(line, " ");
    add_text(line, name);
    add_text(line, "=");
    if (!fits(line, 1)) {
        line->full = true;
        line->length = before;
    } else if (is_plain(value) && fits(line, strlen(value))) {
        add_text(line, value);
    } else {
        add_quoted(line, value);
    }
}

static void add_head(struct line *line, enum opp_log_format format, enum opp_log_level level, const char *event)
{
    struct timespec now;
    char time[OPP_DATE_MAX], head[OPP_DATE_MAX + 16];

    clock_gettime(CLOCK_REALTIME, &now);
    opp_date_format((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, time);
    if (format == OPP_LOG_JSON) {
        add_json_pair(line, "time", time);
        add_json_pair(line, "level", LEVELS[level]);
        add_json_pair(line, "event", event);
        return;
    }
    snprintf(head, sizeof head, "%s %-5s ", time, LEVELS[level]);
    add_text(line, head);
    add_text(line, event);
}

/* One write, so that lines of several threads and processes do not mix. A reader that takes none loses the line:
 * nobody waits for a log. */
static void write_line(int fd, const struct line *line)
{
    ssize_t written;

    do
        written = write(fd, line->bytes, line->length);
    while (written < 0 && errno == EINTR);
}

void opp_log_event(struct opp_log *log, enum opp_log_level level, const char *event, ...)
{
    struct line line = { .length = 0 };
    const char *name, *value;
    va_list pairs;

    if (log == NULL || level < log->least)
        return;
    add_head(&line, log->format, level, event);
    va_start(pairs, event);
    while (!line.full && (name = va_arg(pairs, const char *)) != NULL) {
        value = va_arg(pairs, const char *);
        if (value == NULL)
            continue;
        if (log->format == OPP_LOG_JSON)
            add_json_pair(&line, name, value);
        else
            add_text_pair(&line, name, value);
    }
    va_end(pairs);
    if (log->format == OPP_LOG_JSON)
        line.bytes[line.length++] = '}';
    line.bytes[line.length++] = '\n';
    write_line(log->fd, &line);
}
