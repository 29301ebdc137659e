#include "kernel/console/log.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/pool_impl.h"
#include "lib/string.h"

/*
 * Guards of the pool's objects. A slot is
 *
 *     live:  header, GUARD_LIVE | object | red zone up to the slot's end
 *     free:  header, GUARD_FREE | FILL_FREE up to the slot's end
 */

#define GUARD_LIVE   0xfb11fb11
#define GUARD_FREE   0xdf00df00
#define FILL_FREE    0xdd
#define FILL_NEW     0xcd
#define FILL_REDZONE 0xfd

#define KERNEL_TEXT 0xffffffff00000000 /* upper half of every caller's address */

void (*pool_fault_hook)(const struct pool_fault *f);

static void
tag_text(uint32_t tag, char text[5])
{
    for (int i = 0; i < 4; i++) {
        char c = (char)(tag >> 8 * i);

        text[i] = c > ' ' && c < 0x7f ? c : '.';
    }
    text[4] = '\0';
}

void
pool_report(const struct pool_fault *f)
{
    char text[5];

    if (pool_fault_hook) {
        pool_fault_hook(f);
        return;
    }
    tag_text(f->tag, text);
    panic("pool: object %p, tag \"%s\", caller %#lx: %s at %p", f->object, text, (unsigned long)f->caller,
          f->what, f->at);
}

static bool
fault(const void *slot, const void *at, const char *what)
{
    const struct pool_header *h = slot;

    pool_report(&(struct pool_fault){
        .what = what, .object = h + 1, .at = at, .tag = h->tag, .caller = KERNEL_TEXT | h->caller});
    return false;
}

/* The first byte that is not `fill`; NULL if all are. */
static const uint8_t *
fill_broken(const uint8_t *from, const uint8_t *to, uint8_t fill)
{
    for (; from < to; from++)
        if (*from != fill)
            return from;
    return NULL;
}

static bool
check_free(const void *slot, size_t slot_size)
{
    const struct pool_header *h = slot;
    const uint8_t *end = (const uint8_t *)slot + slot_size, *broken;

    if (h->guard != GUARD_FREE)
        return fault(slot, &h->guard, "header of a free object overwritten");
    broken = fill_broken((const uint8_t *)(h + 1), end, FILL_FREE);
    return broken ? fault(slot, broken, "written to after it was freed") : true;
}

static bool
check_live(const void *slot, size_t slot_size)
{
    const struct pool_header *h = slot;
    const uint8_t *end = (const uint8_t *)slot + slot_size, *broken;

    if (h->guard == GUARD_FREE)
        return fault(slot, h + 1, "freed twice");
    if (h->guard != GUARD_LIVE || h->size > slot_size - POOL_HEADER - POOL_REDZONE)
        return fault(slot, &h->guard, "red zone below it overwritten");
    broken = fill_broken((const uint8_t *)(h + 1) + h->size, end, FILL_REDZONE);
    return broken ? fault(slot, broken, "red zone above it overwritten") : true;
}

void
guard_prepare(void *slot, size_t slot_size)
{
    struct pool_header *h = slot;

    *h = (struct pool_header){.guard = GUARD_FREE};
    memset(h + 1, FILL_FREE, slot_size - sizeof(*h));
}

bool
guard_arm(void *slot, size_t slot_size, size_t size, uint32_t tag, uintptr_t caller)
{
    struct pool_header *h = slot;

    if (!check_free(slot, slot_size))
        return false;
    *h = (struct pool_header){tag, (uint32_t)size, (uint32_t)caller, GUARD_LIVE};
    memset(h + 1, FILL_NEW, size);
    memset((uint8_t *)(h + 1) + size, FILL_REDZONE, slot_size - sizeof(*h) - size);
    return true;
}

bool
guard_disarm(void *slot, size_t slot_size, uint32_t tag, uintptr_t caller)
{
    struct pool_header *h = slot;

    if (!check_live(slot, slot_size))
        return false;
    if (h->tag != tag)
        return fault(slot, h + 1, "freed under another tag");
    h->caller = (uint32_t)caller;
    h->guard = GUARD_FREE;
    memset(h + 1, FILL_FREE, slot_size - sizeof(*h));
    return true;
}

bool
guard_check(const void *slot, size_t slot_size)
{
    const struct pool_header *h = slot;

    return h->guard == GUARD_FREE ? check_free(slot, slot_size) : check_live(slot, slot_size);
}

void
guard_arm_tail(void *tail, size_t size)
{
    memset(tail, FILL_REDZONE, size);
}

bool
guard_check_tail(const void *object, const void *tail, size_t size, uint32_t tag)
{
    const uint8_t *broken = fill_broken(tail, (const uint8_t *)tail + size, FILL_REDZONE);

    if (broken)
        pool_report(&(struct pool_fault){
            .what = "red zone above it overwritten", .object = object, .at = broken, .tag = tag});
    return !broken;
}
