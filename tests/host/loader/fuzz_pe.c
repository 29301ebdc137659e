// Any bytes as a driver: refused, or mapped, relocated and read without leaving the image.
// sources: drivers/loader/unwind.c drivers/loader/pe.c drivers/loader/pe_directory.c lib/parse.c lib/format.c
#include "drivers/loader/unwind.h"
#include "tests/host/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
see(void *context, const struct pe_import *i)
{
    const struct pe *pe = context;

    if (i->slot > pe->image_size - 8 || strlen(i->module) >= PE_NAME_MAX)
        abort();
    return true;
}

static bool
read_stack(void *context, uint64_t address, uint64_t *value)
{
    *value = address * 0x9e3779b97f4a7c15;
    return address % 64 != 56;
}

/* A few frames, wherever they lead. */
static void
unwind(const struct pe *pe, const uint8_t *image)
{
    struct unwind_frame f = {.rip = 0x10000 + pe->entry, .reg = {[UNWIND_RSP] = 0x1000}};

    for (unsigned i = 0; i < 8 && !unwind_step(pe, image, 0x10000, &f, read_stack, NULL); i++)
        f.rip = 0x10000 + f.rip % pe->image_size;
}

static void
read_directories(const struct pe *pe, uint8_t *image)
{
    struct pe_fault fault;
    struct pe_load_config config;
    struct pe_export e;
    uint16_t version[4];

    (void)pe_imports(pe, image, see, (void *)pe, &fault);
    (void)pe_export(pe, image, "Alpha", 0, &e);
    (void)pe_export(pe, image, NULL, 6, &e);
    (void)pe_version(pe, image, version);
    pe_load_config(pe, image, 0x10000, &config);
    unwind(pe, image);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pe_fault fault;
    struct pe pe;
    uint8_t *image;
    char text[64];
    uint32_t end = 0;

    if (pe_open(data, size, &pe, &fault)) {
        pe_fault_text(&fault, text, sizeof text);
        return 0;
    }
    for (unsigned i = 0; i < pe.sections; i++) {
        const struct pe_section *s = &pe.section[i];

        if (s->rva < end || s->size > pe.image_size - s->rva ||
            (s->access & PE_WRITE && s->access & PE_EXECUTE))
            abort();
        end = s->rva + s->size;
    }
    if (pe.image_size > 1 << 20)
        return 0;
    image = calloc(1, pe.image_size);
    pe_map(&pe, image);
    if (!pe_relocate(&pe, image, 0x10000, &fault))
        read_directories(&pe, image);
    free(image);
    return 0;
}
