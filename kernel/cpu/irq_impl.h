/*
 * Between irq.c (vectors to handlers), line.c (the sixteen lines) and msi.c (who owns which vector).
 *
 * Legend: [t] irq_table_lock   [s] source->lock; with interrupts off, never both   [I] fixed after irq_init()
 */
#pragma once
#include "kernel/cpu/irq.h"
#include "kernel/sync/spin.h"

enum source_use { SOURCE_FREE, SOURCE_MESSAGE, SOURCE_LINE };

/* One device vector. All of them exist from irq_init() on, so that nobody can hold one that is gone. */
struct source {
    spinlock_t lock;
    struct list handlers;                /* [s] struct irq, in order of connection */
    enum source_use use;                 /* [t] */
    uint8_t vector;                      /* [I] */
    int line;                            /* [t] then fixed as long as used; -1: message */
    bool masked;                         /* [s] by storm detection */
    uint32_t unclaimed_row;              /* [s] in a row, up to now */
    uint64_t count, unclaimed, deferred; /* [s] */
};

extern spinlock_t irq_table_lock;

/* The source of a device vector. */
struct source *source_of(uint8_t vector);

static inline uint8_t
source_level(const struct source *s)
{
    return s->vector / 16;
}

/* Append a handler. Fills its `out` fields. Locks: s->lock held. */
void source_add(struct source *s, struct irq *i);

/*
 * Take `count` vectors (a power of two), aligned, free, of one level: the first level from `level` on, around,
 * that has them. Returns the first, or 0. Locks: irq_table_lock held.
 */
uint8_t vectors_take(unsigned count, uint8_t level, enum source_use use);

/* line.c: its facts; the source of a line, or NULL when it was never connected. */
void lines_init(const struct irq_platform *p, bool has_8259);
struct source *line_source(unsigned line);

/* Hold the line of this source back, let it through; nothing for a message. Locks: s->lock held. */
void line_mask(const struct source *s);
void line_unmask(const struct source *s);

/* Was the line masked when the interrupt was accepted, so that it is to be unmasked after its handlers ran? */
bool line_masks_itself(const struct source *s);
const char *line_via(const struct source *s);

/* msi.c: are there messages? */
void messages_init(bool allowed);
