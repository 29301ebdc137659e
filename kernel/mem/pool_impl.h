/*
 * Guards around the pool's objects, in debug builds; and accounting by tag. Private to pool*.c and their tests.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In front of each small object in debug builds. While the object is free, `size` links the slab's free slots. */
struct pool_header {
    uint32_t tag;
    uint32_t size;   /* bytes asked for */
    uint32_t caller; /* low half of the address that allocated or freed it */
    uint32_t guard;  /* GUARD_LIVE, GUARD_FREE; the red zone below the object */
};

#define POOL_HEADER  (DEBUG ? sizeof(struct pool_header) : 0)
#define POOL_REDZONE (DEBUG ? 16 : 0) /* at least, above a small object */

/* What was found wrong. */
struct pool_fault {
    const char *what; /* "freed twice", ... */
    const void *object;
    const void *at;   /* the damaged byte; else the object */
    uint32_t tag;     /* of the object, where it is known */
    uintptr_t caller; /* who allocated or freed the object last; for a bad free: who frees */
};

/* Tests: called instead of the panic; then the operation does nothing more. */
extern void (*pool_fault_hook)(const struct pool_fault *f);

/* Report a fault of the object at `object`; panics unless a test is listening. */
void pool_report(const struct pool_fault *f);

/*
 * Arm the guards of a slot that is handed out, and disarm those of one that comes back. `slot` is the header's
 * place, slot_size all of it. They check what they find first.
 * Returns: false if a fault was reported: the slot must stay as it is
 */
bool guard_arm(void *slot, size_t slot_size, size_t size, uint32_t tag, uintptr_t caller);
bool guard_disarm(void *slot, size_t slot_size, uint32_t tag, uintptr_t caller);

/* The state of a slot that was never handed out. */
void guard_prepare(void *slot, size_t slot_size);

/* Check a slot, free or not. Returns false if a fault was reported. */
bool guard_check(const void *slot, size_t slot_size);

/* The unused end of the last page of a large object. */
void guard_arm_tail(void *tail, size_t size);
bool guard_check_tail(const void *object, const void *tail, size_t size, uint32_t tag);

/* Index of a tag's account; 0: the one for all that found no place. Never fails. */
unsigned account_index(uint32_t tag);
uint32_t account_tag(unsigned index);
#define ACCOUNTS 128

/* Objects and bytes come or go. Any IRQL. */
void account_add(unsigned index, size_t bytes);
void account_remove(unsigned index, size_t bytes);
