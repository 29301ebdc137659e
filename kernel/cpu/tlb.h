/*
 * Translations that a processor keeps, and taking them out everywhere.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/*
 * After the page tables for [va, va + size) have changed: no processor uses the old entries any more when this
 * returns. With one processor online nothing is sent.
 * IRQL:    <= DISPATCH_LEVEL
 * Locks:   none that another processor may want with its interrupts off
 */
void tlb_flush_range(uintptr_t va, size_t size);

/* The same on the processors in `mask` alone. */
void tlb_flush_range_on(uint64_t mask, uintptr_t va, size_t size);

/* One page of this processor. IRQL: any. */
void tlb_flush_here(uintptr_t va);

/* All translations of this processor, global ones too. IRQL: any. */
void tlb_flush_all_here(void);
