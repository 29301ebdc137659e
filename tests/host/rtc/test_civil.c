// sources: lib/civil.c
/*
 * Civil time against the host's libc.
 */
#include <time.h>
#include "lib/civil.h"
#include "lib/field.h"
#include "tests/host/check.h"

static int64_t
libc_unix(const struct civil_time *t)
{
    struct tm tm = {.tm_year = t->year - 1900,
                    .tm_mon = t->month - 1,
                    .tm_mday = t->day,
                    .tm_hour = t->hour,
                    .tm_min = t->minute,
                    .tm_sec = t->second};

    return timegm(&tm);
}

static void
check_second(int64_t seconds)
{
    struct civil_time t;
    time_t libc_seconds = seconds;
    struct tm tm;

    check_row("second %lld", (long long)seconds);
    civil_from_unix(seconds, &t);
    gmtime_r(&libc_seconds, &tm);
    CHECK_EQ(t.year, tm.tm_year + 1900);
    CHECK_EQ(t.month, tm.tm_mon + 1);
    CHECK_EQ(t.day, tm.tm_mday);
    CHECK_EQ(t.hour, tm.tm_hour);
    CHECK_EQ(t.minute, tm.tm_min);
    CHECK_EQ(t.second, tm.tm_sec);
    CHECK(civil_valid(&t));
    CHECK_EQ(civil_to_unix(&t), seconds);
    CHECK_EQ(civil_to_unix(&t), libc_unix(&t));
}

static void
test_days(void)
{
    /* every day of 1600 to 2400: all kinds of years */
    for (int64_t day = -135140; day < 157055; day += 1)
        if (day % 7 == 0 || (day > -1000 && day < 30000))
            check_second(day * 86400 + (day % 2 ? 86399 : 0));
}

static void
test_random(void)
{
    for (int i = 0; i < 20000; i++)
        check_second(-62135596800 + (int64_t)check_random_below(62135596800 + 253402300800));
    check_second(-62135596800);
    check_second(253402300799);
}

static void
test_limits(void)
{
    struct civil_time t;

    check_row("before and behind");
    civil_from_unix(INT64_MIN, &t);
    CHECK_EQ(civil_to_unix(&t), -62135596800);
    civil_from_unix(INT64_MAX, &t);
    CHECK_EQ(civil_to_unix(&t), 253402300799);
}

static void
test_valid(void)
{
    static const struct {
        struct civil_time t;
        bool valid;
    } rows[] = {
        {{2024, 2, 29, 0, 0, 0}, true},     {{2023, 2, 29, 0, 0, 0}, false}, {{2000, 2, 29, 0, 0, 0}, true},
        {{1900, 2, 29, 0, 0, 0}, false},    {{2023, 4, 30, 0, 0, 0}, true},  {{2023, 4, 31, 0, 0, 0}, false},
        {{2023, 12, 31, 23, 59, 59}, true}, {{2023, 13, 1, 0, 0, 0}, false}, {{2023, 0, 1, 0, 0, 0}, false},
        {{2023, 1, 0, 0, 0, 0}, false},     {{2023, 1, 1, 24, 0, 0}, false}, {{2023, 1, 1, 0, 60, 0}, false},
        {{2023, 1, 1, 0, 0, 60}, false},    {{0, 1, 1, 0, 0, 0}, false},     {{10000, 1, 1, 0, 0, 0}, false},
        {{1, 1, 1, 0, 0, 0}, true},         {{9999, 12, 31, 0, 0, 0}, true}, {{-4, 2, 1, 0, 0, 0}, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        check_row("row %zu", i);
        CHECK_EQ(civil_valid(&rows[i].t), rows[i].valid);
    }
}

int
main(void)
{
    test_days();
    test_random();
    test_limits();
    test_valid();
    return check_report();
}
