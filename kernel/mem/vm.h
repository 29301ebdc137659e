/*
 * A program's half of an address space: mappings, and the pages that faults put into them.
 *
 * Nothing is mapped before it is touched. A private page that is written is copied first if anybody else has it
 * (page.h counts who); fork copies page tables and takes the right to write from both sides.
 * Locks: one mutex a space; `page` of an object is called with it held.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/cpu/user.h"

enum vm_prot { VM_READ = 1, VM_WRITE = 2, VM_EXEC = 4 }; /* Linux's PROT_ bits */

enum vm_flags {
    VM_SHARED = 1,     /* writes go to the object; anonymous: to a common object of those who fork */
    VM_FIXED = 2,      /* exactly there, replacing what is there */
    VM_FIXED_FREE = 4, /* exactly there, or -EEXIST */
    VM_GROWS_DOWN =
        8, /* a stack: a fault below it extends it, up to vm_limits.stack; a guard gap stays below */
    VM_POPULATE = 16,
};

struct vm_object;

/* What can be mapped; kernel/fs implements it for files. */
struct vm_object_ops {
    /*
     * The page `index` (of 4 KiB) of the object, with one more reference for the caller. write: it will be written
     * through a shared mapping. Called with the space's mutex held; takes no lock under which program memory is
     * touched. PASSIVE_LEVEL.
     * Returns: 0; -ENXIO behind the object's end; -ENOMEM; -EIO
     */
    int (*page)(struct vm_object *o, uint64_t index, bool write, uint64_t *pa);
    /* The same if the page is there already; what is not costs nothing: -ENOENT. NULL: never. */
    int (*present)(struct vm_object *o, uint64_t index, uint64_t *pa);
    void (*get)(struct vm_object *o); /* one more mapping has it; any */
    void (*put)(struct vm_object *o); /* one less. PASSIVE_LEVEL, the space's mutex is not held */
    /* For /proc/PID/maps: writes the name into text. NULL: nothing is shown. */
    void (*name)(struct vm_object *o, char *text, size_t size);
};
struct vm_object {
    const struct vm_object_ops *ops; /* [I] */
};

struct data_piece;
struct vm_space;

struct vm_limits {
    uint64_t size, stack, data; /* bytes: RLIMIT_AS, RLIMIT_STACK, RLIMIT_DATA */
};

/* An empty space with one reference. PASSIVE_LEVEL. Returns 0 or -ENOMEM. */
int vm_create(struct vm_space **out);

/* A copy for fork: private pages shared copy-on-write. PASSIVE_LEVEL. Returns 0 or -ENOMEM (nothing is left behind). */
int vm_fork(struct vm_space *from, struct vm_space **out);

/* References: CLONE_VM and vfork share one space. The last vm_put() frees all of it, on no processor in use any more. */
void vm_get(struct vm_space *s);
void vm_put(struct vm_space *s);

/* Physical address of its PML4, for user_set_root(). */
uint64_t vm_root(const struct vm_space *s);

/* What the next calls obey; at first there are none. PASSIVE_LEVEL. */
void vm_set_limits(struct vm_space *s, const struct vm_limits *limits);

/*
 * Map `size` bytes (rounded up to pages) at `address` (a hint unless VM_FIXED) from byte `offset` (page-aligned) of the
 * object (NULL: anonymous, zeros). The mapping holds its own reference to the object.
 * IRQL:    PASSIVE_LEVEL
 * Returns: 0 and *at; -EINVAL; -ENOMEM (memory, limit, or no room); -EEXIST
 */
int vm_map(struct vm_space *s, uintptr_t address, size_t size, unsigned prot, unsigned flags,
           struct vm_object *object, uint64_t offset, uintptr_t *at);
int vm_unmap(struct vm_space *s, uintptr_t address, size_t size);
int vm_protect(struct vm_space *s, uintptr_t address, size_t size,
               unsigned prot); /* -ENOMEM: a hole in the range */

/* mremap: grow, shrink, move (may_move; fixed: to *at, replacing). Returns 0 and *at, or -errno as mremap(2). */
int vm_remap(struct vm_space *s, uintptr_t old, size_t old_size, size_t size, bool may_move, bool fixed,
             uintptr_t *at);

/* madvise(MADV_DONTNEED): private anonymous pages become zeros again. Returns 0, -EINVAL or -ENOMEM. */
int vm_discard(struct vm_space *s, uintptr_t address, size_t size);

/* Where brk begins (exec), and brk(2): the new end, or the old one if that cannot be. */
void vm_brk_start(struct vm_space *s, uintptr_t start);
uintptr_t vm_brk(struct vm_space *s, uintptr_t end);

/*
 * Serve a page fault of a program, or of the kernel on its behalf.
 * error:   PF_ bits
 * IRQL:    PASSIVE_LEVEL, interrupts on; no lock under which program memory must not be touched
 * Returns: 0; -EFAULT: nothing is mapped there (SEGV_MAPERR); -EACCES: not allowed (SEGV_ACCERR); -ENXIO: behind
 *          the object's end (SIGBUS BUS_ADRERR); -EIO; -ENOMEM: no memory (the process should end)
 */
int vm_fault(struct vm_space *s, uintptr_t address, uint64_t error);

/*
 * Keep the pages of [at, at + size) where they are while a device uses them (write: it writes them), and say where: at most
 * `max` pieces, each of pages that follow one another, up to VM_PIECE_MAX bytes. vm_unpin() lets go.
 * IRQL:    PASSIVE_LEVEL
 * Returns: pieces filled, of *pinned bytes from the beginning; -EFAULT or -ENOMEM if there is none
 */
#define VM_PIECE_MAX 0x10000u
int vm_pin(struct vm_space *s, uintptr_t at, size_t size, bool write, struct data_piece *piece, uint32_t max,
           size_t *pinned);
void vm_unpin(const struct data_piece *piece, uint32_t count);

struct vm_mapping {
    uintptr_t start, end;
    unsigned prot, flags;
    uint64_t offset;
    struct vm_object *object; /* NULL: anonymous */
    bool stack, heap;
};

/* Calls show() for each mapping by ascending address, with the space's mutex held. PASSIVE_LEVEL. */
void vm_for_each(struct vm_space *s, void (*show)(void *context, const struct vm_mapping *m), void *context);

struct vm_stats {
    uint64_t mapped, resident, shared, peak_resident; /* bytes; shared: resident pages of objects */
    uint64_t data, stack, code;                       /* mapped bytes */
    uint64_t minor_faults;
};
void vm_stats(struct vm_space *s, struct vm_stats *out);

/*
 * Read another program's memory (/proc/PID/cmdline, environ); pages that were never touched read as they would.
 * PASSIVE_LEVEL. Returns: bytes read, may be fewer; -EFAULT if none
 */
long vm_read(struct vm_space *s, uintptr_t from, void *to, size_t n);

/* The page behind a program address and its offset, as a key that all who share the page agree on (futex). */
struct vm_key {
    uint64_t object, offset; /* private: the space and the address; shared: the object and the offset */
};
int vm_key(struct vm_space *s, uintptr_t address, bool shared, struct vm_key *key);
