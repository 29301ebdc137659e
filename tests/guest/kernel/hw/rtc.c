/*
 * The real-time clock, and the wall clock that was set by it.
 */
#include "kernel/hw/rtc.h"
#include "kernel/cpu/tsc.h"
#include "kernel/hw/clock.h"
#include "kernel/sched/thread.h"
#include "tests/guest/ktest.h"

#define YEAR_2020 UINT64_C(1577836800)
#define YEAR_2100 UINT64_C(4102444800)

KTEST(rtc_agrees_with_wall_clock)
{
    uint64_t before = wall_clock_now() / SECONDS(1), seconds = 0, after;

    KCHECK_EQ(rtc_read(0, &seconds), 0);
    after = wall_clock_now() / SECONDS(1);
    KCHECK(seconds >= YEAR_2020 && seconds < YEAR_2100);
    /* The wall clock is up to a second late; one more for the two clocks' own speeds. */
    KCHECK(seconds + 1 >= before);
    KCHECK(seconds <= after + 2);
}

KTEST(rtc_ticks)
{
    uint64_t first = 0, now, end = time_now() + SECONDS(30);

    KCHECK_EQ(rtc_read(0, &first), 0);
    now = first;
    while (now == first && time_now() < end) {
        thread_sleep(MS(10));
        KCHECK_EQ(rtc_read(0, &now), 0);
    }
    KCHECK(now > first);
}

KTEST(wall_clock_goes_with_time)
{
    uint64_t before = time_now(), wall = wall_clock_now(), after = time_now();

    thread_sleep(MS(5));
    KCHECK(wall_clock_now() - wall >= time_now() - after - MS(5));
    KCHECK(wall_clock_now() - wall >= MS(5));
    KCHECK(wall - before > YEAR_2020);
}
