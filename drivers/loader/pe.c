/*
 * Headers, sections and relocations of a PE32+ file.
 */
#include "drivers/loader/pe_impl.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/format.h"
#include "lib/string.h"

#define PAGE 4096u

/* MS-DOS Stub, COFF File Header, Optional Header: offsets from each one's start. */
#define DOS_SIZE              64
#define DOS_NEW_HEADER        0x3c
#define SIGNATURE_SIZE        4
#define COFF_SIZE             20
#define COFF_MACHINE          0
#define COFF_SECTIONS         2
#define COFF_TIMESTAMP        4
#define COFF_OPTIONAL_SIZE    16
#define COFF_CHARACTERISTICS  18
#define OPT_FIXED_SIZE        112 /* without the directories */
#define OPT_MAGIC             0
#define OPT_ENTRY             16
#define OPT_BASE              24
#define OPT_SECTION_ALIGNMENT 32
#define OPT_FILE_ALIGNMENT    36
#define OPT_IMAGE_SIZE        56
#define OPT_HEADERS_SIZE      60
#define OPT_CHECKSUM          64
#define OPT_SUBSYSTEM         68
#define OPT_DIRECTORIES       108
#define SECTION_SIZE          40

#define MACHINE_AMD64        0x8664
#define MAGIC_PE32_PLUS      0x20b
#define FILE_RELOCS_STRIPPED 0x0001
#define FILE_EXECUTABLE      0x0002

#define SCN_UNINITIALIZED 0x00000080u
#define SCN_EXECUTE       0x20000000u
#define SCN_READ          0x40000000u
#define SCN_WRITE         0x80000000u

#define REL_ABSOLUTE 0
#define REL_DIR64    10

int
pe_refuse(struct pe_fault *f, const char *field, uint64_t value, const char *rule, const char *where)
{
    *f = (struct pe_fault){.field = field, .value = value, .rule = rule};
    strlcpy(f->where, where ? where : "", sizeof(f->where));
    return -ENOEXEC;
}

void
pe_fault_text(const struct pe_fault *f, char *text, size_t size)
{
    snprintf(text, size, "%s%s%s is %#llx: %s", f->where, f->where[0] ? ": " : "", f->field,
             (unsigned long long)f->value, f->rule);
}

/* Where the COFF header is. */
static int
find_headers(const struct pe *pe, size_t *coff, struct pe_fault *f)
{
    const uint8_t *p = pe->file;
    uint32_t at;

    if (pe->file_size < DOS_SIZE)
        return pe_refuse(f, "file size", pe->file_size, "shorter than an MS-DOS header", NULL);
    if (get_le16(p) != 0x5a4d)
        return pe_refuse(f, "e_magic", get_le16(p), "not MZ", NULL);
    at = get_le32(p + DOS_NEW_HEADER);
    if (at % 4 || at < 4)
        return pe_refuse(f, "e_lfanew", at, "not aligned to 4", NULL);
    if (at > pe->file_size || pe->file_size - at < SIGNATURE_SIZE + COFF_SIZE + OPT_FIXED_SIZE)
        return pe_refuse(f, "e_lfanew", at, "the headers do not lie within the file", NULL);
    if (get_le32(p + at) != 0x4550)
        return pe_refuse(f, "Signature", get_le32(p + at), "not PE", NULL);
    *coff = at + SIGNATURE_SIZE;
    return 0;
}

static int
read_coff(struct pe *pe, size_t coff, size_t *sections_at, struct pe_fault *f)
{
    const uint8_t *c = pe->file + coff, *o = c + COFF_SIZE;
    uint32_t optional = get_le16(c + COFF_OPTIONAL_SIZE), directories;

    if (get_le16(c + COFF_MACHINE) != MACHINE_AMD64)
        return pe_refuse(f, "Machine", get_le16(c + COFF_MACHINE), "not x86-64 (0x8664)", NULL);
    pe->sections = get_le16(c + COFF_SECTIONS);
    if (!pe->sections || pe->sections > PE_SECTIONS_MAX)
        return pe_refuse(f, "NumberOfSections", pe->sections, "not 1 to 96", NULL);
    pe->characteristics = get_le16(c + COFF_CHARACTERISTICS);
    if (!(pe->characteristics & FILE_EXECUTABLE))
        return pe_refuse(f, "Characteristics", pe->characteristics, "not an executable image", NULL);
    pe->timestamp = get_le32(c + COFF_TIMESTAMP);
    if (get_le16(o + OPT_MAGIC) != MAGIC_PE32_PLUS)
        return pe_refuse(f, "Magic", get_le16(o + OPT_MAGIC), "not PE32+ (0x20b)", NULL);
    directories = get_le32(o + OPT_DIRECTORIES);
    if (optional < OPT_FIXED_SIZE || directories > (optional - OPT_FIXED_SIZE) / 8)
        return pe_refuse(f, "SizeOfOptionalHeader", optional, "too small for its directories", NULL);
    *sections_at = coff + COFF_SIZE + optional;
    if (*sections_at > pe->file_size || pe->file_size - *sections_at < (size_t)pe->sections * SECTION_SIZE)
        return pe_refuse(f, "NumberOfSections", pe->sections,
                         "the section table does not lie within the file", NULL);
    for (uint32_t i = 0; i < directories && i < PE_DIRECTORIES; i++) {
        pe->directory[i].rva = get_le32(o + OPT_FIXED_SIZE + 8 * i);
        pe->directory[i].size = get_le32(o + OPT_FIXED_SIZE + 8 * i + 4);
    }
    return 0;
}

static int
read_optional(struct pe *pe, size_t coff, size_t sections_at, struct pe_fault *f)
{
    const uint8_t *o = pe->file + coff + COFF_SIZE;
    uint32_t file_alignment = get_le32(o + OPT_FILE_ALIGNMENT);

    pe->entry = get_le32(o + OPT_ENTRY);
    pe->base = get_le64(o + OPT_BASE);
    pe->section_alignment = get_le32(o + OPT_SECTION_ALIGNMENT);
    pe->image_size = get_le32(o + OPT_IMAGE_SIZE);
    pe->headers_size = get_le32(o + OPT_HEADERS_SIZE);
    pe->checksum = get_le32(o + OPT_CHECKSUM);
    pe->subsystem = get_le16(o + OPT_SUBSYSTEM);
    if (!is_power_of_two(pe->section_alignment) || pe->section_alignment < 16 ||
        pe->section_alignment > (1u << 21))
        return pe_refuse(f, "SectionAlignment", pe->section_alignment, "not a power of two from 16 to 2 MiB",
                         NULL);
    if (!is_power_of_two(file_alignment) || file_alignment > pe->section_alignment || file_alignment < 16)
        return pe_refuse(f, "FileAlignment", file_alignment, "not a power of two up to SectionAlignment",
                         NULL);
    if (pe->section_alignment < PAGE && file_alignment != pe->section_alignment)
        return pe_refuse(f, "FileAlignment", file_alignment, "differs from a SectionAlignment below a page",
                         NULL);
    if (!pe->image_size || pe->image_size > PE_IMAGE_MAX)
        return pe_refuse(f, "SizeOfImage", pe->image_size, "not 1 byte to 64 MiB", NULL);
    if (pe->image_size % pe->section_alignment)
        return pe_refuse(f, "SizeOfImage", pe->image_size, "not a multiple of SectionAlignment", NULL);
    if (pe->headers_size < sections_at + pe->sections * SECTION_SIZE || pe->headers_size > pe->file_size ||
        pe->headers_size > pe->image_size)
        return pe_refuse(f, "SizeOfHeaders", pe->headers_size,
                         "does not cover the headers, or more than file or image", NULL);
    if (pe->base % 0x10000)
        return pe_refuse(f, "ImageBase", pe->base, "not a multiple of 64 KiB", NULL);
    return 0;
}

static int
read_section(struct pe *pe, const uint8_t *p, struct pe_section *s, uint32_t *end, struct pe_fault *f)
{
    uint32_t flags = get_le32(p + 36), raw = get_le32(p + 16);

    memcpy(s->name, p, 8);
    for (char *c = s->name; *c; c++)
        if ((uint8_t)*c < ' ' || (uint8_t)*c > '~')
            *c = '?';
    s->rva = get_le32(p + 12);
    s->size = get_le32(p + 8) ? get_le32(p + 8) : raw;
    s->file_offset = get_le32(p + 20);
    s->file_size = flags & SCN_UNINITIALIZED && !s->file_offset ? 0 : raw;
    if (s->rva % pe->section_alignment || s->rva < *end)
        return pe_refuse(f, "VirtualAddress", s->rva, "not aligned, or not behind the section before",
                         s->name);
    if (!s->size || s->rva > pe->image_size || s->size > pe->image_size - s->rva)
        return pe_refuse(f, "VirtualSize", s->size, "empty, or not within SizeOfImage", s->name);
    if (s->file_size && (s->file_offset > pe->file_size || s->file_size > pe->file_size - s->file_offset))
        return pe_refuse(f, "SizeOfRawData", raw, "not within the file", s->name);
    s->file_size = MIN(s->file_size, MIN(ALIGN_UP(s->size, pe->section_alignment), pe->image_size - s->rva));
    s->access = (flags & SCN_READ ? PE_READ : 0) | (flags & SCN_WRITE ? PE_WRITE : 0) |
                (flags & SCN_EXECUTE ? PE_EXECUTE : 0);
    s->asked_both = (s->access & PE_WRITE) && (s->access & PE_EXECUTE);
    if (s->asked_both)
        s->access &= ~(unsigned)PE_WRITE;
    *end = s->rva + MAX(s->size, s->file_size);
    return 0;
}

/* With sections smaller than pages: nothing on one page may want to be written and something else executed. */
static int
pages_check(const struct pe *pe, struct pe_fault *f)
{
    for (unsigned i = 0; i + 1 < pe->sections && pe->section_alignment < PAGE; i++)
        for (unsigned j = i + 1; j < pe->sections; j++) {
            const struct pe_section *a = &pe->section[i], *b = &pe->section[j];
            unsigned both = a->access | b->access;

            if (b->rva / PAGE <= (a->rva + a->size - 1) / PAGE && both & PE_WRITE && both & PE_EXECUTE)
                return pe_refuse(f, "SectionAlignment", pe->section_alignment,
                                 "code and writable data would share a page", b->name);
        }
    return 0;
}

static int
entry_check(const struct pe *pe, struct pe_fault *f)
{
    for (unsigned i = 0; i < pe->sections; i++) {
        const struct pe_section *s = &pe->section[i];

        if (pe->entry >= s->rva && pe->entry - s->rva < s->size)
            return s->access & PE_EXECUTE ? 0
                                          : pe_refuse(f, "AddressOfEntryPoint", pe->entry,
                                                      "in a section that is not code", s->name);
    }
    return pe_refuse(f, "AddressOfEntryPoint", pe->entry, "in no section", NULL);
}

int
pe_open(const void *file, size_t size, struct pe *pe, struct pe_fault *fault)
{
    size_t coff = 0, table = 0;
    uint32_t end;
    int err;

    *pe = (struct pe){.file = file, .file_size = size};
    err = find_headers(pe, &coff, fault);
    if (!err)
        err = read_coff(pe, coff, &table, fault);
    if (!err)
        err = read_optional(pe, coff, table, fault);
    end = pe->headers_size;
    for (unsigned i = 0; i < pe->sections && !err; i++)
        err = read_section(pe, pe->file + table + i * SECTION_SIZE, &pe->section[i], &end, fault);
    if (!err)
        err = pages_check(pe, fault);
    if (!err)
        err = entry_check(pe, fault);
    if (!err && pe->directory[PE_CLR].rva)
        return pe_refuse(fault, "CLR Runtime Header", pe->directory[PE_CLR].rva, "managed code", NULL);
    if (!err && pe->checksum && pe->checksum != pe_checksum(pe))
        return pe_refuse(fault, "CheckSum", pe->checksum, "not the file's sum: it is damaged", NULL);
    return err;
}

/* The sum of all 16-bit words with its carries, without the field itself, plus the length. */
uint32_t
pe_checksum(const struct pe *pe)
{
    size_t at = get_le32(pe->file + DOS_NEW_HEADER) + SIGNATURE_SIZE + COFF_SIZE + OPT_CHECKSUM;
    uint32_t sum = 0;

    for (size_t i = 0; i < pe->file_size; i += 2) {
        if (i == at || i == at + 2)
            continue;
        sum += i + 1 < pe->file_size ? get_le16(pe->file + i) : pe->file[i];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint32_t)(sum + pe->file_size);
}

void
pe_map(const struct pe *pe, uint8_t *image)
{
    memcpy(image, pe->file, pe->headers_size);
    for (unsigned i = 0; i < pe->sections; i++) {
        const struct pe_section *s = &pe->section[i];

        if (s->file_size)
            memcpy(image + s->rva, pe->file + s->file_offset, s->file_size);
    }
}

bool
pe_is_fixed(const struct pe *pe)
{
    return pe->characteristics & FILE_RELOCS_STRIPPED;
}

/* One block: a page and its 16-bit entries. */
static int
relocate_block(const struct pe *pe, uint8_t *image, const uint8_t *block, uint32_t size, uint64_t delta,
               struct pe_fault *f)
{
    uint32_t page = get_le32(block);

    for (uint32_t i = 8; i + 2 <= size; i += 2) {
        uint16_t entry = get_le16(block + i);
        uint64_t at = (uint64_t)page + (entry & 0xfff);

        if (entry >> 12 == REL_ABSOLUTE)
            continue;
        if (entry >> 12 != REL_DIR64)
            return pe_refuse(f, "relocation type", entry >> 12, "not DIR64 (10)", ".reloc");
        if (at < pe->headers_size || at > pe->image_size || pe->image_size - at < 8)
            return pe_refuse(f, "relocation", at, "not within the sections", ".reloc");
        put_le64(image + at, get_le64(image + at) + delta);
    }
    return 0;
}

int
pe_relocate(const struct pe *pe, uint8_t *image, uint64_t at, struct pe_fault *fault)
{
    uint32_t rva = pe->directory[PE_RELOCATIONS].rva, left = pe->directory[PE_RELOCATIONS].size;
    int err = 0;

    if (!rva || pe_is_fixed(pe))
        return 0;
    if (!pe_bytes(pe, image, rva, left))
        return pe_refuse(fault, "Base Relocation Table", rva, "not within the image", NULL);
    while (left >= 8 && !err) {
        uint32_t size = get_le32(image + rva + 4);

        if (size < 8 || size > left || size % 2)
            return pe_refuse(fault, "Block Size", size, "less than a header, odd, or beyond the table",
                             ".reloc");
        err = relocate_block(pe, image, image + rva, size, at - pe->base, fault);
        rva += size;
        left -= size;
    }
    return err;
}

const void *
pe_bytes(const struct pe *pe, const uint8_t *image, uint64_t rva, uint64_t n)
{
    return rva && rva < pe->image_size && n <= pe->image_size - rva ? image + rva : NULL;
}

const char *
pe_text(const struct pe *pe, const uint8_t *image, uint64_t rva)
{
    size_t most;

    if (!pe_bytes(pe, image, rva, 1))
        return NULL;
    most = MIN((size_t)PE_NAME_MAX, pe->image_size - rva);
    return memchr(image + rva, 0, most) ? (const char *)image + rva : NULL;
}
