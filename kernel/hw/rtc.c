/*
 * Reading the real-time clock. It advances its registers once a second; while it does (update in progress, up
 * to 2.2 ms) they are not to be read. So: when it does not, read all, read all again, and believe what was
 * read twice.
 */
#include "kernel/hw/rtc.h"
#include "kernel/cpu/io.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/tsc.h"
#include "kernel/sync/spin.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"

/* clang-format off */
/* MC146818A; the ports are the PC/AT's. Bit 7 of the index port masks NMI: it is kept clear. */
#define CMOS_INDEX         0x70
#define CMOS_DATA          0x71
#define RTC_SECOND         0x00
#define RTC_MINUTE         0x02
#define RTC_HOUR           0x04
#define RTC_DAY            0x07
#define RTC_MONTH          0x08
#define RTC_YEAR           0x09
#define RTC_A              0x0a
#define  RTC_A_UPDATING      BIT(7)
#define RTC_B              0x0b
/* clang-format on */

#define READ_ATTEMPTS 500 /* ... 10 us apart: twice what an update takes */
#define READ_PAUSE_US 10

static spinlock_t cmos_lock = SPINLOCK(LOCK_DEVICE, "cmos");

static uint8_t
cmos_read(uint8_t index)
{
    port_write8(CMOS_INDEX, index);
    return port_read8(CMOS_DATA);
}

static struct rtc_registers
read_registers(uint8_t century)
{
    return (struct rtc_registers){
        .second = cmos_read(RTC_SECOND),
        .minute = cmos_read(RTC_MINUTE),
        .hour = cmos_read(RTC_HOUR),
        .day = cmos_read(RTC_DAY),
        .month = cmos_read(RTC_MONTH),
        .year = cmos_read(RTC_YEAR),
        .century = century ? cmos_read(century) : 0,
        .status_b = cmos_read(RTC_B),
    };
}

/* False if the clock is being advanced. */
static bool
read_twice(uint8_t century, struct rtc_registers *out)
{
    struct rtc_registers again;
    uint8_t irql = spin_lock(&cmos_lock);
    bool same = false;

    if (!(cmos_read(RTC_A) & RTC_A_UPDATING)) {
        *out = read_registers(century);
        again = read_registers(century);
        same = !memcmp(out, &again, sizeof again);
    }
    spin_unlock(&cmos_lock, irql);
    return same;
}

int
rtc_read(uint8_t century, uint64_t *seconds)
{
    struct rtc_registers r;
    struct civil_time t;
    unsigned attempt = 0;

    assert_irql(PASSIVE_LEVEL);
    while (!read_twice(century, &r)) {
        if (++attempt == READ_ATTEMPTS)
            return -EIO;
        stall_us(READ_PAUSE_US);
    }
    if (rtc_decode(&r, &t))
        return -EINVAL;
    *seconds = (uint64_t)civil_to_unix(&t);
    return 0;
}
