/*
 * The interrupt descriptor table, and exceptions: who may claim one, and the report when nobody does.
 */
#include "kernel/cpu/trap.h"
#include "kernel/cpu/guard.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/paging.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/regs.h"
#include "kernel/cpu/segments.h"
#include "kernel/cpu/smp.h"
#include "kernel/cpu/symbols.h"
#include "kernel/cpu/user.h"
#include "lib/format.h"
#include "lib/string.h"

#define GATE_SIZE      16
#define STUB_SIZE      16
#define VECTORS        256
#define GATE_INTERRUPT 0x8e /* present, DPL 0, 64-bit interrupt gate: interrupts off on entry */
#define GATE_DPL3      0x60 /* INT3 and INTO may be executed by programs */

/* SDM vol. 3A, table 6-1 */
static const char *const names[TRAP_EXCEPTIONS] = {
    [0] = "divide error (#DE)",
    [1] = "debug exception (#DB)",
    [2] = "non-maskable interrupt (NMI)",
    [3] = "breakpoint (#BP)",
    [4] = "overflow (#OF)",
    [5] = "bound range exceeded (#BR)",
    [6] = "invalid opcode (#UD)",
    [7] = "device not available (#NM)",
    [8] = "double fault (#DF)",
    [10] = "invalid TSS (#TS)",
    [11] = "segment not present (#NP)",
    [12] = "stack segment fault (#SS)",
    [13] = "general protection fault (#GP)",
    [14] = "page fault (#PF)",
    [16] = "x87 floating-point error (#MF)",
    [17] = "alignment check (#AC)",
    [18] = "machine check (#MC)",
    [19] = "SIMD floating-point exception (#XM)",
    [20] = "virtualization exception (#VE)",
    [21] = "control protection exception (#CP)",
};

extern const uint8_t trap_stubs[VECTORS][STUB_SIZE];

static uint8_t table[VECTORS][GATE_SIZE] __attribute__((aligned(16))); /* [I] shared by all processors */
static trap_claimant *claimants[TRAP_EXCEPTIONS];                      /* [a] */
static trap_watcher *watcher;                                          /* [a] */

static uint8_t
ist_of(unsigned vector)
{
    switch (vector) {
    case TRAP_DOUBLE_FAULT:
        return IST_DOUBLE_FAULT;
    case TRAP_NMI:
        return IST_NMI;
    case TRAP_MACHINE_CHECK:
        return IST_MACHINE_CHECK;
    case TRAP_DEBUG:
        return IST_DEBUG;
    default:
        return 0;
    }
}

/* A 64-bit gate: SDM vol. 3A, figure 6-8. */
static void
gate_write(unsigned vector)
{
    uint64_t entry = (uint64_t)trap_stubs[vector];
    uint64_t kind = GATE_INTERRUPT | (vector == TRAP_BREAKPOINT || vector == TRAP_OVERFLOW ? GATE_DPL3 : 0);
    uint64_t gate[2] = {(entry & 0xffff) | KERNEL_CS << 16 | (uint64_t)ist_of(vector) << 32 | kind << 40 |
                            (entry >> 16 & 0xffff) << 48,
                        entry >> 32};

    memcpy(table[vector], gate, GATE_SIZE);
}

void
trap_table_load(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = {sizeof(table) - 1, (uint64_t)table};

    if (cpu_number() == 0)
        for (unsigned v = 0; v < VECTORS; v++)
            gate_write(v);
    __asm__ volatile("lidt %0" ::"m"(pointer));
}

trap_claimant *
trap_claim(unsigned vector, trap_claimant *claimant)
{
    return __atomic_exchange_n(&claimants[vector], claimant, __ATOMIC_ACQ_REL);
}

void
trap_watch(trap_watcher *w)
{
    __atomic_store_n(&watcher, w, __ATOMIC_RELEASE);
}

const char *
trap_name(uint64_t vector)
{
    return vector < TRAP_EXCEPTIONS && names[vector] ? names[vector] : "exception";
}

/* "writing ffff...: not mapped" - what the error code of a page fault says (SDM vol. 3A, figure 4-12). */
static void
page_fault_describe(uint64_t error)
{
    const char *deed = error & PF_FETCH ? "executing" : error & PF_WRITE ? "writing" : "reading";
    const char *why = error & PF_RESERVED  ? "reserved bit set in a page table"
                      : error & PF_PRESENT ? "not permitted by the page's protection"
                                           : "not mapped";

    log_err("%s address %016lx: %s", deed, cr2_read(), why);
}

void
trap_report(const struct trap_frame *f)
{
    size_t offset = 0;
    const char *function = symbol_find(f->rip, &offset);

    log_err("%s, vector %lu, error code %04lx, at %016lx %s+%#zx, processor %u, IRQL %u",
            trap_name(f->vector), f->vector, f->error, f->rip, function ? function : "?", offset,
            cpu_number(), irql_current());
    if (f->vector == TRAP_PAGE_FAULT)
        page_fault_describe(f->error);
    if (f->vector == TRAP_DOUBLE_FAULT && !memory_readable((const void *)(f->rsp - 8), 8))
        log_err("stack overflow: nothing is mapped below the stack pointer, %016lx", f->rsp);
    log_err("rax %016lx rbx %016lx rcx %016lx rdx %016lx", f->rax, f->rbx, f->rcx, f->rdx);
    log_err("rsi %016lx rdi %016lx rbp %016lx rsp %016lx", f->rsi, f->rdi, f->rbp, f->rsp);
    log_err("r8  %016lx r9  %016lx r10 %016lx r11 %016lx", f->r8, f->r9, f->r10, f->r11);
    log_err("r12 %016lx r13 %016lx r14 %016lx r15 %016lx", f->r12, f->r13, f->r14, f->r15);
    log_err("rip %016lx cs %04lx ss %04lx rflags %08lx", f->rip, f->cs, f->ss, f->rflags);
    log_err("cr0 %08lx cr2 %016lx cr3 %016lx cr4 %08lx", cr0_read(), cr2_read(), cr3_read(), cr4_read());
    backtrace_print(f->rip, f->rbp);
}

void
trap_exception(struct trap_frame *f)
{
    trap_claimant *claimant = __atomic_load_n(&claimants[f->vector], __ATOMIC_ACQUIRE);
    trap_watcher *watch = __atomic_load_n(&watcher, __ATOMIC_ACQUIRE);
    uint64_t address = cr2_read();

    if ((f->cs & 3) && f->vector != TRAP_NMI && f->vector != TRAP_MACHINE_CHECK) {
        interrupts_on();
        user_vectors.exception(f, address);
        return;
    }
    if (watch && watch(f, address))
        return;
    if (f->vector == TRAP_PAGE_FAULT && user_fault(f, address))
        return;
    if (guard_exception(f, address))
        return;
    if (claimant && claimant(f))
        return;
    if (f->vector == TRAP_NMI && smp_stop_requested())
        smp_stop_self();
    panic_trap(f, trap_name(f->vector));
}
