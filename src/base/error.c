/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

static void record(struct opp_err *err, enum opp_code code, const char *where, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));

static void record(struct opp_err *err, enum opp_code code, const char *where, const char *format, va_list args)
{
    if (err == NULL || err->code != OPP_OK)
        return;
    err->code = code;
    vsnprintf(err->message, sizeof err->message, format, args);
    snprintf(err->where, sizeof err->where, "%s", where != NULL ? where : "");
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
