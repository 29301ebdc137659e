/* The map of the kernel's half of the address space, for assembly and C. */
#pragma once

#define KERNEL_BASE     0xffffffff80000000 /* physical 0, first 1 GiB: the image runs here */
#define DIRECT_MAP_SLOT 256                /* entry of the PML4 */
#define DIRECT_MAP_BASE 0xffff800000000000 /* all memory */
#define DIRECT_MAP_END  0xffffc00000000000
#define DYNAMIC_BASE    0xffffc00000000000 /* stacks, device memory, large allocations */
#define DYNAMIC_END     0xffffc08000000000
#define SHARED_DATA                                                                                          \
    0xfffff78000000000 /* one page, where compiled drivers read the time (KUSER_SHARED_DATA) */
#define FRAMES_BASE 0xffffe00000000000 /* struct frame for every page frame */
#define FRAMES_END  0xffffe80000000000

#define BOOT_STACK_SIZE (24 * 1024)
#define PERCPU_SELF     0x18 /* struct percpu_head.self */
#define PERCPU_CANARY   0x28 /* struct percpu_head.canary */
#define PHYS(symbol)    ((symbol)-KERNEL_BASE)
