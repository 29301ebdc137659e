/*
 * Page table entries of x86-64 (SDM vol. 3A, 4.5), and looking an address up in the tables that are loaded.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/field.h"

#define PTE_PRESENT  BIT64(0)
#define PTE_WRITE    BIT64(1)
#define PTE_USER     BIT64(2)
#define PTE_PWT      BIT64(3)
#define PTE_PCD      BIT64(4)
#define PTE_ACCESSED BIT64(5)
#define PTE_DIRTY    BIT64(6)
#define PTE_LARGE    BIT64(7)
#define PTE_GLOBAL   BIT64(8)
#define PTE_NX       BIT64(63)
#define PTE_ADDRESS  BITS64(51, 12)

/*
 * Walk the loaded tables. Returns the leaf entry that maps va, 0 if none; *size is the bytes it covers
 * (4 KiB, 2 MiB, 1 GiB). Takes no lock: the caller knows that the tables stay. Any IRQL.
 */
uint64_t paging_leaf(uintptr_t va, uint64_t *size);

/* May the kernel read `size` bytes at va without a fault? Any IRQL. */
bool memory_readable(const void *va, size_t size);

/* Run on the tables whose PML4 lies at this physical address, on this processor. They map what runs now. */
void paging_load(uint64_t root);
