/* Kernel stacks: guard pages, the high-water mark, the ones that are kept. */
#include "kernel/cpu/paging.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/space.h"
#include "lib/field.h"
#include "lib/string.h"
#include "tests/guest/kernel/mem/mem_probe.h"
#include "tests/guest/ktest.h"

extern char boot_guard[], boot_stack_top[];

static void
stack_check(char *top)
{
    uint64_t size;
    char *bottom = top - KERNEL_STACK_SIZE;

    KCHECK_EQ((uint64_t)top % 16, 0);
    KCHECK(memory_readable(bottom, KERNEL_STACK_SIZE));
    KCHECK_EQ(paging_leaf((uintptr_t)bottom - 1, &size), 0);
    KCHECK_EQ(paging_leaf((uintptr_t)top, &size), 0);
    KCHECK(stack_guard_hit((uintptr_t)bottom - 1) && stack_guard_hit((uintptr_t)bottom - PAGE_SIZE));
    KCHECK(stack_guard_hit((uintptr_t)top) && stack_guard_hit((uintptr_t)top + PAGE_SIZE - 1));
    KCHECK(!stack_guard_hit((uintptr_t)bottom) && !stack_guard_hit((uintptr_t)top - 1));
    KCHECK_EQ(stack_high_water(top), 0);
}

KTEST(stack_lies_between_unmapped_pages)
{
    struct mem_taken before = mem_taken();
    char *stacks[20];

    for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
        stacks[i] = stack_alloc();
        KCHECK(stacks[i]);
        if (stacks[i])
            stack_check(stacks[i]);
        for (size_t n = 0; n < i; n++)
            KCHECK(stacks[n] != stacks[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(stacks); i++)
        stack_free(stacks[i]);
    mem_check_same(&before);
}

KTEST(stack_high_water_is_the_lowest_byte_written)
{
    char *top = stack_alloc();

    KCHECK(top);
    if (!top)
        return;
    memset(top - 100, 1, 50);
    KCHECK_EQ(stack_high_water(top), 104); /* the word that holds it */
    memset(top - KERNEL_STACK_SIZE, 0, 8);
    KCHECK_EQ(stack_high_water(top), KERNEL_STACK_SIZE);
    stack_free(top);
    for (int i = 0; i < 3; i++) { /* one that was kept is as good as new */
        char *again = stack_alloc();

        KCHECK(again == top);
        KCHECK_EQ(stack_high_water(again), 0);
        memset(again - 5000 * (i + 1), 1, 8);
        stack_free(again);
    }
}

KTEST(stack_of_the_boot_processor_has_a_guard_and_a_mark)
{
    uint64_t size;

    KCHECK_EQ(paging_leaf((uintptr_t)boot_guard, &size), 0);
    KCHECK(stack_guard_hit((uintptr_t)boot_guard) && !stack_guard_hit((uintptr_t)boot_guard + PAGE_SIZE));
    KCHECK(stack_high_water(boot_stack_top) > 256);
    KCHECK(stack_high_water(boot_stack_top) < BOOT_STACK_SIZE - 1024);
    KCHECK(!stack_guard_hit(0) && !stack_guard_hit((uintptr_t)&size) && !stack_guard_hit(UINTPTR_MAX));
}
