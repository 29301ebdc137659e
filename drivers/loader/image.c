/*
 * From a checked file to code that can run.
 */
#include "drivers/loader/image.h"
#include "drivers/loader/driver.h"
#include "drivers/loader/exports.h"
#include "kernel/console/log.h"
#include "kernel/cpu/guard.h"
#include "kernel/hw/random.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/space.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/format.h"
#include "lib/string.h"

#define DRIVER_TAG     POOL_TAG('d', 'r', 'v', 'r')
#define COOKIE_DEFAULT 0x00002b992ddfa232u /* what the C runtime's object file holds; NT replaces it, and 0 */
#define COOKIE_MASK    0x0000ffffffffffffu

void guard_dispatch_icall(void);
void guard_check_icall(void);

static const void *resolve(const char *library, const char *name, uint16_t ordinal, struct list *uses,
                           unsigned depth);

/* What a loaded driver exports. */
static const void *
resolve_in(struct driver *d, const char *name, uint16_t ordinal, struct list *uses, unsigned depth)
{
    char library[PE_NAME_MAX];
    struct pe_export e;
    struct driver_use *use;

    if (pe_export(&d->pe, d->image, name, ordinal, &e))
        return NULL;
    if (e.forwarder) {
        if (depth == PE_FORWARDERS_MAX ||
            pe_forwarder_split(e.forwarder, library, sizeof(library), &name, &ordinal))
            return NULL;
        return resolve(library, name, ordinal, uses, depth + 1);
    }
    if (uses) {
        use = pool_zalloc(sizeof(*use), DRIVER_TAG);
        if (!use)
            return NULL;
        use->used = d;
        driver_get(d);
        list_add_tail(uses, &use->link);
    }
    return d->image + e.rva;
}

static const void *
resolve(const char *library, const char *name, uint16_t ordinal, struct list *uses, unsigned depth)
{
    const void *f = library_function(library, name, ordinal);
    struct driver *d;

    if (f)
        return f;
    d = driver_find(library);
    if (d) {
        f = resolve_in(d, name, ordinal, uses, depth);
        driver_put(d);
    }
    return f;
}

const void *
image_resolve(const char *library, const char *name, uint16_t ordinal, struct list *uses)
{
    return resolve(library, name, ordinal, uses, 0);
}

void
image_uses_drop(struct list *uses)
{
    while (!list_empty(uses)) {
        struct driver_use *u = list_entry(uses->next, struct driver_use, link);

        list_del(&u->link);
        driver_put(u->used);
        pool_free(u, DRIVER_TAG);
    }
}

struct binding {
    const char *name;
    uint8_t *image;
    struct list *uses;
    unsigned missing;
    char *why;
};

static bool
bind(void *context, const struct pe_import *i)
{
    struct binding *b = context;
    const void *f = image_resolve(i->module, i->name, i->ordinal, b->uses);
    char number[16];

    if (f) {
        put_le64(b->image + i->slot, (uint64_t)f);
        return true;
    }
    snprintf(number, sizeof(number), "#%u", i->ordinal);
    log_err("%s: imports %s from %s, which %s", b->name, i->name ? i->name : number, i->module,
            library_find(i->module) ? "it does not have" : "is no library here");
    if (strlen(b->why) + strlen(i->module) + PE_NAME_MAX / 4 < DRIVER_WHY) {
        strlcat(b->why, b->missing ? ", " : "missing imports: ", DRIVER_WHY);
        strlcat(b->why, i->module, DRIVER_WHY);
        strlcat(b->why, "!", DRIVER_WHY);
        strlcat(b->why, i->name ? i->name : number, DRIVER_WHY);
    } else if (b->why[strlen(b->why) - 1] != '.') {
        strlcat(b->why, ", ...", DRIVER_WHY);
    }
    b->missing++;
    return true;
}

/* What NT's loader writes into an image (load configuration). */
static void
configure(const struct pe *pe, uint8_t *image)
{
    struct pe_load_config c;
    uint64_t cookie;

    pe_load_config(pe, image, (uintptr_t)image, &c);
    if (c.cookie) {
        cookie = get_le64(image + c.cookie);
        if (!cookie || cookie == COOKIE_DEFAULT) {
            random_bytes(&cookie, sizeof(cookie));
            cookie &= COOKIE_MASK;
            put_le64(image + c.cookie, cookie && cookie != COOKIE_DEFAULT ? cookie : COOKIE_DEFAULT + 1);
        }
    }
    if (c.guard_check)
        put_le64(image + c.guard_check, (uintptr_t)guard_check_icall);
    if (c.guard_dispatch)
        put_le64(image + c.guard_dispatch, (uintptr_t)guard_dispatch_icall);
}

/* What the sections on a page ask for together; the headers are to be read. */
static unsigned
page_access(const struct pe *pe, uint32_t page)
{
    unsigned access = 0;

    for (unsigned i = 0; i < pe->sections; i++) {
        const struct pe_section *s = &pe->section[i];

        if (s->rva < page + PAGE_SIZE && s->rva + s->size > page)
            access |= s->access;
    }
    return access;
}

static int
protect(const struct pe *pe, uint8_t *image)
{
    uint32_t end = ALIGN_UP(pe->image_size, (uint32_t)PAGE_SIZE);
    int err = 0;

    for (uint32_t at = 0, next; at < end && !err; at = next) {
        unsigned access = page_access(pe, at);

        next = at + PAGE_SIZE;
        while (next < end && page_access(pe, next) == access)
            next += PAGE_SIZE;
        err = space_protect(image + at, next - at,
                            access & PE_EXECUTE ? MAP_EXEC
                            : access & PE_WRITE ? MAP_WRITE
                                                : 0);
        if (!err && access & PE_EXECUTE)
            err = guard_range_add((uintptr_t)image + at, (uintptr_t)image + next);
    }
    return err;
}

static void
ranges_remove(const struct pe *pe, const uint8_t *image)
{
    for (uint32_t at = 0; at < pe->image_size; at += PAGE_SIZE)
        guard_range_remove((uintptr_t)image + at);
}

void
image_free(const struct pe *pe, uint8_t *image)
{
    ranges_remove(pe, image);
    space_free(image);
}

int
image_load(const char *name, const struct pe *pe, uint8_t **image, struct list *uses, char *why)
{
    struct binding b = {.name = name, .uses = uses, .why = why};
    struct pe_fault fault;
    int err;

    why[0] = 0;
    b.image = space_alloc(ALIGN_UP(pe->image_size, (uint32_t)PAGE_SIZE), MAP_WRITE);
    if (!b.image) {
        snprintf(why, DRIVER_WHY, "no memory for an image of %u KiB", pe->image_size / 1024);
        return -ENOMEM;
    }
    pe_map(pe, b.image);
    err = pe_relocate(pe, b.image, (uintptr_t)b.image, &fault);
    if (!err)
        err = pe_imports(pe, b.image, bind, &b, &fault);
    if (err) {
        pe_fault_text(&fault, why, DRIVER_WHY);
        goto free;
    }
    err = b.missing ? -ENOENT : 0;
    if (err)
        goto free;
    configure(pe, b.image);
    err = protect(pe, b.image);
    if (err) {
        snprintf(why, DRIVER_WHY, "its pages cannot be protected: error %d", err);
        goto free;
    }
    *image = b.image;
    return 0;
free:
    image_free(pe, b.image);
    image_uses_drop(uses);
    return err;
}
