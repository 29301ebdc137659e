/*
 * Vectors, levels and handlers, raised by self-IPIs: what holds for every way in which an interrupt arrives.
 */
#include "kernel/cpu/apic.h"
#include "kernel/cpu/smp.h"
#include "lib/errno.h"
#include "tests/guest/kernel/cpu/irq_probe.h"

#define LEVELS_MAX 9

/* Connect a probe to a fresh message for `cpu`. Returns false after a failed check or a skip. */
static bool
message_probe(struct probe *p, struct irq_message *m, uint32_t cpu, const char *name)
{
    int err = irq_message_alloc(1, cpu, m);

    if (err == -ENOTSUP) {
        ktest_skip("messages are off");
        return false;
    }
    KCHECK_EQ(err, 0);
    probe_init(p, name);
    err = err ? err : irq_connect_message(&p->irq, m, 0);
    KCHECK_EQ(err, 0);
    return !err;
}

static void
message_end(struct probe *p, const struct irq_message *m)
{
    irq_disconnect(&p->irq);
    irq_message_free(m, 1);
}

KTEST(irq_vector_arrives_at_its_level_on_each_processor)
{
    for (uint32_t n = 0; n < cpu_count(); n++) {
        struct irq_message m;
        struct probe p;

        if (!message_probe(&p, &m, n, "probe"))
            return;
        apic_send(cpu_apic_id(n), m.vector);
        KCHECK(probe_wait(&p, 1));
        KCHECK_EQ(p.cpu, n);
        KCHECK_EQ(p.irql, p.irq.level);
        KCHECK_EQ(p.irq.level, m.vector / 16);
        KCHECK_EQ(p.depth, 1);
        KCHECK(p.interrupts);
        for (unsigned us = 0; us < 2000000 && irq_facts(&p.irq).claimed == 0; us += 10)
            stall_us(10); /* it is counted when the handler has returned */
        KCHECK_EQ(irq_facts(&p.irq).claimed, 1);
        message_end(&p, &m);
    }
}

/* A block of vectors of each level that has one wholly free. Returns how many. */
static unsigned
blocks_take(struct irq_message *m)
{
    unsigned n = 0;

    while (n < LEVELS_MAX && irq_message_alloc(IRQ_MESSAGES_MAX, 0, &m[n]) == 0)
        n++;
    return n;
}

static void
blocks_free(const struct irq_message *m, unsigned n)
{
    while (n--)
        irq_message_free(&m[n], IRQ_MESSAGES_MAX);
}

/* While CR8 is at the level nothing comes; the moment it is lowered, without a call, it is there. */
static void
level_check(const struct irq_message *m)
{
    struct probe p;
    uint8_t old;

    probe_init(&p, "level");
    KCHECK_EQ(irq_connect_message(&p.irq, m, 0), 0);
    old = irql_raise(p.irq.level);
    apic_send_self(m->vector);
    stall_us(50);
    KCHECK_EQ(probe_calls(&p), 0);
    irql_set(p.irq.level - 1);
    KCHECK_EQ(probe_calls(&p), 1);
    KCHECK_EQ(p.irql, p.irq.level);
    KCHECK_EQ(irql_current(), p.irq.level - 1);
    irql_lower(old);
    irq_disconnect(&p.irq);
}

KTEST(irq_level_holds_vectors_back)
{
    struct irq_message m[LEVELS_MAX];
    unsigned n;

    pin(0);
    n = blocks_take(m);
    if (n == 0)
        ktest_skip("no level is free, or messages are off");
    for (unsigned i = 0; i < n; i++)
        level_check(&m[i]);
    blocks_free(m, n);
    unpin();
}

static struct {
    struct probe low, same, high;
    unsigned order, low_in, low_out, same_in, high_in;
} nest;

static void
nest_low(struct probe *p)
{
    nest.low_in = ++nest.order;
    apic_send_self(nest.same.irq.vector);
    apic_send_self(nest.high.irq.vector);
    stall_us(50);
    nest.low_out = ++nest.order;
}

static void
nest_same(struct probe *p)
{
    nest.same_in = ++nest.order;
}

static void
nest_high(struct probe *p)
{
    nest.high_in = ++nest.order;
}

static void
nest_check(const struct irq_message *low, const struct irq_message *high)
{
    nest.order = 0;
    probe_init(&nest.low, "low");
    probe_init(&nest.same, "same");
    probe_init(&nest.high, "high");
    nest.low.more = nest_low;
    nest.same.more = nest_same;
    nest.high.more = nest_high;
    KCHECK_EQ(irq_connect_message(&nest.low.irq, low, 0), 0);
    KCHECK_EQ(irq_connect_message(&nest.same.irq, low, 1), 0);
    KCHECK_EQ(irq_connect_message(&nest.high.irq, high, 0), 0);
    apic_send_self(low->vector);
    KCHECK(probe_wait(&nest.same, 1));
    KCHECK_EQ(nest.low_in, 1);
    KCHECK_EQ(nest.high_in, 2);
    KCHECK_EQ(nest.low_out, 3);
    KCHECK_EQ(nest.same_in, 4);
    KCHECK_EQ(nest.high.depth, 2);
    KCHECK_EQ(nest.same.depth, 1);
    irq_disconnect(&nest.low.irq);
    irq_disconnect(&nest.same.irq);
    irq_disconnect(&nest.high.irq);
}

KTEST(irq_higher_level_nests_and_same_level_waits)
{
    struct irq_message m[LEVELS_MAX];
    unsigned n;

    pin(0);
    n = blocks_take(m);
    if (n < 2)
        ktest_skip("fewer than two levels are free");
    else if (m[0].vector < m[1].vector)
        nest_check(&m[0], &m[1]);
    else
        nest_check(&m[1], &m[0]);
    blocks_free(m, n);
    unpin();
}

/* Send until the handler was called `calls` times, one by one: two that are on their way together are one. */
static void
send_until(struct probe *p, uint32_t calls)
{
    uint32_t now;

    while ((now = probe_calls(p)) < calls) {
        apic_send_self(p->irq.vector);
        if (!probe_wait(p, now + 1)) {
            KCHECK(!"the interrupt came");
            return;
        }
    }
}

KTEST(irq_message_storm_is_stopped)
{
    struct irq_message m;
    struct probe p;

    pin(0);
    if (message_probe(&p, &m, 0, "storm")) {
        p.deny = true;
        send_until(&p, IRQ_STORM_LIMIT - 1);
        p.deny = false; /* one that is claimed begins the count anew */
        send_until(&p, IRQ_STORM_LIMIT);
        p.deny = true;
        send_until(&p, 2 * IRQ_STORM_LIMIT - 1);
        KCHECK(!irq_facts(&p.irq).source.masked);
        send_until(&p, 2 * IRQ_STORM_LIMIT);
        KCHECK(irq_facts(&p.irq).source.masked);
        KCHECK_EQ(irq_facts(&p.irq).source.count, 2 * IRQ_STORM_LIMIT);
        KCHECK_EQ(irq_facts(&p.irq).claimed, 1);
        apic_send_self(m.vector);
        stall_us(1000);
        KCHECK_EQ(irq_facts(&p.irq).source.count, 2 * IRQ_STORM_LIMIT + 1);
        KCHECK_EQ(probe_calls(&p), 2 * IRQ_STORM_LIMIT);
        irq_disconnect(&p.irq); /* which ends it */
        p.deny = false;
        KCHECK_EQ(irq_connect_message(&p.irq, &m, 0), 0);
        send_until(&p, probe_calls(&p) + 1);
        message_end(&p, &m);
    }
    unpin();
}

static bool fire_inside; /* [a] */

/* Fires for ever: the next interrupt is on its way before this one ends. */
static void
fire_again(struct probe *p)
{
    __atomic_store_n(&fire_inside, true, __ATOMIC_RELEASE);
    apic_send_self(p->irq.vector);
    stall_us(20);
    __atomic_store_n(&fire_inside, false, __ATOMIC_RELEASE);
}

KTEST(irq_disconnect_waits_for_a_handler_that_fires)
{
    if (cpu_count() == 1) {
        ktest_skip("needs two processors");
        return;
    }
    pin(0);
    for (unsigned round = 0; round < 20 && !ktest_failed(); round++) {
        struct irq_message m;
        struct probe p;
        uint32_t calls;

        if (!message_probe(&p, &m, 1, "fire"))
            break;
        p.more = fire_again;
        apic_send(cpu_apic_id(1), m.vector);
        KCHECK(probe_wait(&p, 5));
        irq_disconnect(&p.irq);
        KCHECK(!__atomic_load_n(&fire_inside, __ATOMIC_ACQUIRE));
        calls = probe_calls(&p);
        stall_us(200);
        KCHECK_EQ(probe_calls(&p), calls);
        pin(1); /* the last one may be on its way yet: where a thread runs, it has arrived */
        pin(0);
        irq_message_free(&m, 1);
    }
    unpin();
}

KTEST(irq_vectors_run_out_and_come_back)
{
    static struct irq_message m[VECTOR_DEVICE_MAX - VECTOR_DEVICE_MIN + 2];
    bool seen[256] = {false};
    unsigned n[2];
    int err = 0;

    for (unsigned round = 0; round < 2; round++) {
        for (n[round] = 0; n[round] < ARRAY_SIZE(m); n[round]++) {
            err = irq_message_alloc(1, 0, &m[n[round]]);
            if (err)
                break;
            KCHECK(seen[m[n[round]].vector] == (round == 1));
            KCHECK(m[n[round]].vector >= VECTOR_DEVICE_MIN && m[n[round]].vector <= VECTOR_DEVICE_MAX);
            seen[m[n[round]].vector] = true;
        }
        if (err == -ENOTSUP) {
            ktest_skip("messages are off");
            return;
        }
        KCHECK_EQ(err, -ENOSPC);
        for (unsigned i = 0; i < n[round]; i++)
            irq_message_free(&m[i], 1);
    }
    KCHECK(n[0] > VECTOR_DEVICE_MAX - VECTOR_DEVICE_MIN - IRQ_LINES);
    KCHECK_EQ(n[1], n[0]);
}

KTEST(irq_message_blocks_are_aligned_and_whole)
{
    struct irq_message m;
    struct probe p, other;

    if (irq_message_alloc(1, 0, &m) == -ENOTSUP) {
        ktest_skip("messages are off");
        return;
    }
    irq_message_free(&m, 1);
    KCHECK_EQ(irq_message_alloc(0, 0, &m), -EINVAL);
    KCHECK_EQ(irq_message_alloc(3, 0, &m), -EINVAL);
    KCHECK_EQ(irq_message_alloc(32, 0, &m), -EINVAL);
    KCHECK_EQ(irq_message_alloc(1, cpu_count(), &m), -EINVAL);
    for (unsigned count = 1; count <= 8; count *= 2) {
        KCHECK_EQ(irq_message_alloc(count, 0, &m), 0);
        KCHECK_EQ(m.vector % count, 0);
        KCHECK_EQ(m.data, m.vector);
        KCHECK_EQ(m.address, 0xfee00000 | (uint64_t)cpu_apic_id(0) << 12);
        irq_message_free(&m, count);
    }
    KCHECK_EQ(irq_message_alloc(2, 0, &m), 0);
    probe_init(&p, "one");
    probe_init(&other, "two");
    KCHECK_EQ(irq_connect_message(&p.irq, &m, 1), 0);
    KCHECK_EQ(p.irq.vector, m.vector + 1);
    KCHECK_EQ(irq_connect_message(&other.irq, &m, 1), -EBUSY);
    irq_disconnect(&p.irq);
    KCHECK_EQ(irq_connect_message(&other.irq, &m, 1), 0);
    irq_disconnect(&other.irq);
    irq_message_free(&m, 2);
}

static bool
has_8259(void)
{
    struct probe p;
    bool has;

    probe_init(&p, "8259?");
    KCHECK_EQ(irq_connect_line(&p.irq, 0, IRQ_EDGE, true), 0);
    has = irq_facts(&p.irq).source.via[0] == '8';
    irq_disconnect(&p.irq);
    return has;
}

/* Raised by an INT instruction: the controllers know nothing of these, and must not be told their end. */
KTEST(irq_strays_are_counted_and_harmless)
{
    unsigned spurious = has_8259() ? 2 : 0;
    struct irq_strays before, after;

    pin(0);
    irq_strays(&before);
    __asm__ volatile("int %0" ::"i"(VECTOR_PIC_BASE + 7) : "memory");
    __asm__ volatile("int %0" ::"i"(VECTOR_PIC_BASE + 15) : "memory");
    __asm__ volatile("int %0" ::"i"(VECTOR_SPURIOUS) : "memory");
    __asm__ volatile("int $0x21" ::: "memory");
    irq_strays(&after);
    KCHECK_EQ(after.spurious_apic, before.spurious_apic + 1);
    KCHECK_EQ(after.spurious_8259, before.spurious_8259 + spurious);
    KCHECK_EQ(after.unconnected, before.unconnected + 3 - spurious);
    unpin();
}

static unsigned dpc_runs;

static void
dpc_note(struct dpc *d, void *context)
{
    KCHECK_EQ(irql_current(), DISPATCH_LEVEL);
    KCHECK_EQ(percpu_self()->interrupt_depth, 0);
    dpc_runs++;
}

/* A driver lowers CR8 itself, past any code of ours: what a handler asked for runs there and then. */
KTEST(irq_dispatch_work_comes_when_cr8_drops)
{
    struct dpc d;
    uint8_t old;

    pin(0);
    dpc_runs = 0;
    dpc_init(&d, dpc_note, NULL);
    old = irql_raise(DISPATCH_LEVEL);
    dpc_queue(&d);
    stall_us(50);
    KCHECK_EQ(dpc_runs, 0);
    irql_set(PASSIVE_LEVEL);
    KCHECK_EQ(dpc_runs, 1);
    KCHECK_EQ(irql_current(), old);
    unpin();
}

static struct dpc handler_dpc;

static void
queue_from_handler(struct probe *p)
{
    dpc_queue(&handler_dpc);
}

/* From a handler: on its way out if it interrupted PASSIVE_LEVEL, else when CR8 drops. */
KTEST(irq_dispatch_work_of_a_handler)
{
    struct irq_message m;
    struct probe p;
    uint8_t old;

    pin(0);
    if (message_probe(&p, &m, 0, "dpc")) {
        dpc_runs = 0;
        dpc_init(&handler_dpc, dpc_note, NULL);
        p.more = queue_from_handler;
        apic_send_self(m.vector);
        KCHECK(probe_wait(&p, 1));
        KCHECK_EQ(dpc_runs, 1);
        old = irql_raise(DISPATCH_LEVEL);
        apic_send_self(m.vector);
        KCHECK(probe_wait(&p, 2));
        KCHECK_EQ(dpc_runs, 1);
        irql_set(old);
        KCHECK_EQ(dpc_runs, 2);
        message_end(&p, &m);
    }
    unpin();
}
