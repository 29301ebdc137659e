#include "kernel/console/tty.h"
#include "kernel/console/screen.h"
#include "kernel/console/serial.h"
#include "kernel/sync/dispatch.h"
#include "kernel/sync/event.h"
#include "kernel/sync/spin.h"
#include "lib/errno.h"
#include "lib/field.h"

#define INPUT_SIZE 4096u /* a power of two */

static spinlock_t lock = SPINLOCK(LOCK_DEVICE, "tty");
static char input[INPUT_SIZE]; /* [lock] ring: [tail, head) modulo its size */
static uint32_t head, tail;    /* [lock] */
static uint64_t dropped;       /* [lock] */
static struct event typed;     /* set while there may be input */
static unsigned outputs;       /* [I] */

void
tty_init(unsigned where)
{
    outputs = where;
    event_init(&typed, EVENT_AUTO, false);
}

void
tty_input(const char *bytes, size_t n)
{
    uint8_t irql = spin_lock(&lock);

    for (size_t i = 0; i < n; i++) {
        if (head - tail == INPUT_SIZE) {
            dropped += n - i;
            break;
        }
        input[head++ % INPUT_SIZE] = bytes[i];
    }
    spin_unlock_raw(&lock);
    event_set(&typed);
    dispatch_lower(irql);
}

static size_t
input_take(char *bytes, size_t size)
{
    uint8_t irql = spin_lock(&lock);
    size_t n = MIN(size, (size_t)(head - tail));

    for (size_t i = 0; i < n; i++)
        bytes[i] = input[tail++ % INPUT_SIZE];
    spin_unlock(&lock, irql);
    return n;
}

long
tty_read(char *bytes, size_t size, uint64_t timeout)
{
    uint64_t deadline = timer_deadline(timeout);

    for (;;) {
        size_t n = input_take(bytes, size);
        uint64_t now = time_now();

        if (n)
            return (long)n;
        if (now >= deadline)
            return -ETIMEDOUT;
        wait_event(&typed.waitable, deadline == UINT64_MAX ? WAIT_FOREVER : deadline - now);
    }
}

void
tty_write(const char *bytes, size_t n)
{
    if (outputs & TTY_SERIAL)
        serial_write(bytes, n);
    if (outputs & TTY_SCREEN)
        screen_write(bytes, n);
}

uint64_t
tty_dropped(void)
{
    uint8_t irql = spin_lock(&lock);
    uint64_t n = dropped;

    spin_unlock(&lock, irql);
    return n;
}
