// PE32+ images ("PE Format"): a good one, each field wrong in turn, and truncated at every byte.
// sources: drivers/loader/pe.c drivers/loader/pe_directory.c lib/parse.c lib/format.c
#include "tests/host/loader/image.h"

#define NEW_BASE UINT64_C(0xffffc00012340000)

static struct pe pe;
static struct pe_fault fault;

static int
open_file(void)
{
    return pe_open(file, FILE_SIZE, &pe, &fault);
}

static int
open_mapped(void)
{
    int err = open_file();

    if (err)
        return err;
    memset(image, 0, sizeof image);
    pe_map(&pe, image);
    return pe_relocate(&pe, image, NEW_BASE, &fault);
}

struct seen {
    unsigned count;
    char text[512];
};

static bool
see(void *context, const struct pe_import *i)
{
    struct seen *s = context;
    size_t n = strlen(s->text);

    s->count++;
    (snprintf)(s->text + n, sizeof s->text - n, "%s!%s#%u@%x ", i->module, i->name ? i->name : "",
               i->ordinal * !i->name, i->slot);
    return s->count < 1000;
}

static int
walk_imports(struct seen *s)
{
    *s = (struct seen){0};
    return pe_imports(&pe, image, see, s, &fault);
}

static void
test_good(void)
{
    struct seen s;
    struct pe_load_config c;
    struct pe_export e;
    uint16_t v[4];

    image_make();
    CHECK_EQ(open_mapped(), 0);
    CHECK_EQ(pe.entry, TEXT + 0x10);
    CHECK_EQ(pe.sections, 4);
    CHECK_STR(pe.section[1].name, ".data");
    CHECK_EQ(pe.section[1].access, PE_READ | PE_WRITE);
    CHECK_EQ(pe.section[1].size, 0x900);
    CHECK_EQ(pe.section[1].file_size, 0x200);
    CHECK_EQ(get_le64(image + DATA), NEW_BASE + TEXT);
    CHECK_EQ(get_le64(image + DATA + 8), NEW_BASE + DATA);
    CHECK_EQ(walk_imports(&s), 0);
    CHECK_STR(s.text, "storport.sys!PortA#0@3180 storport.sys!#7@3188 NTOSKRNL.exe!KeB#0@31a0 ");
    pe_load_config(&pe, image, NEW_BASE, &c);
    CHECK_EQ(c.cookie, DATA + 0x10);
    CHECK_EQ(c.guard_check, DATA + 0x18);
    CHECK_EQ(c.guard_dispatch, DATA + 0x20);
    CHECK_EQ(pe_version(&pe, image, v), 0);
    CHECK(v[0] == 1 && v[1] == 2 && v[2] == 3 && v[3] == 4);
    CHECK_EQ(pe_export(&pe, image, "Alpha", 0, &e), 0);
    CHECK(e.rva == TEXT + 0x20 && !e.forwarder);
    CHECK_EQ(pe_export(&pe, image, "Beta", 0, &e), 0);
    CHECK_STR(e.forwarder, "NTOS.KeB");
    CHECK_EQ(pe_export(&pe, image, NULL, 7, &e), 0);
    CHECK_EQ(e.rva, TEXT + 0x30);
    CHECK_EQ(pe_export(&pe, image, "Gamma", 0, &e), -ENOENT);
    CHECK_EQ(pe_export(&pe, image, NULL, 8, &e), -ENOENT);
    CHECK_EQ(pe_export(&pe, image, NULL, 4, &e), -ENOENT);
}

/* What drivers do that an assembler's tutorial does not. */
static void
test_odd_but_good(void)
{
    image_make();
    image_directory(PE_RELOCATIONS, 0, 0);
    CHECK_EQ(open_mapped(), 0);
    CHECK(!pe_is_fixed(&pe));
    CHECK_EQ(get_le64(image + DATA), BASE + TEXT);
    put_le16(file + COFF + 18, 0x23);
    CHECK_EQ(open_mapped(), 0);
    CHECK(pe_is_fixed(&pe));

    image_make(); /* .bss: no data in the file, and a raw size that other linkers leave there */
    image_section(1, ".bss", DATA, 0x900, 0, 0x900, 0xc0000080);
    CHECK_EQ(open_file(), 0);
    CHECK_EQ(pe.section[1].file_size, 0);

    image_make(); /* INIT sections of old linkers ask for everything */
    put_le32(file + TABLE + 36, 0xe2000020);
    CHECK_EQ(open_file(), 0);
    CHECK(pe.section[0].asked_both);
    CHECK_EQ(pe.section[0].access, PE_READ | PE_EXECUTE);

    image_make(); /* virtual size 0: the raw size counts */
    put_le32(file + TABLE + 8, 0);
    CHECK_EQ(open_file(), 0);
    CHECK_EQ(pe.section[0].size, 0x200);

    image_make(); /* no lookup table: the address table has the names */
    put_le32(file + AT(IMPORTS), 0);
    put_le64(file + AT(ADDRESSES), NAMES + 64);
    CHECK_EQ(open_mapped(), 0);
    CHECK_EQ(walk_imports(&(struct seen){0}), 0);

    image_make();
    CHECK_EQ(open_file(), 0);
    put_le32(file + OPTIONAL + 64, pe_checksum(&pe));
    CHECK_EQ(open_file(), 0);
}

/* Offsets, widths and values of what is refused by pe_open(), with the field that is blamed. */
static void
test_headers_refused(void)
{
    static const struct {
        uint32_t at, bytes, value;
        const char *field;
    } bad[] = {
        {0, 2, 0x4d5a, "e_magic"},
        {0x3c, 4, 0, "e_lfanew"},
        {0x3c, 4, 2, "e_lfanew"},
        {0x3c, 4, 0x82, "e_lfanew"},
        {0x3c, 4, FILE_SIZE, "e_lfanew"},
        {0x3c, 4, 0xfffffffc, "e_lfanew"},
        {0x3c, 4, 0x40, "Signature"},
        {E_LFANEW, 4, 0x454e, "Signature"},
        {COFF, 2, 0x14c, "Machine"},
        {COFF, 2, 0xaa64, "Machine"},
        {COFF, 2, 0, "Machine"},
        {COFF + 2, 2, 0, "NumberOfSections"},
        {COFF + 2, 2, 97, "NumberOfSections"},
        {COFF + 2, 2, 65535, "NumberOfSections"},
        {COFF + 16, 2, 0, "SizeOfOptionalHeader"},
        {COFF + 16, 2, 111, "SizeOfOptionalHeader"},
        {COFF + 16, 2, 112 + 15 * 8, "SizeOfOptionalHeader"},
        {COFF + 16, 2, 65535, "NumberOfSections"},
        {COFF + 18, 2, 0x20, "Characteristics"},
        {OPTIONAL, 2, 0x10b, "Magic"},
        {OPTIONAL, 2, 0, "Magic"},
        {OPTIONAL + 16, 4, 0, "AddressOfEntryPoint"},
        {OPTIONAL + 16, 4, DATA, "AddressOfEntryPoint"},
        {OPTIONAL + 16, 4, IMAGE_SIZE, "AddressOfEntryPoint"},
        {OPTIONAL + 16, 4, 0xffffffff, "AddressOfEntryPoint"},
        {OPTIONAL + 24, 4, 0x1000, "ImageBase"},
        {OPTIONAL + 32, 4, 0, "SectionAlignment"},
        {OPTIONAL + 32, 4, 0x1800, "SectionAlignment"},
        {OPTIONAL + 32, 4, 8, "SectionAlignment"},
        {OPTIONAL + 32, 4, 0x80000000, "SectionAlignment"},
        {OPTIONAL + 32, 4, 0x800, "FileAlignment"},
        {OPTIONAL + 36, 4, 0, "FileAlignment"},
        {OPTIONAL + 36, 4, 0x300, "FileAlignment"},
        {OPTIONAL + 36, 4, 0x2000, "FileAlignment"},
        {OPTIONAL + 56, 4, 0, "SizeOfImage"},
        {OPTIONAL + 56, 4, 0x5800, "SizeOfImage"},
        {OPTIONAL + 56, 4, 0x7fff0000, "SizeOfImage"},
        {OPTIONAL + 56, 4, 0x5000, "VirtualSize"},
        {OPTIONAL + 60, 4, 0, "SizeOfHeaders"},
        {OPTIONAL + 60, 4, TABLE + 159, "SizeOfHeaders"},
        {OPTIONAL + 60, 4, FILE_SIZE + 1, "SizeOfHeaders"},
        {OPTIONAL + 60, 4, 0x1200, "VirtualAddress"},
        {OPTIONAL + 64, 4, 1, "CheckSum"},
        {OPTIONAL + 108, 4, 17, "SizeOfOptionalHeader"},
        {OPTIONAL + 108, 4, 0xffffffff, "SizeOfOptionalHeader"},
        {DIRECTORY + 14 * 8, 4, 0x3000, "CLR Runtime Header"},
        {TABLE + 12, 4, 0, "VirtualAddress"},
        {TABLE + 12, 4, 0x1010, "VirtualAddress"},
        {TABLE + 12, 4, 0x2000, "VirtualAddress"}, /* overlaps .data */
        {TABLE + 8, 4, 0x1001, "VirtualAddress"},  /* likewise */
        {TABLE + 40 + 12, 4, 0x1000, "VirtualAddress"},
        {TABLE + 40 + 12, 4, 0xfffff000, "VirtualSize"},
        {TABLE + 40 + 8, 4, 0xffffffff, "VirtualSize"},
        {TABLE + 16, 4, FILE_SIZE, "SizeOfRawData"},
        {TABLE + 16, 4, 0xffffffff, "SizeOfRawData"},
        {TABLE + 20, 4, FILE_SIZE, "SizeOfRawData"},
        {TABLE + 20, 4, 0xffffff00, "SizeOfRawData"},
        {TABLE + 36, 4, 0x40000040, "AddressOfEntryPoint"},
    };

    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        check_row("%#x = %#x", bad[i].at, bad[i].value);
        image_make();
        for (unsigned b = 0; b < bad[i].bytes; b++)
            file[bad[i].at + b] = (uint8_t)(bad[i].value >> (8 * b));
        fault = (struct pe_fault){0};
        CHECK_EQ(open_file(), -ENOEXEC);
        CHECK_STR(fault.field, bad[i].field);
    }
    check_row("%s", "");
}

static void
test_small_alignment(void)
{
    image_make();
    put_le32(file + OPTIONAL + 32, 0x200);
    put_le32(file + OPTIONAL + 36, 0x200);
    CHECK_EQ(open_file(), 0);
    put_le32(file + TABLE + 40 + 12, 0x1200); /* .data on the page of .text */
    put_le32(file + TABLE + 40 + 8, 0x200);
    CHECK_EQ(open_file(), -ENOEXEC);
    CHECK_STR(fault.field, "SectionAlignment");
}

static void
test_relocations_refused(void)
{
    static const struct {
        uint32_t at, bytes, value;
        const char *field;
    } bad[] = {
        {DIRECTORY + 40, 4, IMAGE_SIZE, "Base Relocation Table"},
        {DIRECTORY + 44, 4, 0x7fffffff, "Base Relocation Table"},
        {0x1204, 4, 0, "Block Size"},
        {0x1204, 4, 7, "Block Size"},
        {0x1204, 4, 9, "Block Size"},
        {0x1204, 4, 0xfffffff8, "Block Size"},
        {0x1200, 4, IMAGE_SIZE, "relocation"},
        {0x1200, 4, 0xffffffff, "relocation"},
        {0x1200, 4, 0, "relocation"}, /* in the headers */
        {0x1200, 4, IMAGE_SIZE - 7, "relocation"},
        {0x1208, 2, 0x3000, "relocation type"},
        {0x1208, 2, 0xf000, "relocation type"},
    };

    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        check_row("%#x = %#x", bad[i].at, bad[i].value);
        image_make();
        for (unsigned b = 0; b < bad[i].bytes; b++)
            file[bad[i].at + b] = (uint8_t)(bad[i].value >> (8 * b));
        CHECK_EQ(open_mapped(), -ENOEXEC);
        CHECK_STR(fault.field, bad[i].field);
    }
    check_row("%s", "");
}

static void
test_imports_refused(void)
{
    struct seen s;
    static const struct {
        uint32_t at;
        uint64_t value;
        unsigned bytes;
        const char *field;
    } bad[] = {
        {DIRECTORY + 8, IMAGE_SIZE, 4, "Import Directory"},
        {DIRECTORY + 8, IMAGE_SIZE - 19, 4, "Import Directory"},
        {DIRECTORY + 8, 0xfffffff0, 4, "Import Directory"},
        {AT(IMPORTS) + 12, 0xffffffff, 4, "Import Directory: Name"},
        {AT(IMPORTS) + 12, IMAGE_SIZE, 4, "Import Directory: Name"},
        {AT(IMPORTS) + 12, DATA, 4, "Import Directory: Name"}, /* an empty text, once DATA is not relocated */
        {AT(IMPORTS), IMAGE_SIZE, 4, "Import Lookup Table"},
        {AT(IMPORTS) + 16, IMAGE_SIZE, 4, "Import Address Table"},
        {AT(IMPORTS) + 16, 8, 4, "Import Address Table"}, /* in the headers */
        {AT(IMPORTS) + 16, 0xfffffffc, 4, "Import Address Table"},
        {AT(LOOKUP), IMAGE_SIZE, 8, "Import Lookup Table entry"},
        {AT(LOOKUP), 0x80000000, 8, "Import Lookup Table entry"},
        {AT(LOOKUP), 0x1234567890, 8, "Import Lookup Table entry"},
    };

    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        check_row("%#x = %#llx", bad[i].at, (unsigned long long)bad[i].value);
        image_make();
        memset(file + 0x600, 0, 0x10);
        image_directory(PE_RELOCATIONS, 0, 0);
        for (unsigned b = 0; b < bad[i].bytes; b++)
            file[bad[i].at + b] = (uint8_t)(bad[i].value >> (8 * b));
        CHECK_EQ(open_mapped(), 0);
        CHECK_EQ(walk_imports(&s), -ENOEXEC);
        CHECK_STR(fault.field, bad[i].field);
    }
    check_row("%s", "");
}

/* Tables without an end: a directory that goes on to the end of the image, thunks as far as there is image. */
static void
test_imports_without_end(void)
{
    struct seen s;

    image_make();
    for (unsigned i = 0; i < 0x100; i++)
        put_le64(file + 0x600 + 8 * (i % 64), UINT64_C(1) << 63 | 9);
    CHECK_EQ(open_mapped(), 0);
    for (unsigned i = 0; i < (IMAGE_SIZE - DATA) / 8; i++)
        put_le64(image + DATA + 8 * i, UINT64_C(1) << 63 | 9);
    pe.directory[PE_IMPORTS].rva = TEXT;
    put_le32(image + TEXT, DATA);
    put_le32(image + TEXT + 12, TEXT + 40);
    put_le32(image + TEXT + 16, DATA);
    memcpy(image + TEXT + 40, "x", 2);
    CHECK(walk_imports(&s) != 0);
    for (unsigned i = 0; i < 200; i++)
        memcpy(image + DATA + 20 * i, image + TEXT, 20);
    memset(image + 0x5800, 0, 8);
    for (unsigned i = 0; i < 200; i++) {
        put_le32(image + DATA + 20 * i, 0x5800);
        put_le32(image + DATA + 20 * i + 16, 0x5800);
    }
    pe.directory[PE_IMPORTS].rva = DATA;
    CHECK_EQ(walk_imports(&s), -ENOEXEC);
    CHECK_STR(fault.rule, "does not end within 64 libraries");
}

/* Each byte of a good file missing from the end on: refused, or (behind the last section) nothing is read there. */
static void
test_truncated(void)
{
    image_make();
    for (size_t n = 0; n < FILE_SIZE; n++) {
        uint8_t *part = malloc(n ? n : 1);

        check_row("%zu bytes", n);
        memcpy(part, file, n);
        CHECK_EQ(pe_open(part, n, &pe, &fault), -ENOEXEC);
        free(part);
    }
    check_row("%s", "");
}

static void
test_exports_malformed(void)
{
    struct pe_export e;

    image_make();
    CHECK_EQ(open_mapped(), 0);
    for (unsigned field = 16; field < 40; field += 4) {
        uint32_t old = get_le32(image + EXPORTS + field);

        put_le32(image + EXPORTS + field, 0xfffffff0);
        (void)pe_export(&pe, image, "Alpha", 0, &e);
        (void)pe_export(&pe, image, NULL, 6, &e);
        put_le32(image + EXPORTS + field, old);
    }
    put_le32(image + EXPORTS + 40, IMAGE_SIZE);
    CHECK_EQ(pe_export(&pe, image, "Alpha", 0, &e), -ENOENT);
    memset(image + EXPORTS + 0xc0, 'x', IMAGE_SIZE - EXPORTS - 0xc0);
    CHECK_EQ(pe_export(&pe, image, "Beta", 0, &e), -ENOENT);
}

static void
test_forwarders(void)
{
    char library[16];
    const char *name;
    uint16_t ordinal;

    CHECK_EQ(pe_forwarder_split("NTOS.KeB", library, sizeof library, &name, &ordinal), 0);
    CHECK_STR(library, "NTOS");
    CHECK_STR(name, "KeB");
    CHECK_EQ(pe_forwarder_split("a.b.#17", library, sizeof library, &name, &ordinal), 0);
    CHECK_STR(library, "a.b");
    CHECK(!name && ordinal == 17);
    for (const char *const *bad = (const char *const[]){"", "x", ".x", "x.", "x.#", "x.#70000", "x.#-1",
                                                        "x.#1z", "a-library-too-long.x", NULL};
         *bad; bad++) {
        check_row("%s", *bad);
        CHECK_EQ(pe_forwarder_split(*bad, library, sizeof library, &name, &ordinal), -EINVAL);
    }
    check_row("%s", "");
}

static void
test_fault_text(void)
{
    char text[200];

    image_make();
    put_le32(file + TABLE + 16, FILE_SIZE);
    CHECK_EQ(open_file(), -ENOEXEC);
    pe_fault_text(&fault, text, sizeof text);
    CHECK_STR(text, ".text: SizeOfRawData is 0x1400: not within the file");
}

int
main(void)
{
    test_good();
    test_odd_but_good();
    test_headers_refused();
    test_small_alignment();
    test_relocations_refused();
    test_imports_refused();
    test_imports_without_end();
    test_truncated();
    test_exports_malformed();
    test_forwarders();
    test_fault_text();
    return check_report();
}
