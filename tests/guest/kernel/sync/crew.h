/*
 * What tests of kernel/sync and kernel/sched share: threads in numbers, and waiting for a condition.
 */
#pragma once
#include "kernel/cpu/smp.h"
#include "kernel/cpu/tsc.h"
#include "kernel/sched/thread.h"
#include "tests/guest/ktest.h"

#define CREW_MAX      64
#define CREW_PATIENCE SECONDS(20)

struct crew {
    struct thread *threads[CREW_MAX];
    unsigned count;
};

/* Start one more thread; a failed check if that is not possible. `affinity`: UINT64_MAX for any processor. */
static inline void
crew_add(struct crew *c, unsigned priority, uint64_t affinity, void (*run)(void *context), void *context)
{
    struct thread *t = NULL;

    KCHECK(c->count < CREW_MAX);
    if (c->count == CREW_MAX)
        return;
    KCHECK_EQ(thread_create_on(&t, "crew", priority, affinity, run, context), 0);
    if (t)
        c->threads[c->count++] = t;
}

/* Start one thread pinned to each processor. */
static inline void
crew_everywhere(struct crew *c, unsigned priority, void (*run)(void *context), void *context)
{
    for (uint32_t n = 0; n < cpu_count(); n++)
        crew_add(c, priority, UINT64_C(1) << n, run, context);
}

/* Wait for the end of all. */
static inline void
crew_join(struct crew *c)
{
    while (c->count > 0)
        KCHECK_EQ(thread_join(c->threads[--c->count], CREW_PATIENCE, NULL), 0);
}

static inline unsigned
load(const unsigned *n)
{
    return __atomic_load_n(n, __ATOMIC_ACQUIRE);
}

static inline void
store(unsigned *n, unsigned value)
{
    __atomic_store_n(n, value, __ATOMIC_RELEASE);
}

/* Add one. Returns the new value. */
static inline unsigned
count_up(unsigned *n)
{
    return __atomic_add_fetch(n, 1, __ATOMIC_ACQ_REL);
}

/* Wait until *n is at least `want`, with a failed check after CREW_PATIENCE. PASSIVE_LEVEL. */
static inline void
await_count(const unsigned *n, unsigned want)
{
    uint64_t end = time_now() + CREW_PATIENCE;

    while (load(n) < want && time_now() < end)
        thread_sleep(US(100));
    KCHECK(load(n) >= want);
}

/* Pseudo-random numbers, the same on each run (xorshift). */
static inline uint64_t
random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}
