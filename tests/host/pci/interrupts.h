/*
 * What pci_irq.c calls: vectors, memory, and a table of MSI-X in device memory. Each can be failed, and what is given out
 * is counted.
 */
#pragma once
#include "kernel/mem/pool.h"
#include "kernel/mem/space.h"
#include "tests/host/pci/sim.h"

#define TABLE_MAX   (2048 * PCI_MSIX_ENTRY_SIZE)
#define TABLE_GUARD 0xa5

static struct {
    int messages, blocks, mapped; /* given out */
    unsigned fail_at;             /* the n-th call that can fail does; 0: none */
    unsigned calls;
    int allowed; /* messages that there are */
    int map_error;
    uint8_t table[TABLE_MAX + 64];
    uint64_t table_size;
    struct irq *connected[64]; /* by vector */
    int line;                  /* connected to; -1: none */
} board;

static inline void
board_clear(void)
{
    memset(&board, 0, sizeof board);
    board.allowed = 64;
    board.line = -1;
}

static inline bool
board_fails(void)
{
    return ++board.calls == board.fail_at;
}

int
irq_message_alloc(unsigned count, uint32_t cpu, struct irq_message *out)
{
    if (board_fails() || board.messages + (int)count > board.allowed)
        return -ENOSPC;
    if (cpu > 3)
        return -EINVAL;
    *out = (struct irq_message){0xfee00000 | cpu << 12, (uint32_t)board.messages, (uint8_t)board.messages};
    board.messages += (int)count;
    return 0;
}

void
irq_message_free(const struct irq_message *m, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        CHECK(!board.connected[m->vector + i]);
    board.messages -= (int)count;
}

int
irq_connect_message(struct irq *i, const struct irq_message *m, unsigned index)
{
    if (board.connected[m->vector + index])
        return -EBUSY;
    board.connected[m->vector + index] = i;
    i->vector = (uint8_t)(m->vector + index);
    return 0;
}

int
irq_connect_line(struct irq *i, unsigned line, enum irq_trigger trigger, bool pci)
{
    CHECK(trigger == IRQ_LEVEL && pci);
    i->vector = 63;
    board.connected[63] = i;
    board.line = (int)line;
    return 0;
}

void
irq_disconnect(struct irq *i)
{
    CHECK(board.connected[i->vector] == i);
    board.connected[i->vector] = NULL;
    board.line = -1;
}

void *
pool_alloc(size_t size, uint32_t tag)
{
    (void)tag;
    if (board_fails())
        return NULL;
    board.blocks++;
    return malloc(size);
}

void
pool_free(void *p, uint32_t tag)
{
    (void)tag;
    board.blocks -= p != NULL;
    free(p);
}

/* The bytes behind the part that is mapped are watched: device memory is written by instructions that ASan does not see. */
int
pci_map_part(const struct pci_device *d, unsigned bar, uint64_t offset, uint64_t size, void **va)
{
    if (board_fails())
        return -ENOMEM;
    CHECK(d->bar[bar].kind == PCI_BAR_MEMORY && offset + size <= d->bar[bar].size && size <= TABLE_MAX);
    board.mapped++;
    board.table_size = size;
    memset(board.table, 0xff, sizeof board.table);
    memset(board.table + size, TABLE_GUARD, sizeof board.table - size);
    *va = board.table;
    return 0;
}

void
space_unmap(void *va)
{
    CHECK(va == board.table);
    for (size_t i = board.table_size; i < sizeof board.table; i++)
        CHECK(board.table[i] == TABLE_GUARD);
    board.mapped--;
}
