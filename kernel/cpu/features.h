/*
 * What this kind of processor can do (CPUID), and switching it on.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum cpu_feature {
    CPU_NX,
    CPU_PAGE1G,
    CPU_SMEP,
    CPU_SMAP,
    CPU_UMIP,
    CPU_FSGSBASE,
    CPU_X2APIC,
    CPU_TSC_DEADLINE,
    CPU_TSC_INVARIANT,
    CPU_XSAVE,
    CPU_XSAVEOPT,
    CPU_AVX,
    CPU_HYPERVISOR,
    CPU_RDRAND,
    CPU_FEATURES
};

/* Does the boot processor have it? False for all before cpu_init(). Any IRQL. */
bool cpu_has(enum cpu_feature f);

/* Number of physical address bits (CPUID 80000008h; 36 where that leaf is missing). */
unsigned cpu_physical_bits(void);

/* A number of the processor's random generator; 0 where it has none. Any IRQL. */
uint64_t cpu_random(void);

/* CPUID 1, EDX: what Linux passes to programs as AT_HWCAP. */
uint32_t cpu_hwcap(void);

/* "AMD EPYC ..." from CPUID 80000002h.., or the vendor string. */
const char *cpu_brand(void);

/*
 * Segments, interrupt table, CR0, CR4, EFER and PAT of this processor: NX, WP, SMEP, SMAP, UMIP where there
 * are such. cpu_init(): the boot processor, first of all. cpu_init_secondary(): each other one, on it; GS is
 * set already. Interrupts off. PAT: PWT = write-combining, PCD = UC-, PCD and PWT = UC.
 */
void cpu_init(void);
void cpu_init_secondary(void);
