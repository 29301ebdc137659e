/*
 * The list of devices: names, numbers, life and death.
 */
#include "kernel/block/block_impl.h"
#include "kernel/block/cache.h"
#include "kernel/console/log.h"
#include "kernel/mem/pool.h"
#include "kernel/sched/thread.h"
#include "lib/errno.h"
#include "lib/format.h"
#include "lib/string.h"

#define BLOCK_TAG POOL_TAG('b', 'l', 'c', 'k')

/* Linux's numbers: SCSI disks have majors 8, 65 to 71, 128 to 135 with 16 minors a disk; CDs 11. What does not fit there
 * (a partition above 15, a disk above 255) has major 259, as Linux's extended ones. */
#define MAJOR_SD       8
#define MAJOR_SR       11
#define MAJOR_EXTENDED 259
#define MINORS         16

static struct mutex lock;                        /* [m] */
static struct list devices = LIST_INIT(devices); /* [m] */
static uint32_t extended;                        /* [m] the next of MAJOR_EXTENDED */
static void (*tell_added)(struct block_device *b), (*tell_removed)(struct block_device *b); /* [I] */

void
block_init(void (*added)(struct block_device *b), void (*removed)(struct block_device *b))
{
    mutex_init(&lock);
    tell_added = added;
    tell_removed = removed;
}

static uint64_t
number_of(uint32_t major, uint32_t minor)
{
    return (uint64_t)(minor & 0xff) | (uint64_t)(major & 0xfff) << 8 | (uint64_t)(minor & ~0xffu) << 12;
}

static uint64_t
number_make(const struct disk *d, const struct block_device *b)
{
    static const uint16_t majors[] = {MAJOR_SD, 65,  66,  67,  68,  69,  70,  71,
                                      128,      129, 130, 131, 132, 133, 134, 135};

    if (d->whole.name[1] == 'r')
        return number_of(MAJOR_SR, d->number);
    if (d->number < 256 && b->part < MINORS)
        return number_of(majors[d->number / 16], d->number % 16 * MINORS + b->part);
    return number_of(MAJOR_EXTENDED, extended++);
}

/* "sda".."sdz", "sdaa"..; "sr0".. */
static void
name_make(char *name, const char *prefix, uint32_t n)
{
    char letters[4];
    unsigned i = sizeof(letters) - 1;

    if (prefix[1] == 'r') {
        snprintf(name, BLOCK_NAME, "%s%u", prefix, n);
        return;
    }
    letters[i] = 0;
    for (uint32_t left = n + 1; left && i; left = (left - 1) / 26)
        letters[--i] = (char)('a' + (left - 1) % 26);
    snprintf(name, BLOCK_NAME, "%s%s", prefix, letters + i);
}

static bool
is_taken(const char *name)
{
    const struct block_device *b;

    list_for_each_entry(b, &devices, link)
        if (!strcmp(b->name, name))
            return true;
    return false;
}

struct disk *
disk_new(const struct block_ops *ops, void *private)
{
    struct disk *d = pool_zalloc(sizeof(*d), BLOCK_TAG);

    if (!d)
        return NULL;
    d->ops = ops;
    d->private = private;
    d->refs = 1;
    d->block_size = d->physical_size = SECTOR;
    d->depth = 1;
    d->whole.disk = d;
    spin_init(&d->lock, LOCK_BLOCK, "a disk");
    mutex_init(&d->looking);
    for (unsigned i = 0; i < BLOCK_TURNS; i++)
        list_init(&d->waiting[i]);
    return d;
}

void
disk_put(struct disk *d)
{
    if (__atomic_sub_fetch(&d->refs, 1, __ATOMIC_ACQ_REL))
        return;
    for (unsigned i = 0; i < BLOCK_PARTS_MAX; i++)
        pool_free(d->parts[i], BLOCK_TAG);
    d->ops->free(d);
    pool_free(d, BLOCK_TAG);
}

int
device_enter(struct disk *d, struct block_device *b)
{
    b->disk = d;
    b->number = number_make(d, b);
    list_add_tail(&devices, &b->link);
    tell_added(b);
    return 0;
}

void
device_leave(struct block_device *b)
{
    __atomic_store_n(&b->gone, true, __ATOMIC_RELEASE);
    tell_removed(b);
    list_del(&b->link);
}

/* The disk's mutex is held. */
static void
parts_look(struct disk *d)
{
    struct table *t = parts_read(d);

    mutex_lock(&lock, WAIT_FOREVER);
    parts_enter(d, t);
    mutex_unlock(&lock);
}

int
disk_add(struct disk *d, const char *prefix, uint64_t size)
{
    struct table *t;

    mutex_lock(&lock, WAIT_FOREVER);
    do
        name_make(d->whole.name, prefix, d->number++);
    while (is_taken(d->whole.name));
    d->number--;
    d->whole.size = size;
    d->whole.number = number_make(d, &d->whole);
    d->whole.coming = true;
    list_add_tail(&devices, &d->whole.link);
    mutex_unlock(&lock);
    mutex_lock(&d->looking, WAIT_FOREVER);
    t = parts_read(d);
    mutex_lock(&lock, WAIT_FOREVER);
    d->whole.coming = false;
    tell_added(&d->whole);
    parts_enter(d, t);
    mutex_unlock(&lock);
    mutex_unlock(&d->looking);
    return 0;
}

void
disk_resize(struct disk *d, uint64_t size)
{
    bool free;

    cache_drop_device(&d->whole);
    mutex_lock(&d->looking, WAIT_FOREVER);
    mutex_lock(&lock, WAIT_FOREVER);
    free = !parts_forget(d);
    if (free)
        d->whole.size = size;
    mutex_unlock(&lock);
    if (free)
        parts_look(d);
    mutex_unlock(&d->looking);
}

int
block_reread(struct disk *d)
{
    struct table *t;
    int err;

    mutex_lock(&d->looking, WAIT_FOREVER);
    t = parts_read(d);
    mutex_lock(&lock, WAIT_FOREVER);
    err = parts_forget(d);
    if (!err)
        parts_enter(d, t);
    mutex_unlock(&lock);
    mutex_unlock(&d->looking);
    if (err)
        pool_free(t, BLOCK_TAG);
    return err;
}

/* Done with what waits; what is out comes back by its driver. */
static void
waiting_fail(struct disk *d)
{
    struct list all = LIST_INIT(all);
    uint8_t irql = spin_lock(&d->lock);

    for (unsigned i = 0; i < BLOCK_TURNS; i++)
        while (!list_empty(&d->waiting[i])) {
            struct list *l = list_pop(&d->waiting[i]);

            list_add_tail(&all, l);
        }
    d->waiting_count = 0;
    spin_unlock(&d->lock, DISPATCH_LEVEL);
    while (!list_empty(&all)) {
        struct block_request *r = list_entry(list_pop(&all), struct block_request, link);

        r->error = -ENODEV;
        r->done(r);
    }
    irql_lower(irql);
}

static bool
is_active(struct disk *d)
{
    uint8_t irql = spin_lock(&d->lock);
    bool active = d->active != 0;

    spin_unlock(&d->lock, irql);
    return active;
}

void
disk_gone(struct disk *d)
{
    mutex_lock(&lock, WAIT_FOREVER);
    for (unsigned i = 0; i < BLOCK_PARTS_MAX; i++)
        if (d->parts[i])
            device_leave(d->parts[i]);
    device_leave(&d->whole);
    mutex_unlock(&lock);
    waiting_fail(d);
    while (is_active(d)) /* a driver ends every command in time */
        thread_sleep(MS(1));
    disk_put(d);
}

static struct block_device *
open_if(bool (*is)(const struct block_device *b, const void *what), const void *what)
{
    struct block_device *b, *found = NULL;

    mutex_lock(&lock, WAIT_FOREVER);
    list_for_each_entry(b, &devices, link)
        if (!b->coming && is(b, what))
            found = b;
    if (found) {
        found->opens++;
        __atomic_add_fetch(&found->disk->refs, 1, __ATOMIC_RELAXED);
    }
    mutex_unlock(&lock);
    return found;
}

static bool
has_name(const struct block_device *b, const void *what)
{
    return !strcmp(b->name, what);
}

static bool
has_number(const struct block_device *b, const void *what)
{
    return b->number == *(const uint64_t *)what;
}

struct block_device *
block_open(const char *name)
{
    return open_if(has_name, name);
}

struct block_device *
block_open_number(uint64_t number)
{
    return open_if(has_number, &number);
}

void
block_close(struct block_device *b)
{
    struct disk *d = b->disk;

    mutex_lock(&lock, WAIT_FOREVER);
    b->opens--;
    mutex_unlock(&lock);
    disk_put(d);
}

void
block_for_each(void (*show)(void *context, struct block_device *b), void *context)
{
    struct block_device *b;

    mutex_lock(&lock, WAIT_FOREVER);
    list_for_each_entry(b, &devices, link)
        if (!b->coming)
            show(context, b);
    mutex_unlock(&lock);
}

int
block_hold(struct block_device *b)
{
    return __atomic_exchange_n(&b->held, true, __ATOMIC_ACQUIRE) ? -EBUSY : 0;
}

void
block_release(struct block_device *b)
{
    __atomic_store_n(&b->held, false, __ATOMIC_RELEASE);
}
