/*
 * /proc/drivers, /proc/ports, /proc/registry: words between tabs, for userland/drivers.c, ports.c and registry.c.
 */
#include "drivers/class/class.h"
#include "drivers/control/control_impl.h"
#include "drivers/loader/driver.h"
#include "drivers/loader/registry.h"
#include "drivers/port/core/port.h"
#include "kernel/fs/file.h"
#include "kernel/hw/pci.h"
#include "lib/bytes.h"
#include "lib/string.h"

/* ---- drivers: name, state, service, port, base, bytes, version, status, references, why ---- */

static const char *const driver_states[] = {"loaded", "running", "refused"};

static void
driver_show(void *context, struct driver *d)
{
    struct text *t = context;

    text_add(t, "driver\t%s\t%s\t%s\t%s\t%lx\t%u\t", d->name,
             d->gate.is_closed ? "failed" : driver_states[d->state], d->service,
             d->port.port ? d->port.port : "-", (uintptr_t)d->image, d->pe.image_size);
    if (d->has_version)
        text_add(t, "%u.%u.%u.%u", d->version[0], d->version[1], d->version[2], d->version[3]);
    else
        text_add(t, "-");
    text_add(t, "\t%08x\t%u\t%s\n", d->status, d->refs, d->gate.text[0] ? d->gate.text : "-");
}

static void
binding_show(void *context, const char *device, const struct driver *d, const char *id)
{
    text_add(context, "device\t%s\t%s\t%s\n", device, d->name, id);
}

static void
show_drivers(struct text *t)
{
    drivers_for_each(driver_show, t);
    bind_for_each(binding_show, t);
}

/* ---- ports ---- */

static const char *const adapter_states[] = {"new", "running", "failed", "stopped"};

static const char *
holds_text(uint32_t holds)
{
    return holds & HOLD_RECOVERY ? "recovering"
           : holds & HOLD_BUSY   ? "busy"
           : holds & HOLD_STOP   ? "stopping"
           : holds & HOLD_BOUNCE ? "no buffer"
           : holds & HOLD_FROZEN ? "frozen"
           : holds & HOLD_LOCKED ? "locked"
           : holds & HOLD_SENSE  ? "sense"
                                 : "-";
}

static void
bus_show(struct text *t, const struct adapter *a, struct bus *b)
{
    struct {
        uint8_t path, target, lun, type;
        char name[UNIT_NAME];
        uint32_t depth, active, holds;
        uint64_t requests, errors;
    } seen[32];
    unsigned n = 0;
    uint8_t irql = spin_lock(&b->lock);
    struct unit *u;

    list_for_each_entry(u, &b->units, link)
        if (n < ARRAY_SIZE(seen)) {
            seen[n].path = u->path;
            seen[n].type = u->type;
            strlcpy(seen[n].name, u->name, sizeof(seen[n].name));
            seen[n].target = u->target;
            seen[n].lun = u->lun;
            seen[n].depth = u->depth;
            seen[n].active = u->active;
            seen[n].holds = u->holds;
            seen[n].requests = u->requests;
            seen[n++].errors = u->errors;
        }
    spin_unlock(&b->lock, irql);
    text_add(t, "bus\t%s\t%u\t%u\t%u\t%lu\t%lu\t%lu\t%lu\t%s\n", a->name, b->number, b->depth, b->active,
             b->issued, b->completed, b->interrupts, b->bounce.used, holds_text(b->holds));
    for (unsigned i = 0; i < n; i++)
        text_add(t, "unit\t%s\t%u\t%u\t%u\t%s\t%s\t%u\t%u\t%lu\t%lu\t%s\n", a->name, seen[i].path,
                 seen[i].target, seen[i].lun, unit_type_name(seen[i].type),
                 seen[i].name[0] ? seen[i].name : "-", seen[i].depth, seen[i].active, seen[i].requests,
                 seen[i].errors, holds_text(seen[i].holds));
}

static void
log_show(struct text *t, struct adapter *a)
{
    uint32_t first = a->log_count > PORT_LOG ? a->log_count - PORT_LOG : 0;

    for (uint32_t n = first; n < a->log_count; n++) {
        char line[PORT_TEXT];
        uint64_t were_on = spin_lock_interrupts(&a->log_lock), time = a->log[n % PORT_LOG].time;

        strlcpy(line, a->log[n % PORT_LOG].text, sizeof(line));
        spin_unlock_interrupts(&a->log_lock, were_on);
        text_add(t, "log\t%s\t%lu\t%s\n", a->name, time / 1000000, line);
    }
}

static void
adapter_show(void *context, struct adapter *a)
{
    struct text *t = context;

    text_add(t, "adapter\t%s\t%s\t%s\t%s\t%s\t%02x\t%u\t%lu\t%lu\t%s\n", a->name, a->face->name,
             a->driver->name, adapter_device(a), adapter_states[a->state], a->irq[0].line.vector,
             a->irq[0].line.level, a->gate.calls, a->gate.violations, a->gate.text[0] ? a->gate.text : "-");
    for (uint32_t i = 0; i < a->range_count; i++)
        text_add(t, "range\t%s\t%u\t%s\t%lx\t%lu\n", a->name, a->range[i].bar,
                 a->range[i].in_memory ? "memory" : "ports", a->range[i].start, a->range[i].size);
    for (uint32_t i = 0; i < a->bus_count; i++)
        bus_show(t, a, a->bus[i]);
    log_show(t, a);
}

static void
show_ports(struct text *t)
{
    adapters_for_each(adapter_show, t);
}

/* ---- registry: key, name, type, value ---- */

static void
data_show(struct text *t, uint32_t type, const uint8_t *data, size_t size)
{
    if (type == REGISTRY_DWORD && size == 4) {
        text_add(t, "0x%08x (%u)", get_le32(data), get_le32(data));
    } else if (type == REGISTRY_SZ || type == REGISTRY_EXPAND_SZ) {
        text_add(t, "%.*s", (int)size, (const char *)data);
    } else if (type == REGISTRY_MULTI_SZ) {
        for (size_t i = 0; i < size && data[i]; i += strnlen((const char *)data + i, size - i) + 1)
            text_add(t, "%s%.*s", i ? ", " : "", (int)(size - i), (const char *)data + i);
    } else {
        for (size_t i = 0; i < size; i++)
            text_add(t, "%s%02x", i ? " " : "", data[i]);
    }
}

static void
value_show(void *context, const char *key, const char *name, uint32_t type, const void *data, size_t size)
{
    static const char *const types[] = {"none",  "text",  "text", "binary",
                                        "dword", "dword", "link", "strings"};
    struct text *t = context;

    text_add(t, "%s\t%s\t%s\t", key, name[0] ? name : "(default)",
             type < ARRAY_SIZE(types) ? types[type] : "?");
    data_show(t, type, data, size);
    text_add(t, "\n");
}

static void
show_registry(struct text *t)
{
    registry_for_each(value_show, t);
}

/* ---- disks: name, path, driver, device, kind, size, block sizes, depth, flags, vendor, model, revision, serial ---- */

static void
disk_show(void *context, const struct class_facts *f)
{
    text_add(context, "%s\t%s\t%s\t%s\t%s\t%lu\t%u\t%u\t%u\t%s%s%s%s\t%s\t%s\t%s\t%s\n", f->name, f->path,
             f->driver, f->device, f->is_cd ? "cd" : "disk", f->size, f->block_size, f->physical_size,
             f->depth, f->read_only ? "r" : "w", f->removable ? "m" : "", f->has_cache ? "c" : "",
             f->can_discard ? "d" : "", f->vendor, f->model, f->revision, f->serial);
}

static void
show_disks(struct text *t)
{
    class_for_each(disk_show, t);
}

int
control_show_init(void)
{
    int err = procfs_add("drivers", show_drivers);

    if (!err)
        err = procfs_add("ports", show_ports);
    if (!err)
        err = procfs_add("disks", show_disks);
    return err ? err : procfs_add("registry", show_registry);
}
