/*
 * Between the files of vm*.c.
 *
 * I1  Mappings do not overlap; they are ordered by address in a tree; whole pages.
 * I2  A present entry of the page tables holds one reference to its page, and lies in a mapping.
 * I3  A writable entry belongs to a shared mapping, or to a private one whose page nobody else has.
 * I4  A page is put only after no processor can have a translation to it any more.
 */
#pragma once
#include "kernel/cpu/paging.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/vm.h"
#include "kernel/sync/mutex.h"
#include "lib/list.h"
#include "lib/tree.h"

#define VM_TAG POOL_TAG('v', 'm', ' ', ' ')

/* An entry of a mapping without any permission: the page is kept, the processor does not see it. */
#define PTE_KEPT BIT64(9)

#define VM_STACK_GAP (256 * PAGE_SIZE) /* never mapped below a stack */

/* [v] space->lock */
struct mapping {
    struct tree_node node;    /* [v] by start */
    struct list link;         /* while it is taken out: the list of those to be dropped */
    uintptr_t start, end;     /* [v] */
    unsigned prot, flags;     /* [v] VM_ bits */
    struct vm_object *object; /* [I] with a reference; NULL: anonymous and private */
    uint64_t offset;          /* [v] bytes, of start in the object */
    bool heap;                /* [I] brk's */
};

struct vm_space {
    struct mutex lock;
    uint32_t refs;            /* [a] */
    uint64_t root;            /* [I] physical address of the PML4 */
    struct tree mappings;     /* [v] */
    uintptr_t cursor;         /* [v] the search for room goes down from here */
    uintptr_t brk_start, brk; /* [v] */
    struct vm_limits limits;  /* [v] */
    uint64_t mapped;          /* [v] bytes */
    uint64_t resident, peak;  /* [v] pages */
    uint64_t faults;          /* [v] */
};

/* ---- vm_table.c: page tables; all with the lock held ---- */

/* The entry of an address; NULL: no table, or no memory for one (`make`). */
uint64_t *vm_entry(struct vm_space *s, uintptr_t at, bool make);

/* Calls visit() with every entry in [start, end) that is not 0. */
void vm_entries(struct vm_space *s, uintptr_t start, uintptr_t end,
                void (*visit)(void *context, uintptr_t at, uint64_t *entry), void *context);

/* Take all pages of [start, end) out: I4. */
void vm_zap(struct vm_space *s, uintptr_t start, uintptr_t end);

/* All tables but the PML4's upper half, and the PML4 itself. Nothing is mapped. */
void vm_tables_free(uint64_t root);

/* Bits of an entry for these permissions, without PTE_WRITE. */
uint64_t vm_bits(unsigned prot);

/* Enter a page, whose reference goes over. The entry is 0. */
void vm_enter(struct vm_space *s, uint64_t *entry, uint64_t pa, uint64_t bits);

/* ---- vm_map.c ---- */

/* The mapping that holds the address, or NULL. Lock held. */
struct mapping *vm_find(struct vm_space *s, uintptr_t at);

/* The first mapping that ends above the address. Lock held. */
struct mapping *vm_find_from(struct vm_space *s, uintptr_t at);

static inline struct mapping *
mapping_of(struct tree_node *n)
{
    return n ? container_of(n, struct mapping, node) : NULL;
}

/* Of the tree of mappings; the key is an address. */
int vm_mapping_compare(const void *key, const struct tree_node *node);

/* Drop mappings that were taken out: their objects' references. Lock not held. */
void vm_drop(struct list *gone);

/* ---- vm_anon.c ---- */

/* Memory that several processes share: an object of `size` bytes, zeros at first. One reference; NULL: no memory. */
struct vm_object *vm_anon_new(uint64_t size);
