/*
 * The numbers of open files. A table grows by doubling; a bit map finds the lowest free number.
 */
#include "kernel/fs/file.h"
#include "kernel/mem/pool.h"
#include "kernel/sync/spin.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"

#define TABLE_TAG POOL_TAG('f', 'd', 't', 'b')
#define FIRST     64 /* numbers of a new table; one word of each map */
#define WORD      64

/* [t] lock */
struct fd_table {
    spinlock_t lock;
    uint32_t refs;      /* [a] */
    int size;           /* [t] a multiple of WORD */
    struct file **file; /* [t] */
    uint64_t *used;     /* [t] */
    uint64_t *cloexec;  /* [t] */
};

/* Room for `size` numbers in one piece: files, then the two maps. */
static struct file **
room_new(int size)
{
    return pool_zalloc((size_t)size * sizeof(struct file *) + 2 * (size_t)size / 8, TABLE_TAG);
}

static void
room_set(struct fd_table *t, struct file **room, int size)
{
    t->file = room;
    t->used = (uint64_t *)(room + size);
    t->cloexec = t->used + size / WORD;
    t->size = size;
}

static struct fd_table *
table_new(int size)
{
    struct fd_table *t = pool_zalloc(sizeof(*t), TABLE_TAG);
    struct file **room = t ? room_new(size) : NULL;

    if (!room) {
        pool_free(t, TABLE_TAG);
        return NULL;
    }
    spin_init(&t->lock, LOCK_FILES, "files");
    t->refs = 1;
    room_set(t, room, size);
    return t;
}

int
fd_table_new(struct fd_table **out)
{
    *out = table_new(FIRST);
    return *out ? 0 : -ENOMEM;
}

/* Lock held. Copies into room that is large enough. */
static void
room_copy(struct fd_table *to, const struct fd_table *from)
{
    memcpy(to->file, from->file, (size_t)from->size * sizeof(void *));
    memcpy(to->used, from->used, (size_t)from->size / 8);
    memcpy(to->cloexec, from->cloexec, (size_t)from->size / 8);
}

int
fd_table_copy(struct fd_table *from, struct fd_table **out)
{
    for (;;) {
        int size = __atomic_load_n(&from->size, __ATOMIC_RELAXED);
        struct fd_table *t = table_new(size);
        uint8_t old;

        if (!t)
            return -ENOMEM;
        old = spin_lock(&from->lock);
        if (from->size == size) {
            room_copy(t, from);
            for (int i = 0; i < size; i++)
                if (t->file[i])
                    file_get(t->file[i]);
            spin_unlock(&from->lock, old);
            *out = t;
            return 0;
        }
        spin_unlock(&from->lock, old);
        fd_table_put(t);
    }
}

void
fd_table_get(struct fd_table *t)
{
    __atomic_add_fetch(&t->refs, 1, __ATOMIC_RELAXED);
}

void
fd_table_put(struct fd_table *t)
{
    if (!t || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL))
        return;
    for (int i = 0; i < t->size; i++)
        file_put(t->file[i]);
    pool_free(t->file, TABLE_TAG);
    pool_free(t, TABLE_TAG);
}

static bool
bit(const uint64_t *map, int n)
{
    return map[n / WORD] >> (n % WORD) & 1;
}

static void
bit_set(uint64_t *map, int n, bool on)
{
    if (on)
        map[n / WORD] |= BIT64(n % WORD);
    else
        map[n / WORD] &= ~BIT64(n % WORD);
}

void
fd_table_close_on_exec(struct fd_table *t)
{
    for (int i = 0; i < t->size; i++)
        if (bit(t->used, i) && bit(t->cloexec, i))
            fd_close(t, i);
}

/* Make room for number n < FD_MAX. Lock not held. */
static int
grow(struct fd_table *t, int n)
{
    int size = FIRST;
    struct file **room, **freed;
    struct fd_table next;
    uint8_t old;

    while (size <= n)
        size *= 2;
    room = room_new(size);
    if (!room)
        return -ENOMEM;
    old = spin_lock(&t->lock);
    freed = room;
    if (t->size < size) {
        freed = t->file;
        room_set(&next, room, size);
        room_copy(&next, t);
        room_set(t, room, size);
    }
    spin_unlock(&t->lock, old);
    pool_free(freed, TABLE_TAG);
    return 0;
}

struct file *
fd_get(struct fd_table *t, int fd)
{
    uint8_t old = spin_lock(&t->lock);
    struct file *f = fd >= 0 && fd < t->size ? t->file[fd] : NULL;

    if (f)
        file_get(f);
    spin_unlock(&t->lock, old);
    return f;
}

/* The lowest free number >= least, t->size if there is none. Lock held. */
static int
lowest_free(const struct fd_table *t, int least)
{
    for (int w = least / WORD; w < t->size / WORD; w++) {
        uint64_t free = ~t->used[w];

        if (w == least / WORD)
            free &= UINT64_MAX << (least % WORD);
        if (free)
            return w * WORD + __builtin_ctzll(free);
    }
    return MAX(t->size, least);
}

/* Lock held. */
static void
enter(struct fd_table *t, int fd, struct file *f, bool close_on_exec)
{
    t->file[fd] = f;
    bit_set(t->used, fd, true);
    bit_set(t->cloexec, fd, close_on_exec);
}

int
fd_add(struct fd_table *t, struct file *f, int least, uint64_t limit, bool close_on_exec)
{
    for (;;) {
        uint8_t old = spin_lock(&t->lock);
        int fd = lowest_free(t, least);

        if (fd < t->size && (uint64_t)fd < limit)
            enter(t, fd, f, close_on_exec);
        else if ((uint64_t)fd < limit && fd < FD_MAX)
            goto full;
        else
            fd = -EMFILE;
        spin_unlock(&t->lock, old);
        return fd;
full:
        spin_unlock(&t->lock, old);
        if (grow(t, fd))
            return -ENOMEM;
    }
}

int
fd_set(struct fd_table *t, struct file *f, int fd, bool close_on_exec)
{
    struct file *before;
    uint8_t old;

    if (fd < 0 || fd >= FD_MAX)
        return -EBADF;
    if (fd >= __atomic_load_n(&t->size, __ATOMIC_RELAXED) && grow(t, fd))
        return -ENOMEM;
    old = spin_lock(&t->lock);
    before = t->file[fd];
    enter(t, fd, f, close_on_exec);
    spin_unlock(&t->lock, old);
    file_put(before);
    return fd;
}

int
fd_close(struct fd_table *t, int fd)
{
    uint8_t old = spin_lock(&t->lock);
    struct file *f = fd >= 0 && fd < t->size ? t->file[fd] : NULL;

    if (f) {
        t->file[fd] = NULL;
        bit_set(t->used, fd, false);
        bit_set(t->cloexec, fd, false);
    }
    spin_unlock(&t->lock, old);
    file_put(f);
    return f ? 0 : -EBADF;
}

int
fd_flags(struct fd_table *t, int fd)
{
    uint8_t old = spin_lock(&t->lock);
    int flags = fd >= 0 && fd < t->size && t->file[fd] ? bit(t->cloexec, fd) : -EBADF;

    spin_unlock(&t->lock, old);
    return flags;
}

int
fd_set_flags(struct fd_table *t, int fd, int flags)
{
    uint8_t old = spin_lock(&t->lock);
    int err = fd >= 0 && fd < t->size && t->file[fd] ? 0 : -EBADF;

    if (!err)
        bit_set(t->cloexec, fd, flags & 1);
    spin_unlock(&t->lock, old);
    return err;
}

void
fd_for_each(struct fd_table *t, void (*show)(void *context, int fd, struct file *f), void *context)
{
    for (int fd = 0; fd < __atomic_load_n(&t->size, __ATOMIC_RELAXED); fd++) {
        struct file *f = fd_get(t, fd);

        if (f)
            show(context, fd, f);
        file_put(f);
    }
}
