/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void record(struct opp_err *err, enum opp_code code, const char *where, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));

/* A text that was cut must not end within a UTF-8 character: it may be told, and JSON has whole ones. */
static void mend(char *text, size_t size)
{
    size_t end = strlen(text), start = end;
    unsigned char first;

    if (end + 1 < size || end == 0)
        return; /* nothing was cut */
    do
        start--;
    while (start > 0 && end - start < 4 && ((unsigned char)text[start] & 0xc0) == 0x80);
    first = (unsigned char)text[start];
    if ((first >= 0xf0 && end - start < 4) || (first >= 0xe0 && first < 0xf0 && end - start < 3) ||
        (first >= 0xc0 && first < 0xe0 && end - start < 2))
        text[start] = '\0';
}

static void record(struct opp_err *err, enum opp_code code, const char *where, const char *format, va_list args)
{
    if (err == NULL || err->code != OPP_OK)
        return;
    err->code = code;
    vsnprintf(err->message, sizeof err->message, format, args);
    snprintf(err->where, sizeof err->where, "%s", where != NULL ? where : "");
    mend(err->message, sizeof err->message);
    mend(err->where, sizeof err->where);
}

enum opp_code opp_fail(struct opp_err *err, enum opp_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    record(err, code, NULL, format, args);
    va_end(args);
    return code;
}

enum opp_code opp_fail_at(struct opp_err *err, enum opp_code code, const char *where, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    record(err, code, where, format, args);
    va_end(args);
    return code;
}
