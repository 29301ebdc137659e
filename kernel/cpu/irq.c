/*
 * The way of an interrupt: vector -> source -> handlers -> dispatch work.
 *
 * I1  A source's handlers are called one after the other, without its lock; the one being called is held, and a
 *     held handler stays in the list. So irq_disconnect() marks it as leaving, waits until nobody holds it, and
 *     then takes it out.
 * I2  The end of interrupt comes before dispatch work, and nothing of the interrupt is on the stack below it: the
 *     thread may be switched there, and come back on another processor.
 * I3  dispatch_wanted is always accompanied by something that will look at it: an interrupt in progress on this
 *     processor, or a VECTOR_DISPATCH on its way to it.
 */
#include "kernel/cpu/irq.h"
#include "kernel/cpu/apic.h"
#include "kernel/cpu/guard.h"
#include "kernel/cpu/ioapic.h"
#include "kernel/cpu/irq_impl.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/pic.h"
#include "kernel/cpu/regs.h"
#include "kernel/cpu/smp.h"
#include "kernel/cpu/smp_impl.h"
#include "kernel/cpu/trap.h"
#include "kernel/cpu/tsc.h"
#include "kernel/trace/trace.h"
#include "lib/errno.h"
#include "lib/format.h"

#define SOURCES (VECTOR_DEVICE_MAX - VECTOR_DEVICE_MIN + 1)

static struct source sources[SOURCES];
static struct irq_strays strays;    /* [a] */
static void (*dispatch_hook)(void); /* [I] after boot */
static void (*clock_hook)(void);    /* [I] after boot */
PERCPU static bool dispatch_wanted; /* [a] */

struct source *
source_of(uint8_t vector)
{
    return &sources[vector - VECTOR_DEVICE_MIN];
}

static void
count_up(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

void
irq_strays(struct irq_strays *out)
{
    *out = (struct irq_strays){__atomic_load_n(&strays.spurious_apic, __ATOMIC_RELAXED),
                               __atomic_load_n(&strays.spurious_8259, __ATOMIC_RELAXED),
                               __atomic_load_n(&strays.unconnected, __ATOMIC_RELAXED),
                               __atomic_load_n(&strays.apic_errors, __ATOMIC_RELAXED)};
}

/* Nobody's interrupt: counted, and said once for all. */
static void
stray(const char *what, unsigned n)
{
    if (__atomic_fetch_add(&strays.unconnected, 1, __ATOMIC_RELAXED) == 0)
        log_warn("irq: %s %#x arrived, nothing is connected to it; further ones are only counted", what, n);
}

/* -- handlers of one source */

/* Let go of `done` (NULL: none yet), which `claimed` the interrupt or not; hold the next one to call, or NULL. */
static struct irq *
handler_next(struct source *s, struct irq *done, bool claimed)
{
    uint64_t were_on = spin_lock_interrupts(&s->lock);
    struct list *at = done ? done->link.next : s->handlers.next;
    struct irq *next = NULL;

    if (done) {
        done->calls++;
        done->claimed += claimed;
        done->held--;
    }
    while (at != &s->handlers && list_entry(at, struct irq, link)->leaving)
        at = at->next;
    if (at != &s->handlers) {
        next = list_entry(at, struct irq, link);
        next->held++;
    }
    spin_unlock_interrupts(&s->lock, were_on);
    return next;
}

/* "ahci0 nic" into text. Locks: s->lock held. */
static void
names_write(const struct source *s, char *text, size_t size)
{
    const struct irq *i;
    size_t at = 0;

    text[0] = '\0';
    list_for_each_entry(i, &s->handlers, link) {
        int n = snprintf(text + at, size - at, "%s%s", at ? " " : "", i->name);

        if (n < 0 || (size_t)n >= size - at)
            return;
        at += (size_t)n;
    }
}

/* Locks: s->lock held. */
static void
storm_stop(struct source *s)
{
    char names[128];

    s->masked = true;
    line_mask(s);
    names_write(s, names, sizeof(names));
    if (s->line >= 0)
        log_err(
            "irq: line %d (%s, vector %#x) masked: %u interrupts in a row that nobody claimed; connected: %s",
            s->line, line_via(s), s->vector, s->unclaimed_row, names);
    else
        log_err("irq: message vector %#x ignored: %u interrupts in a row that nobody claimed; connected: %s",
                s->vector, s->unclaimed_row, names);
}

static void
source_account(struct source *s, bool claimed)
{
    uint64_t were_on = spin_lock_interrupts(&s->lock);

    s->count++;
    if (claimed)
        s->unclaimed_row = 0;
    else {
        s->unclaimed++;
        if (++s->unclaimed_row >= IRQ_STORM_LIMIT && !s->masked)
            storm_stop(s);
    }
    if (line_masks_itself(s) && !s->masked && !list_empty(&s->handlers))
        line_unmask(s);
    spin_unlock_interrupts(&s->lock, were_on);
}

static void
source_run(struct source *s)
{
    bool any = false, claimed = false;
    struct irq *i = NULL;

    irql_set(source_level(s));
    trace(TRACE_INTERRUPT, s->vector);
    interrupts_on();
    if (!s->masked)
        while ((i = handler_next(s, i, claimed)) != NULL) {
            claimed = i->handler(i->context);
            any |= claimed;
        }
    interrupts_off();
    trace(TRACE_INTERRUPT_END, s->vector, any);
    source_account(s, any);
}

/* -- arrivals, by kind of vector; interrupts off, `old` is the IRQL of what was interrupted */

static void
device_arrived(uint8_t vector, uint8_t old)
{
    struct source *s = source_of(vector);

    if (s->use == SOURCE_FREE)
        stray("vector", vector);
    else
        source_run(s);
    apic_eoi();
    irql_set(old);
}

static void
pic_arrived(unsigned line, uint8_t old)
{
    struct source *s = line_source(line);

    if (pic_spurious(line)) {
        count_up(&strays.spurious_8259);
        return;
    }
    pic_mask_and_eoi(line);
    if (!s) {
        stray("8259 line", line);
    } else if (old < source_level(s)) {
        source_run(s);
        irql_set(old);
    } else {
        spin_lock_raw(&s->lock);
        s->deferred++;
        spin_unlock_raw(&s->lock);
        apic_send_self(s->vector);
    }
}

static void
clock_arrived(struct trap_frame *f, uint8_t old)
{
    irql_set(CLOCK_LEVEL);
    interrupts_on();
    if (clock_hook)
        clock_hook();
    interrupts_off();
    guard_clock(f, old);
    apic_eoi();
    irql_set(old);
}

/* Calls run with interrupts off: they are short, and a stop must find this processor quickly. */
static void
call_arrived(uint8_t old)
{
    irql_set(IPI_LEVEL);
    smp_calls_serve();
    apic_eoi();
    irql_set(old);
}

static void
apic_error_arrived(void)
{
    uint32_t status = apic_error_take();

    if (__atomic_fetch_add(&strays.apic_errors, 1, __ATOMIC_RELAXED) == 0)
        log_warn("apic: error, status %#x (SDM vol. 3A, 11.5.3); further ones are only counted", status);
    apic_eoi();
}

static void
system_arrived(struct trap_frame *f, uint8_t vector, uint8_t old)
{
    switch (vector) {
    case VECTOR_DISPATCH: /* nothing but what every interrupt does on its way out */
        apic_eoi();
        break;
    case VECTOR_CLOCK:
        clock_arrived(f, old);
        break;
    case VECTOR_CALL:
        call_arrived(old);
        break;
    case VECTOR_APIC_ERROR:
        apic_error_arrived();
        break;
    case VECTOR_SPURIOUS: /* not in service: no end of interrupt (SDM vol. 3A, 11.9) */
        count_up(&strays.spurious_apic);
        break;
    default:
        stray("vector", vector);
        if (apic_in_service(vector))
            apic_eoi();
    }
}

/* -- dispatch work */

void
irq_set_dispatch_hook(void (*run)(void))
{
    dispatch_hook = run;
}

void
irq_set_clock_hook(void (*run)(void))
{
    clock_hook = run;
}

void
dispatch_request(void)
{
    uint64_t were_on = interrupts_save();

    __atomic_store_n(percpu_this(dispatch_wanted), true, __ATOMIC_RELEASE);
    if (percpu_self()->interrupt_depth == 0 && apic_ready())
        apic_send_self(VECTOR_DISPATCH);
    interrupts_restore(were_on);
}

void
smp_kick(uint32_t n)
{
    __atomic_store_n(percpu_of(n, dispatch_wanted), true, __ATOMIC_RELEASE);
    apic_send(cpu_apic_id(n), VECTOR_DISPATCH);
}

/*
 * On the way out of every interrupt. What interrupted DISPATCH_LEVEL or above leaves the work to the outermost
 * interrupt, and that one to the moment when CR8 drops. A driver may drop it inline: hence an interrupt.
 */
static void
dispatch_work(uint8_t old)
{
    if (!__atomic_load_n(percpu_this(dispatch_wanted), __ATOMIC_ACQUIRE))
        return;
    if (old >= DISPATCH_LEVEL) {
        if (percpu_self()->interrupt_depth == 0)
            apic_send_self(VECTOR_DISPATCH);
        return;
    }
    __atomic_store_n(percpu_this(dispatch_wanted), false, __ATOMIC_SEQ_CST);
    if (!dispatch_hook)
        return;
    irql_set(DISPATCH_LEVEL);
    interrupts_on();
    dispatch_hook();
    interrupts_off();
    irql_set(old); /* of this thread, on whatever processor it is now */
}

void
irq_dispatch(struct trap_frame *f)
{
    uint8_t vector = (uint8_t)f->vector, old = irql_current();

    percpu_self()->interrupt_depth++;
    if (vector >= VECTOR_DEVICE_MIN && vector <= VECTOR_DEVICE_MAX)
        device_arrived(vector, old);
    else if (vector >= VECTOR_PIC_BASE && vector < VECTOR_PIC_BASE + PIC_LINES)
        pic_arrived(vector - VECTOR_PIC_BASE, old);
    else
        system_arrived(f, vector, old);
    percpu_self()->interrupt_depth--;
    dispatch_work(old);
}

/* -- connections */

void
source_add(struct source *s, struct irq *i)
{
    assert_held(&s->lock);
    if (list_empty(&s->handlers)) {
        s->masked = false;
        s->unclaimed_row = 0;
        s->count = s->unclaimed = s->deferred = 0;
    }
    i->vector = s->vector;
    i->level = source_level(s);
    i->leaving = false;
    i->held = 0;
    i->claimed = i->calls = 0;
    list_add_tail(&s->handlers, &i->link);
}

/* Take a handler out that nobody holds. Returns false while somebody does. */
static bool
source_remove(struct source *s, struct irq *i)
{
    uint64_t were_on = spin_lock_interrupts(&s->lock);
    bool done = i->held == 0;

    i->leaving = true;
    if (done) {
        list_del(&i->link);
        if (list_empty(&s->handlers))
            line_mask(s);
    }
    spin_unlock_interrupts(&s->lock, were_on);
    return done;
}

/*
 * The wait is as long as the handler runs. One that does not return has taken its processor, and the memory of
 * `i` must not be reused under it: then there is nothing to do but to say so.
 */
void
irq_disconnect(struct irq *i)
{
    struct source *s = source_of(i->vector);

    assert_irql_max(APC_LEVEL);
    for (uint64_t us = 0; !source_remove(s, i); us += 10) {
        if (us == 1000 * 1000)
            log_err("irq: %s: handler on vector %#x still runs after 1 s, cannot be disconnected", i->name,
                    i->vector);
        stall_us(10);
    }
}

/* Hold the first handler behind `after` (NULL: the first of all) for a look, and let go of `after`. */
static struct irq *
look_next(struct source *s, struct irq *after, struct irq_source *facts)
{
    uint64_t were_on = spin_lock_interrupts(&s->lock);
    struct list *at = after ? after->link.next : s->handlers.next;
    struct irq *next = at != &s->handlers ? list_entry(at, struct irq, link) : NULL;

    if (after)
        after->held--;
    if (next)
        next->held++;
    *facts = (struct irq_source){.vector = s->vector,
                                 .level = source_level(s),
                                 .line = s->line,
                                 .via = line_via(s),
                                 .masked = s->masked,
                                 .count = s->count,
                                 .unclaimed = s->unclaimed,
                                 .deferred = s->deferred};
    spin_unlock_interrupts(&s->lock, were_on);
    return next;
}

void
irq_for_each(void (*show)(void *context, const struct irq_source *s, const struct irq *i), void *context)
{
    for (unsigned v = 0; v < SOURCES; v++) {
        struct irq_source facts;
        struct irq *i = NULL;

        while ((i = look_next(&sources[v], i, &facts)) != NULL)
            show(context, &facts, i);
    }
}

/* -- start */

int
irq_init(const struct irq_platform *p)
{
    bool has_8259;
    int err = apic_probe(p->apic_regs, p->use_x2apic);

    if (err)
        return err;
    for (unsigned v = 0; v < SOURCES; v++) {
        spin_init(&sources[v].lock, LOCK_IRQ, "irq source");
        list_init(&sources[v].handlers);
        sources[v].vector = (uint8_t)(VECTOR_DEVICE_MIN + v);
        sources[v].line = -1;
    }
    has_8259 = pic_init() && p->has_8259; /* masked in any case: firmware's tables may be wrong */
    ioapic_init(p->ioapic, p->ioapics);
    lines_init(p, has_8259);
    messages_init(p->use_msi);
    apic_setup(has_8259);
    percpu_self()->apic_id = apic_id();
    log_info("irq: %s id %u, %zu I/O APIC%s, %s 8259 pair, messages %s",
             apic_is_x2apic() ? "x2APIC" : "xAPIC", apic_id(), p->ioapics, p->ioapics == 1 ? "" : "s",
             has_8259 ? "an" : "no", p->use_msi ? "on" : "off");
    return 0;
}

void
irq_init_secondary(void)
{
    apic_setup(false);
    smp_online();
}
