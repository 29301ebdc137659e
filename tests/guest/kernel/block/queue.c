/*
 * The way of block requests, with a disk that is the test's own: limits, depth, turns, merging, errors, a disk that goes.
 */
#include "kernel/block/block.h"
#include "kernel/sched/thread.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "tests/guest/ktest.h"

#define REQUESTS 32
#define BLOCK    512u
#define WAIT     SECONDS(60)

/* What the disk was asked, in order; commands stay until let go. */
static struct command {
    struct block_request *r;
    uint64_t start;
    uint32_t size, pieces;
} commands[REQUESTS * 2];
static uint32_t command_count;
static bool held, freed;
static int error_of_many; /* what a command of several requests ends with */

static void
fake_start(struct disk *d, struct block_request *r, uint64_t start, uint32_t size, uint32_t pieces)
{
    uint32_t n = __atomic_fetch_add(&command_count, 1, __ATOMIC_RELAXED);
    uint8_t irql = irql_raise(DISPATCH_LEVEL);

    if (n < ARRAY_SIZE(commands))
        commands[n] = (struct command){r, start, size, pieces};
    if (!held)
        disk_done(d, r, r->next ? error_of_many : 0);
    irql_lower(irql);
}

static void
fake_free(struct disk *d)
{
    freed = true;
}

static const struct block_ops fake_ops = {.start = fake_start, .free = fake_free};

static struct disk *
fake_disk(uint32_t depth)
{
    struct disk *d = disk_new(&fake_ops, NULL);

    command_count = 0;
    held = freed = false;
    error_of_many = 0;
    if (!d) {
        ktest_fail(__FILE__, __LINE__, "no memory");
        return NULL;
    }
    d->depth = depth;
    d->max_bytes = 8 * BLOCK;
    d->max_pieces = 8;
    d->whole_only = true;
    KCHECK_EQ(disk_add(d, "td", 1000ull * BLOCK), 0);
    return d;
}

static struct block_request requests[REQUESTS];
static struct data_piece piece = {0x1000, BLOCK};
static uint32_t done_count;

static void
done(struct block_request *r)
{
    KCHECK_EQ(irql_current(), DISPATCH_LEVEL);
    done_count++;
}

/* One block at `block`. */
static void
submit(struct disk *d, unsigned n, enum block_op op, uint64_t block)
{
    requests[n] = (struct block_request){.device = &d->whole,
                                         .op = (uint8_t)op,
                                         .start = block * BLOCK,
                                         .size = BLOCK,
                                         .piece = &piece,
                                         .pieces = 1,
                                         .done = done,
                                         .error = 1};
    block_submit(&requests[n]);
}

/* Let go what is held, as it comes. */
static void
let_go(struct disk *d, uint32_t from)
{
    uint8_t irql = irql_raise(DISPATCH_LEVEL);

    held = false;
    for (uint32_t n = from, end = command_count; n < end; n++)
        disk_done(d, commands[n].r, commands[n].r->next ? error_of_many : 0);
    irql_lower(irql);
}

KTEST(block_requests_out_of_range_are_refused)
{
    static const struct {
        uint64_t op;
        uint64_t start;
        uint32_t size, pieces;
        int error;
    } rows[] = {
        {BLOCK_READ, 0, BLOCK, 1, 0},
        {BLOCK_READ, 999 * BLOCK, BLOCK, 1, 0},
        {BLOCK_READ, 1000 * BLOCK, BLOCK, 1, -EINVAL},
        {BLOCK_WRITE, 1000 * BLOCK, BLOCK, 1, -ENOSPC},
        {BLOCK_WRITE, 999 * BLOCK, 2 * BLOCK, 2, -ENOSPC},
        {BLOCK_READ, UINT64_MAX & ~511ull, BLOCK, 1, -EINVAL},
        {BLOCK_READ, 1, BLOCK, 1, -EINVAL},
        {BLOCK_READ, 0, BLOCK + 1, 1, -EINVAL},
        {BLOCK_READ, 0, 0, 1, -EINVAL},
        {BLOCK_READ, 0, 9 * BLOCK, 1, -EINVAL},
        {BLOCK_READ, 0, BLOCK, 9, -EINVAL},
        {BLOCK_READ, 0, BLOCK, 0, -EINVAL},
        {BLOCK_DISCARD, 0, BLOCK, 0, -EOPNOTSUPP},
        {BLOCK_FLUSH, 0, 0, 0, 0},
    };
    struct disk *d = fake_disk(4);

    for (unsigned i = 0; d && i < ARRAY_SIZE(rows); i++) {
        struct block_request r = {.device = &d->whole,
                                  .op = (uint8_t)rows[i].op,
                                  .start = rows[i].start,
                                  .size = rows[i].size,
                                  .piece = &piece,
                                  .pieces = rows[i].pieces};

        if (block_execute(&r) != rows[i].error)
            ktest_fail(__FILE__, __LINE__, "row %u: %d, want %d", i, r.error, rows[i].error);
    }
    if (!d)
        return;
    d->read_only = true;
    submit(d, 0, BLOCK_WRITE, 0);
    KCHECK_EQ(requests[0].error, -EROFS);
    disk_gone(d);
    KCHECK(freed);
}

KTEST(block_depth_is_kept_and_neighbours_go_as_one)
{
    struct disk *d = fake_disk(1);

    if (!d)
        return;
    held = true;
    done_count = 0;
    submit(d, 0, BLOCK_READ, 0);
    for (unsigned n = 1; n <= 10; n++) /* 100 to 109: eight fit into a command */
        submit(d, n, BLOCK_READ, 99 + n);
    submit(d, 11, BLOCK_READ, 200);  /* not behind them */
    submit(d, 12, BLOCK_WRITE, 201); /* another direction */
    submit(d, 13, BLOCK_WRITE, 202);
    KCHECK_EQ(command_count, 1);
    let_go(d, 0);
    KCHECK_EQ(done_count, 14);
    KCHECK_EQ(command_count, 5);
    KCHECK(commands[1].start == 100 * BLOCK && commands[1].size == 8 * BLOCK && commands[1].pieces == 8);
    KCHECK(commands[2].start == 108 * BLOCK && commands[2].size == 2 * BLOCK);
    KCHECK(commands[3].size == BLOCK && commands[4].start == 201 * BLOCK && commands[4].size == 2 * BLOCK);
    for (unsigned n = 0; n < 14; n++)
        KCHECK_EQ(requests[n].error, 0);
    KCHECK_EQ(d->whole.stats.merged[BLOCK_READ], 8);
    KCHECK_EQ(d->whole.stats.bytes[BLOCK_READ], 12 * BLOCK);
    disk_gone(d);
}

/* Each command ends before its start returns: however many wait, the stack does not grow. */
KTEST(block_requests_that_end_at_once_do_not_nest)
{
    static struct block_request many[2000];
    struct disk *d = fake_disk(1);

    if (!d)
        return;
    held = true;
    done_count = 0;
    submit(d, 0, BLOCK_READ, 0);
    for (unsigned n = 0; n < ARRAY_SIZE(many); n++) {
        many[n] = (struct block_request){.device = &d->whole,
                                         .op = BLOCK_READ,
                                         .start = n % 500 * 2 * BLOCK, /* no neighbours */
                                         .size = BLOCK,
                                         .piece = &piece,
                                         .pieces = 1,
                                         .done = done};
        block_submit(&many[n]);
    }
    let_go(d, 0);
    KCHECK_EQ(done_count, 1 + ARRAY_SIZE(many));
    disk_gone(d);
}

KTEST(block_command_of_many_that_fails_is_tried_one_by_one)
{
    struct disk *d = fake_disk(1);

    if (!d)
        return;
    held = true;
    error_of_many = -EIO;
    done_count = 0;
    submit(d, 0, BLOCK_READ, 0);
    for (unsigned n = 1; n <= 4; n++)
        submit(d, n, BLOCK_READ, 9 + n);
    let_go(d, 0);
    KCHECK_EQ(done_count, 5);
    KCHECK_EQ(command_count, 6); /* the first, the four as one, each alone */
    for (unsigned n = 0; n <= 4; n++)
        KCHECK_EQ(requests[n].error, 0);
    disk_gone(d);
}

static void
gone_thread(void *context)
{
    disk_gone(context);
}

KTEST(block_disk_that_goes_ends_all_requests)
{
    uint64_t deadline = timer_deadline(WAIT);
    struct disk *d = fake_disk(2);
    struct thread *t;

    if (!d)
        return;
    held = true;
    done_count = 0;
    for (unsigned n = 0; n < 6; n++)
        submit(d, n, BLOCK_READ, 10 * n);
    KCHECK_EQ(command_count, 2);
    KCHECK_EQ(thread_create(&t, "gone", PRIORITY_NORMAL, gone_thread, d), 0);
    while (__atomic_load_n(&done_count, __ATOMIC_ACQUIRE) < 4 && time_now() < deadline)
        thread_sleep(MS(1));
    KCHECK_EQ(done_count, 4); /* what waited */
    KCHECK(!freed);
    submit(d, 6, BLOCK_READ, 0);
    KCHECK_EQ(requests[6].error, -ENODEV);
    let_go(d, 0);
    KCHECK_EQ(thread_join(t, WAIT, NULL), 0);
    KCHECK(freed);
    KCHECK_EQ(done_count, 7);
    for (unsigned n = 0; n < 6; n++)
        KCHECK_EQ(requests[n].error, n < 2 ? 0 : -ENODEV);
}

KTEST(block_devices_are_found_by_name_and_number_while_they_are_there)
{
    struct disk *d = fake_disk(1);
    struct block_device *b, *same;

    if (!d)
        return;
    b = block_open(d->whole.name);
    same = block_open_number(d->whole.number);
    KCHECK(b == &d->whole && same == b);
    disk_gone(d);
    KCHECK(!freed); /* it is open */
    KCHECK(!block_open("tda"));
    if (b)
        block_close(b);
    if (same)
        block_close(same);
    KCHECK(freed);
}
