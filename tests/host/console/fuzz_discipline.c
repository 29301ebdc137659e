// Any bytes typed, any modes set: the discipline's counts stay true and nothing is read that was not typed.
// sources: kernel/console/discipline.c
#include "kernel/console/discipline.h"
#include "tests/host/check.h"

static void
require(bool holds)
{
    if (!holds)
        abort();
}

static void
sound(const struct discipline *d)
{
    uint32_t ends = 0;

    require(d->head - d->tail <= DISCIPLINE_RING);
    require(d->edited < DISCIPLINE_LINE);
    for (uint32_t i = d->tail; i != d->head; i++)
        ends += d->ring[i % DISCIPLINE_RING] > 0xff;
    require(ends == d->ends);
    require(discipline_count(d) <= d->head - d->tail);
}

static void
mode_set(struct discipline *d, const uint8_t *bytes)
{
    struct termios t = d->termios;

    t.local = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
    t.input = (uint32_t)bytes[2] << 4;
    t.character[bytes[3] % TERMIOS_CHARS] = bytes[0];
    discipline_set(d, &t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct discipline d;
    uint8_t text[64];

    discipline_init(&d);
    for (size_t i = 0; i < size; i++) {
        switch (data[i]) {
        case 0xf0: /* read a little */
            require(discipline_read(&d, text, i % sizeof text) <= i % sizeof text);
            break;
        case 0xf1:
            if (i + 5 <= size)
                mode_set(&d, data + i + 1);
            break;
        case 0xf2:
            discipline_flush(&d);
            break;
        default:
            discipline_input(&d, data[i]);
        }
        sound(&d);
    }
    return 0;
}
