#include "tests/guest/selftest.h"
#include "kernel/console/log.h"
#include "kernel/cpu/apic.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/regs.h"
#include "kernel/cpu/segments.h"
#include "kernel/cpu/smp.h"
#include "kernel/sched/thread.h"
#include "lib/field.h"
#include "lib/string.h"

#define NONCANONICAL 0x0000900000000000ul
#define UNMAPPED     0xffffdfff00000000ul

static void
die_panic(void)
{
    panic("selftest: %s", "asked for");
}

static bool deaf; /* [a] */

static void
hold_interrupts_off(void *context)
{
    interrupts_off();
    __atomic_store_n(&deaf, true, __ATOMIC_RELEASE);
    for (;;)
        cpu_relax();
}

/* Another processor does not hear the interrupt that stops it. */
static void
die_deaf(void)
{
    struct thread *t;

    thread_set_affinity(thread_current(), BIT64(0)); /* not in the queue of the one that goes deaf */
    if (thread_create_on(&t, "deaf", PRIORITY_NORMAL, BIT64(cpu_count() - 1), hold_interrupts_off, NULL))
        return;
    while (!__atomic_load_n(&deaf, __ATOMIC_ACQUIRE))
        thread_yield();
    panic("selftest: %s", "with a deaf processor");
}

static void
die_assert(void)
{
    ASSERT(irql_current() == HIGH_LEVEL + 1);
}

static void
die_hang(void)
{
    cpu_halt_forever();
}

static void
die_divide(void)
{
    __asm__ volatile("xor %%edx, %%edx; xor %%ecx, %%ecx; div %%ecx" ::: "rax", "rcx", "rdx");
}

static void
die_debug(void)
{
    __asm__ volatile("pushfq; orl %0, (%%rsp); popfq; nop" ::"i"(RFLAGS_TF)); /* single step */
}

static void
die_breakpoint(void)
{
    __asm__ volatile("int3");
}

static void
die_overflow(void)
{
    __asm__ volatile("int $4");
}

static void
die_bound(void)
{
    __asm__ volatile("int $5");
}

static void
die_opcode(void)
{
    __asm__ volatile("ud2");
}

static void
die_device_not_available(void)
{
    cr0_write(cr0_read() | CR0_TS);
    __asm__ volatile("fnop");
}

/* A stack without memory: the page fault cannot be pushed. */
static void
die_double_fault(void)
{
    __asm__ volatile("mov %0, %%rsp; push %%rax" ::"r"(UNMAPPED));
}

/* Deeper than any stack: ends in the guard page. */
__attribute__((noinline)) static uint64_t
recurse(uint64_t depth)
{
    uint8_t block[512];

    memset(block, (int)depth, sizeof(block));
    __asm__ volatile("" ::"r"(block) : "memory");
    return depth ? recurse(depth - 1) + block[depth % sizeof(block)] : 0;
}

static void
die_stack_overflow(void)
{
    log_info("%lu", recurse(1u << 20));
}

/* Load a descriptor table of our own whose entry 1 is a data segment marked not present. */
static void
absent_segment_load(void)
{
    static uint64_t gdt[10];
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) old, new = {sizeof(gdt) - 1, (uint64_t)gdt};

    __asm__ volatile("sgdt %0" : "=m"(old));
    memcpy(gdt, (const void *)old.base, sizeof(gdt));
    gdt[1] = gdt[KERNEL_DS / 8] & ~BIT64(47);
    interrupts_off();
    __asm__ volatile("lgdt %0" ::"m"(new));
}

static void
die_segment(void)
{
    absent_segment_load();
    __asm__ volatile("mov %0, %%ds" ::"r"(8));
}

static void
die_stack_segment(void)
{
    absent_segment_load();
    __asm__ volatile("mov %0, %%ss" ::"r"(8));
}

static void
die_protection(void)
{
    __asm__ volatile("mov (%0), %%rax" ::"r"(NONCANONICAL) : "rax");
}

static void
die_read(void)
{
    __asm__ volatile("mov (%0), %%rax" ::"r"(UNMAPPED) : "rax");
}

static void
die_null(void)
{
    __asm__ volatile("movl $1, (%0)" ::"r"(0ul) : "memory");
}

static void
die_write_text(void)
{
    __asm__ volatile("movb $0x90, (%0)" ::"r"(die_write_text) : "memory");
}

static void
die_execute_data(void)
{
    static const uint8_t code[] = {0xc3};

    __asm__ volatile("call *%0" ::"r"(code));
}

static void
die_x87(void)
{
    uint16_t control = 0x037b; /* zero-divide unmasked */

    __asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp; fwait" ::"m"(control));
}

/* By its vector: QEMU's TCG does not raise unmasked SSE exceptions. */
static void
die_simd(void)
{
    __asm__ volatile("int $19");
}

static void
die_nmi(void)
{
    apic_send_nmi(apic_id());
    cpu_halt_forever();
}

static void
die_machine_check(void)
{
    __asm__ volatile("int $18");
}

static void
die_undefined(void)
{
    volatile int large = 0x7fffffff;

    // cppcheck-suppress integerOverflow ; that is the point
    large = large + 1;
}

static const struct {
    const char *name;
    void (*die)(void);
} ends[] = {
    {"panic", die_panic},
    {"deaf", die_deaf},
    {"assert", die_assert},
    {"hang", die_hang},
    {"divide", die_divide},
    {"debug", die_debug},
    {"breakpoint", die_breakpoint},
    {"overflow", die_overflow},
    {"bound", die_bound},
    {"opcode", die_opcode},
    {"device-not-available", die_device_not_available},
    {"double-fault", die_double_fault},
    {"stack-overflow", die_stack_overflow},
    {"segment", die_segment},
    {"stack-segment", die_stack_segment},
    {"protection", die_protection},
    {"read", die_read},
    {"null", die_null},
    {"write-text", die_write_text},
    {"execute-data", die_execute_data},
    {"x87", die_x87},
    {"simd", die_simd},
    {"nmi", die_nmi},
    {"machine-check", die_machine_check},
    {"undefined", die_undefined},
    {"plant", selftest_plant},
};

void
selftest_run(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
        if (strcmp(ends[i].name, name) == 0) {
            ends[i].die();
            return;
        }
    log_err("selftest: nothing of this name: %s", name);
}
