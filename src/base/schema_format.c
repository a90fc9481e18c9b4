/* SPDX-License-Identifier: MIT */
#include "base/date.h"
#include "base/schema_internal.h"

#include <string.h>

#define DATE_LENGTH 10
#define TIME_LENGTH 8 /* hh:mm:ss */
#define OFFSET_LENGTH 6

/* The number that exactly these digits say, -1 if they are none. */
static int number_at(const char *text, size_t digits)
{
    int value = 0;

    for (size_t i = 0; i < digits; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/* RFC 3339 5.6 full-date, with days that exist (5.7). */
static bool is_date(const char *text, size_t length)
{
    int year, month, day;

    if (length != DATE_LENGTH || text[4] != '-' || text[7] != '-')
        return false;
    year = number_at(text, 4);
    month = number_at(text + 5, 2);
    day = number_at(text + 8, 2);
    return opp_date_valid(year, month, day);
}

/* "Z" or "+hh:mm"; minutes east of UTC. */
static bool read_offset(const char *text, size_t length, int *minutes)
{
    int hour, minute;

    *minutes = 0;
    if (length == 1)
        return text[0] == 'Z' || text[0] == 'z';
    if (length != OFFSET_LENGTH || (text[0] != '+' && text[0] != '-') || text[3] != ':')
        return false;
    hour = number_at(text + 1, 2);
    minute = number_at(text + 4, 2);
    *minutes = (hour * 60 + minute) * (text[0] == '-' ? -1 : 1);
    return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59;
}

static size_t fraction_length(const char *text, size_t length)
{
    size_t digits = 0;

    if (length == 0 || text[0] != '.')
        return 0;
    while (1 + digits < length && text[1 + digits] >= '0' && text[1 + digits] <= '9')
        digits++;
    return digits > 0 ? 1 + digits : 0;
}

/* A leap second is the last one of a day in UTC. */
static bool is_time(const char *text, size_t length)
{
    int hour, minute, second, offset;
    size_t used = TIME_LENGTH;

    if (length <= TIME_LENGTH || text[2] != ':' || text[5] != ':')
        return false;
    hour = number_at(text, 2);
    minute = number_at(text + 3, 2);
    second = number_at(text + 6, 2);
    used += fraction_length(text + used, length - used);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return false;
    if (!read_offset(text + used, length - used, &offset))
        return false;
    return second < 60 || (hour * 60 + minute - offset + 2 * 1440) % 1440 == 1439;
}

static bool is_date_time(const char *text, size_t length)
{
    return length > DATE_LENGTH + 1 && is_date(text, DATE_LENGTH) &&
           (text[DATE_LENGTH] == 'T' || text[DATE_LENGTH] == 't') &&
           is_time(text + DATE_LENGTH + 1, length - DATE_LENGTH - 1);
}

static const struct schema_format FORMATS[] = {
    { "date", "must be a date such as 2026-03-31", is_date },
    { "date-time", "must be a date and time such as 2026-03-31T09:30:00Z", is_date_time },
    { "email", "must be an e-mail address such as name@example.com", opp_schema_is_email },
    { "uri", "must be an absolute URI such as https://example.com/path", opp_schema_is_uri },
};

enum opp_code opp_schema_compile_format(struct schema_compiler *c, const struct schema_place *at,
                                        struct schema_rule *rule)
{
    const char *name = json_string_value(at->value);

    for (size_t i = 0; name != NULL && i < sizeof FORMATS / sizeof FORMATS[0]; i++) {
        if (strcmp(FORMATS[i].name, name) == 0) {
            rule->as.format = &FORMATS[i];
            return OPP_OK;
        }
    }
    return opp_schema_refuse(c, at->path, "must be date, date-time, email or uri");
}

bool opp_schema_check_format(struct schema_run *run, const struct schema_rule *rule, const json_t *value,
                             const struct schema_path *path)
{
    return rule->as.format->fits(json_string_value(value), json_string_length(value)) ||
           opp_schema_issue(run, path, rule->keyword->name, "%s", rule->as.format->message);
}
