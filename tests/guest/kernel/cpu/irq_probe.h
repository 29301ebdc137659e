/*
 * A handler that notes how it is called, and the waiting and pinning that tests of interrupts share.
 */
#pragma once
#include "kernel/cpu/irq.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/regs.h"
#include "kernel/cpu/tsc.h"
#include "kernel/sched/thread.h"
#include "lib/field.h"
#include "tests/guest/ktest.h"

struct probe {
    struct irq irq;
    bool deny;                     /* do not claim */
    void (*more)(struct probe *p); /* called by the handler if set */
    uint32_t calls;                /* [a] */
    uint32_t cpu, irql, depth;     /* as the handler saw them last */
    bool interrupts;
};

static inline bool
probe_handler(void *context)
{
    struct probe *p = context;

    p->cpu = cpu_number();
    p->irql = irql_current();
    p->depth = percpu_self()->interrupt_depth;
    p->interrupts = rflags_read() & RFLAGS_IF;
    if (p->more)
        p->more(p);
    __atomic_fetch_add(&p->calls, 1, __ATOMIC_RELEASE);
    return !p->deny;
}

static inline void
probe_init(struct probe *p, const char *name)
{
    *p = (struct probe){.irq = {.handler = probe_handler, .context = p, .name = name}};
}

static inline uint32_t
probe_calls(const struct probe *p)
{
    return __atomic_load_n(&p->calls, __ATOMIC_ACQUIRE);
}

/* Wait, at most two seconds, until the handler was called `calls` times. */
static inline bool
probe_wait(const struct probe *p, uint32_t calls)
{
    for (unsigned us = 0; us < 2000000 && probe_calls(p) < calls; us += 10)
        stall_us(10);
    return probe_calls(p) >= calls;
}

/* From now on this thread runs on processor `cpu`, or on any. */
static inline void
pin(uint32_t cpu)
{
    KCHECK_EQ(thread_set_affinity(thread_current(), BIT64(cpu)), 0);
    KCHECK_EQ(cpu_number(), cpu);
}

static inline void
unpin(void)
{
    KCHECK_EQ(thread_set_affinity(thread_current(), UINT64_MAX), 0);
}

struct irq_find {
    const struct irq *wanted;
    struct irq_source source;
    uint64_t calls, claimed;
    bool found;
};

static inline void
irq_find_show(void *context, const struct irq_source *s, const struct irq *i)
{
    struct irq_find *f = context;

    if (i != f->wanted)
        return;
    f->source = *s;
    f->calls = i->calls;
    f->claimed = i->claimed;
    f->found = true;
}

/* The statistics of a connection. */
static inline struct irq_find
irq_facts(const struct irq *i)
{
    struct irq_find f = {.wanted = i};

    irq_for_each(irq_find_show, &f);
    KCHECK(f.found);
    return f;
}
