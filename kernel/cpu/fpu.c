#include "kernel/cpu/fpu.h"
#include "kernel/cpu/context.h"
#include "kernel/cpu/features.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/regs.h"
#include "lib/bytes.h"

/* SDM vol. 1, 13.4: offsets in the legacy region; sizes of legacy region and header */
#define FXSAVE_CONTROL 0
#define FXSAVE_MXCSR   24
#define FXSAVE_SIZE    512
#define XSAVE_HEADER   64
#define CPUID_XSAVE    0xd

/* XCR0: SDM vol. 1, 13.3 */
#define XCR0_X87 BIT(0)
#define XCR0_SSE BIT(1)
#define XCR0_AVX BIT(2)

void context_switch_xsaveopt(struct context *from, struct context *to);
void context_switch_xsave(struct context *from, struct context *to);
void context_switch_fxsave(struct context *from, struct context *to);

void (*context_switch)(struct context *from, struct context *to) = context_switch_fxsave; /* [I] */
static uint64_t components;                                                               /* [I] XCR0 */
static size_t area_size = FXSAVE_SIZE;                                                    /* [I] */

static void
xcr0_write(uint32_t v)
{
    __asm__ volatile("xsetbv" ::"c"(0), "a"(v), "d"(0) : "memory");
}

/* On the boot processor, XCR0 set: the area for what it enables (SDM vol. 2A, CPUID leaf 0DH: EBX). */
static void
variant_choose(void)
{
    uint32_t r[4];

    cpuid(CPUID_XSAVE, 0, r);
    area_size = r[1] > FXSAVE_SIZE + XSAVE_HEADER ? r[1] : FXSAVE_SIZE + XSAVE_HEADER;
    context_switch = cpu_has(CPU_XSAVEOPT) ? context_switch_xsaveopt : context_switch_xsave;
}

void
fpu_init(void)
{
    uint32_t mxcsr = FPU_MXCSR;

    cr4_write(cr4_read() | CR4_OSFXSR | CR4_OSXMMEXCPT | (cpu_has(CPU_XSAVE) ? CR4_OSXSAVE : 0));
    if (cpu_has(CPU_XSAVE)) {
        components = XCR0_X87 | XCR0_SSE | (cpu_has(CPU_AVX) ? XCR0_AVX : 0);
        xcr0_write((uint32_t)components);
        if (cpu_number() == 0)
            variant_choose();
    }
    __asm__ volatile("fninit; ldmxcsr %0" ::"m"(mxcsr));
}

size_t
fpu_area_size(void)
{
    return area_size;
}

uint64_t
fpu_components(void)
{
    return components;
}

/* The header's zeros say that all but MXCSR is in its initial state; FXRSTOR takes the control word too. */
void
fpu_area_init(void *area)
{
    put_le16((uint8_t *)area + FXSAVE_CONTROL, FPU_CONTROL);
    put_le32((uint8_t *)area + FXSAVE_MXCSR, FPU_MXCSR);
}

/* What context_switch() finds on a fresh stack, upwards from the stack pointer. */
struct first_frame {
    uint64_t r15, r14, r13, r12, rbx, rbp;
    void (*run)(void);
    uint64_t caller; /* none: run() does not return, and backtraces end here */
};

void
context_init(struct context *c, void *stack_top, void (*run)(void))
{
    struct first_frame *f = (struct first_frame *)stack_top - 1;

    *f = (struct first_frame){.run = run};
    c->stack = (uintptr_t)f;
}
