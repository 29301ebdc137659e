#include "kernel/cpu/features.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/regs.h"
#include "kernel/cpu/segments.h"
#include "kernel/cpu/trap.h"
#include "lib/string.h"

enum { EAX, EBX, ECX, EDX };

/* Where CPUID says it: leaf, subleaf 0, register, bit (SDM vol. 2A, CPUID; APM vol. 3, appendix E). */
static const struct {
    uint32_t leaf;
    uint8_t reg, bit;
} feature_bits[CPU_FEATURES] = {
    [CPU_NX] = {0x80000001, EDX, 20},  [CPU_PAGE1G] = {0x80000001, EDX, 26},
    [CPU_SMEP] = {7, EBX, 7},          [CPU_SMAP] = {7, EBX, 20},
    [CPU_RDRAND] = {1, ECX, 30},       [CPU_UMIP] = {7, ECX, 2},
    [CPU_FSGSBASE] = {7, EBX, 0},      [CPU_X2APIC] = {1, ECX, 21},
    [CPU_TSC_DEADLINE] = {1, ECX, 24}, [CPU_TSC_INVARIANT] = {0x80000007, EDX, 8},
    [CPU_XSAVE] = {1, ECX, 26},        [CPU_XSAVEOPT] = {0xd, EAX, 0}, /* subleaf 1 */
    [CPU_AVX] = {1, ECX, 28},          [CPU_HYPERVISOR] = {1, ECX, 31},
};

static bool features[CPU_FEATURES]; /* [I] after cpu_init() */
static unsigned physical_bits = 36; /* [I] */
static char brand[49];              /* [I] */

bool
cpu_has(enum cpu_feature f)
{
    return features[f];
}

unsigned
cpu_physical_bits(void)
{
    return physical_bits;
}

const char *
cpu_brand(void)
{
    return brand;
}

static void
brand_read(uint32_t max_extended)
{
    uint32_t r[4];

    if (max_extended >= 0x80000004) {
        for (uint32_t i = 0; i < 3; i++) {
            cpuid(0x80000002 + i, 0, r);
            memcpy(brand + 16 * i, r, 16);
        }
        return;
    }
    cpuid(0, 0, r);
    memcpy(brand, &r[EBX], 4);
    memcpy(brand + 4, &r[EDX], 4);
    memcpy(brand + 8, &r[ECX], 4);
}

static void
features_read(void)
{
    uint32_t r[4], max, max_extended;

    cpuid(0, 0, r);
    max = r[EAX];
    cpuid(0x80000000, 0, r);
    max_extended = r[EAX];
    for (unsigned f = 0; f < CPU_FEATURES; f++) {
        uint32_t leaf = feature_bits[f].leaf;

        if (leaf > (leaf & 0x80000000 ? max_extended : max))
            continue;
        cpuid(leaf, f == CPU_XSAVEOPT ? 1 : 0, r);
        features[f] = r[feature_bits[f].reg] >> feature_bits[f].bit & 1;
    }
    if (max_extended >= 0x80000008) {
        cpuid(0x80000008, 0, r);
        physical_bits = r[EAX] & 0xff;
    }
    brand_read(max_extended);
}

/* The control registers, the same on every processor. */
static void
features_enable(void)
{
    uint64_t cr4 = cr4_read() | CR4_PGE;

    if (cpu_has(CPU_SMEP))
        cr4 |= CR4_SMEP;
    if (cpu_has(CPU_SMAP))
        cr4 |= CR4_SMAP;
    if (cpu_has(CPU_UMIP))
        cr4 |= CR4_UMIP;
    cr0_write((cr0_read() & ~(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE | CR0_WP);
    cr4_write(cr4);
    if (cpu_has(CPU_NX))
        msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_NXE);
    /* Entries 0..3: WB, WC, UC-, UC; the same again for the upper half (SDM vol. 3A, 12.12). */
    msr_write(MSR_PAT, 0x0007010600070106);
}

void
cpu_init(void)
{
    features_read();
    cpu_init_secondary();
}

void
cpu_init_secondary(void)
{
    segments_load();
    trap_table_load();
    features_enable();
    irql_set(PASSIVE_LEVEL);
}

uint32_t
cpu_hwcap(void)
{
    uint32_t r[4];

    cpuid(1, 0, r);
    return r[3];
}

uint64_t
cpu_random(void)
{
    uint64_t v = 0;

    if (cpu_has(CPU_RDRAND))
        __asm__ volatile("rdrand %0" : "+r"(v)::"cc");
    return v;
}
