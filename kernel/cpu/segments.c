#include "kernel/cpu/segments.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/regs.h"
#include "lib/string.h"

/* SDM vol. 3A, figure 8-11. 32-bit words only at odd places, so packed by arrays of halves. */
struct tss {
    uint32_t reserved0;
    uint32_t rsp[3][2];
    uint32_t reserved1[2];
    uint32_t ist[7][2];
    uint32_t reserved2[2];
    uint16_t reserved3, io_map;
};
_Static_assert(sizeof(struct tss) == 104, "SDM vol. 3A, 8.7");

#define IST_COUNT      4
#define IST_STACK_SIZE 8192

struct segments {
    uint64_t gdt[10];
    struct tss tss;
};

PERCPU static struct segments segments;
PERCPU static uint8_t ist_stacks[IST_COUNT][IST_STACK_SIZE] __attribute__((aligned(16)));

#define CODE64(dpl) (0x00209a0000000000 | (uint64_t)(dpl) << 45)
#define DATA(dpl)   (0x00cf92000000ffff | (uint64_t)(dpl) << 45)

static void
address_put(uint32_t half[2], uintptr_t address)
{
    half[0] = (uint32_t)address;
    half[1] = (uint32_t)(address >> 32);
}

void
segments_set_kernel_stack(uintptr_t top)
{
    address_put(percpu_this(segments)->tss.rsp[0], top);
}

/* The 16-byte descriptor of the TSS (SDM vol. 3A, 8.2.3). */
static void
tss_describe(uint64_t descriptor[2], const struct tss *tss)
{
    uint64_t base = (uint64_t)tss;

    descriptor[0] = (sizeof(*tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
    descriptor[1] = base >> 32;
}

void
segments_load(void)
{
    struct segments *s = percpu_this(segments);
    struct percpu_head *self = percpu_self();
    uint8_t(*stacks)[IST_STACK_SIZE] = *percpu_this(ist_stacks);
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = {sizeof(s->gdt) - 1, (uint64_t)s->gdt};

    s->gdt[KERNEL_CS / 8] = CODE64(0);
    s->gdt[KERNEL_DS / 8] = DATA(0);
    s->gdt[USER_DS / 8] = DATA(3);
    s->gdt[USER_CS / 8] = CODE64(3);
    s->tss.io_map = sizeof(s->tss); /* beyond the limit: no port for ring 3 */
    for (unsigned i = 0; i < IST_COUNT; i++)
        address_put(s->tss.ist[i], (uintptr_t)stacks[i] + IST_STACK_SIZE);
    tss_describe(&s->gdt[TSS_SELECTOR / 8], &s->tss);

    __asm__ volatile("lgdt %0\n"
                     "push %1\n"
                     "lea 1f(%%rip), %%rax\n"
                     "push %%rax\n"
                     "lretq\n"
                     "1: mov %2, %%ds\n"
                     "mov %2, %%es\n"
                     "mov %2, %%ss\n"
                     "xor %%eax, %%eax\n"
                     "mov %%eax, %%fs\n"
                     "mov %%eax, %%gs\n" ::"m"(pointer),
                     "i"(KERNEL_CS), "r"(KERNEL_DS)
                     : "rax", "memory");
    msr_write(MSR_GS_BASE, (uint64_t)self); /* loading GS cleared it */
    __asm__ volatile("ltr %w0" ::"r"(TSS_SELECTOR));
}

void
segments_reset_user(void)
{
    uint32_t fs, gs;

    __asm__ volatile("mov %%fs, %0; mov %%gs, %1" : "=r"(fs), "=r"(gs));
    if (fs)
        __asm__ volatile("mov %0, %%fs" ::"r"(0));
    if (gs) {
        uint64_t were_on = interrupts_save(), base = msr_read(MSR_GS_BASE);

        __asm__ volatile("mov %0, %%gs" ::"r"(0));
        msr_write(MSR_GS_BASE, base);
        interrupts_restore(were_on);
    }
}
