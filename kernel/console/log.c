/*
 * The kernel log: a ring of records in static memory, and the sinks that each line is written to.
 *
 * I1  Records lie in the ring one after the other, each a header and its text, padded to a multiple of the
 *     header's size; a record never wraps: what is left at the end of the ring, room for a header at least, is
 *     filled with a record of level PAD.
 * I2  `oldest` and `newest` count bytes ever written; newest - oldest <= RING_SIZE.
 */
#include "kernel/console/log.h"
#include "kernel/console/sink.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/tsc.h"
#include "kernel/sync/spin.h"
#include "lib/field.h"
#include "lib/format.h"
#include "lib/string.h"

#define RING_SIZE (24 * 2048u)
#define LINE_MAX  256
#define PAD       0xff

struct entry {
    uint64_t sequence;
    uint64_t time;
    uint8_t level, reserved;
    uint16_t cpu;
    uint16_t length; /* of the text */
    uint16_t size;   /* of all, padded */
};
_Static_assert(RING_SIZE % sizeof(struct entry) == 0, "I1");

static spinlock_t lock = SPINLOCK(LOCK_LOG, "log");
static char ring[RING_SIZE] __attribute__((aligned(8))); /* [lock] */
static uint64_t oldest, newest, sequence_next;           /* [lock] */
static struct log_sink *sinks;                           /* [lock] */
static bool panic_mode;                                  /* [a] */

bool
log_panicking(void)
{
    return __atomic_load_n(&panic_mode, __ATOMIC_ACQUIRE);
}

static uint64_t
log_lock(void)
{
    return log_panicking() ? 0 : spin_lock_interrupts(&lock);
}

static void
log_unlock(uint64_t were_on)
{
    if (!log_panicking())
        spin_unlock_interrupts(&lock, were_on);
}

void
log_panic_mode(void)
{
    __atomic_store_n(&panic_mode, true, __ATOMIC_RELEASE);
}

static struct entry *
entry_at(uint64_t position)
{
    return (struct entry *)(void *)(ring + position % RING_SIZE);
}

/* Make room for `size` bytes in one piece, dropping the oldest records. */
static struct entry *
entry_reserve(size_t size)
{
    size_t to_end = RING_SIZE - newest % RING_SIZE;
    size_t pad = to_end < size ? to_end : 0;

    while (newest + pad + size - oldest > RING_SIZE)
        oldest += entry_at(oldest)->size;
    if (pad) {
        *entry_at(newest) = (struct entry){.level = PAD, .size = (uint16_t)pad};
        newest += pad;
    }
    newest += size;
    return entry_at(newest - size);
}

static struct entry *
entry_store(enum log_level level, const char *text, size_t length)
{
    size_t size = ALIGN_UP(sizeof(struct entry) + length, sizeof(struct entry));
    struct entry *e = entry_reserve(size);

    *e = (struct entry){.sequence = sequence_next++,
                        .time = time_now(),
                        .level = (uint8_t)level,
                        .cpu = (uint16_t)cpu_number(),
                        .length = (uint16_t)length,
                        .size = (uint16_t)size};
    memcpy(e + 1, text, length);
    return e;
}

/* "[    1.234567] text\n" as dmesg shows it */
static void
entry_write(const struct entry *e, struct log_sink *sink)
{
    char line[LINE_MAX + 24];
    int n;

    if (e->level == PAD || e->level > sink->threshold)
        return;
    n = snprintf(line, sizeof(line), "[%5lu.%06lu] %.*s\n", (unsigned long)(e->time / SECONDS(1)),
                 (unsigned long)(e->time % SECONDS(1) / 1000), (int)e->length, (const char *)(e + 1));
    sink->write(line, (size_t)n);
}

void
log_message_v(enum log_level level, const char *format, va_list args)
{
    char text[LINE_MAX];
    int n = vsnprintf(text, sizeof(text), format, args);
    size_t length = MIN((size_t)MAX(n, 0), sizeof(text) - 1);
    uint64_t were_on = log_lock();
    struct entry *e = entry_store(level, text, length);

    for (struct log_sink *s = sinks; s; s = s->next)
        entry_write(e, s);
    log_unlock(were_on);
}

void
log_message(enum log_level level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_message_v(level, format, args);
    va_end(args);
}

void
log_add_sink(struct log_sink *sink)
{
    uint64_t were_on = log_lock();
    struct log_sink **end = &sinks;

    while (*end && *end != sink)
        end = &(*end)->next;
    if (!*end) {
        for (uint64_t at = oldest; at < newest; at += entry_at(at)->size)
            entry_write(entry_at(at), sink);
        sink->next = NULL;
        *end = sink;
    }
    log_unlock(were_on);
}

void
log_remove_sink(struct log_sink *sink)
{
    uint64_t were_on = log_lock();

    for (struct log_sink **s = &sinks; *s; s = &(*s)->next)
        if (*s == sink) {
            *s = sink->next;
            break;
        }
    log_unlock(were_on);
}

bool
log_read(uint64_t *sequence, struct log_record *record, char *text, size_t size)
{
    uint64_t were_on = log_lock();
    bool found = false;

    for (uint64_t at = oldest; at < newest && !found; at += entry_at(at)->size) {
        const struct entry *e = entry_at(at);

        if (e->level == PAD || e->sequence < *sequence)
            continue;
        *record = (struct log_record){e->sequence, e->time, (enum log_level)e->level, e->cpu};
        snprintf(text, size, "%.*s", (int)e->length, (const char *)(e + 1));
        *sequence = e->sequence + 1;
        found = true;
    }
    log_unlock(were_on);
    return found;
}

unsigned
log_severity(enum log_level level)
{
    static const uint8_t of[] = {[LOG_ERR] = 3, [LOG_WARN] = 4, [LOG_INFO] = 6, [LOG_DEBUG] = 7};

    return of[level];
}
