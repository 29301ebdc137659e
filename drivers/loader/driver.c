/*
 * The drivers that are loaded, and their lives.
 */
#include "drivers/loader/driver.h"
#include "drivers/loader/exports.h"
#include "drivers/loader/image.h"
#include "drivers/loader/status.h"
#include "kernel/cpu/symbols.h"
#include "kernel/mem/pool.h"
#include "kernel/sched/thread.h"
#include "kernel/sync/mutex.h"
#include "lib/errno.h"
#include "lib/format.h"
#include "lib/string.h"

#define DRIVER_TAG     POOL_TAG('d', 'r', 'v', 'r')
#define IO_TYPE_DRIVER 4
#define ENTRY_TIMEOUT  SECONDS(180) /* more than the gate's own limit */
#define SERVICES       "\\Registry\\Machine\\System\\CurrentControlSet\\Services\\"

static struct mutex lock;                        /* find and put may be called with it held */
static struct list drivers = LIST_INIT(drivers); /* [m] */

static void (*driver_came)(void);                          /* [I] after boot */
static void (*image_gone)(const void *start, size_t size); /* [I] after boot */

void
drivers_init(void (*came)(void), void (*gone)(const void *start, size_t size))
{
    mutex_init(&lock);
    driver_came = came;
    image_gone = gone;
    gate_init();
}

/* Returns whether unlock() has something to do. */
static bool
enter(void)
{
    return mutex_lock(&lock, WAIT_FOREVER) == 0;
}

static void
leave(bool entered)
{
    if (entered)
        mutex_unlock(&lock);
}

void
driver_get(struct driver *d)
{
    __atomic_fetch_add(&d->refs, 1, __ATOMIC_RELAXED);
}

void
driver_put(struct driver *d)
{
    __atomic_fetch_sub(&d->refs, 1, __ATOMIC_RELEASE);
}

/* Lock held. */
static struct driver *
find(const char *name)
{
    struct driver *d;

    list_for_each_entry(d, &drivers, link)
        if (library_name_equal(d->name, name))
            return d;
    return NULL;
}

struct driver *
driver_find(const char *name)
{
    bool entered = enter();
    struct driver *d = find(name);

    if (d)
        driver_get(d);
    leave(entered);
    return d;
}

void
drivers_for_each(void (*show)(void *context, struct driver *d), void *context)
{
    bool entered = enter();
    struct driver *d;

    list_for_each_entry(d, &drivers, link)
        show(context, d);
    leave(entered);
}

struct driver *
driver_of_object(const void *object)
{
    bool entered = enter();
    struct driver *d, *found = NULL;

    list_for_each_entry(d, &drivers, link)
        if (object == &d->object)
            found = d;
    leave(entered);
    return found;
}

/* Read without the mutex: what leaves the list is freed after every processor has been below DISPATCH_LEVEL. */
struct driver *
driver_at(uintptr_t address)
{
    for (struct list *l = __atomic_load_n(&drivers.next, __ATOMIC_ACQUIRE); l != &drivers;
         l = __atomic_load_n(&l->next, __ATOMIC_ACQUIRE)) {
        struct driver *d = list_entry(l, struct driver, link);

        if (address - (uintptr_t)d->image < d->pe.image_size)
            return d;
    }
    return NULL;
}

void
driver_place(uintptr_t address, char *text, size_t size)
{
    uint8_t irql = irql_raise(MAX(irql_current(), DISPATCH_LEVEL));
    const struct driver *d = driver_at(address);
    size_t offset;
    const char *function = d ? NULL : symbol_find(address, &offset);

    if (d)
        snprintf(text, size, "%s+%#lx", d->name, address - (uintptr_t)d->image);
    else if (function)
        snprintf(text, size, "%s+%#zx", function, offset);
    else
        snprintf(text, size, "%016lx", address);
    irql_lower(irql);
}

static void
wide(WCHAR *room, size_t count, UNICODE_STRING *string, const char *prefix, const char *text)
{
    size_t n = 0;

    for (; *prefix && n + 1 < count; prefix++)
        room[n++] = (uint8_t)*prefix;
    for (; *text && n + 1 < count; text++)
        room[n++] = (uint8_t)*text;
    room[n] = 0;
    *string = (UNICODE_STRING){(USHORT)(2 * n), (USHORT)(2 * n + 2), room};
}

/* What DriverEntry is given: opaque to a miniport, filled as NT fills it. */
static void
object_fill(struct driver *d)
{
    DRIVER_OBJECT *o = &d->object;

    o->Type = IO_TYPE_DRIVER;
    o->Size = sizeof(*o);
    o->DriverStart = d->image;
    o->DriverSize = d->pe.image_size;
    o->DriverExtension = &d->extension;
    o->DriverInit = (PDRIVER_INITIALIZE)(uintptr_t)(d->image + d->pe.entry);
    d->extension.DriverObject = o;
    wide(d->path_text, ARRAY_SIZE(d->path_text), &d->registry_path, SERVICES, d->service);
    wide(d->name_text, ARRAY_SIZE(d->name_text), &o->DriverName, "\\Driver\\", d->service);
    d->extension.ServiceKeyName = (UNICODE_STRING){(USHORT)(2 * strlen(d->service)),
                                                   (USHORT)(2 * strlen(d->service) + 2),
                                                   d->name_text + strlen("\\Driver\\")};
}

static void
names_fill(struct driver *d, const char *name, const char *service)
{
    char *dot;

    strlcpy(d->name, name, sizeof(d->name));
    strlcpy(d->service, service ? service : name, sizeof(d->service));
    dot = strrchr(d->service, '.');
    if (!service && dot && !strcasecmp(dot, ".sys"))
        *dot = 0;
    d->gate.driver = d;
    d->gate.name = d->name;
}

/* Lock held. */
static int
load(struct driver *d, const void *file, size_t size, char *why)
{
    struct pe_fault fault;
    int err;

    if (find(d->name)) {
        snprintf(why, DRIVER_WHY, "a driver of that name is loaded");
        return -EEXIST;
    }
    err = pe_open(file, size, &d->pe, &fault);
    if (err) {
        pe_fault_text(&fault, why, DRIVER_WHY);
        return err;
    }
    err = image_load(d->name, &d->pe, &d->image, &d->imports_from, why);
    if (err)
        return err;
    if (pe_is_fixed(&d->pe))
        log_warn("%s: its relocations were stripped: absolute addresses in it are wrong", d->name);
    for (unsigned i = 0; i < d->pe.sections; i++)
        if (d->pe.section[i].asked_both)
            log_debug("%s: section %s is executable, so it is not writable", d->name, d->pe.section[i].name);
    d->pe.file = NULL;
    d->has_version = !pe_version(&d->pe, d->image, d->version);
    object_fill(d);
    list_add_tail(&drivers, &d->link);
    return 0;
}

int
driver_load(const char *name, const char *service, const void *file, size_t size, struct driver **out,
            char *why)
{
    struct driver *d = pool_zalloc(sizeof(*d), DRIVER_TAG);
    bool entered;
    int err;

    if (!d) {
        snprintf(why, DRIVER_WHY, "no memory");
        return -ENOMEM;
    }
    list_init(&d->imports_from);
    names_fill(d, name, service);
    entered = enter();
    driver_came();
    err = load(d, file, size, why);
    leave(entered);
    if (err) {
        log_err("%s: not loaded: %s", d->name, why);
        pool_free(d, DRIVER_TAG);
        return err;
    }
    gate_watch();
    log_info("%s: loaded at %016lx, %u KiB", d->name, (uintptr_t)d->image, d->pe.image_size / 1024);
    *out = d;
    return 0;
}

struct entry_call {
    struct driver *d;
    uint64_t status;
    int err;
};

static void
entry_thread(void *context)
{
    struct entry_call *c = context;

    c->err = gate_call(&c->d->gate, "DriverEntry", (const void *)(uintptr_t)c->d->object.DriverInit,
                       GATE_ARGUMENTS((uintptr_t)&c->d->object, (uintptr_t)&c->d->registry_path), &c->status);
}

/* A thread of its own: DriverEntry has a whole stack, and what becomes of it is seen. */
static int
entry_call(struct entry_call *c)
{
    struct thread *t;
    int err = thread_create(&t, c->d->service, PRIORITY_NORMAL, entry_thread, c);

    return err ? err : thread_join(t, ENTRY_TIMEOUT, NULL);
}

int
driver_start(struct driver *d, char *why)
{
    struct entry_call c = {.d = d};
    char text[STATUS_TEXT];
    bool entered = enter();
    int err = d->state == DRIVER_LOADED ? 0 : -EALREADY;

    d->state = d->state == DRIVER_LOADED ? DRIVER_REFUSED : d->state; /* until it has returned */
    leave(entered);
    if (err) {
        snprintf(why, DRIVER_WHY, "its DriverEntry has been called before");
        return err;
    }
    err = entry_call(&c);
    entered = enter();
    d->status = (uint32_t)c.status;
    if (err)
        snprintf(why, DRIVER_WHY, "no thread for its DriverEntry: error %d", err);
    else if (c.err)
        snprintf(why, DRIVER_WHY, "%s", d->gate.text);
    else if (!NT_SUCCESS((NTSTATUS)c.status))
        snprintf(why, DRIVER_WHY, "DriverEntry returned %s", status_text(d->status, text));
    else
        d->state = DRIVER_STARTED;
    err = err ? err : d->state == DRIVER_STARTED ? 0 : -EIO;
    leave(entered);
    if (!err && !d->port.port)
        log_warn(
            "%s: its DriverEntry has called neither ScsiPortInitialize nor AtaPortInitializeEx with success: "
            "it serves nothing",
            d->name);
    if (!err && d->port.started)
        d->port.started(d, d->port.data);
    else if (err && d->port.leave)
        d->port.leave(d, d->port.data);
    if (err)
        log_err("%s: not started: %s", d->name, why);
    return err;
}

static int
in_use(const struct driver *d, uint32_t allowed, char *why)
{
    uint32_t refs = __atomic_load_n(&d->refs, __ATOMIC_ACQUIRE);

    if (refs <= allowed)
        return 0;
    snprintf(why, DRIVER_WHY, "it is in use %u times", refs - allowed);
    return -EBUSY;
}

/* Nobody finds it any more, and it has left what it found itself. Lock held. */
static int
withdraw(struct driver *d, char *why)
{
    int err = in_use(d, __atomic_load_n(&d->found, __ATOMIC_ACQUIRE), why);

    if (!err && d->port.leave)
        d->port.leave(d, d->port.data);
    if (!err)
        err = in_use(d, 0, why);
    if (!err)
        list_del(&d->link);
    return err;
}

static void
destroy(struct driver *d)
{
    if (d->object.DriverUnload && d->state == DRIVER_STARTED)
        (void)gate_call(&d->gate, "DriverUnload", (const void *)(uintptr_t)d->object.DriverUnload,
                        GATE_ARGUMENTS((uintptr_t)&d->object), NULL);
    if (d->port.unload)
        d->port.unload(d, d->port.data);
    image_gone(d->image, d->pe.image_size);
    dpc_flush();
    image_free(&d->pe, d->image);
    image_uses_drop(&d->imports_from);
    log_info("%s: unloaded", d->name);
    pool_free(d, DRIVER_TAG);
}

int
driver_unload(struct driver *d, char *why)
{
    bool entered = enter();
    int err = withdraw(d, why);

    leave(entered);
    if (!err)
        destroy(d);
    return err;
}

int
driver_unload_named(const char *name, char *why)
{
    bool entered = enter();
    struct driver *d = find(name);
    int err = d ? withdraw(d, why) : -ENOENT;

    leave(entered);
    if (!d)
        snprintf(why, DRIVER_WHY, "no driver of that name is loaded");
    else if (!err)
        destroy(d);
    return err;
}
