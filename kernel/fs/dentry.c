/*
 * The tree of names in use, which is also the cache of directory entries.
 */
#include "kernel/fs/fs_impl.h"
#include "kernel/mem/pool.h"
#include "lib/errno.h"
#include "lib/string.h"

#define BUCKETS    4096
#define UNUSED_MAX 8192

spinlock_t names_lock = SPINLOCK(LOCK_NAMES, "names");
static struct dentry *buckets[BUCKETS];        /* [n] */
static struct list unused = LIST_INIT(unused); /* [n] */
static unsigned unused_count;                  /* [n] */

/* FNV-1a over the parent's address and the name, or what the file system has of it. */
static uint32_t
hash_of(const struct dentry *parent, const char *name, size_t len)
{
    uint32_t h = 2166136261u ^ (uint32_t)((uintptr_t)parent >> 6);

    if (parent->fs->ops->name_hash)
        return (h ^ parent->fs->ops->name_hash(name, len)) * 16777619u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)name[i]) * 16777619u;
    return h ^ h >> 15;
}

/* ---- all with names_lock held ---- */

static bool
is_spelled(const struct dentry *d, const char *name, size_t len)
{
    return d->length == len && memcmp(d->name, name, len) == 0;
}

/* What is missing is missing under the name that was asked for: a file may be made by it. */
static struct dentry *
find(const struct dentry *parent, const char *name, size_t len, uint32_t hash)
{
    const struct fs_ops *ops = parent->fs->ops;

    for (struct dentry *d = buckets[hash % BUCKETS]; d; d = d->chain)
        if (d->hash == hash && d->parent == parent &&
            (is_spelled(d, name, len) ||
             (d->vnode && ops->names_match && ops->names_match(d->name, d->length, name, len))))
            return d;
    return NULL;
}

static void
hash_in(struct dentry *d)
{
    d->hash = hash_of(d->parent, d->name, d->length);
    d->chain = buckets[d->hash % BUCKETS];
    buckets[d->hash % BUCKETS] = d;
    d->hashed = true;
}

static void
hash_out(struct dentry *d)
{
    struct dentry **at = &buckets[d->hash % BUCKETS];

    if (!d->hashed)
        return;
    while (*at != d)
        at = &(*at)->chain;
    *at = d->chain;
    d->hashed = false;
}

static void
hold(struct dentry *d)
{
    if (d->refs++ == 0 && !list_empty(&d->unused)) {
        list_del(&d->unused);
        list_init(&d->unused);
        unused_count--;
    }
}

/*
 * Give a reference up. What must be freed comes out as *dead, linked by `chain`; its parents follow if they are nobody's
 * any more.
 */
static void
release(struct dentry *d, struct dentry **dead)
{
    while (d && --d->refs == 0) {
        if (d->hashed) {
            list_add_tail(&unused, &d->unused);
            unused_count++;
            return;
        }
        d->chain = *dead;
        *dead = d;
        d = d->parent == d ? NULL : d->parent;
    }
}

/* Take the oldest unused ones out of the cache until not more than `most` are left. */
static void
shrink(unsigned most, struct dentry **dead)
{
    while (unused_count > most) {
        struct dentry *d = list_entry(list_first(&unused), struct dentry, unused);

        list_del(&d->unused);
        list_init(&d->unused);
        unused_count--;
        hash_out(d);
        d->refs = 1;
        release(d, dead);
    }
}

/* ---- without ---- */

static void
bury(struct dentry *dead)
{
    while (dead) {
        struct dentry *d = dead;
        struct fs *gone = d->parent == d && d->fs->top == d ? d->fs
                                                            : NULL; /* the top of what was unmounted */

        dead = d->chain;
        if (d->vnode)
            vnode_put(d->vnode);
        pool_free(gone, FS_TAG);
        if (d->name != d->room)
            pool_free(d->name, FS_TAG);
        pool_free(d, FS_TAG);
    }
}

static struct dentry *
dentry_new(struct dentry *parent, struct fs *fs, const char *name, size_t len)
{
    struct dentry *d = pool_zalloc(sizeof(*d), FS_TAG);

    if (!d)
        return NULL;
    d->name = len < sizeof(d->room) ? d->room : pool_alloc(len + 1, FS_TAG);
    if (!d->name) {
        pool_free(d, FS_TAG);
        return NULL;
    }
    memcpy(d->name, name, len);
    d->name[len] = 0;
    d->length = (uint16_t)len;
    d->refs = 1;
    d->fs = fs;
    d->parent = parent ? parent : d;
    list_init(&d->unused);
    return d;
}

struct dentry *
dentry_new_root(struct fs *fs, struct vnode *root)
{
    struct dentry *d = dentry_new(NULL, fs, "", 0);

    if (d)
        d->vnode = root;
    return d;
}

void
dentry_get(struct dentry *d)
{
    uint8_t old = spin_lock(&names_lock);

    hold(d);
    spin_unlock(&names_lock, old);
}

void
dentry_put(struct dentry *d)
{
    struct dentry *dead = NULL;
    uint8_t old;

    if (!d)
        return;
    old = spin_lock(&names_lock);
    release(d, &dead);
    shrink(UNUSED_MAX, &dead);
    spin_unlock(&names_lock, old);
    bury(dead);
}

struct vnode *
dentry_vnode(const struct dentry *d)
{
    return __atomic_load_n(&d->vnode, __ATOMIC_ACQUIRE);
}

static struct dentry *
find_held(struct dentry *dir, const char *name, size_t len)
{
    uint32_t hash = hash_of(dir, name, len);
    uint8_t old = spin_lock(&names_lock);
    struct dentry *d = find(dir, name, len, hash);

    if (d)
        hold(d);
    spin_unlock(&names_lock, old);
    return d;
}

/* Ask the file system. The directory's lock is held. */
static int
look(struct dentry *dir, const char *name, size_t len, struct dentry **out)
{
    struct vnode *v = dir->vnode, *found = NULL;
    struct dentry *d;
    uint8_t old;
    int err = v->ops->lookup ? v->ops->lookup(v, name, len, &found) : -ENOTDIR;

    if (err && err != -ENOENT)
        return err;
    d = dentry_new(dir, dir->fs, name, len);
    if (!d) {
        if (found)
            vnode_put(found);
        return -ENOMEM;
    }
    d->vnode = found;
    old = spin_lock(&names_lock);
    hold(dir);
    if (!v->ops->uncached)
        hash_in(d);
    spin_unlock(&names_lock, old);
    *out = d;
    return 0;
}

int
dentry_lookup(struct dentry *dir, const char *name, size_t len, bool locked, struct dentry **out)
{
    struct vnode *v = dentry_vnode(dir);
    int err = 0;

    *out = find_held(dir, name, len);
    if (*out)
        return 0;
    if (!v || !vnode_is(v, S_IFDIR))
        return v ? -ENOTDIR : -ENOENT;
    if (!locked)
        mutex_lock(&v->lock, WAIT_FOREVER);
    *out = find_held(dir, name, len); /* somebody may have been faster */
    if (!*out)
        err = look(dir, name, len, out);
    if (!locked)
        mutex_unlock(&v->lock);
    return err;
}

/* Nobody finds it any more; if nobody has it either, it goes. Names' lock held. */
static void
drop(struct dentry *d, struct dentry **dead)
{
    hash_out(d);
    if (d->refs)
        return;
    list_del(&d->unused);
    list_init(&d->unused);
    unused_count--;
    d->refs = 1;
    release(d, dead);
}

void
dentry_attach(struct dentry *d, struct vnode *v)
{
    const struct fs_ops *ops = d->fs->ops;
    struct dentry *other, *next, *dead = NULL;
    uint8_t old = spin_lock(&names_lock);

    __atomic_store_n(&d->vnode, v, __ATOMIC_RELEASE);
    for (other = ops->names_match ? buckets[d->hash % BUCKETS] : NULL; other; other = next) {
        next = other->chain;
        if (other != d && other->hash == d->hash && other->parent == d->parent && !other->vnode)
            drop(other, &dead); /* it is not missing any more, however it is spelled */
    }
    spin_unlock(&names_lock, old);
    bury(dead);
}

/* Who holds it keeps the file; nobody finds it any more. */
void
dentry_detach(struct dentry *d)
{
    uint8_t old = spin_lock(&names_lock);

    hash_out(d);
    spin_unlock(&names_lock, old);
}

void
dentry_purge(const struct dentry *dir, const struct vnode *v)
{
    struct dentry *d, *next, *dead = NULL;
    uint8_t old = spin_lock(&names_lock);

    for (unsigned i = 0; i < BUCKETS; i++)
        for (d = buckets[i]; d; d = next) {
            next = d->chain;
            if (d->parent == dir && d->vnode == v)
                drop(d, &dead);
        }
    spin_unlock(&names_lock, old);
    bury(dead);
}

int
dentry_move(struct dentry *d, struct dentry *to_dir, const char *name, size_t len)
{
    char *text = len < sizeof(d->room) ? NULL : pool_alloc(len + 1, FS_TAG), *freed = NULL;
    struct dentry *dead = NULL, *from;
    uint8_t old;

    if (len >= sizeof(d->room) && !text)
        return -ENOMEM;
    old = spin_lock(&names_lock);
    hash_out(d);
    if (d->name != d->room)
        freed = d->name;
    d->name = text ? text : d->room;
    memcpy(d->name, name, len);
    d->name[len] = 0;
    d->length = (uint16_t)len;
    from = d->parent;
    hold(to_dir);
    d->parent = to_dir;
    hash_in(d);
    release(from, &dead);
    spin_unlock(&names_lock, old);
    pool_free(freed, FS_TAG);
    bury(dead);
    return 0;
}

int
dentry_forget(struct fs *fs)
{
    struct dentry *dead = NULL, *d;
    uint8_t old = spin_lock(&names_lock);
    struct list *link, *next;
    bool more;
    int err = 0;

    do { /* a parent becomes unused when its last child has gone */
        more = false;
        list_for_each_safe(link, next, &unused) {
            d = list_entry(link, struct dentry, unused);
            if (d->fs != fs || d == fs->top)
                continue;
            list_del(link);
            list_init(link);
            unused_count--;
            hash_out(d);
            d->refs = 1;
            release(d, &dead);
            more = true;
            break;
        }
    } while (more);
    for (unsigned i = 0; i < BUCKETS && !err; i++)
        for (d = buckets[i]; d && !err; d = d->chain)
            if (d->fs == fs && d != fs->top)
                err = -EBUSY;
    spin_unlock(&names_lock, old);
    bury(dead);
    return err;
}

bool
dentry_below(const struct dentry *d, const struct dentry *top)
{
    uint8_t old = spin_lock(&names_lock);

    while (d != top && d->parent != d)
        d = d->parent;
    spin_unlock(&names_lock, old);
    return d == top;
}

struct dentry *
dentry_down(struct dentry *d)
{
    struct dentry *dead = NULL;
    uint8_t old;

    if (!__atomic_load_n(&d->mounted, __ATOMIC_ACQUIRE))
        return d;
    old = spin_lock(&names_lock);
    while (d->mounted) {
        struct dentry *top = d->mounted->top;

        hold(top);
        release(d, &dead);
        d = top;
    }
    spin_unlock(&names_lock, old);
    bury(dead);
    return d;
}

struct dentry *
dentry_up(struct dentry *d, struct dentry *root)
{
    struct dentry *dead = NULL, *up = d;
    uint8_t old;

    if (d == root)
        return d;
    old = spin_lock(&names_lock);
    while (up == up->fs->top && up->fs->covered && up != root)
        up = up->fs->covered;
    if (up != root)
        up = up->parent;
    hold(up);
    release(d, &dead);
    spin_unlock(&names_lock, old);
    bury(dead);
    return dentry_down(up);
}

char *
dentry_path(struct dentry *d, struct dentry *root, char *text, size_t size)
{
    static const char deleted[] = " (deleted)";
    char *at = text + size;
    bool too_long = false;
    uint8_t old;

    if (size < sizeof(deleted) + 1)
        return NULL;
    *--at = 0;
    old = spin_lock(&names_lock);
    if (!d->hashed && d->parent != d && !d->fs->ops->uncached) {
        at -= sizeof(deleted) - 1;
        memcpy(at, deleted, sizeof(deleted) - 1);
    }
    while (d != root && !too_long) {
        if (d == d->fs->top && d->fs->covered) {
            d = d->fs->covered;
            continue;
        }
        if (d->parent == d)
            break;
        too_long = (size_t)(at - text) < (size_t)d->length + 1;
        if (!too_long) {
            at -= d->length;
            memcpy(at, d->name, d->length);
            *--at = '/';
            d = d->parent;
        }
    }
    spin_unlock(&names_lock, old);
    if (too_long)
        return NULL;
    if (*at == 0 || *at == ' ')
        *--at = '/'; /* the root itself: there is room, `size` is larger than what stands there */
    return at;
}
