#include "kernel/trace/trace.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/smp.h"
#include "kernel/cpu/tsc.h"
#include "kernel/mem/space.h"
#include "kernel/sync/dpc.h"
#include "lib/errno.h"

#define RING 8192 /* events of a processor: the first ones of a trace are kept */

struct ring {
    struct trace_event *event; /* [I] once it is there: kept for the next trace */
    uint32_t count;            /* [a] also of those that found no room */
};
PERCPU static struct ring rings;

bool trace_on;
static void (*whose)(uint32_t *thread, uint32_t *process);

void
trace_add(enum trace_kind kind, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
    uint64_t were_on = interrupts_save(); /* so that it is over when each processor has run a DPC */
    struct ring *r = percpu_this(rings);
    uint32_t n = __atomic_load_n(&trace_on, __ATOMIC_ACQUIRE)
                     ? __atomic_fetch_add(&r->count, 1, __ATOMIC_RELAXED)
                     : UINT32_MAX;

    if (n < RING) {
        struct trace_event *event = &r->event[n];

        *event = (struct trace_event){.time = time_now(),
                                      .kind = (uint8_t)kind,
                                      .irql = irql_current(),
                                      .cpu = (uint16_t)cpu_number(),
                                      .word = {a, b, c, d, e}};
        whose(&event->thread, &event->process);
    }
    interrupts_restore(were_on);
}

uint64_t
trace_name(const char *name)
{
    uint64_t word = 0;

    for (unsigned i = 0; i < 8 && name[i]; i++)
        word |= (uint64_t)(uint8_t)name[i] << 8 * i;
    return word;
}

void
trace_name_text(uint64_t word, char text[9])
{
    for (unsigned i = 0; i < 8; i++)
        text[i] = (char)(word >> 8 * i);
    text[8] = 0;
}

int
trace_begin(void (*who)(uint32_t *thread, uint32_t *process))
{
    assert_irql(PASSIVE_LEVEL);
    for (uint32_t n = 0; n < cpu_count(); n++) {
        struct ring *r = percpu_of(n, rings);

        if (!r->event)
            r->event = space_alloc(RING * sizeof(*r->event), MAP_WRITE);
        if (!r->event)
            return -ENOMEM;
        r->count = 0;
    }
    whose = who;
    __atomic_store_n(&trace_on, true, __ATOMIC_RELEASE);
    return 0;
}

void
trace_end(void)
{
    __atomic_store_n(&trace_on, false, __ATOMIC_SEQ_CST);
    dpc_flush();
}

bool
trace_next(struct trace_cursor *at, struct trace_event *out)
{
    const struct trace_event *first = NULL;
    uint32_t cpu = 0;

    for (uint32_t n = 0; n < cpu_count(); n++) {
        const struct ring *r = percpu_of(n, rings);
        uint32_t i = at->next[n];

        if (i < MIN(r->count, (uint32_t)RING) && (!first || r->event[i].time < first->time)) {
            first = &r->event[i];
            cpu = n;
        }
    }
    if (!first)
        return false;
    *out = *first;
    at->next[cpu]++;
    return true;
}

uint64_t
trace_lost(void)
{
    uint64_t lost = 0;

    for (uint32_t n = 0; n < cpu_count(); n++) {
        uint32_t count = percpu_of(n, rings)->count;

        lost += count > RING ? count - RING : 0;
    }
    return lost;
}
