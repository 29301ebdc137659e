/* Pages of a program that a device reads or writes meanwhile. */
#include "kernel/cpu/trap.h"
#include "kernel/mem/dma.h"
#include "kernel/mem/page.h"
#include "kernel/mem/vm_impl.h"
#include "lib/errno.h"
#include "lib/field.h"

#define TRIES       8   /* a page that goes away again and again is somebody's doing */
#define TABLE_PAGES 512 /* of one page table */

/*
 * The pages from `at` on that are there as they have to be, each with one more reference for the caller; at most `max`, and
 * none behind the page table that the first one is in. Lock held. Returns: how many.
 */
static uint32_t
pages_get(struct vm_space *s, uintptr_t at, bool write, uint64_t *pa, uint32_t max)
{
    uint64_t need = PTE_PRESENT | (write ? PTE_WRITE : 0);
    const uint64_t *entry = vm_entry(s, at, false);
    uint32_t n = 0, room = TABLE_PAGES - (uint32_t)(at / PAGE_SIZE % TABLE_PAGES);

    for (; entry && n < MIN(max, room) && (entry[n] & need) == need; n++) {
        pa[n] = entry[n] & PTE_ADDRESS;
        page_get(pa[n]);
    }
    return n;
}

#define AT_ONCE 32 /* pages between two looks at whoever else wants the space */

int
vm_pin(struct vm_space *s, uintptr_t at, size_t size, bool write, struct data_piece *piece, uint32_t max,
       size_t *pinned)
{
    uintptr_t page = at & ~(PAGE_SIZE - 1), end = at + size;
    uint32_t n = 0, tries = 0;
    uint64_t pa[AT_ONCE];

    *pinned = 0;
    while (page < end && n < max) {
        uint32_t want = (uint32_t)MIN((end - page + PAGE_SIZE - 1) / PAGE_SIZE,
                                      (size_t)MIN(max - n, (uint32_t)AT_ONCE)),
                 got;

        mutex_lock(&s->lock, WAIT_FOREVER);
        got = pages_get(s, page, write, pa, want);
        mutex_unlock(&s->lock);
        for (uint32_t i = 0; i < got; i++, page += PAGE_SIZE) {
            uint32_t offset = (uint32_t)(MAX(at, page) - page),
                     part = (uint32_t)(MIN(end, page + PAGE_SIZE) - page) - offset;

            piece[n++] = (struct data_piece){pa[i] + offset, part};
            *pinned += part;
        }
        tries = got ? 0 : tries + 1;
        if (!got) {
            int err = tries < TRIES ? vm_fault(s, page, PF_USER | (write ? PF_WRITE : 0)) : -EFAULT;

            if (err)
                return n ? (int)n : err == -ENOMEM ? err : -EFAULT;
        }
    }
    return (int)n;
}

void
vm_unpin(const struct data_piece *piece, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        page_put(ALIGN_DOWN(piece[i].pa, PAGE_SIZE));
}
