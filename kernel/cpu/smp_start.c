/*
 * Starting the other processors (SDM vol. 3A, 9.4.4): INIT, then STARTUP twice, to a copy of the trampoline
 * below 1 MiB; boot/smp.S leads from there to secondary_main(), with what is in struct handover.
 *
 * One at a time. A processor that is late is sent INIT again, so that it cannot take the next one's handover.
 */
#include "kernel/cpu/apic.h"
#include "kernel/cpu/features.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/layout.h"
#include "kernel/cpu/regs.h"
#include "kernel/cpu/smp.h"
#include "kernel/cpu/smp_impl.h"
#include "kernel/cpu/tsc.h"
#include "lib/field.h"
#include "lib/string.h"

#define PAGE             4096
#define LOW_MEMORY       MiB(1)
#define INIT_WAIT_US     (10 * 1000)
#define STARTUP_WAIT_US  200
#define STARTUP_AGAIN_US (10 * 1000)
#define ONLINE_LIMIT_US  (1000 * 1000)

#define CPUID1_EAX_FAMILY BITS(11, 8)
#define VENDOR_INTEL      0x756e6547 /* "Genu", CPUID 0 EBX */

/* Read by boot/smp.S, at these offsets. */
struct handover {
    uint64_t cr3;
    uint64_t efer;
    uint64_t stack; /* top */
    uint64_t block; /* struct percpu_head */
};
_Static_assert(offsetof(struct handover, block) == 24, "boot/smp.S");

extern const char smp_handover[];                         /* boot/smp.S; linked at its physical address */
extern const char smp_trampoline[], smp_trampoline_end[]; /* boot/smp.S */
extern const char percpu_start[], percpu_end[];           /* boot/kernel.ld */

static void (*entry)(void); /* [I] once processors start */

_Noreturn void secondary_main(void);

/* Where boot/smp.S arrives: on the new processor, with its stack, its page tables and GS. */
void
secondary_main(void)
{
    cpu_init_secondary();
    entry();
    panic("smp: processor %u came back from its idle loop", cpu_number());
}

static struct percpu_head *
block_make(const struct smp_start *s, uint32_t number, uint32_t id)
{
    struct percpu_head *b = s->block_alloc((size_t)(percpu_end - percpu_start));

    if (!b)
        return NULL;
    b->self = b;
    b->prcb = (char *)b + offsetof(struct percpu_head, mxcsr);
    b->canary = percpu_self()->canary; /* one for all: a thread moves while it is in a function */
    b->number = number;
    b->apic_id = id;
    return b;
}

/*
 * What the specification asks for between INIT and STARTUP was a need of the Pentium 4 and before; later
 * processors accept STARTUP at once, and ten milliseconds each are much of the time that it takes to be ready.
 */
static uint32_t
init_wait_us(void)
{
    uint32_t r[4], vendor;

    cpuid(0, 0, r);
    vendor = r[1];
    cpuid(1, 0, r);
    return vendor == VENDOR_INTEL && FIELD_GET(CPUID1_EAX_FAMILY, r[0]) != 6 ? INIT_WAIT_US : 0;
}

static bool
wait_online(uint32_t number, uint64_t limit_us)
{
    for (uint64_t us = 0; us < limit_us && cpu_count() <= number; us += 10)
        stall_us(10);
    return cpu_count() > number;
}

/* Returns whether the processor has come online. */
static bool
processor_wake(uint32_t number, uint32_t id, uint64_t trampoline)
{
    smp_await(number);
    apic_send_init(id);
    stall_us(init_wait_us());
    for (unsigned i = 0; i < 2; i++) {
        apic_send_startup(id, (uint8_t)(trampoline / PAGE));
        if (wait_online(number, i == 0 ? STARTUP_WAIT_US : STARTUP_AGAIN_US))
            return true;
    }
    if (wait_online(number, ONLINE_LIMIT_US) || !smp_give_up())
        return true;
    apic_send_init(id);
    return false;
}

static bool
processor_start(const struct smp_start *s, uint32_t id)
{
    struct handover *h = (struct handover *)((uintptr_t)smp_handover + DIRECT_MAP_BASE);
    uint32_t number = cpu_count();
    struct percpu_head *block = block_make(s, number, id);
    void *stack = block ? s->stack_alloc() : NULL;

    if (!block || !stack) {
        log_err("smp: no memory to start the processor with APIC id %u", id);
        return false;
    }
    *h = (struct handover){cr3_read(), msr_read(MSR_EFER) & (EFER_LME | EFER_NXE), (uint64_t)stack,
                           (uint64_t)block};
    percpu_blocks[number] = block;
    if (processor_wake(number, id, s->trampoline))
        return true;
    percpu_blocks[number] = NULL; /* block and stack stay away: who knows whether it has looked at them */
    log_err("smp: the processor with APIC id %u did not come online in 1 s, goes without", id);
    return false;
}

static bool
trampoline_write(uint64_t pa)
{
    if (pa % PAGE || pa == 0 || pa > LOW_MEMORY - PAGE) {
        log_err("smp: %#lx is no page below 1 MiB for the trampoline (SDM vol. 3A, 9.4.4)", pa);
        return false;
    }
    memcpy((char *)(pa + DIRECT_MAP_BASE), smp_trampoline, (size_t)(smp_trampoline_end - smp_trampoline));
    return true;
}

uint32_t
smp_start(const struct smp_start *s)
{
    uint32_t started = 0;

    assert_irql(PASSIVE_LEVEL);
    if (s->count == 0 || !trampoline_write(s->trampoline))
        return 0;
    entry = s->entry;
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t id = s->apic_ids[i];

        if (id == cpu_apic_id(0))
            continue;
        if (cpu_count() == CPU_MAX)
            log_warn("smp: the processor with APIC id %u is left alone: %u are running", id, CPU_MAX);
        else if (id > apic_id_max())
            log_warn("smp: the processor with APIC id %u cannot be reached without x2APIC", id);
        else
            started += processor_start(s, id);
    }
    return started;
}
