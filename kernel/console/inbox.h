/*
 * Bytes from an interrupt handler to a DPC: a ring with one writer and one reader, without a lock. What does
 * not fit is dropped.
 */
#pragma once
#include <stdint.h>
#include "kernel/sync/dpc.h"

#define INBOX_SIZE 256u /* a power of two */

struct inbox {
    uint8_t bytes[INBOX_SIZE];
    uint32_t head, tail;        /* [a] written by the handler; by the DPC */
    struct dpc dpc;             /* runs on one processor, so never twice at a time */
    void (*take)(uint8_t byte); /* [I] called at DISPATCH_LEVEL */
};

/* Empty; take() gets each byte, in order. Once, before the handler runs. */
/* Before the handler is connected. Any IRQL. */
void inbox_init(struct inbox *b, void (*take)(uint8_t byte));

/* From the handler: put a byte in; have what is in taken out. */
void inbox_put(struct inbox *b, uint8_t byte);
void inbox_deliver(struct inbox *b);
