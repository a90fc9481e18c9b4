/* SPDX-License-Identifier: MIT */
#include "policy/zone_rule.h"

#include "base/date.h"

#include <stddef.h>

#define DAY_S 86400
#define YEARS_LOOKED_AT 4 /* from the year before: a time of -167 to 167 hours can leave its year */

struct turn {
    int64_t at;
    int32_t offset_s;
};

static bool take_char(const char **at, char wanted)
{
    if (**at != wanted)
        return false;
    (*at)++;
    return true;
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number from min to max of at most three digits. */
static bool take_number(const char **at, int min, int max, int *number)
{
    int digits = 0;

    *number = 0;
    for (; is_digit(**at) && digits < 3; (*at)++, digits++)
        *number = *number * 10 + (**at - '0');
    return digits > 0 && *number >= min && *number <= max;
}

/* "CET" or "<+1030>"; what it says is of no use here. */
static bool take_name(const char **at)
{
    bool quoted = take_char(at, '<');
    int length = 0;

    for (; is_letter(**at) || (quoted && (is_digit(**at) || **at == '+' || **at == '-')); (*at)++)
        length++;
    return length >= 3 && (!quoted || take_char(at, '>'));
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(const char **at, int hours_max, int32_t *time_s)
{
    int hours, minutes = 0, seconds = 0;
    bool negative = **at == '-';

    if (negative || **at == '+')
        (*at)++;
    if (!take_number(at, 0, hours_max, &hours))
        return false;
    if (take_char(at, ':') && !take_number(at, 0, 59, &minutes))
        return false;
    if (take_char(at, ':') && !take_number(at, 0, 59, &seconds))
        return false;
    *time_s = (negative ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

/* POSIX counts west of Greenwich. */
static bool take_offset(const char **at, int32_t *offset_s)
{
    if (!take_time(at, 24, offset_s))
        return false;
    *offset_s = -*offset_s;
    return true;
}

static bool take_day(const char **at, struct opp_zone_day *day)
{
    bool read;

    if (take_char(at, 'M')) {
        day->kind = OPP_ZONE_DAY_OF_MONTH;
        read = take_number(at, 1, 12, &day->month) && take_char(at, '.') && take_number(at, 1, 5, &day->week) &&
               take_char(at, '.') && take_number(at, 0, 6, &day->day);
    } else if (take_char(at, 'J')) {
        day->kind = OPP_ZONE_DAY_NO_LEAP;
        read = take_number(at, 1, 365, &day->day);
    } else {
        day->kind = OPP_ZONE_DAY_OF_YEAR;
        read = take_number(at, 0, 365, &day->day);
    }
    day->time_s = 2 * 3600;
    return read && (!take_char(at, '/') || take_time(at, 167, &day->time_s));
}

static bool take_saving(const char **at, struct opp_zone_rule *rule)
{
    rule->saves = true;
    rule->saving_s = rule->standard_s + 3600;
    return take_name(at) && (**at == ',' || take_offset(at, &rule->saving_s)) && take_char(at, ',') &&
           take_day(at, &rule->begin) && take_char(at, ',') && take_day(at, &rule->end) && **at == '\0';
}

bool opp_zone_rule_parse(const char *text, struct opp_zone_rule *out)
{
    struct opp_zone_rule rule = { 0 };
    const char *at = text;

    if (!take_name(&at) || !take_offset(&at, &rule.standard_s))
        return false;
    if (*at != '\0' && !take_saving(&at, &rule))
        return false;
    *out = rule;
    return true;
}

static int days_in_month(int year, int month)
{
    return month == 12 ? 31 : (int)(opp_date_days(year, month + 1, 1) - opp_date_days(year, month, 1));
}

/* Days since 1970. */
static int64_t find_weekday(const struct opp_zone_day *day, int year)
{
    int64_t first = opp_date_days(year, day->month, 1);
    int weekday = (int)(((first + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday, 4 */
    int ahead = (day->day - weekday + 7) % 7 + (day->week - 1) * 7;

    return first + (ahead < days_in_month(year, day->month) ? ahead : ahead - 7);
}

/* When it comes in a year, in seconds since 1970 on a clock that shows UTC. */
static int64_t find_day(const struct opp_zone_day *day, int year)
{
    int64_t days = 0;

    switch (day->kind) {
    case OPP_ZONE_DAY_OF_MONTH:
        days = find_weekday(day, year);
        break;
    case OPP_ZONE_DAY_NO_LEAP:
        days = opp_date_days(year, 1, 1) + day->day - 1 + (day->day >= 60 && opp_date_valid(year, 2, 29));
        break;
    case OPP_ZONE_DAY_OF_YEAR:
        days = opp_date_days(year, 1, 1) + day->day;
        break;
    }
    return days * DAY_S + day->time_s;
}

/* Of two at the same instant the later one counts: so a rule can say that a saving lasts all year. */
static void insert(struct turn *turns, size_t count, struct turn added)
{
    for (; count > 0 && turns[count - 1].at > added.at; count--)
        turns[count] = turns[count - 1];
    turns[count] = added;
}

static void list_turns(const struct opp_zone_rule *rule, int year, struct turn turns[2 * YEARS_LOOKED_AT])
{
    size_t count = 0;

    for (int i = 0; i < YEARS_LOOKED_AT; i++, year++) {
        struct turn begin = { find_day(&rule->begin, year) - rule->standard_s, rule->saving_s };
        struct turn end = { find_day(&rule->end, year) - rule->saving_s, rule->standard_s };

        insert(turns, count++, begin);
        insert(turns, count++, end);
    }
}

struct opp_zone_span opp_zone_rule_span(const struct opp_zone_rule *rule, int64_t utc_s)
{
    struct opp_zone_span span = { INT64_MAX, rule->standard_s };
    struct turn turns[2 * YEARS_LOOKED_AT];
    int year, month, day;

    if (!rule->saves)
        return span;
    opp_date_civil(utc_s / DAY_S - (utc_s % DAY_S < 0), &year, &month, &day);
    list_turns(rule, year - 1, turns);
    for (size_t i = 0; i < 2 * YEARS_LOOKED_AT; i++) {
        if (turns[i].at > utc_s) {
            span.end = turns[i].at;
            break;
        }
        span.offset_s = turns[i].offset_s;
    }
    return span;
}
