/*
 * The driver database and what it leads to.
 */
#include "drivers/loader/bind.h"
#include "drivers/loader/device.h"
#include "drivers/loader/driver.h"
#include "drivers/loader/install.h"
#include "drivers/loader/match.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/space.h"
#include "kernel/sync/mutex.h"
#include "lib/errname.h"
#include "lib/errno.h"
#include "lib/format.h"
#include "lib/parse.h"
#include "lib/string.h"

#define BIND_TAG  POOL_TAG('b', 'i', 'n', 'd')
#define PATH_ROOM 256

/* One INF file. [I] once listed */
struct inf_file {
    struct list link;
    char path[PATH_ROOM];
    struct inf inf;
    void *arena;
};

/* One device with its driver. [m] */
struct binding {
    struct list link;
    struct device device;
    struct driver *driver;
    char id[MATCH_ID_MAX];
};

static struct mutex lock;   /* [m] all below */
static struct mutex listed; /* of the bindings: held for a moment, not while a driver starts */
static const struct loader_files *files;
static const char *options;
static struct list inf_files = LIST_INIT(inf_files), bindings = LIST_INIT(bindings);

void
bind_init(const struct loader_files *f, const char *cmdline)
{
    mutex_init(&lock);
    mutex_init(&listed);
    files = f;
    options = cmdline;
}

/* Is it in the list that an option has? */
static bool
is_listed(const char *option, const char *name)
{
    char patterns[256];
    size_t len;
    const char *v = option_find(options, option, &len);

    if (!v)
        return false;
    strlcpy(patterns, v, MIN(sizeof(patterns), len + 1));
    return glob_match_any(patterns, name);
}

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* ---- INF files ---- */

static int
inf_read(struct inf_file *f)
{
    struct inf_fault fault = {0, "it cannot be read"};
    void *bytes;
    size_t size;
    int err = files->read(f->path, &bytes, &size);

    if (!err) {
        f->arena = space_alloc(INF_ARENA(MIN(size, (size_t)INF_SIZE_MAX)), MAP_WRITE);
        err = f->arena ? inf_parse(bytes, size, f->arena, INF_ARENA(size), &f->inf, &fault) : -ENOMEM;
        files->free(bytes);
    }
    if (err == -EINVAL)
        log_err("%s:%u: %s", f->path, fault.line, fault.rule);
    else if (err)
        log_err("%s: %s", f->path, errtext(err));
    return err;
}

static void
inf_add(void *context, const char *path)
{
    struct inf_file *f = pool_zalloc(sizeof(*f), BIND_TAG);
    unsigned *count = context;
    struct inf_fault fault;

    if (!f) {
        log_err("%s: no memory", path);
        return;
    }
    strlcpy(f->path, path, sizeof(f->path));
    if (inf_read(f)) {
        space_free(f->arena);
        pool_free(f, BIND_TAG);
        return;
    }
    if (!match_check(&f->inf, &fault))
        log_warn("%s:%u: %s", path, fault.line, fault.rule);
    list_add_tail(&inf_files, &f->link);
    (*count)++;
}

static bool
line_names(const struct inf_line *l, const char *name)
{
    for (uint32_t n = 0; n < l->fields; n++) {
        const char *slash = strrchr(inf_field(l, n), '\\');

        if (!strcasecmp(slash ? slash + 1 : inf_field(l, n), name))
            return true;
    }
    return false;
}

/* A driver that no INF file names, in whatever section, is not started by anybody here: its owner may wait for it. */
static void
driver_look(void *context, const char *path)
{
    const struct inf_file *f;

    list_for_each_entry(f, &inf_files, link)
        for (uint32_t n = 0; n < f->inf.count; n++)
            if (line_names(&f->inf.lines[n], base_name(path)))
                return;
    log_warn("%s: no INF file names it, so it is not started: \"drivers load %s\" does", path, path);
}

unsigned
bind_read_folder(const char *folder)
{
    unsigned count = 0;

    mutex_lock(&lock, WAIT_FOREVER);
    (void)files->list(folder, ".inf", inf_add, &count);
    (void)files->list(folder, ".sys", driver_look, NULL);
    mutex_unlock(&lock);
    return count;
}

static bool
is_excluded(const struct match *m)
{
    return is_listed("driver.exclude", m->service) || is_listed("driver.exclude", m->binary);
}

/* A file beside an INF. */
static void
folder_path(const struct inf_file *f, const char *name, char path[PATH_ROOM])
{
    snprintf(path, PATH_ROOM, "%.*s%s", (int)(base_name(f->path) - f->path), f->path, name);
}

/* The best of all files for a device; NULL: none. Lock held. */
static const struct inf_file *
find_match(const struct device_ids *ids, struct match *best)
{
    const struct inf_file *f, *found = NULL;
    bool chosen = false;

    *best = (struct match){.rank = MATCH_NONE};
    list_for_each_entry(f, &inf_files, link) {
        struct inf_fault fault;
        struct match m;

        if (match_inf(&f->inf, ids, &m, &fault))
            log_err("%s:%u: %s", f->path, fault.line, fault.rule);
        else if (m.rank != MATCH_NONE && m.service && !is_excluded(&m)) {
            bool wanted = is_listed("driver", m.service) || is_listed("driver", m.binary);

            if (wanted > chosen || (wanted == chosen && match_is_better(&m, best))) {
                *best = m;
                found = f;
                chosen = wanted;
            }
        }
    }
    return found;
}

/* ---- drivers ---- */

/* A loaded and started driver, with a reference. Lock held. */
static int
driver_ready(const char *path, const char *service, struct driver **out, char *why)
{
    struct driver *d = driver_find(base_name(path));
    void *bytes;
    size_t size;
    int err;

    if (d) {
        *out = d;
        if (d->state == DRIVER_STARTED)
            return 0;
        snprintf(why, DRIVER_WHY, "the driver is loaded and does not run: %s", d->gate.text);
        driver_put(d);
        return -EIO;
    }
    err = files->read(path, &bytes, &size);
    if (err) {
        snprintf(why, DRIVER_WHY, "%s: %s", path, errtext(err));
        return err;
    }
    err = driver_load(base_name(path), service, bytes, size, &d, why);
    files->free(bytes);
    if (err)
        return err;
    err = driver_start(d, why);
    if (err) {
        char ignored[DRIVER_WHY];

        (void)driver_unload(d, ignored);
        return err;
    }
    driver_get(d);
    *out = d;
    return 0;
}

int
bind_load(const char *path, char *why)
{
    struct driver *d;
    int err;

    mutex_lock(&lock, WAIT_FOREVER);
    d = driver_find(base_name(path));
    if (d) {
        snprintf(why, DRIVER_WHY, "a driver of that name is loaded: unload it first");
        err = -EEXIST;
    } else {
        err = driver_ready(path, NULL, &d, why);
    }
    mutex_unlock(&lock);
    if (d)
        driver_put(d);
    return err;
}

/* What a driver leaves to another one is there while it is given the device; the port then keeps it. Lock held. */
static int
add_with_needed(struct driver *d, const struct device *dev, char *why)
{
    struct driver *needed = NULL;
    char path[PATH_ROOM];
    int err = 0;

    if (d->port.needs) {
        snprintf(path, sizeof(path), "/drivers/%s", d->port.needs);
        err = driver_ready(path, NULL, &needed, why);
    }
    if (!err)
        err = d->port.add(d, d->port.data, dev, why);
    if (needed)
        driver_put(needed);
    return err;
}

/* The binding keeps the reference to the driver. Lock held. */
static int
attach(const struct device *dev, struct driver *d, const char *id, char *why)
{
    struct binding *b;
    int err;

    if (!d->port.add) {
        snprintf(why, DRIVER_WHY, "%s has registered with no port that takes devices", d->name);
        return -ENOTSUP;
    }
    b = pool_zalloc(sizeof(*b), BIND_TAG);
    if (!b)
        return -ENOMEM;
    err = add_with_needed(d, dev, why);
    if (err) {
        pool_free(b, BIND_TAG);
        return err;
    }
    b->device = *dev;
    b->driver = d;
    strlcpy(b->id, id, sizeof(b->id));
    mutex_lock(&listed, WAIT_FOREVER);
    list_add_tail(&bindings, &b->link);
    mutex_unlock(&listed);
    return 0;
}

static int
bind_matched(const struct device *dev, const struct inf_file *f, const struct match *m, char *why)
{
    char path[PATH_ROOM];
    struct inf_fault fault;
    struct driver *d;
    int err = install_registry(&f->inf, m, device_name(dev), &fault);

    if (err == -EINVAL)
        snprintf(why, DRIVER_WHY, "%s:%u: %s", f->path, fault.line, fault.rule);
    if (err)
        return err;
    folder_path(f, m->binary, path);
    err = driver_ready(path, m->service, &d, why);
    if (err)
        return err;
    if (d->port.leave && device_owner(dev)) { /* it has found it itself */
        driver_put(d);
        return 0;
    }
    err = attach(dev, d, m->id, why);
    if (err)
        driver_put(d);
    return err;
}

/* "DEVICE:FILE" of driver.force; false: not for this device. */
static bool
forced(const struct device *dev, char *path, size_t size)
{
    size_t len, n = strlen(device_name(dev));
    const char *v = option_find(options, "driver.force", &len);

    if (!v || len <= n + 1 || strncmp(v, device_name(dev), n) || v[n] != ':')
        return false;
    strlcpy(path, v + n + 1, MIN(size, len - n));
    return true;
}

static void
ids_of(const struct device *dev, struct device_ids *ids)
{
    const struct pci_device *p = dev->pci;

    if (p) {
        match_pci_ids(ids, p->vendor, p->device, (uint32_t)p->subsystem << 16 | p->subsystem_vendor,
                      p->revision, p->class_code);
    } else {
        *ids = (struct device_ids){.hardware = 1};
        strlcpy(ids->id[0], dev->isa->id, sizeof(ids->id[0]));
    }
}

/* Lock held. Returns 0; -ENOENT: nobody drives it; others with why. */
static int
bind_one(const struct device *dev, char *why)
{
    char path[PATH_ROOM];
    const struct inf_file *f;
    struct device_ids ids;
    struct driver *d;
    struct match m;
    int err;

    why[0] = 0;
    if (forced(dev, path, sizeof(path))) {
        err = driver_ready(path, NULL, &d, why);
        if (err)
            return err;
        err = attach(dev, d, "forced", why);
        if (err)
            driver_put(d);
        return err;
    }
    ids_of(dev, &ids);
    f = find_match(&ids, &m);
    return f ? bind_matched(dev, f, &m, why) : -ENOENT;
}

/* The next one, of PCI first; both NULL: the first is meant, or there are no more. */
static bool
device_next(struct device *dev)
{
    if (!dev->isa) {
        dev->pci = pci_next(dev->pci, NULL);
        if (dev->pci)
            return true;
    }
    dev->isa = isa_next(dev->isa);
    return dev->isa != NULL;
}

unsigned
bind_all(void)
{
    struct device dev = {0};
    char why[DRIVER_WHY];
    unsigned count = 0;

    mutex_lock(&lock, WAIT_FOREVER);
    while (device_next(&dev)) {
        int err = device_owner(&dev) ? -EEXIST : bind_one(&dev, why);

        count += !err;
        if (err && err != -EEXIST && why[0])
            log_err("%s: no driver: %s", device_name(&dev), why);
    }
    mutex_unlock(&lock);
    return count;
}

/* A device of the system itself has no bus to bring it: it is there as soon as its driver is, once, unless the driver has found
 * adapters or was given devices. Lock held. */
static int
root_add(struct driver *d, char *why)
{
    const struct binding *b;

    list_for_each_entry(b, &bindings, link)
        if (b->driver == d)
            return 0;
    return d->port.leave && !d->found ? d->port.add(d, d->port.data, NULL, why) : 0;
}

void
bind_load_defaults(void)
{
    char path[PATH_ROOM], why[DRIVER_WHY];
    const struct inf_file *f;

    mutex_lock(&lock, WAIT_FOREVER);
    list_for_each_entry(f, &inf_files, link) {
        struct inf_fault fault;
        struct driver *d;
        struct match m;
        int err = match_default(&f->inf, &m, &fault);
        bool root = !err && m.rank == MATCH_NONE;

        if (root)
            err = match_root(&f->inf, &m, &fault);
        if (!err && (m.rank == MATCH_NONE || is_excluded(&m)))
            continue;
        if (!err)
            err = install_registry(&f->inf, &m, NULL, &fault);
        if (err == -EINVAL) {
            log_err("%s:%u: %s", f->path, fault.line, fault.rule);
            continue;
        }
        folder_path(f, m.binary, path);
        err = driver_ready(path, m.service, &d, why);
        if (err) {
            log_err("%s: it is not started: %s", f->path, why);
            continue;
        }
        if (root && root_add(d, why))
            log_err("%s: it has no device: %s", f->path, why);
        driver_put(d);
    }
    mutex_unlock(&lock);
}

static bool
device_named(const char *name, struct device *dev)
{
    *dev = (struct device){0};
    while (device_next(dev))
        if (!strcmp(device_name(dev), name) || (dev->pci && !strcmp(device_name(dev) + 5, name)))
            return true; /* of PCI without the segment, too */
    return false;
}

int
bind_device(const char *device, const char *driver, char *why)
{
    struct driver *d = NULL;
    struct device dev;
    int err;

    if (!device_named(device, &dev)) {
        snprintf(why, DRIVER_WHY, "there is no device %s", device);
        return -ENODEV;
    }
    mutex_lock(&lock, WAIT_FOREVER);
    if (driver) {
        d = driver_find(driver);
        err = d ? attach(&dev, d, "by hand", why) : -ENOENT;
        if (!d)
            snprintf(why, DRIVER_WHY, "no driver %s is loaded", driver);
        else if (err)
            driver_put(d);
    } else {
        err = bind_one(&dev, why);
        if (err == -ENOENT && !why[0])
            snprintf(why, DRIVER_WHY, "no INF file has a driver for %s", device);
    }
    mutex_unlock(&lock);
    return err;
}

/* Returns: 0; -ENODEV: no driver has it; the driver's -errno and why. */
static int
detach(const struct device *dev, char *why)
{
    struct binding *b;
    int err = -ENODEV;

    mutex_lock(&lock, WAIT_FOREVER);
    list_for_each_entry(b, &bindings, link)
        if (b->device.pci == dev->pci && b->device.isa == dev->isa) {
            err = b->driver->port.remove(b->driver, b->driver->port.data, &b->device, why);
            if (!err) {
                mutex_lock(&listed, WAIT_FOREVER);
                list_del(&b->link);
                mutex_unlock(&listed);
                driver_put(b->driver);
                pool_free(b, BIND_TAG);
            }
            break;
        }
    mutex_unlock(&lock);
    return err;
}

int
restart_device(const char *device, char *why)
{
    struct device dev;
    struct binding *b;
    int err = -ENODEV;

    snprintf(why, DRIVER_WHY, "%s is bound to no driver", device);
    if (!device_named(device, &dev))
        return err;
    mutex_lock(&lock, WAIT_FOREVER);
    list_for_each_entry(b, &bindings, link)
        if (b->device.pci == dev.pci && b->device.isa == dev.isa) {
            struct port_registration *p = &b->driver->port;

            snprintf(why, DRIVER_WHY, "the %s cannot do that", p->port);
            err = p->restart ? p->restart(b->driver, p->data, &b->device, why) : -ENOTSUP;
            break;
        }
    mutex_unlock(&lock);
    return err;
}

int
unbind_device(const char *device, char *why)
{
    struct device dev;

    snprintf(why, DRIVER_WHY, "%s is bound to no driver", device);
    return device_named(device, &dev) ? detach(&dev, why) : -ENODEV;
}

int
unbind_function(struct pci_device *d, char *why)
{
    int err = detach(&(struct device){.pci = d}, why);

    return err == -ENODEV ? 0 : err;
}

void
bind_for_each(void (*show)(void *context, const char *device, const struct driver *d, const char *id),
              void *context)
{
    const struct binding *b;

    mutex_lock(&listed, WAIT_FOREVER);
    list_for_each_entry(b, &bindings, link)
        show(context, device_name(&b->device), b->driver, b->id);
    mutex_unlock(&listed);
}
