/* Pages of a program that a device uses: pieces, references, what is not there. */
#include "kernel/mem/dma.h"
#include "kernel/mem/page.h"
#include "kernel/mem/vm.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"
#include "tests/guest/ktest.h"

#define BASE  0x100000000ul
#define PAGES 64

static uint8_t
byte_of(uintptr_t at)
{
    return (uint8_t)(at * 7 ^ at >> 12);
}

/* Each piece is where the bytes are, follows the one before, and is not longer than it may be. Returns: all bytes */
static size_t
pieces_check(const struct data_piece *piece, int count, uintptr_t at)
{
    size_t all = 0;

    for (int i = 0; i < count; i++) {
        const uint8_t *bytes = phys_to_virt(piece[i].pa);

        KCHECK(piece[i].size && piece[i].size <= VM_PIECE_MAX);
        for (uint32_t n = 0; n < piece[i].size; n++)
            if (bytes[n] != byte_of(at + all + n)) {
                KCHECK_EQ(bytes[n], byte_of(at + all + n));
                return all;
            }
        all += piece[i].size;
    }
    return all;
}

static void
pages_fill(struct vm_space *s, uintptr_t at, uint32_t pages)
{
    for (uint32_t i = 0; i < pages; i++, at += PAGE_SIZE) {
        struct data_piece p;
        size_t pinned;
        uint8_t *bytes;

        KCHECK_EQ(vm_pin(s, at, PAGE_SIZE, true, &p, 1, &pinned), 1);
        bytes = phys_to_virt(p.pa);
        for (uint32_t n = 0; n < PAGE_SIZE; n++)
            bytes[n] = byte_of(at + n);
        vm_unpin(&p, 1);
    }
}

/* Page by page: how many pieces there have to be. */
static int
runs_count(struct vm_space *s, uintptr_t at)
{
    uint64_t behind = 0, size = VM_PIECE_MAX;
    int count = 0;

    for (uint32_t i = 0; i < PAGES; i++) {
        struct data_piece p = {.size = 0};
        size_t pinned;

        KCHECK_EQ(vm_pin(s, at + i * PAGE_SIZE, PAGE_SIZE, true, &p, 1, &pinned), 1);
        vm_unpin(&p, 1);
        if (p.pa != behind || size == VM_PIECE_MAX) {
            count++;
            size = 0;
        }
        size += PAGE_SIZE;
        behind = p.pa + PAGE_SIZE;
    }
    return count;
}

KTEST(vm_pin_gives_pieces_of_pages_that_follow_one_another)
{
    static const struct {
        uint32_t offset, size;
    } rows[] = {{0, PAGES * 4096},   {0, 1},       {4095, 2},           {512, 4096},
                {1, 4096 * 40 + 17}, {0, 0x10000}, {8192, 0x10000 + 1}, {4096 * 63 + 100, 3996}};
    static struct data_piece piece[PAGES];
    struct vm_space *s = NULL;
    struct frame_stats before, after;
    uintptr_t at;
    size_t pinned;

    frame_drain();
    frame_stats(&before);
    KCHECK_EQ(vm_create(&s), 0);
    KCHECK_EQ(vm_map(s, BASE, PAGES * PAGE_SIZE, VM_READ | VM_WRITE, VM_FIXED, NULL, 0, &at), 0);
    pages_fill(s, at, PAGES);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int n = vm_pin(s, at + rows[i].offset, rows[i].size, i & 1, piece, PAGES, &pinned);

        KCHECK(n > 0 && pinned == rows[i].size);
        KCHECK_EQ(pieces_check(piece, n, at + rows[i].offset), rows[i].size);
        KCHECK_EQ(page_frame(piece[0].pa)->refs, 2);
        vm_unpin(piece, (uint32_t)n);
        KCHECK_EQ(page_frame(piece[0].pa)->refs, 1);
    }
    KCHECK_EQ(vm_pin(s, at, PAGES * PAGE_SIZE, true, piece, PAGES, &pinned), runs_count(s, at));
    KCHECK_EQ(pinned, PAGES * PAGE_SIZE);
    vm_put(s); /* the device still has the pages */
    KCHECK(pieces_check(piece, 1, at) == piece[0].size);
    for (size_t left = PAGES * PAGE_SIZE, i = 0; left; left -= piece[i++].size)
        vm_unpin(&piece[i], 1);
    frame_drain();
    frame_stats(&after);
    KCHECK_EQ(after.free, before.free);
}

KTEST(vm_pin_stops_where_nothing_is)
{
    struct data_piece piece[4];
    struct vm_space *s = NULL;
    uintptr_t at;
    size_t pinned = 1;
    int n;

    KCHECK_EQ(vm_create(&s), 0);
    KCHECK_EQ(vm_map(s, BASE, 2 * PAGE_SIZE, VM_READ, VM_FIXED, NULL, 0, &at), 0);
    KCHECK_EQ(vm_pin(s, at - PAGE_SIZE, PAGE_SIZE, false, piece, 4, &pinned), -EFAULT);
    KCHECK_EQ(pinned, 0);
    KCHECK_EQ(vm_pin(s, at, PAGE_SIZE, true, piece, 4, &pinned), -EFAULT); /* a device must not write there */
    n = vm_pin(s, at + 8, 4 * PAGE_SIZE, false, piece, 4, &pinned);
    KCHECK(n > 0);
    KCHECK_EQ(pinned, 2 * PAGE_SIZE - 8);
    vm_unpin(piece, (uint32_t)n);
    n = vm_pin(s, at, 2 * PAGE_SIZE, false, piece, 1, &pinned); /* no room for a second piece */
    KCHECK(n == 1 && pinned == piece[0].size);
    vm_unpin(piece, 1);
    vm_put(s);
}
