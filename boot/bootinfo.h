/*
 * What the boot loader says, in one structure: nothing else in the kernel knows Multiboot.
 * Pure: the same file is tested and fuzzed on the host.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/console/screen.h"
#include "kernel/mem/frame.h"

#define MULTIBOOT1_MAGIC 0x2badb002 /* in EAX; Multiboot 0.6.96, 3.2 */
#define MULTIBOOT2_MAGIC 0x36d76289 /* Multiboot2 2.0, 3.2 */

#define BOOT_REGIONS_MAX 128
#define BOOT_MODULES_MAX 8
#define BOOT_CMDLINE_MAX 2048
#define BOOT_NAME_MAX    64

struct boot_module {
    uint64_t start, size;     /* physical, bytes */
    char name[BOOT_NAME_MAX]; /* its command line, cut */
};

struct bootinfo {
    char cmdline[BOOT_CMDLINE_MAX];
    char loader[BOOT_NAME_MAX];
    struct mem_region regions[BOOT_REGIONS_MAX];
    size_t region_count;
    struct boot_module modules[BOOT_MODULES_MAX];
    size_t module_count;
    struct framebuffer framebuffer; /* width 0: none */
    uint8_t rsdp[36];               /* a copy of the ACPI root pointer; rsdp_size 0: none */
    size_t rsdp_size;
    uint64_t info_pa, info_size;                /* where the loader's own structure lies */
    bool cmdline_cut, regions_cut, modules_cut; /* there was more than fits */
};

/*
 * Read the loader's information at physical address `info`. `at` gives a pointer to `size` readable bytes at
 * a physical address, or NULL.
 * Returns: 0; -EINVAL with *reason set to a text that says which structure is wrong
 */
typedef const void *bootinfo_reader(uint64_t pa, size_t size);
int bootinfo_parse(uint32_t magic, uint64_t info, bootinfo_reader *at, struct bootinfo *out,
                   const char **reason);

/*
 * Check one module: not empty, inside usable memory, not overlapping [image_start, image_end).
 * Returns NULL, or what is wrong with it.
 */
const char *bootinfo_module_fault(const struct bootinfo *b, const struct boot_module *m, uint64_t image_start,
                                  uint64_t image_end);
