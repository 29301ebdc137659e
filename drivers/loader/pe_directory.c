/*
 * What the directories of a mapped image say: imports, exports, load configuration, version.
 */
#include "drivers/loader/pe_impl.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/parse.h"
#include "lib/string.h"

/* "The .idata Section": the directory's entry, and a hint in front of a name. */
#define IMPORT_SIZE       20
#define IMPORT_LOOKUP     0
#define IMPORT_NAME       12
#define IMPORT_ADDRESSES  16
#define IMPORT_BY_ORDINAL (UINT64_C(1) << 63)

/* "The .edata Section" */
#define EXPORT_SIZE         40
#define EXPORT_BASE         16
#define EXPORT_FUNCTIONS    20
#define EXPORT_NAMES        24
#define EXPORT_ADDRESSES_AT 28
#define EXPORT_NAMES_AT     32
#define EXPORT_ORDINALS_AT  36

/* "The Load Configuration Structure" */
#define CONFIG_COOKIE         0x58
#define CONFIG_GUARD_CHECK    0x70
#define CONFIG_GUARD_DISPATCH 0x78

#define RESOURCE_VERSION 16 /* RT_VERSION */
#define FIXED_INFO_MAGIC 0xfeef04bd

/* The imports of one library. */
static int
library_imports(const struct pe *pe, const uint8_t *image, const uint8_t *entry,
                bool (*visit)(void *context, const struct pe_import *i), void *context, struct pe_fault *f)
{
    struct pe_import i = {.module = pe_text(pe, image, get_le32(entry + IMPORT_NAME))};
    uint64_t slots = get_le32(entry + IMPORT_ADDRESSES);
    uint64_t lookup = get_le32(entry + IMPORT_LOOKUP) ? get_le32(entry + IMPORT_LOOKUP) : slots;

    if (!i.module || !i.module[0])
        return pe_refuse(f, "Import Directory: Name", get_le32(entry + IMPORT_NAME), "no name of a library",
                         NULL);
    for (unsigned n = 0; n < PE_IMPORTS_MAX; n++) {
        const uint8_t *thunk = pe_bytes(pe, image, lookup + 8ull * n, 8);
        uint64_t value;

        if (!thunk)
            return pe_refuse(f, "Import Lookup Table", lookup + 8ull * n, "not within the image", i.module);
        value = get_le64(thunk);
        if (!value)
            return 0;
        i.slot = (uint32_t)(slots + 8ull * n);
        if (slots < pe->headers_size || slots + 8ull * n > UINT32_MAX ||
            !pe_bytes(pe, image, slots + 8ull * n, 8))
            return pe_refuse(f, "Import Address Table", slots + 8ull * n, "not within the sections",
                             i.module);
        i.ordinal = (uint16_t)value;
        i.name = value & IMPORT_BY_ORDINAL ? NULL : pe_text(pe, image, (value & 0x7fffffff) + 2);
        if (!(value & IMPORT_BY_ORDINAL) && (value > 0x7fffffff || !i.name || !i.name[0]))
            return pe_refuse(f, "Import Lookup Table entry", value, "no name of a function", i.module);
        if (!visit(context, &i))
            return -EINTR;
    }
    return pe_refuse(f, "Import Lookup Table", lookup, "does not end within 4096 entries", i.module);
}

int
pe_imports(const struct pe *pe, const uint8_t *image, bool (*visit)(void *context, const struct pe_import *i),
           void *context, struct pe_fault *fault)
{
    uint64_t at = pe->directory[PE_IMPORTS].rva;

    if (!at)
        return 0;
    for (unsigned n = 0; n < PE_LIBRARIES_MAX; n++, at += IMPORT_SIZE) {
        const uint8_t *entry = pe_bytes(pe, image, at, IMPORT_SIZE);
        int err;

        if (!entry)
            return pe_refuse(fault, "Import Directory", at, "not within the image", NULL);
        if (!get_le32(entry + IMPORT_NAME) && !get_le32(entry + IMPORT_ADDRESSES))
            return 0;
        err = library_imports(pe, image, entry, visit, context, fault);
        if (err)
            return err;
    }
    return pe_refuse(fault, "Import Directory", at, "does not end within 64 libraries", NULL);
}

/* The index in the table of addresses of a name, by bisection (the names are in order); -1: not there. */
static int64_t
export_by_name(const struct pe *pe, const uint8_t *image, const uint8_t *d, const char *name)
{
    uint32_t count = get_le32(d + EXPORT_NAMES), low = 0, high = count;
    uint64_t names = get_le32(d + EXPORT_NAMES_AT), ordinals = get_le32(d + EXPORT_ORDINALS_AT);

    if (!pe_bytes(pe, image, names, 4ull * count) || !pe_bytes(pe, image, ordinals, 2ull * count))
        return -1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const char *text = pe_text(pe, image, get_le32(image + names + 4ull * middle));
        int order = text ? strcmp(name, text) : 1;

        if (!order)
            return get_le16(image + ordinals + 2ull * middle);
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

int
pe_export(const struct pe *pe, const uint8_t *image, const char *name, uint16_t ordinal,
          struct pe_export *out)
{
    uint64_t rva = pe->directory[PE_EXPORTS].rva, size = pe->directory[PE_EXPORTS].size, functions;
    const uint8_t *d = pe_bytes(pe, image, rva, EXPORT_SIZE), *entry;
    int64_t index;

    if (!d)
        return -ENOENT;
    index = name ? export_by_name(pe, image, d, name) : (int64_t)ordinal - get_le32(d + EXPORT_BASE);
    functions = get_le32(d + EXPORT_ADDRESSES_AT);
    if (index < 0 || index >= get_le32(d + EXPORT_FUNCTIONS))
        return -ENOENT;
    entry = pe_bytes(pe, image, functions + 4ull * (uint64_t)index, 4);
    if (!entry || !pe_bytes(pe, image, get_le32(entry), 1))
        return -ENOENT;
    *out = (struct pe_export){.rva = get_le32(entry)};
    if (out->rva >= rva && out->rva - rva < size) { /* within the directory itself: a forwarder */
        out->forwarder = pe_text(pe, image, out->rva);
        out->rva = 0;
        return out->forwarder ? 0 : -ENOENT;
    }
    return 0;
}

int
pe_forwarder_split(const char *forwarder, char *library, size_t size, const char **name, uint16_t *ordinal)
{
    const char *dot = strrchr(forwarder, '.');
    uint64_t n;

    if (!dot || dot == forwarder || !dot[1] || (size_t)(dot - forwarder) >= size)
        return -EINVAL;
    memcpy(library, forwarder, (size_t)(dot - forwarder));
    library[dot - forwarder] = 0;
    *name = dot + 1;
    *ordinal = 0;
    if (dot[1] != '#')
        return 0;
    if (parse_u64(dot + 2, NULL, 10, &n) || n > UINT16_MAX)
        return -EINVAL;
    *name = NULL;
    *ordinal = (uint16_t)n;
    return 0;
}

/* A pointer of the load configuration to 8 bytes of the image: their address there, or 0. */
static uint32_t
config_place(const struct pe *pe, const uint8_t *image, uint64_t at, const uint8_t *config, uint32_t size,
             unsigned offset)
{
    uint64_t rva = size >= offset + 8 ? get_le64(config + offset) - at : 0;

    return rva >= pe->headers_size && pe_bytes(pe, image, rva, 8) ? (uint32_t)rva : 0;
}

void
pe_load_config(const struct pe *pe, const uint8_t *image, uint64_t at, struct pe_load_config *out)
{
    uint32_t rva = pe->directory[PE_LOAD_CONFIG].rva, size;
    const uint8_t *config = pe_bytes(pe, image, rva, 4);

    *out = (struct pe_load_config){0};
    if (!config)
        return;
    size = get_le32(config);
    if (!pe_bytes(pe, image, rva, size))
        return;
    out->cookie = config_place(pe, image, at, config, size, CONFIG_COOKIE);
    out->guard_check = config_place(pe, image, at, config, size, CONFIG_GUARD_CHECK);
    out->guard_dispatch = config_place(pe, image, at, config, size, CONFIG_GUARD_DISPATCH);
}

/* The offset that a resource directory's entry leads to (bit 31: another directory); id < 0: the first. 0: none. */
static uint32_t
resource_entry(const struct pe *pe, const uint8_t *image, uint64_t root, uint32_t offset, int id)
{
    const uint8_t *d = pe_bytes(pe, image, root + offset, 16);
    unsigned named, numbered;

    if (!d)
        return 0;
    named = get_le16(d + 12);
    numbered = get_le16(d + 14);
    if (!pe_bytes(pe, image, root + offset, 16 + 8ull * (named + numbered)))
        return 0;
    for (unsigned i = id < 0 ? 0 : named; i < named + numbered; i++)
        if (id < 0 || get_le32(d + 16 + 8 * i) == (uint32_t)id)
            return get_le32(d + 16 + 8 * i + 4);
    return 0;
}

/* "The .rsrc Section": type, name, language, then the data; VS_FIXEDFILEINFO lies in it on a multiple of 4. */
int
pe_version(const struct pe *pe, const uint8_t *image, uint16_t version[4])
{
    uint64_t root = pe->directory[PE_RESOURCES].rva;
    uint32_t at = root ? resource_entry(pe, image, root, 0, RESOURCE_VERSION) : 0, size;
    const uint8_t *data;

    for (int level = 0; level < 2; level++)
        at = at >> 31 ? resource_entry(pe, image, root, at & 0x7fffffff, -1) : 0;
    data = at && !(at >> 31) ? pe_bytes(pe, image, root + at, 16) : NULL;
    if (!data)
        return -ENOENT;
    size = MIN(get_le32(data + 4), 4096u);
    data = pe_bytes(pe, image, get_le32(data), size);
    for (uint32_t i = 0; data && i + 52 <= size; i += 4)
        if (get_le32(data + i) == FIXED_INFO_MAGIC) {
            version[0] = get_le16(data + i + 10);
            version[1] = get_le16(data + i + 8);
            version[2] = get_le16(data + i + 14);
            version[3] = get_le16(data + i + 12);
            return 0;
        }
    return -ENOENT;
}
