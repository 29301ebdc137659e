/* The block cache, over a disk in memory that is the test's own: what is read, together and once; errors; what is forgotten. */
#include "kernel/block/cache.h"
#include "kernel/mem/page.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/space.h"
#include "kernel/sched/thread.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "tests/guest/ktest.h"

#define BLOCK  512u
#define BLOCKS 1003u /* 125 pages, and three blocks of another one */
#define PAGES  126u
#define NONE   UINT64_MAX

static uint8_t medium[BLOCKS * BLOCK];
static uint64_t bad;                      /* a byte that cannot be read or written */
static uint32_t commands;                 /* that the disk got */
static struct block_request *held[PAGES]; /* while hold: not done yet */
static uint32_t held_count;
static bool hold;

static void
command_run(struct disk *d, struct block_request *r)
{
    uint8_t irql = irql_raise(DISPATCH_LEVEL);
    int error = bad - r->start < r->size ? -EIO : 0;
    uint64_t at = r->start;

    for (uint32_t i = 0; i < r->pieces && !error; at += r->piece[i++].size) {
        void *memory = phys_to_virt(r->piece[i].pa);

        if (r->op == BLOCK_READ)
            memcpy(memory, medium + at, r->piece[i].size);
        else
            memcpy(medium + at, memory, r->piece[i].size);
    }
    disk_done(d, r, error);
    irql_lower(irql);
}

static void
fake_start(struct disk *d, struct block_request *r, uint64_t start, uint32_t size, uint32_t pieces)
{
    commands++;
    if (hold)
        held[held_count++] = r;
    else
        command_run(d, r);
}

static void
fake_free(struct disk *d)
{
}

static const struct block_ops fake_ops = {.start = fake_start, .free = fake_free};

/* The disk, its cache, and how much memory there was before. */
static struct frame_stats before;

static struct cache *
begin(struct disk **d, uint32_t max_bytes)
{
    struct cache *c;

    for (size_t i = 0; i < sizeof(medium); i++)
        medium[i] = (uint8_t)(i * 31 ^ i >> 9);
    bad = NONE;
    hold = false;
    commands = held_count = 0;
    *d = disk_new(&fake_ops, NULL);
    if (!*d) {
        ktest_fail(__FILE__, __LINE__, "no memory");
        return NULL;
    }
    (*d)->depth = 64;
    (*d)->max_bytes = max_bytes;
    (*d)->max_pieces = 32;
    (*d)->whole_only = true;
    KCHECK_EQ(disk_add(*d, "td", sizeof(medium)), 0);
    frame_drain();
    frame_stats(&before);
    c = cache_open(&(*d)->whole);
    KCHECK(c != NULL);
    return c;
}

static void
end(struct disk *d, struct cache *c)
{
    struct frame_stats after;

    cache_close(c);
    frame_drain();
    frame_stats(&after);
    KCHECK(after.free + 16 >= before.free); /* of 126 pages none is left; slabs may be */
    disk_gone(d);
}

static bool
page_is_right(uint64_t pa, uint64_t index)
{
    uint64_t at = index * PAGE_SIZE, n = MIN(PAGE_SIZE, sizeof(medium) - at);
    const uint8_t *bytes = phys_to_virt(pa);

    for (uint64_t i = n; i < PAGE_SIZE; i++)
        if (bytes[i])
            return false;
    return !memcmp(bytes, medium + at, n);
}

KTEST(cache_reads_pages_together_and_once)
{
    struct disk *d;
    struct cache *c = begin(&d, 0x20000);
    uint64_t pa, many[PAGES];

    KCHECK_EQ(cache_run(c), 32);
    KCHECK_EQ(cache_page(c, 0, 7, &pa), 0);
    KCHECK(page_is_right(pa, 0) && commands == 1);
    page_put(pa);
    KCHECK_EQ(cache_ready(c, 0, many, PAGES), 8);
    for (uint32_t i = 0; i < 8; i++) {
        KCHECK(page_is_right(many[i], i));
        page_put(many[i]);
    }
    for (uint64_t i = 0; i < PAGES; i++) {
        KCHECK_EQ(cache_page(c, i, 200, &pa), 0);
        KCHECK(page_is_right(pa, i));
        page_put(pa);
    }
    KCHECK_EQ(commands, 1 + 4); /* 118 pages by 32 */
    KCHECK_EQ(cache_page(c, PAGES, 0, &pa), -EIO);
    cache_drop(c, 10 * PAGE_SIZE + 1, PAGE_SIZE);
    KCHECK_EQ(cache_ready(c, 0, many, PAGES), 10);
    for (uint32_t i = 0; i < 10; i++)
        page_put(many[i]);
    KCHECK_EQ(cache_page(c, 12, 0, &pa), 0);
    KCHECK_EQ(commands, 5);
    page_put(pa);
    end(d, c);
}

KTEST(cache_of_a_disk_that_takes_less_than_a_page)
{
    struct disk *d;
    struct cache *c = begin(&d, BLOCK);
    uint64_t pa;

    KCHECK_EQ(cache_page(c, 3, 5, &pa), 0);
    KCHECK(page_is_right(pa, 3));
    memset(phys_to_virt(pa), 0x5a, PAGE_SIZE);
    KCHECK_EQ(cache_write(c, 3 * PAGE_SIZE, PAGE_SIZE, &pa, 0, 0), 0);
    KCHECK_EQ(medium[3 * PAGE_SIZE + 4095], 0x5a);
    page_put(pa);
    end(d, c);
}

KTEST(cache_page_that_is_bad_costs_itself)
{
    struct disk *d;
    struct cache *c = begin(&d, 0x20000);
    uint64_t pa;

    bad = 3 * PAGE_SIZE + 700;
    KCHECK_EQ(cache_page(c, 1, 7, &pa), 0);
    KCHECK(page_is_right(pa, 1));
    page_put(pa);
    KCHECK_EQ(cache_page(c, 3, 0, &pa), -EIO);
    KCHECK_EQ(cache_page(c, 4, 0, &pa), 0);
    page_put(pa);
    KCHECK_EQ(cache_page(c, 1, 0, &pa), 0);
    memset(phys_to_virt(pa), 1, PAGE_SIZE);
    bad = PAGE_SIZE;
    KCHECK_EQ(cache_write(c, PAGE_SIZE, PAGE_SIZE, &pa, 0, 0), -EIO);
    page_put(pa);
    bad = NONE; /* what was not written is not there: it is read again */
    KCHECK_EQ(cache_page(c, 1, 0, &pa), 0);
    KCHECK(page_is_right(pa, 1));
    page_put(pa);
    KCHECK_EQ(cache_page(c, 3, 0, &pa), 0);
    KCHECK(page_is_right(pa, 3));
    page_put(pa);
    end(d, c);
}

KTEST(cache_write_enters_what_is_new)
{
    struct disk *d;
    struct cache *c = begin(&d, 0x20000);
    uint64_t page[3], pa;

    for (unsigned i = 0; i < 3; i++) {
        page[i] = page_alloc();
        memset(phys_to_virt(page[i]), (int)(i + 1), PAGE_SIZE);
    }
    KCHECK_EQ(cache_write(c, 20 * PAGE_SIZE, 3 * PAGE_SIZE, page, 7, 0), 0);
    commands = 0;
    for (uint64_t i = 20; i < 23; i++) {
        KCHECK_EQ(cache_page(c, i, 0, &pa), 0);
        KCHECK(pa == page[i - 20] && page_is_right(pa, i));
        page_put(pa);
    }
    KCHECK_EQ(commands, 0);
    KCHECK_EQ(cache_page(c, 30, 0, &pa), 0); /* somebody has read it before: it becomes what was written */
    KCHECK_EQ(cache_write(c, 30 * PAGE_SIZE, PAGE_SIZE, page, 1, 0), 0);
    KCHECK(page_is_right(pa, 30));
    page_put(pa);
    KCHECK_EQ(cache_write(c, 30 * PAGE_SIZE + 512, 512, &page[1], 0, 1), 0); /* a loose one: forgotten */
    KCHECK_EQ(cache_ready(c, 30, &pa, 1), 0);
    for (unsigned i = 0; i < 3; i++)
        page_put(page[i]);
    end(d, c);
}

/* Two wait for a page that is on its way; it is dropped, and comes all the same. */
static struct cache *waited;
static uint32_t got_it;

static void
waiter(void *context)
{
    uint64_t pa;

    if (!cache_page(waited, 5, 3, &pa)) {
        if (page_is_right(pa, 5))
            __atomic_add_fetch(&got_it, 1, __ATOMIC_RELAXED);
        page_put(pa);
    }
}

KTEST(cache_pages_on_their_way_are_waited_for_and_may_be_dropped)
{
    struct disk *d;
    struct cache *c = waited = begin(&d, 0x20000);
    struct thread *t[2];
    uint64_t pa;

    hold = true;
    got_it = 0;
    cache_ahead(c, 4, 8);
    KCHECK(commands == 1 && held_count == 1);
    KCHECK_EQ(cache_ready(c, 5, &pa, 1), 0);
    for (unsigned i = 0; i < 2; i++)
        KCHECK_EQ(thread_create(&t[i], "waiter", PRIORITY_NORMAL, waiter, NULL), 0);
    thread_sleep(MS(20));
    KCHECK_EQ(__atomic_load_n(&got_it, __ATOMIC_RELAXED), 0);
    cache_drop(c, 0, sizeof(medium));
    hold = false;
    command_run(d, held[0]);
    for (unsigned i = 0; i < 2; i++)
        KCHECK_EQ(thread_join(t[i], SECONDS(60), NULL), 0);
    KCHECK_EQ(got_it, 2);
    KCHECK_EQ(cache_page(c, 4, 0, &pa), 0);
    page_put(pa);
    end(d, c);
}
