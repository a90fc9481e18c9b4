/* SPDX-License-Identifier: MIT */
#include "base/date.h"

#define DAYS_PER_ERA 146097     /* the calendar repeats every 400 years */
#define DAYS_BEFORE_1970 719468 /* from 0000-03-01 */
#define LATEST_MS INT64_C(253402300799999)
#define EARLIEST_MS INT64_C(-62167219200000)

struct moment {
    int year, month, day, hour, minute, second, ms, offset_minutes;
};

static int64_t divide_down(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Years are counted from March, so that the leap day is the last of its year and months have one formula. */
int64_t opp_date_days(int year, int month, int day)
{
    int64_t march_year = year - (month <= 2), era = divide_down(march_year, 400);
    int64_t year_of_era = march_year - era * 400;
    int64_t day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;

    return era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           DAYS_BEFORE_1970;
}

void opp_date_civil(int64_t days, int *year, int *month, int *day)
{
    int64_t era = divide_down(days + DAYS_BEFORE_1970, DAYS_PER_ERA);
    int64_t day_of_era = days + DAYS_BEFORE_1970 - era * DAYS_PER_ERA;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;

    *day = (int)(day_of_year - (153 * march_month + 2) / 5 + 1);
    *month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

bool opp_date_valid(int year, int month, int day)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    if (year < 0 || year > 9999 || month < 1 || month > 12 || day < 1)
        return false;
    return day <= lengths[month - 1] + (month == 2 && leap);
}

/* Writes count digits and what follows them, and gives where the next goes. */
static char *put_number(char *at, int number, int count, char after)
{
    for (int i = count - 1; i >= 0; i--, number /= 10)
        at[i] = (char)('0' + number % 10);
    at[count] = after;
    return at + count + 1;
}

void opp_date_format(int64_t ms, char text[OPP_DATE_MAX])
{
    int64_t shown = ms < EARLIEST_MS ? EARLIEST_MS : ms > LATEST_MS ? LATEST_MS : ms;
    int64_t days = divide_down(shown, OPP_DAY_MS);
    int rest = (int)(shown - days * OPP_DAY_MS);
    int year, month, day;

    opp_date_civil(days, &year, &month, &day);
    text = put_number(text, year, 4, '-');
    text = put_number(text, month, 2, '-');
    text = put_number(text, day, 2, 'T');
    text = put_number(text, rest / 3600000, 2, ':');
    text = put_number(text, rest / 60000 % 60, 2, ':');
    text = put_number(text, rest / 1000 % 60, 2, '.');
    text = put_number(text, rest % 1000, 3, 'Z');
    *text = '\0';
}

static bool take_char(const char **at, char wanted)
{
    if (**at != wanted)
        return false;
    (*at)++;
    return true;
}

/* Exactly count digits, of a number of at most max. */
static bool take_number(const char **at, int count, int max, int *number)
{
    *number = 0;
    for (; count > 0; count--, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *number = *number * 10 + (**at - '0');
    }
    return *number <= max;
}

static bool take_date(const char **at, struct moment *m)
{
    return take_number(at, 4, 9999, &m->year) && take_char(at, '-') && take_number(at, 2, 12, &m->month) &&
           take_char(at, '-') && take_number(at, 2, 31, &m->day) && opp_date_valid(m->year, m->month, m->day);
}

static bool take_fraction(const char **at, int *ms)
{
    int digit, weight = 100;

    *ms = 0;
    if (!take_char(at, '.'))
        return true;
    if (!take_number(at, 1, 9, &digit))
        return false;
    do {
        *ms += digit * weight;
        weight /= 10;
    } while (**at >= '0' && **at <= '9' && take_number(at, 1, 9, &digit));
    return true;
}

static bool take_time(const char **at, struct moment *m)
{
    return take_number(at, 2, 23, &m->hour) && take_char(at, ':') && take_number(at, 2, 59, &m->minute) &&
           take_char(at, ':') && take_number(at, 2, 60, &m->second) && take_fraction(at, &m->ms);
}

static bool take_offset(const char **at, int *offset_minutes)
{
    int hour, minute;
    bool west = **at == '-';

    *offset_minutes = 0;
    if (take_char(at, 'Z') || take_char(at, 'z'))
        return true;
    if (!take_char(at, west ? '-' : '+') || !take_number(at, 2, 23, &hour) || !take_char(at, ':') ||
        !take_number(at, 2, 59, &minute))
        return false;
    *offset_minutes = (west ? -1 : 1) * (hour * 60 + minute);
    return true;
}

/* RFC 3339, section 5.7: second 60 ends the last UTC minute of June or December; it is folded into the one before. */
static bool fold_leap_second(struct moment *m, int64_t minutes)
{
    int year, month, day;

    if (m->second < 60)
        return true;
    if ((minutes + 1) % (24 * 60) != 0)
        return false;
    m->second = 59;
    m->ms = 999;
    opp_date_civil(divide_down(minutes, 24 * 60), &year, &month, &day);
    return (month == 6 && day == 30) || (month == 12 && day == 31);
}

enum opp_code opp_date_parse(const char *text, int64_t *ms, struct opp_err *err)
{
    struct moment m = { 0 };
    const char *at = text;
    int64_t minutes;

    if (!take_date(&at, &m) || !(take_char(&at, 'T') || take_char(&at, 't')) || !take_time(&at, &m) ||
        !take_offset(&at, &m.offset_minutes) || *at != '\0')
        return opp_fail(err, OPP_E_VALIDATION, "not an RFC 3339 time such as 2026-11-22T15:04:05Z");
    minutes = (opp_date_days(m.year, m.month, m.day) * 24 + m.hour) * 60 + m.minute - m.offset_minutes;
    if (!fold_leap_second(&m, minutes))
        return opp_fail(err, OPP_E_VALIDATION, "second 60 is only at the end of June and December in UTC");
    *ms = minutes * 60000 + m.second * 1000 + m.ms;
    return OPP_OK;
}

enum opp_code opp_date_parse_day(const char *text, int64_t *ms, struct opp_err *err)
{
    struct moment m = { 0 };
    const char *at = text;

    if (!take_date(&at, &m) || *at != '\0')
        return opp_fail(err, OPP_E_VALIDATION, "not a day such as 2026-11-22");
    *ms = opp_date_days(m.year, m.month, m.day) * OPP_DAY_MS;
    return OPP_OK;
}
