/*
 * What happens on the way of a request, noted while somebody watches: one ring of events per processor. Off, a trace point is a
 * test of one byte; system calls and device registers have no trace points at all (kernel/sys/trace.c puts another table of calls
 * in place, kernel/trace/watch.c takes the registers' pages away).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define TRACE_WORDS 5

enum trace_kind {                    /* words */
                  TRACE_SYSCALL,     /* number, its first three arguments */
                  TRACE_SYSCALL_END, /* number, result */
                  TRACE_CACHE,       /* device's name, first page, pages: a miss, read into the cache */
                  TRACE_BLOCK,       /* request, device's name, enum block_op, start, bytes */
                  TRACE_BLOCK_END,   /* request, device's name, enum block_op, -errno */
                  TRACE_SRB, /* SRB, CDB, CDB's second half, its length | bytes of data << 32, block request */
                  TRACE_SRB_END, /* SRB, SrbStatus | ScsiStatus << 8, sense key << 16 | code << 8 | qualifier, bytes moved */
                  TRACE_IRB, /* IRB, Function | IrbFlags << 32, channel | target << 8 | lun << 16, task file or CDB, its second half */
                  TRACE_SCSI, /* the miniport's SRB, Function | SrbFlags << 32, path | target << 8 | lun << 16 | tag << 24 | CDB's
                          length << 32, CDB, its second half */
                  TRACE_DONE,     /* adapter's name, slot: the miniport has completed it */
                  TRACE_CALL,     /* adapter's name, text: the routine */
                  TRACE_CALL_END, /* adapter's name, text: the routine, result */
                  TRACE_REGISTER, /* adapter's name, BAR | size << 8 | enum trace_access << 16, offset, value, place in the code */
                  TRACE_INTERRUPT,     /* vector */
                  TRACE_INTERRUPT_END, /* vector, was it claimed */
                  TRACE_DPC,           /* function */
                  TRACE_DPC_END,       /* function */
};

/* MANY: the value is how many items of this size were moved. */
enum trace_access { TRACE_WRITE = 1, TRACE_PORT = 2, TRACE_VALUE_UNKNOWN = 4, TRACE_MANY = 8 };

struct trace_event {
    uint64_t time; /* ns since boot */
    uint8_t kind, irql;
    uint16_t cpu;
    uint32_t thread, process; /* 0: the kernel's */
    uint64_t word[TRACE_WORDS];
};

extern bool trace_on; /* [a] */

/*
 * Note an event with its words, of which the last ones may be left out. Any IRQL. The call keeps all registers, so that where it stands
 * and is not made the code around it is as if it were not there.
 */
void trace_add(enum trace_kind kind, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
    __attribute__((cold, noinline, no_caller_saved_registers));
#define TRACE_FIVE(a, b, c, d, e, ...) (a), (b), (c), (d), (e)
#define trace(kind, ...)                                                                                     \
    do {                                                                                                     \
        if (__builtin_expect(__atomic_load_n(&trace_on, __ATOMIC_RELAXED), 0))                               \
            trace_add((kind), TRACE_FIVE(__VA_ARGS__, 0, 0, 0, 0, 0));                                       \
    } while (0)

/* Up to eight characters of a name as one word; and back. */
uint64_t trace_name(const char *name);
void trace_name_text(uint64_t word, char text[9]);

/*
 * Begin with empty rings, and end. who() tells whose work a processor does: thread and process. PASSIVE_LEVEL; one caller at a
 * time. trace_begin() returns 0 or -ENOMEM; what comes when a ring is full is counted, and lost.
 */
int trace_begin(void (*who)(uint32_t *thread, uint32_t *process));
void trace_end(void);

/* After trace_end(): the events in the order of their times; `at` is zeroed before the first. false: no more. */
struct trace_cursor {
    uint32_t next[64]; /* CPU_MAX */
};
bool trace_next(struct trace_cursor *at, struct trace_event *out);
uint64_t trace_lost(void);
