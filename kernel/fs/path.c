/*
 * From a path to a dentry.
 */
#include "kernel/fs/fs_impl.h"
#include "kernel/mem/pool.h"
#include "lib/errno.h"
#include "lib/string.h"

/* A walk under way. */
struct step {
    struct dentry *root;
    struct dentry *at; /* a reference */
    const char *rest;  /* what is still to be walked */
    char *text;        /* in which `rest` is, once a link was followed; or NULL */
    unsigned links;
};

static const char *
skip_slashes(const char *p)
{
    while (*p == '/')
        p++;
    return p;
}

static size_t
name_length(const char *p)
{
    size_t n = 0;

    while (p[n] && p[n] != '/')
        n++;
    return n;
}

static void
step_to(struct step *s, struct dentry *d)
{
    dentry_put(s->at);
    s->at = d;
}

/* The text of a link and behind it what was left of the path become what is left. */
static int
link_read(struct step *s, struct vnode *v, const char *behind)
{
    char *text = pool_alloc(2ul * PATH_MAX, FS_TAG);
    size_t left = strlen(behind);
    long n;

    if (!text)
        return -ENOMEM;
    n = v->ops->readlink ? v->ops->readlink(v, text, PATH_MAX) : -EINVAL;
    if (n > 0 && (size_t)n + left >= PATH_MAX)
        n = -ENAMETOOLONG;
    if (n <= 0) {
        pool_free(text, FS_TAG);
        return n ? (int)n : -ENOENT;
    }
    memcpy(text + n, behind, left + 1);
    pool_free(s->text, FS_TAG);
    s->rest = s->text = text;
    if (text[0] == '/') {
        dentry_get(s->root);
        step_to(s, s->root);
    }
    return 0;
}

/* Go on through a link. The reference to it stays the caller's. */
static int
link_follow(struct step *s, struct dentry *link, const char *behind)
{
    struct vnode *v = dentry_vnode(link);
    struct dentry *to;
    int err;

    if (++s->links > LINK_DEPTH_MAX)
        return -ELOOP;
    err = v->ops->follow ? v->ops->follow(v, &to) : -EOPNOTSUPP;
    if (err == -EOPNOTSUPP)
        return link_read(s, v, behind);
    if (err)
        return err;
    step_to(s, to);
    s->rest = behind;
    return 0;
}

/* What stands behind the last name, and whether it is the last. */
static bool
is_last(const char *behind)
{
    return *skip_slashes(behind) == 0;
}

/* One name. *done: the walk has ended at a name that is missing and may be. */
static int
step_name(struct step *s, unsigned flags, size_t len, bool *done)
{
    const char *name = s->rest, *behind = name + len;
    bool last = is_last(behind), slash = *behind == '/';
    struct dentry *d;
    struct vnode *v;
    int err = dentry_lookup(s->at, name, len, false, &d);

    if (err)
        return err;
    d = dentry_down(d);
    v = dentry_vnode(d);
    if (!v) {
        *done = last && flags & WALK_CREATE && (!slash || flags & WALK_DIRECTORY);
        err = *done ? 0 : -ENOENT;
    } else if (vnode_is(v, S_IFLNK) && (!last || slash || !(flags & WALK_NOFOLLOW))) {
        err = link_follow(s, d, behind);
        dentry_put(d);
        return err;
    }
    if (err) {
        dentry_put(d);
        return err;
    }
    step_to(s, d);
    s->rest = behind;
    return 0;
}

static int
step_one(struct step *s, unsigned flags, bool *done)
{
    size_t len = name_length(s->rest);
    const struct vnode *v = dentry_vnode(s->at);

    if (len > NAME_MAX)
        return -ENAMETOOLONG;
    if (!vnode_is(v, S_IFDIR))
        return -ENOTDIR;
    if (len == 1 && s->rest[0] == '.') {
        s->rest++;
        return 0;
    }
    if (len == 2 && s->rest[0] == '.' && s->rest[1] == '.') {
        s->rest += 2;
        s->at = dentry_up(s->at, s->root);
        return 0;
    }
    return step_name(s, flags, len, done);
}

int
vfs_walk(const struct walk *w, const char *path, unsigned flags, struct dentry **out)
{
    struct step s = {.root = w->root, .at = path[0] == '/' ? w->root : w->start, .rest = path};
    bool done = false, slash = false;
    int err = path[0] ? 0 : -ENOENT;

    dentry_get(s.at);
    while (!err && !done) {
        slash = *s.rest == '/';
        s.rest = skip_slashes(s.rest);
        if (!*s.rest)
            break;
        err = step_one(&s, flags, &done);
    }
    if (!err && !done && (slash || flags & WALK_DIRECTORY) && !vnode_is(dentry_vnode(s.at), S_IFDIR) &&
        !(flags & WALK_CREATE && !slash))
        err = -ENOTDIR;
    pool_free(s.text, FS_TAG);
    if (err)
        dentry_put(s.at);
    else
        *out = s.at;
    return err;
}
