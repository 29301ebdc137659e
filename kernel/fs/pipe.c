/*
 * Pipes: a ring of bytes in pages that come when there are bytes for them.
 *
 * I1  tail <= head <= tail + SIZE; byte n lies in page[n / PAGE_SIZE % PAGES]; a page is there if a byte of it is.
 */
#include "kernel/fs/file.h"
#include "kernel/fs/fs_impl.h"
#include "kernel/mem/page.h"
#include "kernel/mem/pool.h"
#include "kernel/sync/mutex.h"
#include "kernel/sync/poll.h"
#include "lib/errno.h"
#include "lib/field.h"

#define PIPE_TAG POOL_TAG('p', 'i', 'p', 'e')
#define PAGES    16u
#define SIZE     (PAGES * PAGE_SIZE) /* as Linux's pipes */
#define PIPE_BUF 4096u               /* writes up to this are whole */

#define FIONREAD 0x541b

/* [p] lock */
struct pipe {
    struct mutex lock;
    uint32_t refs;             /* [a] open ends */
    uint32_t readers, writers; /* [p] open files */
    uint32_t reads,
        writes;           /* [p] opens so far, for FIFOs: an open waits for the next one of the other kind */
    uint64_t head, tail;  /* [p] */
    uint64_t page[PAGES]; /* [p] 0: none */
    struct cond changed;  /* bytes, room, ends */
    struct poll_queue queue;
};

extern const struct fs_ops pipe_ops;
static uint64_t last_ino; /* [a] */

static struct pipe *
pipe_new(void)
{
    struct pipe *p = pool_zalloc(sizeof(*p), PIPE_TAG);

    if (!p)
        return NULL;
    p->refs = 1;
    mutex_init(&p->lock);
    cond_init(&p->changed);
    poll_queue_init(&p->queue);
    return p;
}

static void
pipe_put(struct pipe *p)
{
    if (__atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL))
        return;
    for (unsigned i = 0; i < PAGES; i++)
        if (p->page[i])
            page_put(p->page[i]);
    pool_free(p, PIPE_TAG);
}

/* Lock held. */
static void
tell(struct pipe *p)
{
    cond_broadcast(&p->changed);
    poll_wake(&p->queue);
}

static size_t
filled(const struct pipe *p)
{
    return p->head - p->tail;
}

/* Lock held; given up while it waits. Returns 0, -EAGAIN or -EINTR. */
static int
wait_change(struct pipe *p, const struct file *f)
{
    if (f->flags & O_NONBLOCK)
        return -EAGAIN;
    return cond_wait_interruptible(&p->changed, &p->lock, WAIT_FOREVER);
}

/* Move bytes out, as many as there are. Lock held. */
static long
take(struct pipe *p, struct uio *u)
{
    long done = 0;

    while (u->left && filled(p)) {
        size_t at = p->tail % PAGE_SIZE, part = MIN(MIN(u->left, filled(p)), PAGE_SIZE - at);
        uint64_t *page = &p->page[p->tail / PAGE_SIZE % PAGES];
        long n = uio_to(u, (char *)phys_to_virt(*page) + at, part);

        if (n <= 0)
            return done ? done : n;
        done += n;
        p->tail += (uint64_t)n;
        /* The page is empty, unless the ring's other end is in it. One stays for what comes next. */
        if (p->tail % PAGE_SIZE == 0 && filled(p) && filled(p) <= SIZE - PAGE_SIZE) {
            page_put(*page);
            *page = 0;
        }
    }
    return done;
}

/* Move bytes in, as many as there is room for. Lock held. */
static long
put(struct pipe *p, struct uio *u)
{
    long done = 0;

    while (u->left && filled(p) < SIZE) {
        size_t at = p->head % PAGE_SIZE, part = MIN(MIN(u->left, SIZE - filled(p)), PAGE_SIZE - at);
        uint64_t *page = &p->page[p->head / PAGE_SIZE % PAGES];
        long n;

        if (!*page)
            *page = page_alloc();
        if (!*page)
            return done ? done : -ENOMEM;
        n = uio_from(u, (char *)phys_to_virt(*page) + at, part);
        if (n <= 0)
            return done ? done : n;
        done += n;
        p->head += (uint64_t)n;
    }
    return done;
}

static long
pipe_read(struct file *f, struct uio *u, uint64_t position)
{
    struct pipe *p = f->private;
    long n = 0;

    mutex_lock(&p->lock, WAIT_FOREVER);
    while (n == 0 && !filled(p) && p->writers)
        n = wait_change(p, f);
    if (n == 0 && filled(p)) {
        bool was_full = SIZE - filled(p) < PIPE_BUF;

        n = take(p, u);
        if (n > 0 && was_full && SIZE - filled(p) >= PIPE_BUF)
            tell(p);
    }
    mutex_unlock(&p->lock);
    return n;
}

/* The room that a write waits for: all of a short one, a byte for a long one. */
static size_t
room_wanted(const struct uio *u)
{
    return u->left <= PIPE_BUF ? u->left : 1;
}

/* Lock held. */
static long
write_some(struct pipe *p, struct file *f, struct uio *u)
{
    bool was_empty;
    long n = 0;

    while (n == 0 && p->readers && SIZE - filled(p) < room_wanted(u))
        n = wait_change(p, f);
    if (n)
        return n;
    if (!p->readers)
        return -EPIPE;
    was_empty = !filled(p);
    n = put(p, u);
    if (n > 0 && was_empty)
        tell(p);
    return n;
}

static long
pipe_write(struct file *f, struct uio *u, uint64_t position)
{
    struct pipe *p = f->private;
    long done = 0, n = 1;

    mutex_lock(&p->lock, WAIT_FOREVER);
    while (u->left && n > 0) {
        n = write_some(p, f, u);
        if (n > 0)
            done += n;
    }
    mutex_unlock(&p->lock);
    return done ? done : n;
}

static unsigned
pipe_poll(struct file *f, struct poll_waiter *w, struct event *event)
{
    struct pipe *p = f->private;
    unsigned is = 0;

    if (w)
        poll_add(&p->queue, w, event);
    mutex_lock(&p->lock, WAIT_FOREVER);
    if ((f->flags & O_ACCMODE) != O_WRONLY)
        is |= (filled(p) ? POLLIN | POLLRDNORM : 0) | (p->writers ? 0 : POLLHUP);
    if ((f->flags & O_ACCMODE) != O_RDONLY)
        is |= (SIZE - filled(p) >= PIPE_BUF ? POLLOUT | POLLWRNORM : 0) | (p->readers ? 0 : POLLERR);
    mutex_unlock(&p->lock);
    return is;
}

static long
pipe_ioctl(struct file *f, unsigned request, uintptr_t argument)
{
    struct pipe *p = f->private;
    int n;

    if (request != FIONREAD)
        return -ENOTTY;
    mutex_lock(&p->lock, WAIT_FOREVER);
    n = (int)filled(p);
    mutex_unlock(&p->lock);
    return user_write(argument, &n, sizeof(n));
}

static void
ends_count(struct pipe *p, const struct file *f, int change)
{
    unsigned mode = f->flags & O_ACCMODE;

    if (mode != O_WRONLY) {
        p->readers += (uint32_t)change;
        p->reads += change > 0;
    }
    if (mode != O_RDONLY) {
        p->writers += (uint32_t)change;
        p->writes += change > 0;
    }
    tell(p);
}

static void
pipe_release(struct file *f)
{
    struct pipe *p = f->private;
    struct vnode *v = f->vnode;

    mutex_lock(&v->lock, WAIT_FOREVER);
    mutex_lock(&p->lock, WAIT_FOREVER);
    ends_count(p, f, -1);
    if (!p->readers && !p->writers)
        v->pipe = NULL; /* what was not read is lost, as fifo(7) has it */
    mutex_unlock(&p->lock);
    mutex_unlock(&v->lock);
    pipe_put(p);
}

const struct fs_ops pipe_ops = {
    .name = "pipefs",
    .nodev = true,
    .open = fifo_open,
    .read = pipe_read,
    .write = pipe_write,
    .poll = pipe_poll,
    .ioctl = pipe_ioctl,
    .release = pipe_release,
};

/* ---- FIFOs ---- */

/* Wait for an end of the other kind, now or since the open began. Lock held. */
static int
other_end_wait(struct pipe *p, const struct file *f)
{
    unsigned mode = f->flags & O_ACCMODE;
    uint32_t reads = p->reads, writes = p->writes;
    int err = 0;

    if (mode == O_RDWR)
        return 0;
    if (f->flags & O_NONBLOCK)
        return mode == O_WRONLY && !p->readers ? -ENXIO : 0;
    if (mode == O_RDONLY)
        while (!err && !p->writers && p->writes == writes)
            err = cond_wait_interruptible(&p->changed, &p->lock, WAIT_FOREVER);
    else
        while (!err && !p->readers && p->reads == reads)
            err = cond_wait_interruptible(&p->changed, &p->lock, WAIT_FOREVER);
    return err;
}

int
fifo_open(struct file *f)
{
    struct vnode *v = f->vnode;
    struct pipe *p;
    int err;

    mutex_lock(&v->lock, WAIT_FOREVER);
    p = v->pipe;
    if (p)
        __atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED);
    else
        p = v->pipe = pipe_new();
    mutex_unlock(&v->lock);
    if (!p)
        return -ENOMEM;
    f->private = p;
    f->ops = &pipe_ops;
    mutex_lock(&p->lock, WAIT_FOREVER);
    ends_count(p, f, 1);
    err = v->fs ? other_end_wait(p, f) : 0; /* a pipe's ends do not wait, at its creation nor by /proc */
    mutex_unlock(&p->lock);
    if (err)
        pipe_release(f);
    return err;
}

/* ---- pipes: FIFOs without a name ---- */

static struct fs pipe_fs = {.ops = &pipe_ops};

int
pipe_create(unsigned flags, struct file **reader, struct file **writer)
{
    struct vnode *v = vnode_new(NULL, &pipe_ops, S_IFIFO | 0600,
                                __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED));
    int err = v ? file_open(v, NULL, flags | O_RDONLY, reader) : -ENOMEM;

    if (!err) {
        err = file_open(v, NULL, flags | O_WRONLY, writer);
        if (err)
            file_put(*reader);
    }
    if (v)
        vnode_put(v);
    return err;
}

struct dentry *
pipe_dentry(struct vnode *v)
{
    struct dentry *d = dentry_new_root(&pipe_fs, v);

    if (d)
        vnode_get(v);
    return d;
}
