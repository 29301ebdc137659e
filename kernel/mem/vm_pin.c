/* Pages of a program that a device reads or writes meanwhile. */
#include "kernel/cpu/trap.h"
#include "kernel/mem/dma.h"
#include "kernel/mem/page.h"
#include "kernel/mem/vm_impl.h"
#include "lib/errno.h"

#define TRIES 8 /* a page that goes away again and again is somebody's doing */

/* The page behind an address, with one more reference for the caller. */
static int
page_pin(struct vm_space *s, uintptr_t at, bool write, uint64_t *pa)
{
    for (unsigned tries = 0; tries < TRIES; tries++) {
        uint64_t need = PTE_PRESENT | (write ? PTE_WRITE : 0);
        const uint64_t *entry;
        int err;

        mutex_lock(&s->lock, WAIT_FOREVER);
        entry = vm_entry(s, at, false);
        if (entry && (*entry & need) == need) {
            *pa = *entry & PTE_ADDRESS;
            page_get(*pa);
            mutex_unlock(&s->lock);
            return 0;
        }
        mutex_unlock(&s->lock);
        err = vm_fault(s, at, PF_USER | (write ? PF_WRITE : 0));
        if (err)
            return err == -ENOMEM ? err : -EFAULT;
    }
    return -EFAULT;
}

int
vm_pin(struct vm_space *s, uintptr_t at, size_t size, bool write, struct data_piece *piece, uint32_t max,
       size_t *pinned)
{
    uint32_t n = 0;
    int err = 0;

    *pinned = 0;
    while (*pinned < size) {
        uint32_t offset = (uint32_t)((at + *pinned) & (PAGE_SIZE - 1)),
                 part = (uint32_t)MIN(size - *pinned, PAGE_SIZE - offset);
        uint64_t pa;

        if (n == max)
            break;
        err = page_pin(s, at + *pinned - offset, write, &pa);
        if (err)
            break;
        piece[n++] = (struct data_piece){pa + offset, part};
        *pinned += part;
    }
    return n ? (int)n : err;
}

void
vm_unpin(const struct data_piece *piece, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        page_put(ALIGN_DOWN(piece[i].pa, PAGE_SIZE));
}
