/*
 * Vectors: who has which; and the messages that raise them (SDM vol. 3A, 11.11).
 */
#include "kernel/cpu/apic.h"
#include "kernel/cpu/irq_impl.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/smp.h"
#include "lib/errno.h"
#include "lib/field.h"

#define MESSAGE_ADDRESS     0xfee00000u
#define MESSAGE_DESTINATION BITS(19, 12) /* of the address; physical, no redirection */
#define LEVELS              (DEVICE_LEVEL_MAX - DEVICE_LEVEL_MIN + 1)

spinlock_t irq_table_lock = SPINLOCK(LOCK_IRQ, "irq table");

static bool allowed; /* [I] */

void
messages_init(bool use_msi)
{
    allowed = use_msi;
}

static bool
vectors_free(uint8_t first, unsigned count)
{
    for (unsigned v = 0; v < count; v++)
        if (source_of((uint8_t)(first + v))->use != SOURCE_FREE)
            return false;
    return true;
}

uint8_t
vectors_take(unsigned count, uint8_t level, enum source_use use)
{
    assert_held(&irq_table_lock);
    for (unsigned n = 0; n < LEVELS; n++) {
        unsigned base = (DEVICE_LEVEL_MIN + (level - DEVICE_LEVEL_MIN + n) % LEVELS) * 16;

        for (unsigned at = base; at < base + 16; at += count) {
            if (!vectors_free((uint8_t)at, count))
                continue;
            for (unsigned v = at; v < at + count; v++)
                source_of((uint8_t)v)->use = use;
            return (uint8_t)at;
        }
    }
    return 0;
}

int
irq_message_alloc(unsigned count, uint32_t cpu, struct irq_message *out)
{
    return allowed ? irq_vectors_alloc(count, cpu, out) : -ENOTSUP;
}

int
irq_vectors_alloc(unsigned count, uint32_t cpu, struct irq_message *out)
{
    uint64_t were_on;
    uint8_t vector;

    assert_irql_max(APC_LEVEL);
    if (!is_power_of_two(count) || count > IRQ_MESSAGES_MAX || cpu >= cpu_count() || cpu_apic_id(cpu) > 0xff)
        return -EINVAL;
    were_on = spin_lock_interrupts(&irq_table_lock);
    vector = vectors_take(count, DEVICE_LEVEL_MIN, SOURCE_MESSAGE);
    spin_unlock_interrupts(&irq_table_lock, were_on);
    if (!vector)
        return -ENOSPC;
    *out = (struct irq_message){.address = MESSAGE_ADDRESS | FIELD_PUT(MESSAGE_DESTINATION, cpu_apic_id(cpu)),
                                .data = vector,
                                .vector = vector};
    return 0;
}

void
irq_message_free(const struct irq_message *m, unsigned count)
{
    uint64_t were_on = spin_lock_interrupts(&irq_table_lock);

    for (unsigned n = 0; n < count; n++) {
        struct source *s = source_of((uint8_t)(m->vector + n));

        ASSERT(s->use == SOURCE_MESSAGE && list_empty(&s->handlers));
        s->use = SOURCE_FREE;
    }
    spin_unlock_interrupts(&irq_table_lock, were_on);
}

int
irq_connect_message(struct irq *i, const struct irq_message *m, unsigned index)
{
    struct source *s = source_of((uint8_t)(m->vector + index));
    uint64_t were_on;
    int err = -EBUSY;

    assert_irql_max(APC_LEVEL);
    were_on = spin_lock_interrupts(&s->lock);
    if (list_empty(&s->handlers)) {
        source_add(s, i);
        err = 0;
    }
    spin_unlock_interrupts(&s->lock, were_on);
    return err;
}
