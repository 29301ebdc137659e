/*
 * Several processors: who they are, calls from all to all, and translations that must go everywhere.
 */
#include "kernel/cpu/smp.h"
#include "kernel/cpu/apic.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/paging.h"
#include "kernel/cpu/regs.h"
#include "kernel/cpu/tlb.h"
#include "kernel/cpu/tsc.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/space.h"
#include "kernel/sched/thread.h"
#include "tests/guest/ktest.h"

struct seen {
    uint32_t calls[CPU_MAX];
    uint32_t id[CPU_MAX];
    uintptr_t canary[CPU_MAX];
    uint64_t wrong; /* [a] calls at another IRQL, or with interrupts on */
};

static void
see(void *context)
{
    struct seen *s = context;
    uint32_t n = cpu_number();

    s->calls[n]++;
    s->id[n] = apic_id();
    s->canary[n] = percpu_self()->canary;
    if (irql_current() != IPI_LEVEL || rflags_read() & RFLAGS_IF)
        __atomic_fetch_add(&s->wrong, 1, __ATOMIC_RELAXED);
}

KTEST(smp_call_reaches_each_processor_of_the_mask)
{
    for (uint32_t n = 0; n < cpu_count(); n++) {
        struct seen s = {0};

        smp_call(BIT64(n), see, &s);
        for (uint32_t i = 0; i < cpu_count(); i++)
            KCHECK_EQ(s.calls[i], i == n);
        KCHECK_EQ(s.wrong, 0);
        KCHECK_EQ(s.id[n], cpu_apic_id(n));
    }
}

KTEST(smp_processors_have_blocks_of_their_own)
{
    struct seen s = {0};

    smp_call(UINT64_MAX, see, &s);
    for (uint32_t n = 0; n < cpu_count(); n++) {
        KCHECK_EQ(s.calls[n], 1);
        KCHECK(s.canary[n] != 0);
        for (uint32_t i = 0; i < n; i++)
            KCHECK(s.id[i] != s.id[n] && s.canary[i] == s.canary[n]);
    }
}

#define CALLS       2000       /* of each processor */
#define CALLS_LIMIT SECONDS(3) /* where more processors are emulated than there are */

static uint64_t calls_made, calls_run; /* [a] */

static void
count_call(void *context)
{
    __atomic_fetch_add(&calls_run, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add((uint64_t *)context, 1, __ATOMIC_RELAXED);
}

/* Every other call at DISPATCH_LEVEL; each has come back from everywhere when smp_call() returns. */
static void
caller(void *context)
{
    uint64_t end = time_now() + CALLS_LIMIT;

    for (unsigned i = 0; i < CALLS && time_now() < end; i++) {
        uint8_t old = irql_raise(i % 2 ? DISPATCH_LEVEL : PASSIVE_LEVEL);
        uint64_t came = 0;

        smp_call(UINT64_MAX, count_call, &came);
        if (__atomic_load_n(&came, __ATOMIC_RELAXED) != cpu_count())
            KCHECK_EQ(came, cpu_count());
        irql_lower(old);
        __atomic_fetch_add(&calls_made, 1, __ATOMIC_RELAXED);
    }
}

KTEST(smp_call_from_all_at_once)
{
    struct thread *t[CPU_MAX] = {NULL};

    calls_made = calls_run = 0;
    for (uint32_t n = 0; n < cpu_count(); n++)
        KCHECK_EQ(thread_create_on(&t[n], "caller", PRIORITY_NORMAL, BIT64(n), caller, NULL), 0);
    for (uint32_t n = 0; n < cpu_count(); n++)
        if (t[n])
            KCHECK_EQ(thread_join(t[n], SECONDS(60), NULL), 0);
    KCHECK(calls_made >= cpu_count());
    KCHECK_EQ(calls_run, calls_made * cpu_count());
}

struct look {
    const uint32_t *at;
    uint32_t seen[CPU_MAX];
};

static void
look(void *context)
{
    struct look *l = context;

    l->seen[cpu_number()] = __atomic_load_n(l->at, __ATOMIC_RELAXED);
}

static void
look_check(const uint32_t *at, uint32_t want)
{
    struct look l = {.at = at};

    smp_call(UINT64_MAX, look, &l);
    for (uint32_t n = 0; n < cpu_count(); n++)
        KCHECK_EQ(l.seen[n], want);
}

/* The entry in the last table that maps va. */
static uint64_t *
leaf_of(const void *va)
{
    uint64_t entry = cr3_read();

    for (int shift = 39;; shift -= 9) {
        uint64_t *table = phys_to_virt(entry & PTE_ADDRESS);
        uint64_t *slot = &table[(uintptr_t)va >> shift & 511];

        if (shift == 12)
            return slot;
        entry = *slot;
    }
}

/* Let two pages change places under the processors' eyes, flushing `size` bytes from the first page. */
static void
swap_check(size_t size)
{
    uint32_t *a = space_alloc(size, MAP_WRITE), *b = space_alloc(size, MAP_WRITE);

    KCHECK(a && b);
    if (a && b) {
        *a = 1;
        *b = 2;
        for (unsigned round = 0; round < 50; round++) {
            uint64_t entry;

            look_check(a, 1 + round % 2);
            entry = *leaf_of(a);
            *leaf_of(a) = *leaf_of(b);
            *leaf_of(b) = entry;
            tlb_flush_range((uintptr_t)a, size);
            tlb_flush_range((uintptr_t)b, size);
        }
    }
    if (a)
        space_free(a);
    if (b)
        space_free(b);
}

KTEST(tlb_flush_of_a_page_reaches_all_processors)
{
    swap_check(PAGE_SIZE);
}

KTEST(tlb_flush_of_many_pages_reaches_all_processors)
{
    swap_check(64 * PAGE_SIZE);
}
