/*
 * Control registers, model-specific registers and single instructions of x86-64, as functions.
 * With io.h the only inline assembly that other files of kernel/cpu need; nobody outside kernel/cpu includes
 * this (what others need is in irql.h and io.h).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/field.h"

/* SDM vol. 3A, 2.5: control registers */
/* clang-format off */
#define CR0_MP          BIT64(1)
#define CR0_EM          BIT64(2)
#define CR0_TS          BIT64(3)
#define CR0_NE          BIT64(5)
#define CR0_WP          BIT64(16)
#define CR4_PGE         BIT64(7)
#define CR4_OSFXSR      BIT64(9)
#define CR4_OSXMMEXCPT  BIT64(10)
#define CR4_UMIP        BIT64(11)
#define CR4_FSGSBASE    BIT64(16)
#define CR4_OSXSAVE     BIT64(18)
#define CR4_SMEP        BIT64(20)
#define CR4_SMAP        BIT64(21)

#define RFLAGS_FIXED    BIT64(1)
#define RFLAGS_STATUS   0xcd5ull        /* CF PF AF ZF SF DF OF */
#define RFLAGS_TF       BIT64(8)
#define RFLAGS_IF       BIT64(9)
#define RFLAGS_DF       BIT64(10)
#define RFLAGS_IOPL     BITS64(13, 12)
#define RFLAGS_NT       BIT64(14)
#define RFLAGS_RF       BIT64(16)
#define RFLAGS_ID       BIT64(21)
#define RFLAGS_AC       BIT64(18)

/* SDM vol. 4 */
#define MSR_APIC_BASE       0x1b
#define  APIC_BASE_BSP        BIT64(8)
#define  APIC_BASE_X2APIC     BIT64(10)
#define  APIC_BASE_ENABLE     BIT64(11)
#define MSR_PAT             0x277
#define MSR_X2APIC          0x800       /* register at offset r of the MMIO page: 0x800 + r / 16 */
#define MSR_EFER            0xc0000080
#define  EFER_SCE             BIT64(0)
#define  EFER_LME             BIT64(8)
#define  EFER_NXE             BIT64(11)
#define MSR_STAR            0xc0000081
#define MSR_LSTAR           0xc0000082
#define MSR_CSTAR           0xc0000083
#define MSR_FMASK           0xc0000084
#define MSR_FS_BASE         0xc0000100
#define MSR_GS_BASE         0xc0000101
#define MSR_KERNEL_GS_BASE  0xc0000102
/* clang-format on */

#define REGISTER_ACCESSORS(name)                                                                             \
    static inline uint64_t name##_read(void)                                                                 \
    {                                                                                                        \
        uint64_t v;                                                                                          \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(v)::"memory");                                         \
        return v;                                                                                            \
    }                                                                                                        \
    static inline void name##_write(uint64_t v)                                                              \
    {                                                                                                        \
        __asm__ volatile("mov %0, %%" #name ::"r"(v) : "memory");                                            \
    }
REGISTER_ACCESSORS(cr0)
REGISTER_ACCESSORS(cr2)
REGISTER_ACCESSORS(cr3)
REGISTER_ACCESSORS(cr4)
REGISTER_ACCESSORS(cr8)
REGISTER_ACCESSORS(dr6)
REGISTER_ACCESSORS(dr7)

static inline uint64_t
msr_read(uint32_t msr)
{
    uint32_t lo, hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return (uint64_t)hi << 32 | lo;
}

static inline void
msr_write(uint32_t msr, uint64_t v)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

static inline uint64_t
rflags_read(void)
{
    uint64_t v;
    __asm__ volatile("pushfq; pop %0" : "=r"(v)::"memory");
    return v;
}

static inline void
interrupts_on(void)
{
    __asm__ volatile("sti" ::: "memory");
}

static inline void
interrupts_off(void)
{
    __asm__ volatile("cli" ::: "memory");
}

/* Interrupts on and sleep until one comes; none can slip in between (STI shadow, SDM vol. 2B). */
static inline void
interrupts_on_and_halt(void)
{
    __asm__ volatile("sti; hlt" ::: "memory");
}

/* Every earlier access is seen by all before any later instruction, WRMSR to the x2APIC included. */
static inline void
memory_fence(void)
{
    __asm__ volatile("mfence; lfence" ::: "memory");
}

static inline uint64_t
tsc_read(void)
{
    uint32_t lo, hi;
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)::"memory");
    return (uint64_t)hi << 32 | lo;
}

static inline void
tlb_flush_page(uintptr_t va)
{
    __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

static inline void
cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                     : "a"(leaf), "c"(subleaf));
}
