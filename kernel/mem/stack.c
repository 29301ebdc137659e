#include "kernel/cpu/irql.h"
#include "kernel/mem/mem_impl.h"
#include "kernel/mem/space.h"
#include "lib/bitmap.h"

/*
 * Kernel stacks. Each lies in a slot of its own: an unmapped page, the stack, an unmapped page. Since slots lie at
 * fixed places, it takes no lock to tell that an address is in a guard page.
 *
 * I1  A slot whose bit in `used` is set is mapped, but for moments in stack_alloc() and stack_free().
 */

#define SLOT_SIZE   (KERNEL_STACK_SIZE + 2 * PAGE_SIZE)
#define STACKS_MAX  (STACKS_SIZE / SLOT_SIZE)
#define STACKS_KEPT 8
#define STACK_FILL  UINT64_C(0x57acf111edf111ed)

extern char boot_guard[], boot_stack[]; /* boot/entry.S */

/* [s] space_lock */
static uint64_t used[BITMAP_WORDS(STACKS_MAX)]; /* [s] */
static uint64_t stack_total;                    /* [s] bits set in `used` */
static void *kept[STACKS_KEPT];                 /* [s] tops of mapped stacks that nobody uses */
static uint32_t kept_count;                     /* [s] */

static void *
slot_top(size_t slot)
{
    return (void *)(STACKS_BASE + slot * SLOT_SIZE + PAGE_SIZE + KERNEL_STACK_SIZE);
}

static size_t
slot_of(const void *top)
{
    return ((uint64_t)top - STACKS_BASE) / SLOT_SIZE;
}

static bool
is_boot_stack(const void *top)
{
    return top == boot_stack + BOOT_STACK_SIZE;
}

static uint64_t *
stack_bottom(const void *top)
{
    return (uint64_t *)((uint64_t)top - (is_boot_stack(top) ? BOOT_STACK_SIZE : KERNEL_STACK_SIZE));
}

static void
stack_fill(uint64_t *from, const void *to)
{
    while (from < (const uint64_t *)to)
        *from++ = STACK_FILL;
}

/* The lowest word that was ever used. */
static uint64_t *
stack_low_water(const void *top)
{
    uint64_t *word = stack_bottom(top);

    while (word < (const uint64_t *)top && *word == STACK_FILL)
        word++;
    return word;
}

/* The stack that runs now becomes a boot thread's: fill what lies below, with room for what is called here. */
void
stack_init(void)
{
    char *here = __builtin_frame_address(0);

    if (here > boot_stack && here <= boot_stack + BOOT_STACK_SIZE)
        stack_fill((uint64_t *)(void *)boot_stack, (void *)ALIGN_DOWN((uint64_t)here - 1024, 16));
}

static void *
kept_pop(void)
{
    uint8_t irql = spin_lock(&space_lock);
    void *top = kept_count ? kept[--kept_count] : NULL;

    spin_unlock(&space_lock, irql);
    return top;
}

static bool
kept_push(void *top)
{
    uint8_t irql = spin_lock(&space_lock);
    bool room = kept_count < STACKS_KEPT;

    if (room)
        kept[kept_count++] = top;
    spin_unlock(&space_lock, irql);
    return room;
}

/* Map a chain of frames in a free slot. Returns the top, or NULL. */
static void *
slot_map(uint32_t chain)
{
    uint8_t irql = spin_lock(&space_lock);
    size_t slot = bitmap_find_clear(used, STACKS_MAX, 0);
    void *top = NULL;

    if (slot < STACKS_MAX &&
        table_reserve((uint64_t)stack_bottom(slot_top(slot)), KERNEL_STACK_SIZE, PAGE_SIZE) == 0) {
        top = slot_top(slot);
        bitmap_set(used, slot);
        stack_total++;
        chain_map(chain, (uint64_t)stack_bottom(top), MAP_WRITE);
    }
    spin_unlock(&space_lock, irql);
    return top;
}

static void
slot_unmap(void *top)
{
    uint8_t irql;

    space_withdraw((uint64_t)stack_bottom(top), KERNEL_STACK_SIZE);
    irql = spin_lock(&space_lock);
    bitmap_clear(used, slot_of(top));
    stack_total--;
    spin_unlock(&space_lock, irql);
}

void *
stack_alloc(void)
{
    void *top;
    uint32_t chain;

    assert_irql(PASSIVE_LEVEL);
    if (alloc_should_fail())
        return NULL;
    top = kept_pop();
    if (top) {
        stack_fill(stack_low_water(top), top);
        return top;
    }
    chain = chain_alloc(KERNEL_STACK_SIZE / PAGE_SIZE, 0);
    if (!chain)
        return NULL;
    top = slot_map(chain);
    if (!top) {
        chain_free(chain);
        return NULL;
    }
    stack_fill(stack_bottom(top), top);
    return top;
}

void
stack_free(void *top)
{
    assert_irql(PASSIVE_LEVEL);
    if (top && !kept_push(top))
        slot_unmap(top);
}

void
stack_drain(void)
{
    void *top;

    assert_irql(PASSIVE_LEVEL);
    while ((top = kept_pop()))
        slot_unmap(top);
}

size_t
stack_high_water(const void *top)
{
    return (uint64_t)top - (uint64_t)stack_low_water(top);
}

bool
stack_guard_hit(uintptr_t va)
{
    uint64_t offset = (va - STACKS_BASE) % SLOT_SIZE;

    if (va >= (uintptr_t)boot_guard && va < (uintptr_t)boot_guard + PAGE_SIZE)
        return true;
    if (va < STACKS_BASE || va >= STACKS_BASE + STACKS_SIZE)
        return false;
    return offset < PAGE_SIZE || offset >= SLOT_SIZE - PAGE_SIZE;
}

void
stack_count(uint64_t *total, uint64_t *kept_total)
{
    assert_held(&space_lock);
    *total = stack_total;
    *kept_total = kept_count;
}
