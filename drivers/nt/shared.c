/*
 * KUSER_SHARED_DATA: the page at a fixed address from which compiled drivers read the time inline (KeQuerySystemTime,
 * KeQueryInterruptTime, KeQueryTickCount of the WDK's x86-64 headers). A timer writes it while there are drivers.
 *
 * A time is three words: low, high, high again. Written high again, low, high; who reads the two high words as equal has a
 * time that was one.
 */
#include "drivers/nt/nt_impl.h"
#include "kernel/cpu/tsc.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/space.h"
#include "kernel/sync/timer.h"
#include "lib/errno.h"

#define TICK_NS         (100 * UINT64_C(156250)) /* KeQueryTimeIncrement() */
#define TICK_MULTIPLIER 0x0fa00000u              /* milliseconds a tick, as a fraction of 2^24 */

/* Offsets in the page. */
#define TICK_MULTIPLIER_AT 0x004
#define INTERRUPT_TIME_AT  0x008
#define SYSTEM_TIME_AT     0x014
#define MAJOR_VERSION_AT   0x26c
#define TICK_COUNT_AT      0x320

static uint8_t *page; /* [I] once there is a driver */
static struct timer tick;

static void
time_put(unsigned at, uint64_t value)
{
    __atomic_store_n((uint32_t *)(void *)(page + at + 8), (uint32_t)(value >> 32), __ATOMIC_RELEASE);
    __atomic_store_n((uint32_t *)(void *)(page + at), (uint32_t)value, __ATOMIC_RELEASE);
    __atomic_store_n((uint32_t *)(void *)(page + at + 4), (uint32_t)(value >> 32), __ATOMIC_RELEASE);
}

static void
tick_fire(struct timer *t)
{
    uint64_t now = time_now();

    time_put(INTERRUPT_TIME_AT, now / 100);
    time_put(SYSTEM_TIME_AT, (uint64_t)nt_time_now());
    time_put(TICK_COUNT_AT, now / TICK_NS);
}

void
nt_driver_came(void)
{
    uint64_t pa;

    if (page)
        return;
    pa = frame_alloc(0, FRAME_ZERO);
    if (!pa) {
        log_err("nt: no memory for the page of times: drivers that read it will fault");
        return;
    }
    page = phys_to_virt(pa);
    *(uint32_t *)(void *)(page + TICK_MULTIPLIER_AT) = TICK_MULTIPLIER;
    *(uint32_t *)(void *)(page + MAJOR_VERSION_AT) = 6; /* Windows 6.1, as the ports' contracts are */
    *(uint32_t *)(void *)(page + MAJOR_VERSION_AT + 4) = 1;
    timer_init_call(&tick, tick_fire);
    tick_fire(&tick);
    space_show_shared(pa);
    (void)timer_set(&tick, timer_deadline(TICK_NS), TICK_NS, NULL);
}
