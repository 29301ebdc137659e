#include "kernel/fs/cached.h"
#include "kernel/mem/page.h"
#include "lib/errno.h"

#define WINDOW_FIRST 4u /* pages */

/* Before page `index` is asked for, out of `left` that this read wants. */
static void
read_ahead(struct cache *c, struct read_ahead *a, uint64_t index, uint64_t left, uint64_t end)
{
    bool in_order = index == a->next || index + 1 == a->next; /* or once more the page that it ended in */

    if (!in_order) {
        a->window = 0;
        a->until = index;
    } else if (a->until <= index + a->window / 2) {
        uint64_t from = MAX(a->until, index);

        a->window = MIN(MAX(a->window * 2, WINDOW_FIRST), CACHE_RUN);
        a->until = MIN(from + MAX((uint64_t)a->window, left), MAX(end, from));
        cache_ahead(c, from, (uint32_t)MIN(a->until - from, (uint64_t)CACHE_RUN));
    }
}

/* Of a page that cannot be read as a whole: its blocks that can. */
static long
read_blocks(struct cache *c, struct uio *u, uint64_t at, size_t n, uint32_t block)
{
    uint64_t from = ALIGN_DOWN(at, (uint64_t)block), end = ALIGN_UP(at + n, (uint64_t)block),
             pa = page_alloc_unclean();
    char *room = phys_to_virt(pa);
    long moved = -ENOMEM;

    if (!pa)
        return moved;
    moved = cache_read_blocks(c, from, room, (uint32_t)(end - from));
    if (!moved)
        moved = uio_to(u, room + (at - from), n);
    page_put(pa);
    return moved;
}

#define AT_ONCE 16 /* pages under one lock */

/* Pages that hold [at, at + n), at least the first; put into the reader's memory as far as they reach. */
static long
read_pages(struct cache *c, struct uio *u, uint64_t at, size_t n, uint32_t block)
{
    uint32_t wanted = (uint32_t)((at % PAGE_SIZE + n + PAGE_SIZE - 1) / PAGE_SIZE), there;
    uint64_t pa[AT_ONCE];
    size_t done = 0;
    long moved = 0;

    there = cache_ready(c, at / PAGE_SIZE, pa, MIN(wanted, (uint32_t)AT_ONCE));
    if (!there) {
        int err = cache_page(c, at / PAGE_SIZE, MIN(wanted, CACHE_RUN) - 1, pa);

        if (err == -EIO)
            return read_blocks(c, u, at, MIN(n, PAGE_SIZE - (size_t)(at % PAGE_SIZE)), block);
        if (err)
            return err;
        there = 1;
    }
    for (uint32_t i = 0, next; i < there && moved == 0; i = next) {
        size_t offset = (at + done) % PAGE_SIZE, part;

        for (next = i + 1; next < there && pa[next] == pa[next - 1] + PAGE_SIZE;)
            next++; /* pages that lie behind one another are moved at once */
        part = MIN(n - done, (next - i) * PAGE_SIZE - offset);
        moved = uio_to(u, (char *)phys_to_virt(pa[i]) + offset, part);
        if (moved > 0)
            done += (size_t)moved;
        moved = moved == (long)part ? 0 : -EFAULT;
    }
    for (uint32_t i = 0; i < there; i++)
        page_put(pa[i]);
    return done ? (long)done : -EFAULT;
}

long
cached_read(struct cache *c, struct uio *u, uint64_t at, size_t n, uint64_t end, uint32_t block,
            struct read_ahead *ahead)
{
    uint64_t last = (end + PAGE_SIZE - 1) / PAGE_SIZE;
    size_t done = 0;

    while (done < n) {
        uint64_t index = (at + done) / PAGE_SIZE,
                 left = ((at + done) % PAGE_SIZE + n - done + PAGE_SIZE - 1) / PAGE_SIZE;
        size_t part = MIN(n - done, AT_ONCE * PAGE_SIZE - (size_t)((at + done) % PAGE_SIZE));
        long moved;

        read_ahead(c, ahead, index, left, last);
        moved = read_pages(c, u, at + done, part, block);
        if (moved <= 0)
            return done ? (long)done : moved;
        done += (size_t)moved;
        ahead->next = (at + done + PAGE_SIZE - 1) / PAGE_SIZE;
    }
    return (long)done;
}

/* ---- writing, a run of pages at a time ---- */

struct run {
    uint64_t page[CACHE_RUN], is_new, is_loose; /* loose: it could not be read */
    uint32_t count;
};

static void
run_put(struct run *r)
{
    while (r->count)
        page_put(r->page[--r->count]);
}

/* The pages of [at, at + n): those that are written whole need not be read, and of whole blocks (in_blocks) not be readable. */
static int
run_get(struct cache *c, struct run *r, uint64_t at, size_t n, bool in_blocks)
{
    uint64_t first = at / PAGE_SIZE, last = (at + n - 1) / PAGE_SIZE;
    int err = 0;

    *r = (struct run){.is_new = 0};
    for (uint64_t i = first; i <= last && !err; i++) {
        uint64_t *page = &r->page[r->count];
        bool whole = i * PAGE_SIZE >= at && (i + 1) * PAGE_SIZE <= at + n;

        err = whole ? -ENOENT : cache_page(c, i, 0, page);
        if (whole)
            r->is_new |= 1ull << r->count;
        else if (err == -EIO && in_blocks)
            r->is_loose |= 1ull << r->count;
        if (err == -ENOENT || (err == -EIO && in_blocks)) {
            *page = page_alloc_unclean();
            err = *page ? 0 : -ENOMEM;
        }
        r->count += !err;
    }
    if (err)
        run_put(r);
    return err;
}

/* From the program into the pages. Returns: bytes. */
static size_t
run_fill(const struct run *r, struct uio *u, size_t offset, size_t n)
{
    size_t done = 0;

    for (uint32_t i = 0; i < r->count; i++, offset = 0) {
        size_t part = MIN(n - done, PAGE_SIZE - offset);
        long moved = uio_from(u, (char *)phys_to_virt(r->page[i]) + offset, part);

        if (moved > 0)
            done += (size_t)moved;
        if (moved < (long)part)
            break;
    }
    return done;
}

/* One run. What the program does not give stays as it is on the device. */
static long
run_write(struct cache *c, struct uio *u, uint64_t at, size_t n, uint32_t block)
{
    uint64_t from = ALIGN_DOWN(at, (uint64_t)block), end;
    size_t done, stop;
    struct run r;
    int err = run_get(c, &r, at, n, !((at | n) & (block - 1)));

    if (err)
        return err;
    done = run_fill(&r, u, at % PAGE_SIZE, n);
    stop = at % PAGE_SIZE + done;
    if (done < n &&
        (r.is_new | r.is_loose) >> stop / PAGE_SIZE & 1) /* broken off in a page that nobody has read */
        done -= MIN(done, stop % PAGE_SIZE);
    end = ALIGN_UP(at + done, (uint64_t)block);
    if (done)
        err = cache_write(c, from, (uint32_t)(end - from), r.page, r.is_new, r.is_loose);
    run_put(&r);
    return err ? err : done ? (long)done : -EFAULT;
}

long
cached_write(struct cache *c, struct uio *u, uint64_t at, size_t n, uint32_t block)
{
    size_t done = 0;

    while (done < n) {
        uint64_t from = at + done;
        size_t part = MIN(n - done, (cache_run(c) * PAGE_SIZE) - (size_t)(from % PAGE_SIZE));
        long moved = run_write(c, u, from, part, block);

        if (moved <= 0)
            return done ? (long)done : moved;
        done += (size_t)moved;
        if ((size_t)moved < part)
            break;
    }
    return (long)done;
}
