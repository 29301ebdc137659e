/*
 * System V ABI, chapters 4 and 5; its AMD64 supplement.
 */
#include "kernel/sys/elf.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"

#define PAGE      4096ul
#define ALIGN_MAX MiB(2)

#define ET_EXEC    2
#define ET_DYN     3
#define EM_X86_64  62
#define EV_CURRENT 1

enum { PT_LOAD = 1, PT_INTERP = 3, PT_GNU_STACK = 0x6474e551 };
#define PF_EXECUTE 1u
#define PF_WRITE   2u
#define PF_READ    4u

struct entry {
    uint32_t type, flags;
    uint64_t offset, address, file_size, size, align;
};

static const char *
header_fault(const uint8_t *b, size_t size)
{
    static const uint8_t magic[4] = {0x7f, 'E', 'L', 'F'};

    if (size < sizeof(magic) || memcmp(b, magic, sizeof(magic)))
        return "no ELF file";
    if (size < ELF_HEADER_SIZE)
        return "the ELF header is cut";
    if (b[4] != 2)
        return "not a 64-bit program";
    if (b[5] != 1 || b[6] != EV_CURRENT)
        return "not little-endian, or of an unknown version";
    if (get_le16(b + 16) != ET_EXEC && get_le16(b + 16) != ET_DYN)
        return "neither a program nor a shared object";
    if (get_le16(b + 18) != EM_X86_64)
        return "for another kind of processor";
    if (get_le32(b + 20) != EV_CURRENT)
        return "of an unknown version";
    if (get_le16(b + 54) != ELF_ENTRY_SIZE)
        return "program headers of an unknown size";
    if (get_le16(b + 56) == 0 || get_le16(b + 56) > ELF_ENTRIES_MAX)
        return "no program headers, or too many";
    return NULL;
}

int
elf_header(const void *bytes, size_t size, struct elf *e, const char **reason)
{
    const uint8_t *b = bytes;

    *e = (struct elf){0};
    *reason = header_fault(b, size);
    if (*reason)
        return -ENOEXEC;
    e->moves = get_le16(b + 16) == ET_DYN;
    e->entry = get_le64(b + 24);
    e->table_offset = get_le64(b + 32);
    e->entries = get_le16(b + 56);
    return 0;
}

static struct entry
entry_at(const uint8_t *b)
{
    return (struct entry){.type = get_le32(b),
                          .flags = get_le32(b + 4),
                          .offset = get_le64(b + 8),
                          .address = get_le64(b + 16),
                          .file_size = get_le64(b + 32),
                          .size = get_le64(b + 40),
                          .align = get_le64(b + 48)};
}

static bool
is_within(uint64_t offset, uint64_t size, uint64_t end)
{
    return offset <= end && size <= end - offset;
}

static const char *
segment_fault(const struct entry *p, uint64_t file_size, uint64_t low, uint64_t high, const struct elf *e)
{
    if (p->file_size > p->size)
        return "a segment with more bytes in the file than in memory";
    if (!is_within(p->offset, p->file_size, file_size))
        return "a segment behind the end of the file";
    if (p->address < low || !is_within(p->address, p->size, high))
        return "a segment outside the address space of programs";
    if (p->file_size && (p->address - p->offset) % PAGE)
        return "a segment whose address and offset do not lie alike in a page";
    if (p->align && !is_power_of_two(p->align))
        return "a segment whose alignment is not a power of two";
    if (e->segments == ELF_SEGMENTS_MAX)
        return "too many segments";
    if (e->segments && ALIGN_DOWN(p->address, PAGE) < e->end)
        return "segments that overlap, or do not ascend";
    return NULL;
}

static const char *
segment_add(const struct entry *p, uint64_t file_size, const struct elf_limits *limits, struct elf *e)
{
    uint64_t low = e->moves ? 0 : limits->low, high = e->moves ? limits->high - limits->low : limits->high;
    const char *fault;

    if (p->size == 0)
        return NULL;
    fault = segment_fault(p, file_size, low, high, e);
    if (fault)
        return fault;
    if (e->segments == 0)
        e->start = ALIGN_DOWN(p->address, PAGE);
    e->end = ALIGN_UP(p->address + p->size, PAGE);
    e->align = MAX(e->align, MIN(p->align, ALIGN_MAX));
    if (p->offset <= e->table_offset &&
        is_within(e->table_offset - p->offset, (uint64_t)e->entries * ELF_ENTRY_SIZE, p->file_size))
        e->headers = p->address + (e->table_offset - p->offset);
    e->segment[e->segments++] = (struct elf_segment){.address = p->address,
                                                     .size = p->size,
                                                     .offset = p->offset,
                                                     .file_size = p->file_size,
                                                     .prot = (p->flags & PF_READ ? ELF_READ : 0) |
                                                             (p->flags & PF_WRITE ? ELF_WRITE : 0) |
                                                             (p->flags & PF_EXECUTE ? ELF_EXECUTE : 0)};
    return NULL;
}

static const char *
interpreter_add(const struct entry *p, uint64_t file_size, struct elf *e)
{
    if (e->interpreter_size)
        return "two interpreters";
    if (p->file_size < 2 || p->file_size > ELF_INTERPRETER_MAX)
        return "an interpreter's path of no length, or too long";
    if (!is_within(p->offset, p->file_size, file_size))
        return "an interpreter's path behind the end of the file";
    e->interpreter_offset = p->offset;
    e->interpreter_size = p->file_size;
    return NULL;
}

static const char *
entry_add(const struct entry *p, uint64_t file_size, const struct elf_limits *limits, struct elf *e)
{
    switch (p->type) {
    case PT_LOAD:
        return segment_add(p, file_size, limits, e);
    case PT_INTERP:
        return interpreter_add(p, file_size, e);
    case PT_GNU_STACK:
        e->stack_executable = p->flags & PF_EXECUTE;
        return NULL;
    default:
        return NULL;
    }
}

static bool
entry_point_is_code(const struct elf *e)
{
    for (unsigned i = 0; i < e->segments; i++)
        if ((e->segment[i].prot & ELF_EXECUTE) && e->entry >= e->segment[i].address &&
            e->entry - e->segment[i].address < e->segment[i].size)
            return true;
    return false;
}

int
elf_table(const void *bytes, uint64_t file_size, const struct elf_limits *limits, struct elf *e,
          const char **reason)
{
    const uint8_t *b = bytes;

    *reason = NULL;
    e->align = PAGE;
    for (unsigned i = 0; i < e->entries && !*reason; i++) {
        struct entry p = entry_at(b + (size_t)i * ELF_ENTRY_SIZE);

        *reason = entry_add(&p, file_size, limits, e);
    }
    if (!*reason && e->segments == 0)
        *reason = "nothing to load";
    if (!*reason && !entry_point_is_code(e))
        *reason = "an entry point outside its code";
    return *reason ? -ENOEXEC : 0;
}
