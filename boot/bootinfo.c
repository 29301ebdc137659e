/*
 * Multiboot 0.6.96 (section 3.3) and Multiboot2 2.0 (section 3.6) boot information. Everything is read as
 * bytes through `at` and bounds-checked: a boot loader can be wrong, too.
 */
#include "boot/bootinfo.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"

/* Multiboot1: flags and offsets of the fields they announce */
#define MB1_SIZE            116
#define MB1_HAS_MEMORY      BIT(0)
#define MB1_HAS_CMDLINE     BIT(2)
#define MB1_HAS_MODULES     BIT(3)
#define MB1_HAS_MAP         BIT(6)
#define MB1_HAS_LOADER      BIT(9)
#define MB1_HAS_FRAMEBUFFER BIT(12)

/* Multiboot2 tags */
enum {
    MB2_END = 0,
    MB2_CMDLINE = 1,
    MB2_LOADER = 2,
    MB2_MODULE = 3,
    MB2_MEMORY_MAP = 6,
    MB2_FRAMEBUFFER = 8,
    MB2_RSDP_OLD = 14,
    MB2_RSDP_NEW = 15,
};
#define MB2_SIZE_MAX    (1 << 20)
#define FRAMEBUFFER_RGB 1

/* Copy a string of at most `max` source bytes; returns true if it was cut. */
static bool
text_copy(char *to, size_t size, const char *from, size_t max)
{
    size_t n = strnlen(from, max), fits = MIN(n, size - 1);

    memcpy(to, from, fits);
    to[fits] = '\0';
    return fits < n;
}

/* Copy a zero-terminated string of unknown length, byte by byte as far as memory is readable. */
static bool
text_copy_at(char *to, size_t size, uint64_t pa, bootinfo_reader *at)
{
    for (size_t i = 0; i < size; i++) {
        const char *c = at(pa + i, 1);

        to[i] = c ? *c : '\0';
        if (to[i] == '\0')
            return false;
    }
    to[size - 1] = '\0';
    return true;
}

/* The types of both specifications and of ACPI (6.5, 15.1) are the same numbers. */
static void
region_add(struct bootinfo *b, uint64_t start, uint64_t size, uint32_t type)
{
    static const enum mem_kind kinds[] = {MEM_RESERVED,     MEM_USABLE,   MEM_RESERVED,
                                          MEM_ACPI_RECLAIM, MEM_ACPI_NVS, MEM_BAD};

    if (size == 0)
        return;
    if (size > UINT64_MAX - start)
        size = UINT64_MAX - start;
    if (b->region_count == BOOT_REGIONS_MAX) {
        b->regions_cut = true;
        return;
    }
    b->regions[b->region_count++] =
        (struct mem_region){start, size, type < ARRAY_SIZE(kinds) ? kinds[type] : MEM_RESERVED};
}

static struct boot_module *
module_add(struct bootinfo *b, uint64_t start, uint64_t end)
{
    struct boot_module *m;

    if (b->module_count == BOOT_MODULES_MAX) {
        b->modules_cut = true;
        return NULL;
    }
    m = &b->modules[b->module_count++];
    m->start = start;
    m->size = end > start ? end - start : 0;
    return m;
}

/* The fields from the address on are laid out alike in Multiboot1 (offset 88) and Multiboot2 (tag, offset 8). */
static void
framebuffer_read(struct bootinfo *b, const uint8_t *p, const uint8_t *colours)
{
    struct framebuffer f = {.pa = get_le64(p),
                            .pitch = get_le32(p + 8),
                            .width = get_le32(p + 12),
                            .height = get_le32(p + 16),
                            .bits = p[20],
                            .red_at = colours[0],
                            .red_bits = colours[1],
                            .green_at = colours[2],
                            .green_bits = colours[3],
                            .blue_at = colours[4],
                            .blue_bits = colours[5]};
    uint32_t bytes = (f.bits + 7u) / 8;

    if (p[21] != FRAMEBUFFER_RGB || f.bits < 15 || f.bits > 32 || f.width > 16384 || f.height > 16384)
        return;
    if (f.red_at + f.red_bits > f.bits || f.green_at + f.green_bits > f.bits ||
        f.blue_at + f.blue_bits > f.bits || f.pitch < f.width * bytes)
        return;
    b->framebuffer = f;
}

static int
mb1_map(uint32_t pa, uint32_t length, bootinfo_reader *at, struct bootinfo *b, const char **reason)
{
    uint32_t done = 0;

    while (done + 24 <= length) {
        const uint8_t *e = at((uint64_t)pa + done, 24);
        uint32_t size = e ? get_le32(e) : 0;

        if (!e || size < 20 || size > 4096) {
            *reason = "Multiboot memory map: entry unreadable or of an impossible size";
            return -EINVAL;
        }
        region_add(b, get_le64(e + 4), get_le64(e + 12), get_le32(e + 20));
        done += size + 4; /* the size field does not count itself */
    }
    return 0;
}

static int
mb1_modules(uint32_t pa, uint32_t count, bootinfo_reader *at, struct bootinfo *b, const char **reason)
{
    for (uint32_t i = 0; i < count && !b->modules_cut; i++) {
        const uint8_t *e = at((uint64_t)pa + 16ull * i, 16);
        struct boot_module *m;

        if (!e) {
            *reason = "Multiboot module list: unreadable";
            return -EINVAL;
        }
        m = module_add(b, get_le32(e), get_le32(e + 4));
        if (m && get_le32(e + 8))
            text_copy_at(m->name, sizeof(m->name), get_le32(e + 8), at);
    }
    return 0;
}

/* QEMU's -kernel puts the kernel's file name before the options; GRUB does not. */
static void
cmdline_drop_file_name(struct bootinfo *b)
{
    const char *rest;

    if (strcmp(b->loader, "qemu") != 0)
        return;
    rest = strchr(b->cmdline, ' ');
    if (rest)
        memmove(b->cmdline, rest + 1, strlen(rest + 1) + 1);
    else
        b->cmdline[0] = '\0';
}

static int
mb1_parse(uint64_t info, bootinfo_reader *at, struct bootinfo *b, const char **reason)
{
    const uint8_t *p = at(info, MB1_SIZE);
    uint32_t flags;
    int err = 0;

    if (!p) {
        *reason = "Multiboot information: unreadable";
        return -EINVAL;
    }
    flags = get_le32(p);
    b->info_pa = info;
    b->info_size = MB1_SIZE;
    if (flags & MB1_HAS_CMDLINE)
        b->cmdline_cut = text_copy_at(b->cmdline, sizeof(b->cmdline), get_le32(p + 16), at);
    if (flags & MB1_HAS_LOADER)
        text_copy_at(b->loader, sizeof(b->loader), get_le32(p + 64), at);
    cmdline_drop_file_name(b);
    if (flags & MB1_HAS_MAP)
        err = mb1_map(get_le32(p + 48), get_le32(p + 44), at, b, reason);
    else if (flags & MB1_HAS_MEMORY) {
        region_add(b, 0, KiB(get_le32(p + 4)), 1);
        region_add(b, MiB(1), KiB(get_le32(p + 8)), 1);
    }
    if (!err && flags & MB1_HAS_MODULES)
        err = mb1_modules(get_le32(p + 24), get_le32(p + 20), at, b, reason);
    if (!err && flags & MB1_HAS_FRAMEBUFFER)
        framebuffer_read(b, p + 88, p + 110);
    return err;
}

static int
mb2_map(const uint8_t *tag, uint32_t size, struct bootinfo *b, const char **reason)
{
    uint32_t entry_size = size >= 16 ? get_le32(tag + 8) : 0;

    if (entry_size < 24 || entry_size % 8 != 0) {
        *reason = "Multiboot2 memory map: impossible entry size";
        return -EINVAL;
    }
    for (uint64_t at = 16; at + entry_size <= size; at += entry_size)
        region_add(b, get_le64(tag + at), get_le64(tag + at + 8), get_le32(tag + at + 16));
    return 0;
}

static int
mb2_tag(const uint8_t *tag, uint32_t type, uint32_t size, struct bootinfo *b, const char **reason)
{
    struct boot_module *m;

    switch (type) {
    case MB2_CMDLINE:
        b->cmdline_cut = text_copy(b->cmdline, sizeof(b->cmdline), (const char *)tag + 8, size - 8);
        break;
    case MB2_LOADER:
        text_copy(b->loader, sizeof(b->loader), (const char *)tag + 8, size - 8);
        break;
    case MB2_MODULE:
        m = size >= 16 ? module_add(b, get_le32(tag + 8), get_le32(tag + 12)) : NULL;
        if (m)
            text_copy(m->name, sizeof(m->name), (const char *)tag + 16, size - 16);
        break;
    case MB2_MEMORY_MAP:
        return mb2_map(tag, size, b, reason);
    case MB2_FRAMEBUFFER:
        if (size >= 38)
            framebuffer_read(b, tag + 8, tag + 32);
        break;
    case MB2_RSDP_OLD:
    case MB2_RSDP_NEW: /* the newer one comes as well where there is one, and wins by its size */
        if (size - 8 >= 20 && size - 8 > b->rsdp_size) {
            b->rsdp_size = MIN(size - 8, sizeof(b->rsdp));
            memcpy(b->rsdp, tag + 8, b->rsdp_size);
        }
        break;
    }
    return 0;
}

static int
mb2_parse(uint64_t info, bootinfo_reader *at, struct bootinfo *b, const char **reason)
{
    const uint8_t *head = at(info, 8), *p;
    uint32_t total = head ? get_le32(head) : 0;

    p = total >= 16 && total <= MB2_SIZE_MAX ? at(info, total) : NULL;
    if (!p) {
        *reason = "Multiboot2 information: unreadable or of an impossible size";
        return -EINVAL;
    }
    b->info_pa = info;
    b->info_size = total;
    for (uint32_t pos = 8; pos + 8 <= total;) {
        uint32_t type = get_le32(p + pos), size = get_le32(p + pos + 4);
        int err;

        if (type == MB2_END)
            return 0;
        if (size < 8 || size > total - pos) {
            *reason = "Multiboot2 information: a tag is longer than what contains it";
            return -EINVAL;
        }
        err = mb2_tag(p + pos, type, size, b, reason);
        if (err)
            return err;
        pos += ALIGN_UP(size, 8u);
    }
    *reason = "Multiboot2 information: no end tag";
    return -EINVAL;
}

int
bootinfo_parse(uint32_t magic, uint64_t info, bootinfo_reader *at, struct bootinfo *out, const char **reason)
{
    memset(out, 0, sizeof(*out));
    switch (magic) {
    case MULTIBOOT1_MAGIC:
        return mb1_parse(info, at, out, reason);
    case MULTIBOOT2_MAGIC:
        return mb2_parse(info, at, out, reason);
    default:
        *reason = "not started by a Multiboot loader (wrong magic number)";
        return -EINVAL;
    }
}

const char *
bootinfo_module_fault(const struct bootinfo *b, const struct boot_module *m, uint64_t image_start,
                      uint64_t image_end)
{
    if (m->size == 0)
        return "is empty, or ends before it starts";
    if (m->start < image_end && m->start + m->size > image_start)
        return "overlaps the kernel";
    for (size_t i = 0; i < b->region_count; i++) {
        const struct mem_region *r = &b->regions[i];

        if (r->kind == MEM_USABLE && m->start >= r->start && m->start - r->start < r->size &&
            m->size <= r->size - (m->start - r->start))
            return NULL;
    }
    return "does not lie in usable memory (truncated?)";
}
