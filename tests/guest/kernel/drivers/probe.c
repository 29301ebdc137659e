#include "tests/guest/kernel/drivers/probe.h"
#include "kernel/console/log.h"
#include "kernel/fs/file.h"
#include "kernel/mem/space.h"
#include "lib/format.h"
#include "tests/guest/ktest.h"

void *
probe_file(const char *path, size_t *size)
{
    struct dentry *root = vfs_root();
    const struct walk w = {root, root};
    struct file *f;
    void *bytes = NULL;
    int err = vfs_open(&w, path, O_RDONLY, 0, &f);

    dentry_put(root);
    if (err) {
        ktest_fail(__FILE__, __LINE__, "%s: error %d", path, err);
        return NULL;
    }
    *size = f->vnode->size;
    bytes = space_alloc(*size, MAP_WRITE);
    KCHECK(bytes && file_read_kernel(f, bytes, *size, 0) == (long)*size);
    file_put(f);
    return bytes;
}

void
probe_file_free(void *file)
{
    space_free(file);
}

struct driver *
probe_load(const char *name)
{
    char path[100], why[DRIVER_WHY];
    struct driver *d = NULL;
    size_t size;
    void *file;

    snprintf(path, sizeof(path), "/tests/drivers/%s", name);
    file = probe_file(path, &size);
    if (!file)
        return NULL;
    if (driver_load(name, NULL, file, size, &d, why))
        ktest_fail(__FILE__, __LINE__, "%s: %s", name, why);
    probe_file_free(file);
    return d;
}

bool
probe_start(struct driver *d)
{
    char why[DRIVER_WHY];

    if (!driver_start(d, why))
        return true;
    ktest_fail(__FILE__, __LINE__, "%s: %s", d->name, why);
    return false;
}

void
probe_unload(struct driver *d)
{
    char why[DRIVER_WHY];

    if (driver_unload(d, why))
        ktest_fail(__FILE__, __LINE__, "unload: %s", why);
}

void *
probe_variable(struct driver *d, const char *name)
{
    struct pe_export e;

    if (!pe_export(&d->pe, d->image, name, 0, &e) && e.rva)
        return d->image + e.rva;
    ktest_fail(__FILE__, __LINE__, "%s exports no %s", d->name, name);
    return NULL;
}
