/* The real-time clock's way to write a time. Pure. */
#include "kernel/hw/rtc.h"
#include "lib/errno.h"
#include "lib/field.h"

/* MC146818A, "Register B" and "Time, calendar and alarm locations" */
#define RTC_B_BINARY BIT(2)
#define RTC_B_24H    BIT(1)
#define HOUR_PM      BIT(7)

#define CENTURY_FIRST 19
#define CENTURY_LAST  99

/* A number of two digits, or 255 if it is none. */
static uint8_t
read_number(uint8_t v, bool binary)
{
    if (binary)
        return v < 100 ? v : 255;
    return (v & 0xf) < 10 && v >> 4 < 10 ? (uint8_t)((v >> 4) * 10 + (v & 0xf)) : 255;
}

static uint8_t
read_hour(uint8_t v, bool binary, bool clock24)
{
    uint8_t hour = read_number(clock24 ? v : v & (uint8_t)~HOUR_PM, binary);

    if (clock24)
        return hour;
    if (hour < 1 || hour > 12)
        return 255;
    return (uint8_t)(hour % 12 + (v & HOUR_PM ? 12 : 0));
}

int
rtc_decode(const struct rtc_registers *r, struct civil_time *out)
{
    bool binary = r->status_b & RTC_B_BINARY;
    uint8_t year = read_number(r->year, binary), century = read_number(r->century, binary);

    if (year > 99)
        return -EINVAL;
    if (century < CENTURY_FIRST || century > CENTURY_LAST)
        century = year < 70 ? 20 : 19;
    *out = (struct civil_time){
        .year = century * 100 + year,
        .month = read_number(r->month, binary),
        .day = read_number(r->day, binary),
        .hour = read_hour(r->hour, binary, r->status_b & RTC_B_24H),
        .minute = read_number(r->minute, binary),
        .second = read_number(r->second, binary),
    };
    return civil_valid(out) && out->year >= 1970 ? 0 : -EINVAL;
}
