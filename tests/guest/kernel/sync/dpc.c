#include "kernel/sync/dpc.h"
#include "kernel/sync/dispatch.h"
#include "kernel/sync/event.h"
#include "tests/guest/kernel/sync/crew.h"

/* A DPC that notes where, when and how often it runs. */
struct probe {
    struct dpc dpc;
    unsigned runs;
    unsigned place; /* among those that share `sequence` */
    unsigned *sequence;
    unsigned again; /* times it still queues itself */
    uint32_t cpu;
    uint8_t irql;
};

static void
probe_run(struct dpc *d, void *context)
{
    struct probe *p = context;

    p->cpu = cpu_number();
    p->irql = irql_current();
    if (p->sequence)
        p->place = count_up(p->sequence);
    if (p->again > 0) {
        p->again--;
        dpc_queue(d);
    }
    count_up(&p->runs);
}

static void
probe_init(struct probe *p, unsigned *sequence)
{
    *p = (struct probe){.sequence = sequence, .cpu = UINT32_MAX};
    dpc_init(&p->dpc, probe_run, p);
}

KTEST(dpc_has_run_when_queued_at_passive_level)
{
    struct probe p;

    probe_init(&p, NULL);
    for (unsigned i = 1; i <= 100; i++) {
        KCHECK(dpc_queue(&p.dpc));
        KCHECK_EQ(p.runs, i);
    }
    KCHECK_EQ(p.irql, DISPATCH_LEVEL);
    KCHECK_EQ(irql_current(), PASSIVE_LEVEL);
}

/* From every level, by the interrupt alone: CR8 is lowered as a driver does it. */
KTEST(dpc_waits_for_the_irql)
{
    for (uint8_t level = DISPATCH_LEVEL; level <= HIGH_LEVEL; level++) {
        struct probe p;
        uint8_t old;

        probe_init(&p, NULL);
        old = irql_raise(level);
        KCHECK(dpc_queue(&p.dpc));
        KCHECK(!dpc_queue(&p.dpc));
        KCHECK_EQ(p.runs, 0);
        irql_set(DISPATCH_LEVEL);
        KCHECK_EQ(p.runs, 0);
        irql_set(old);
        KCHECK_EQ(p.runs, 1);
        KCHECK_EQ(p.irql, DISPATCH_LEVEL);
    }
}

KTEST(dpc_order_is_that_of_queueing_but_for_high_importance)
{
    struct probe p[4];
    unsigned sequence = 0;
    uint8_t old = irql_raise(DISPATCH_LEVEL);

    for (unsigned i = 0; i < 4; i++) {
        probe_init(&p[i], &sequence);
        if (i == 2)
            dpc_set_importance(&p[i].dpc, DPC_HIGH);
        dpc_queue(&p[i].dpc);
    }
    dispatch_lower(old);
    KCHECK_EQ(p[2].place, 1);
    KCHECK_EQ(p[0].place, 2);
    KCHECK_EQ(p[1].place, 3);
    KCHECK_EQ(p[3].place, 4);
}

KTEST(dpc_runs_on_its_target)
{
    for (uint32_t n = 0; n < cpu_count(); n++) {
        struct probe p;

        probe_init(&p, NULL);
        dpc_set_target(&p.dpc, n);
        KCHECK(dpc_queue(&p.dpc));
        await_count(&p.runs, 1);
        KCHECK_EQ(p.cpu, n);
        KCHECK_EQ(p.irql, DISPATCH_LEVEL);
        dpc_flush();
    }
}

KTEST(dpc_for_a_processor_that_is_not_there_runs_here)
{
    struct probe p;

    probe_init(&p, NULL);
    dpc_set_target(&p.dpc, CPU_MAX - 1);
    KCHECK(dpc_queue(&p.dpc));
    KCHECK_EQ(p.runs, 1);
}

KTEST(dpc_cancelled_does_not_run)
{
    struct probe p;
    uint8_t old = irql_raise(DISPATCH_LEVEL);

    probe_init(&p, NULL);
    KCHECK(!dpc_cancel(&p.dpc));
    dpc_queue(&p.dpc);
    KCHECK(dpc_cancel(&p.dpc));
    KCHECK(!dpc_cancel(&p.dpc));
    dispatch_lower(old);
    KCHECK_EQ(p.runs, 0);
    KCHECK(dpc_queue(&p.dpc));
    KCHECK_EQ(p.runs, 1);
}

KTEST(dpc_may_queue_itself)
{
    struct probe p;

    probe_init(&p, NULL);
    p.again = 500;
    dpc_queue(&p.dpc);
    await_count(&p.runs, 501);
    dpc_flush();
    KCHECK_EQ(p.runs, 501);
}

/* -- exactly once, from all processors to all processors */

#define STORM_DPCS  16
#define STORM_SHOTS 1500

static struct {
    struct probe probes[STORM_DPCS];
    unsigned queued, cancelled;
} storm;

static void
storm_shoot(void *context)
{
    uint64_t random = 88172645463325252ull + cpu_number() * 977;

    for (unsigned i = 0; i < STORM_SHOTS; i++) {
        struct dpc *d = &storm.probes[random_next(&random) % STORM_DPCS].dpc;

        if (random_next(&random) % 8 == 0) {
            if (dpc_cancel(d))
                count_up(&storm.cancelled);
        } else if (dpc_queue(d)) {
            count_up(&storm.queued);
        }
    }
}

KTEST(dpc_runs_as_often_as_it_was_queued)
{
    struct crew c = {.count = 0};
    unsigned runs = 0;

    storm.queued = storm.cancelled = 0;
    for (unsigned i = 0; i < STORM_DPCS; i++) {
        probe_init(&storm.probes[i], NULL);
        if (i % 2)
            dpc_set_target(&storm.probes[i].dpc, i / 2 % cpu_count());
        if (i % 4 == 3)
            dpc_set_importance(&storm.probes[i].dpc, DPC_HIGH);
    }
    crew_everywhere(&c, PRIORITY_NORMAL, storm_shoot, NULL);
    crew_join(&c);
    dpc_flush();
    for (unsigned i = 0; i < STORM_DPCS; i++)
        runs += storm.probes[i].runs;
    KCHECK(storm.queued > STORM_SHOTS / 2);
    KCHECK_EQ(runs, storm.queued - storm.cancelled);
}

/* When dpc_flush() returns, what was queued before has run, wherever. */
KTEST(dpc_flush_waits_for_all_processors)
{
    static struct probe p[CPU_MAX];

    for (unsigned round = 0; round < 50; round++) {
        for (uint32_t n = 0; n < cpu_count(); n++) {
            probe_init(&p[n], NULL);
            dpc_set_target(&p[n].dpc, n);
            dpc_queue(&p[n].dpc);
        }
        dpc_flush();
        for (uint32_t n = 0; n < cpu_count(); n++)
            KCHECK_EQ(p[n].runs, 1);
    }
}

KTEST(dpc_counts_those_that_ran)
{
    struct probe p;
    uint64_t before;
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    uint32_t cpu = cpu_number();

    probe_init(&p, NULL);
    before = dpc_count(cpu);
    dpc_queue(&p.dpc);
    dispatch_lower(old);
    KCHECK(dpc_count(cpu) > before);
}
