/* SPDX-License-Identifier: MIT */
#include "base/date.h"
#include "base/json.h"
#include "policy/schedule_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S 86400
#define FIELDS_MAX 4
#define REASON_MAX 256

struct reader {
    struct opp_zones *zones;
    const json_t *description;
    struct opp_err *err;
};

struct form {
    const char *kind;
    const char *fields[FIELDS_MAX]; /* besides kind; all are needed */
    enum opp_code (*read)(const struct reader *reader, struct opp_schedule *schedule);
};

static enum opp_code fail_field(const struct reader *reader, const char *field, const char *message)
{
    char where[64];

    snprintf(where, sizeof where, "/%s", field);
    return opp_fail_at(reader->err, OPP_E_VALIDATION, where, "%s", message);
}

static enum opp_code refuse(const struct reader *reader, const char *field, const char *wanted)
{
    char message[160];

    snprintf(message, sizeof message, "a window's %s must be %s", field, wanted);
    return fail_field(reader, field, message);
}

static enum opp_code read_always(const struct reader *reader, struct opp_schedule *schedule)
{
    (void)reader;
    schedule->kind = OPP_SCHEDULE_ALWAYS;
    return OPP_OK;
}

static enum opp_code read_never(const struct reader *reader, struct opp_schedule *schedule)
{
    const char *reason = opp_json_text(reader->description, "reason");
    size_t length = reason != NULL ? strnlen(reason, REASON_MAX + 1) : 0;

    if (length == 0 || length > REASON_MAX)
        return refuse(reader, "reason", "a text of 1 to 256 bytes");
    schedule->kind = OPP_SCHEDULE_NEVER;
    schedule->reason = calloc(1, length + 1);
    if (schedule->reason == NULL)
        return opp_fail(reader->err, OPP_E_MEMORY, "no memory for a window");
    memcpy(schedule->reason, reason, length);
    return OPP_OK;
}

static bool read_two_digits(const char *text, int max, int *number)
{
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
        return false;
    *number = (text[0] - '0') * 10 + (text[1] - '0');
    return *number <= max;
}

/* "09:00" in seconds since midnight, at most latest_s. */
static bool read_clock(const char *text, int latest_s, int *seconds)
{
    int hours, minutes;

    if (text == NULL || strnlen(text, 6) != 5 || text[2] != ':' || !read_two_digits(text, 24, &hours) ||
        !read_two_digits(text + 3, 59, &minutes))
        return false;
    *seconds = hours * 3600 + minutes * 60;
    return *seconds <= latest_s;
}

static enum opp_code read_hours(const struct reader *reader, struct opp_schedule *schedule)
{
    int to_s;

    if (!read_clock(opp_json_text(reader->description, "from"), DAY_S - 60, &schedule->from_s))
        return refuse(reader, "from", "a time from \"00:00\" to \"23:59\"");
    if (!read_clock(opp_json_text(reader->description, "to"), DAY_S, &to_s))
        return refuse(reader, "to", "a time from \"00:00\" to \"24:00\"");
    schedule->length_s = to_s - schedule->from_s + (to_s <= schedule->from_s ? DAY_S : 0);
    return OPP_OK;
}

static enum opp_code read_zone(const struct reader *reader, struct opp_schedule *schedule)
{
    const char *name = opp_json_text(reader->description, "tz");
    struct opp_err why = { 0 };
    enum opp_code rc;

    if (name == NULL)
        return refuse(reader, "tz", "the name of a time zone such as \"Europe/Berlin\"");
    rc = opp_zones_get(reader->zones, name, &schedule->zone, &why);
    return rc == OPP_OK ? OPP_OK : opp_fail_at(reader->err, rc, "/tz", "a window's tz: %s", why.message);
}

static enum opp_code read_daily(const struct reader *reader, struct opp_schedule *schedule)
{
    enum opp_code rc = read_hours(reader, schedule);

    schedule->kind = OPP_SCHEDULE_DAYS;
    schedule->days = OPP_EVERY_DAY;
    return rc == OPP_OK ? read_zone(reader, schedule) : rc;
}

static void skip_spaces(const char **at)
{
    while (**at == ' ')
        (*at)++;
}

static bool take_day(const char **at, int *day)
{
    for (*day = 0; *day < 7; (*day)++) {
        if (strncmp(*at, opp_weekday_name(*day), 3) == 0) {
            *at += 3;
            return true;
        }
    }
    return false;
}

/* "fri" or "mon-fri"; a range may go past Sunday. */
static bool take_days(const char **at, unsigned *days)
{
    int day, last;

    if (!take_day(at, &day))
        return false;
    last = day;
    if (**at == '-') {
        (*at)++;
        if (!take_day(at, &last))
            return false;
    }
    for (; day != last; day = (day + 1) % 7)
        *days |= 1U << day;
    *days |= 1U << last;
    return true;
}

static bool read_days(const char *text, unsigned *days)
{
    if (text == NULL)
        return false;
    for (;; text++) {
        skip_spaces(&text);
        if (!take_days(&text, days))
            return false;
        skip_spaces(&text);
        if (*text != ',')
            return *text == '\0';
    }
}

static enum opp_code read_weekly(const struct reader *reader, struct opp_schedule *schedule)
{
    enum opp_code rc = read_daily(reader, schedule);

    if (rc != OPP_OK)
        return rc;
    schedule->days = 0;
    if (!read_days(opp_json_text(reader->description, "days"), &schedule->days))
        return refuse(reader, "days", "like \"fri\", \"mon-fri\" or \"mon,wed\"");
    return OPP_OK;
}

/* Whole seconds: a fraction counts as the next second, the first that lies in what begins there. */
static bool read_instant(const json_t *value, int64_t *seconds)
{
    double number = json_number_value(value);
    int64_t ms;

    if (json_is_string(value)) {
        if (opp_date_parse(json_string_value(value), &ms, NULL) != OPP_OK)
            return false;
        *seconds = ms / 1000 + (ms % 1000 > 0);
        return true;
    }
    if (!json_is_number(value) || !(number >= (double)OPP_ZONE_EARLIEST_S && number <= (double)OPP_ZONE_LATEST_S))
        return false;
    *seconds = (int64_t)ceil(number);
    return true;
}

static enum opp_code read_between(const struct reader *reader, struct opp_schedule *schedule)
{
    const char *wanted = "an RFC 3339 time such as \"2026-11-22T15:04:05Z\", or seconds since 1970";

    schedule->kind = OPP_SCHEDULE_BETWEEN;
    if (!read_instant(json_object_get(reader->description, "from"), &schedule->opens_s))
        return refuse(reader, "from", wanted);
    if (!read_instant(json_object_get(reader->description, "to"), &schedule->closes_s))
        return refuse(reader, "to", wanted);
    return schedule->opens_s < schedule->closes_s ? OPP_OK : refuse(reader, "to", "after its from");
}

static const struct form *find_form(const char *kind)
{
    static const struct form forms[] = {
        { "always", { NULL }, read_always },
        { "never", { "reason" }, read_never },
        { "daily", { "from", "to", "tz" }, read_daily },
        { "weekly", { "days", "from", "to", "tz" }, read_weekly },
        { "between", { "from", "to" }, read_between },
    };

    for (size_t i = 0; kind != NULL && i < sizeof forms / sizeof *forms; i++) {
        if (strcmp(kind, forms[i].kind) == 0)
            return &forms[i];
    }
    return NULL;
}

static bool has_field(const struct form *form, const char *key)
{
    for (size_t i = 0; i < FIELDS_MAX && form->fields[i] != NULL; i++) {
        if (strcmp(key, form->fields[i]) == 0)
            return true;
    }
    return strcmp(key, "kind") == 0;
}

/* A stranger's key is said only where it cannot spoil a line of log. */
static enum opp_code refuse_field(const struct reader *reader, const struct form *form, const char *key)
{
    size_t length = strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    char message[96];

    if (length == 0 || length > 40 || key[length] != '\0')
        return opp_fail(reader->err, OPP_E_VALIDATION, "a %s window has a field that is not known", form->kind);
    snprintf(message, sizeof message, "a %s window has no field %s", form->kind, key);
    return fail_field(reader, key, message);
}

static enum opp_code ask_for_field(const struct reader *reader, const struct form *form, const char *field)
{
    char message[96];

    snprintf(message, sizeof message, "a %s window needs %s", form->kind, field);
    return fail_field(reader, field, message);
}

static enum opp_code check_fields(const struct reader *reader, const struct form *form)
{
    json_t *iterated = (json_t *)(uintptr_t)reader->description; /* jansson's iterators are not const */
    const char *key;
    json_t *value;

    json_object_foreach(iterated, key, value)
    {
        if (!has_field(form, key))
            return refuse_field(reader, form, key);
    }
    for (size_t i = 0; i < FIELDS_MAX && form->fields[i] != NULL; i++) {
        if (json_object_get(iterated, form->fields[i]) == NULL)
            return ask_for_field(reader, form, form->fields[i]);
    }
    return OPP_OK;
}

enum opp_code opp_schedule_new(struct opp_zones *zones, const json_t *description, struct opp_schedule **out,
                               struct opp_err *err)
{
    struct reader reader = { zones, description, err };
    const struct form *form = find_form(opp_json_text(description, "kind"));
    struct opp_schedule *schedule = NULL;
    enum opp_code rc;

    if (form == NULL)
        return refuse(&reader, "kind", "always, never, daily, weekly or between");
    rc = check_fields(&reader, form);
    if (rc != OPP_OK)
        return rc;
    schedule = calloc(1, sizeof *schedule);
    if (schedule == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a window");
    rc = form->read(&reader, schedule);
    if (rc != OPP_OK)
        goto out;
    *out = schedule;
    schedule = NULL;
out:
    opp_schedule_free(schedule);
    return rc;
}
