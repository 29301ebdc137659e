/* Pages of a program that a device reads or writes meanwhile. */
#include "kernel/cpu/trap.h"
#include "kernel/mem/dma.h"
#include "kernel/mem/page.h"
#include "kernel/mem/vm_impl.h"
#include "lib/errno.h"
#include "lib/field.h"

#define TRIES       8   /* a page that goes away again and again is somebody's doing */
#define TABLE_PAGES 512 /* of one page table */

#define AT_ONCE 32 /* pages between two looks at whoever else wants the space */

/* Whole pages, as pieces. */
struct pins {
    struct data_piece *piece;
    uint32_t count, max;
};

/*
 * The pages from `at` on that are there as they have to be, each with one more reference for the caller; at most `max`, and
 * none behind the page table that the first one is in. Lock held. Returns: how many.
 */
static uint32_t
pages_get(struct vm_space *s, uintptr_t at, bool write, struct pins *p, uint32_t max)
{
    uint64_t need = PTE_PRESENT | (write ? PTE_WRITE : 0);
    const uint64_t *entry = vm_entry(s, at, false);
    struct data_piece *last = p->count ? &p->piece[p->count - 1] : NULL;
    uint32_t n = 0, room = TABLE_PAGES - (uint32_t)(at / PAGE_SIZE % TABLE_PAGES);

    for (; entry && n < MIN(max, room) && (entry[n] & need) == need; n++) {
        uint64_t pa = entry[n] & PTE_ADDRESS;

        if (last && last->pa + last->size == pa && last->size < VM_PIECE_MAX) {
            last->size += PAGE_SIZE;
        } else if (p->count == p->max) {
            break;
        } else {
            last = &p->piece[p->count++];
            *last = (struct data_piece){pa, PAGE_SIZE};
        }
        page_get(pa);
    }
    return n;
}

int
vm_pin(struct vm_space *s, uintptr_t at, size_t size, bool write, struct data_piece *piece, uint32_t max,
       size_t *pinned)
{
    uintptr_t first = at & ~(PAGE_SIZE - 1), page = first, end = at + size;
    struct pins p = {.piece = piece, .max = max};
    uint32_t tries = 0;
    int err = 0;

    while (page < end && !err) {
        uint32_t want = (uint32_t)MIN((end - page + PAGE_SIZE - 1) / PAGE_SIZE, (size_t)AT_ONCE), got;

        mutex_lock(&s->lock, WAIT_FOREVER);
        got = pages_get(s, page, write, &p, want);
        mutex_unlock(&s->lock);
        page += got * PAGE_SIZE;
        tries = got ? 0 : tries + 1;
        if (!got && p.count == max)
            break;
        if (!got)
            err = tries < TRIES ? vm_fault(s, page, PF_USER | (write ? PF_WRITE : 0)) : -EFAULT;
    }
    *pinned = 0;
    if (page == first)
        return err == -ENOMEM ? err : -EFAULT;
    *pinned = MIN(page, end) - at;
    piece[p.count - 1].size -= (uint32_t)(page - MIN(page, end));
    piece[0].pa += at - first;
    piece[0].size -= (uint32_t)(at - first);
    return (int)p.count;
}

void
vm_unpin(const struct data_piece *piece, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint64_t pa = ALIGN_DOWN(piece[i].pa, PAGE_SIZE); pa < piece[i].pa + piece[i].size;
             pa += PAGE_SIZE)
            page_put(pa);
}
