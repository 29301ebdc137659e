/*
 * What is in a driver's file, told without loading it.
 */
#include "drivers/loader/driver.h"
#include "drivers/loader/image.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/space.h"
#include "lib/errno.h"
#include "lib/format.h"

struct teller {
    void (*line)(void *context, const char *text);
    void *context;
    unsigned imports, missing;
};

static void tell(struct teller *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
tell(struct teller *t, const char *format, ...)
{
    char text[PE_NAME_MAX * 2];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    t->line(t->context, text);
}

static bool
tell_import(void *context, const struct pe_import *i)
{
    struct teller *t = context;
    bool there = image_resolve(i->module, i->name, i->ordinal, NULL) != NULL;

    t->imports++;
    t->missing += !there;
    if (i->name)
        tell(t, "import   %-8s %s!%s", there ? "found" : "MISSING", i->module, i->name);
    else
        tell(t, "import   %-8s %s!#%u", there ? "found" : "MISSING", i->module, i->ordinal);
    return true;
}

static void
tell_headers(struct teller *t, const struct pe *pe)
{
    tell(t, "image    %u KiB in memory, linked for %#lx, entry %#x, %s", pe->image_size / 1024, pe->base,
         pe->entry,
         pe_is_fixed(pe)                     ? "relocations stripped"
         : pe->directory[PE_RELOCATIONS].rva ? "with relocations"
                                             : "without relocations");
    for (unsigned i = 0; i < pe->sections; i++) {
        const struct pe_section *s = &pe->section[i];

        tell(t, "section  %-8s %#8x %#8x %c%c%c%s", s->name, s->rva, s->size, s->access & PE_READ ? 'r' : '-',
             s->access & PE_WRITE ? 'w' : '-', s->access & PE_EXECUTE ? 'x' : '-',
             s->asked_both ? " (asks for write and execute: not writable)" : "");
    }
}

int
driver_describe(const void *file, size_t size, void (*line)(void *context, const char *text), void *context)
{
    struct teller t = {.line = line, .context = context};
    struct pe_fault fault;
    uint16_t version[4];
    char text[PE_NAME_MAX * 2];
    struct pe pe;
    uint8_t *image;
    int err = pe_open(file, size, &pe, &fault);

    if (err) {
        pe_fault_text(&fault, text, sizeof(text));
        tell(&t, "refused  %s", text);
        return err;
    }
    image = space_alloc(ALIGN_UP(pe.image_size, (uint32_t)PAGE_SIZE), MAP_WRITE);
    if (!image)
        return -ENOMEM;
    pe_map(&pe, image);
    tell_headers(&t, &pe);
    if (!pe_version(&pe, image, version))
        tell(&t, "version  %u.%u.%u.%u", version[0], version[1], version[2], version[3]);
    err = pe_imports(&pe, image, tell_import, &t, &fault);
    if (err) {
        pe_fault_text(&fault, text, sizeof(text));
        tell(&t, "refused  %s", text);
    } else {
        tell(&t, "imports  %u, of which %u are missing", t.imports, t.missing);
    }
    space_free(image);
    return err;
}
