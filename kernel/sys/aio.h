/*
 * Linux's asynchronous I/O: io_submit(2) and its kin. A context is a number of transfers at once, and a ring of results in the
 * program's memory, whose address is the context's name; libaio reads the ring without a system call.
 *
 * I1  A slot is in flight from its submission until its result is in the ring.
 * I2  Of what the program can write in the ring nothing is believed: the kernel has its own tail, and takes the head modulo
 *     the number of entries. A program that lies there loses its own results.
 * I3  Results in the ring and slots in flight together are at most aio_context.max, so the ring does not overflow.
 */
#pragma once
#include <stdint.h>
#include "kernel/fs/async.h"
#include "kernel/sync/event.h"
#include "kernel/sync/mutex.h"
#include "kernel/sync/spin.h"
#include "kernel/sync/work.h"

struct process;
struct vm_space;

/* Linux's struct io_event (linux/aio_abi.h). */
struct aio_event {
    uint64_t data, iocb; /* as the program named it; the address of its struct iocb */
    int64_t result, result2;
};
_Static_assert(sizeof(struct aio_event) == 32, "linux/aio_abi.h");

/* One transfer. */
struct aio_slot {
    struct async_io io;
    struct aio_context *context;
    struct aio_slot *next; /* [c] while it is free */
    uint64_t data, iocb;
    struct work put; /* to close the file, if nobody else has it open any more */
};

/* [I] fixed   [c] lock   [s] process->lock   [a] atomic */
struct aio_context {
    struct list link;              /* [s] struct process.aio */
    uint32_t refs;                 /* [a] */
    uintptr_t at;                  /* [I] program address of the ring */
    size_t size;                   /* [I] of it, bytes */
    uint32_t max;                  /* [I] slots */
    uint32_t entries;              /* [I] of the ring */
    spinlock_t lock;               /* LOCK_AIO */
    struct aio_slot *slots, *free; /* [I], [c] */
    uint32_t in_flight;            /* [c] */
    uint32_t tail;                 /* [c] of the ring */
    uint32_t ended;                /* [c] how many ever, modulo 2^32 */
    uint32_t wanted;               /* [c] at this number somebody is to be woken */
    bool waited_for, dead;         /* [c] */
    struct event arrived;          /* manual: results have come, or it is dead */
    struct event idle;             /* dead, and nothing in flight */
    struct mutex reaping;          /* who takes results */
    uint32_t pages;                /* [I] */
    struct data_piece page[];      /* [I] the ring's, pinned */
};

/* A slot, in flight from now on; NULL: all are. aio_slot_end(): its result; the slot is free again. <= DISPATCH_LEVEL */
struct aio_slot *aio_slot_begin(struct aio_context *c);
void aio_slot_end(struct aio_slot *t, int64_t result);
/* Nothing came of it. */
void aio_slot_cancel(struct aio_slot *t);

/* The running process's context of this name, with a reference; NULL. aio_put() gives it back. PASSIVE_LEVEL. */
struct aio_context *aio_find(uintptr_t at);
void aio_put(struct aio_context *c);

/* The process loses its memory (exec, exit): its contexts end, when what is in flight has ended. PASSIVE_LEVEL. */
void aio_end(struct process *p);
