/* SPDX-License-Identifier: MIT */
#include "policy/bundle_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void opp_policy_report_clear(struct opp_policy_report *report)
{
    json_decref(report->issues);
    json_decref(report->warnings);
    json_decref(report->tests);
    *report = (struct opp_policy_report){ 0 };
}

static json_t *finding(const char *file, int line, const char *message)
{
    return json_pack("{s:s, s:i, s:s}", "file", file != NULL ? file : "", "line", line, "message", message);
}

void opp_loading_issue(struct opp_policy_loading *loading, const char *file, int line, const char *format, ...)
{
    char message[256], where[128] = "";
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (file != NULL)
        snprintf(where, sizeof where, line > 0 ? "%.110s:%d" : "%.110s", file, line);
    opp_fail_at(&loading->first, OPP_E_CONFIG, where, "%s", message);
    if (json_array_append_new(loading->report->issues, finding(file, line, message)) != 0)
        loading->starved = true;
}

void opp_loading_warn(struct opp_policy_loading *loading, const char *file, int line, const char *format, ...)
{
    char message[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (json_array_append_new(loading->report->warnings, finding(file, line, message)) != 0)
        loading->starved = true;
}

void opp_loading_error(struct opp_policy_loading *loading, const struct opp_err *err)
{
    char file[sizeof err->where];
    const char *colon = strrchr(err->where, ':');
    int line = colon != NULL ? atoi(colon + 1) : 0;
    size_t length = line > 0 ? (size_t)(colon - err->where) : strlen(err->where);

    if (err->code == OPP_E_MEMORY)
        loading->starved = true;
    memcpy(file, err->where, length);
    file[length] = '\0';
    opp_loading_issue(loading, file, line, "%s", err->message);
}

void opp_loading_test(struct opp_policy_loading *loading, const struct opp_rule *rule, size_t number,
                      const char *problem)
{
    json_t *row = json_pack("{s:s, s:s, s:i, s:I, s:b, s:s*}", "rule", opp_rule_name(rule), "file", rule->file, "line",
                            rule->line, "test", (json_int_t)number, "ok", problem == NULL, "message", problem);

    if (json_array_append_new(loading->report->tests, row) != 0)
        loading->starved = true;
    if (problem != NULL)
        opp_loading_issue(loading, rule->file, rule->line, "test %zu of the rule '%.80s' fails: %s", number,
                          opp_rule_name(rule), problem);
}

bool opp_loading_sound(const struct opp_policy_loading *loading)
{
    return !loading->starved && loading->first.code == OPP_OK;
}
