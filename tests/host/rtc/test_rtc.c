// sources: lib/civil.c kernel/hw/rtc_decode.c
/*
 * The real-time clock's registers, coded in all four ways.
 */
#include "kernel/hw/rtc.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "tests/host/check.h"

#define BINARY 4
#define H24    2

static uint8_t
bcd(unsigned v)
{
    return (uint8_t)(v / 10 << 4 | v % 10);
}

/* The registers of a clock that is set to t. */
static struct rtc_registers
encode(const struct civil_time *t, uint8_t status_b, bool century)
{
    unsigned hour = t->hour, pm = 0;

    if (!(status_b & H24)) {
        pm = hour >= 12 ? 0x80 : 0;
        hour = hour % 12 ? hour % 12 : 12;
    }
    if (status_b & BINARY)
        return (struct rtc_registers){t->second,
                                      t->minute,
                                      (uint8_t)(hour | pm),
                                      t->day,
                                      t->month,
                                      (uint8_t)(t->year % 100),
                                      (uint8_t)(century ? t->year / 100 : 0),
                                      status_b};
    return (struct rtc_registers){bcd(t->second),
                                  bcd(t->minute),
                                  (uint8_t)(bcd(hour) | pm),
                                  bcd(t->day),
                                  bcd(t->month),
                                  bcd((unsigned)t->year % 100),
                                  century ? bcd((unsigned)t->year / 100) : 0,
                                  status_b};
}

static void
test_all_ways(void)
{
    for (int i = 0; i < 20000; i++) {
        struct civil_time want, got;
        uint8_t status_b = (uint8_t)(check_random() & (BINARY | H24));
        bool century = check_random() & 1;

        /* 1970 to 2069 without a century, to 9999 with one */
        civil_from_unix((int64_t)check_random_below(century ? 253402300800 : 3155760000), &want);
        struct rtc_registers r = encode(&want, status_b, century);

        check_row("%d-%u-%u %u:%u:%u, B=%u", want.year, want.month, want.day, want.hour, want.minute,
                  want.second, status_b);
        CHECK_EQ(rtc_decode(&r, &got), 0);
        CHECK_EQ(civil_to_unix(&got), civil_to_unix(&want));
    }
}

static void
test_examples(void)
{
    static const struct {
        struct rtc_registers r;
        struct civil_time t;
    } rows[] = {
        {{0x59, 0x58, 0x23, 0x31, 0x12, 0x99, 0x19, H24}, {1999, 12, 31, 23, 58, 59}},
        {{0x00, 0x00, 0x12, 0x01, 0x01, 0x25, 0x20, 0}, {2025, 1, 1, 0, 0, 0}},  /* 12 AM */
        {{0x00, 0x00, 0x92, 0x01, 0x01, 0x25, 0x20, 0}, {2025, 1, 1, 12, 0, 0}}, /* 12 PM */
        {{0x00, 0x00, 0x91, 0x01, 0x01, 0x25, 0x20, 0}, {2025, 1, 1, 23, 0, 0}}, /* 11 PM */
        {{59, 59, 0x80 | 11, 28, 2, 25, 20, BINARY}, {2025, 2, 28, 23, 59, 59}},
        {{0x00, 0x00, 0x00, 0x01, 0x01, 0x70, 0x00, H24}, {1970, 1, 1, 0, 0, 0}},
        {{0x00, 0x00, 0x00, 0x01, 0x01, 0x69, 0xff, H24}, {2069, 1, 1, 0, 0, 0}}, /* no such century */
        {{0x00, 0x00, 0x00, 0x01, 0x01, 0x25, 0x01, H24}, {2025, 1, 1, 0, 0, 0}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct civil_time t;

        check_row("row %zu", i);
        CHECK_EQ(rtc_decode(&rows[i].r, &t), 0);
        CHECK_EQ(civil_to_unix(&t), civil_to_unix(&rows[i].t));
    }
}

static void
test_wrong(void)
{
    static const struct rtc_registers good = {0x30, 0x30, 0x12, 0x15, 0x06, 0x25, 0x20, H24};
    static const struct rtc_registers bad[] = {
        {0x60, 0x30, 0x12, 0x15, 0x06, 0x25, 0x20, H24},  {0x3a, 0x30, 0x12, 0x15, 0x06, 0x25, 0x20, H24},
        {0x30, 0x60, 0x12, 0x15, 0x06, 0x25, 0x20, H24},  {0x30, 0x30, 0x24, 0x15, 0x06, 0x25, 0x20, H24},
        {0x30, 0x30, 0x00, 0x15, 0x06, 0x25, 0x20, 0},    {0x30, 0x30, 0x13, 0x15, 0x06, 0x25, 0x20, 0},
        {0x30, 0x30, 0x12, 0x00, 0x06, 0x25, 0x20, H24},  {0x30, 0x30, 0x12, 0x31, 0x06, 0x25, 0x20, H24},
        {0x30, 0x30, 0x12, 0x15, 0x00, 0x25, 0x20, H24},  {0x30, 0x30, 0x12, 0x15, 0x13, 0x25, 0x20, H24},
        {0x30, 0x30, 0x12, 0x15, 0x06, 0xa5, 0x20, H24},  {0x30, 0x30, 0x12, 0x15, 0x06, 0x25, 0x19, H24},
        {100, 30, 12, 15, 6, 25, 20, BINARY | H24},       {30, 30, 12, 15, 6, 100, 20, BINARY | H24},
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
    };
    struct civil_time t;

    CHECK_EQ(rtc_decode(&good, &t), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        check_row("row %zu", i);
        CHECK_EQ(rtc_decode(&bad[i], &t), -EINVAL);
    }
}

int
main(void)
{
    test_all_ways();
    test_examples();
    test_wrong();
    return check_report();
}
