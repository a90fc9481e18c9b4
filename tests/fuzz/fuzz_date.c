/* SPDX-License-Identifier: MIT */
#include "base/date.h"
#include "fuzz.h"

/* What is shown of a time is read as that time, or as the nearest that can be shown. */
static void check_time(int64_t ms)
{
    const int64_t first = opp_date_days(0, 1, 1) * OPP_DAY_MS, end = opp_date_days(10000, 1, 1) * OPP_DAY_MS;
    char text[OPP_DATE_MAX];
    int64_t again;

    opp_date_format(ms, text);
    require(strlen(text) < sizeof text);
    require(opp_date_parse(text, &again, NULL) == OPP_OK);
    require(again == (ms < first ? first : ms >= end ? end - 1 : ms));
}

static void check_day(int64_t ms)
{
    int year, month, day;

    require(ms % OPP_DAY_MS == 0);
    opp_date_civil(ms / OPP_DAY_MS, &year, &month, &day);
    require(opp_date_valid(year, month, day));
    require(opp_date_days(year, month, day) == ms / OPP_DAY_MS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size), shown[OPP_DATE_MAX];
    int64_t ms, any = 0;

    if (opp_date_parse(text, &ms, NULL) == OPP_OK)
        check_time(ms);
    if (opp_date_parse_day(text, &ms, NULL) == OPP_OK)
        check_day(ms);
    memcpy(&any, data, size < sizeof any ? size : sizeof any);
    opp_date_format(any, shown);
    require(opp_date_parse(shown, &ms, NULL) == OPP_OK);
    check_time(ms);
    free(text);
    return 0;
}
