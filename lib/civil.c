/*
 * A year is counted from March, so that the leap day is its last and a month's first day follows from a
 * formula: (153 * m + 2) / 5 days before month m, March being 0. The calendar repeats every 400 years.
 */
#include "lib/civil.h"

#define DAY          86400
#define ERA_YEARS    400
#define ERA_DAYS     146097
#define EPOCH_DAYS   719468                /* 0000-03-01 to 1970-01-01 */
#define FIRST_SECOND INT64_C(-62135596800) /* 0001-01-01 00:00:00 */
#define LAST_SECOND  INT64_C(253402300799) /* 9999-12-31 23:59:59 */

static bool
leap_year(int32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

bool
civil_valid(const struct civil_time *t)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (t->year < 1 || t->year > 9999 || t->month < 1 || t->month > 12)
        return false;
    if (t->day < 1 || t->day > days[t->month - 1] + (t->month == 2 && leap_year(t->year)))
        return false;
    return t->hour < 24 && t->minute < 60 && t->second < 60;
}

int64_t
civil_to_unix(const struct civil_time *t)
{
    uint32_t year = (uint32_t)t->year - (t->month < 3);
    uint32_t month = t->month < 3 ? t->month + 9u : t->month - 3u;
    uint32_t days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + t->day - 1;

    return ((int64_t)days - EPOCH_DAYS) * DAY + t->hour * 3600 + t->minute * 60 + t->second;
}

void
civil_from_unix(int64_t seconds, struct civil_time *out)
{
    uint32_t days, era, day_of_era, year_of_era, day_of_year, month, rest;
    uint64_t since;

    if (seconds < FIRST_SECOND)
        seconds = FIRST_SECOND;
    if (seconds > LAST_SECOND)
        seconds = LAST_SECOND;
    since = (uint64_t)(seconds + (int64_t)EPOCH_DAYS * DAY);
    days = (uint32_t)(since / DAY);
    rest = (uint32_t)(since % DAY);
    era = days / ERA_DAYS;
    day_of_era = days % ERA_DAYS;
    /* Less the leap days so far, every year has 365 days; the era's own leap day is its very last day. */
    year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / (ERA_DAYS - 1)) / 365;
    day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    month = (5 * day_of_year + 2) / 153;
    *out = (struct civil_time){
        .year = (int32_t)(era * ERA_YEARS + year_of_era + (month >= 10)),
        .month = (uint8_t)(month < 10 ? month + 3 : month - 9),
        .day = (uint8_t)(day_of_year - (153 * month + 2) / 5 + 1),
        .hour = (uint8_t)(rest / 3600),
        .minute = (uint8_t)(rest / 60 % 60),
        .second = (uint8_t)(rest % 60),
    };
}
