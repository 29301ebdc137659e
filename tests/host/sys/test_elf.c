// ELF64 programs (System V ABI, "Object Files"): good ones, and each field wrong in turn.
// sources: kernel/sys/elf.c
#include "kernel/sys/elf.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "tests/host/check.h"

#define PAGE      4096u
#define LOW       0x10000u
#define HIGH      0x7ffffffff000u
#define FILE_SIZE (8 * PAGE)

/* Elf64_Ehdr and Elf64_Phdr by their offsets. */
static uint8_t file[FILE_SIZE];
static const struct elf_limits limits = {LOW, HIGH};

static void
put(size_t at, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        file[at + i] = (uint8_t)(v >> (8 * i));
}

static void
segment_put(unsigned n, uint32_t type, uint32_t flags, uint64_t offset, uint64_t address, uint64_t file_size,
            uint64_t size)
{
    size_t at = ELF_HEADER_SIZE + n * ELF_ENTRY_SIZE;

    put(at, type, 4);
    put(at + 4, flags, 4);
    put(at + 8, offset, 8);
    put(at + 16, address, 8);
    put(at + 24, address, 8);
    put(at + 32, file_size, 8);
    put(at + 40, size, 8);
    put(at + 48, PAGE, 8);
}

/* Code at 4 MiB, data with zeros behind it, an interpreter's name, a stack that is not executable. */
static void
make(unsigned type)
{
    uint64_t base = type == 2 ? 0x400000 : 0;

    memset(file, 0, sizeof file);
    memcpy(file, "\177ELF\2\1\1", 7);
    put(16, type, 2);
    put(18, 62, 2);
    put(20, 1, 4);
    put(24, base + 0x100, 8);
    put(32, ELF_HEADER_SIZE, 8);
    put(52, ELF_HEADER_SIZE, 2);
    put(54, ELF_ENTRY_SIZE, 2);
    put(56, 4, 2);
    segment_put(0, 1, 5, 0, base, 2 * PAGE, 2 * PAGE);
    segment_put(1, 1, 6, 2 * PAGE, base + 0x10000, PAGE, 3 * PAGE);
    segment_put(2, 3, 4, 0x200, base + 0x200, 8, 8);
    segment_put(3, 0x6474e551, 6, 0, 0, 0, 0);
    memcpy(file + 0x200, "/lib/ld", 8);
}

static int
parse(struct elf *e, const char **reason)
{
    int err = elf_header(file, ELF_HEADER_SIZE, e, reason);

    if (!err && e->table_offset + (uint64_t)e->entries * ELF_ENTRY_SIZE > sizeof file)
        return -ENOEXEC; /* as the caller finds when it reads */
    return err ? err : elf_table(file + e->table_offset, FILE_SIZE, &limits, e, reason);
}

static void
test_good(void)
{
    const char *reason = "";
    struct elf e;

    make(2);
    CHECK_EQ(parse(&e, &reason), 0);
    CHECK(!e.moves);
    CHECK_EQ(e.entry, 0x400100);
    CHECK_EQ(e.segments, 2);
    CHECK_EQ(e.start, 0x400000);
    CHECK_EQ(e.end, 0x413000);
    CHECK_EQ(e.headers, 0x400000 + ELF_HEADER_SIZE);
    CHECK_EQ(e.segment[0].prot, ELF_READ | ELF_EXECUTE);
    CHECK_EQ(e.segment[1].prot, ELF_READ | ELF_WRITE);
    CHECK_EQ(e.segment[1].size, 3 * PAGE);
    CHECK_EQ(e.segment[1].file_size, PAGE);
    CHECK_EQ(e.interpreter_offset, 0x200);
    CHECK_EQ(e.interpreter_size, 8);
    CHECK(!e.stack_executable);
    make(3);
    CHECK_EQ(parse(&e, &reason), 0);
    CHECK(e.moves);
    CHECK_EQ(e.start, 0);
}

static void
test_wrong_fields(void)
{
    static const struct {
        const char *what;
        size_t at;
        uint64_t value;
        unsigned bytes;
    } rows[] = {
        {"magic", 0, 0x464c457e, 4},
        {"32 bits", 4, 1, 1},
        {"big endian", 5, 2, 1},
        {"relocatable", 16, 1, 2},
        {"core", 16, 4, 2},
        {"i386", 18, 3, 2},
        {"no program headers", 56, 0, 2},
        {"too many program headers", 56, ELF_ENTRIES_MAX + 1, 2},
        {"size of an entry", 54, 32, 2},
        {"table beyond the end", 32, 1ull << 62, 8},
        {"segment beyond the file", ELF_HEADER_SIZE + 8, 1ull << 40, 8},
        {"offset overflows", ELF_HEADER_SIZE + 8, UINT64_MAX - 4095, 8},
        {"address in the kernel", ELF_HEADER_SIZE + 16, 0xffffffff80000000, 8},
        {"address below the limit", ELF_HEADER_SIZE + 16, 0, 8},
        {"address not like the offset", ELF_HEADER_SIZE + 16, 0x400001, 8},
        {"more in the file than in memory", ELF_HEADER_SIZE + 40, PAGE, 8},
        {"size overflows", ELF_HEADER_SIZE + 40, UINT64_MAX, 8},
        {"segments overlap", ELF_HEADER_SIZE + ELF_ENTRY_SIZE + 16, 0x400000, 8},
        {"interpreter's name beyond the file", ELF_HEADER_SIZE + 2 * ELF_ENTRY_SIZE + 8, FILE_SIZE, 8},
        {"interpreter's name too long", ELF_HEADER_SIZE + 2 * ELF_ENTRY_SIZE + 32, ELF_INTERPRETER_MAX + 1,
         8},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *reason = NULL;
        struct elf e;

        check_row("%s", rows[i].what);
        make(2);
        put(rows[i].at, rows[i].value, rows[i].bytes);
        CHECK_EQ(parse(&e, &reason), -ENOEXEC);
    }
    check_row("%s", "");
}

static void
test_short(void)
{
    const char *reason;
    struct elf e;

    make(2);
    for (size_t size = 0; size < ELF_HEADER_SIZE; size++)
        CHECK_EQ(elf_header(file, size, &e, &reason), -ENOEXEC);
}

/* Whatever is in the headers: what comes out keeps its promises. */
static void
test_random(void)
{
    for (unsigned round = 0; round < 100000; round++) {
        const char *reason = NULL;
        struct elf e;

        make(round % 2 ? 2 : 3);
        for (unsigned n = 1 + (unsigned)check_random_below(4); n; n--)
            file[check_random_below(ELF_HEADER_SIZE + 4 * ELF_ENTRY_SIZE)] = (uint8_t)check_random();
        if (parse(&e, &reason))
            continue;
        CHECK(e.segments >= 1 && e.segments <= ELF_SEGMENTS_MAX && e.start < e.end);
        for (unsigned i = 0; i < e.segments; i++) {
            CHECK(e.segment[i].size >= e.segment[i].file_size);
            CHECK(e.segment[i].offset + e.segment[i].file_size <= FILE_SIZE);
            CHECK(i == 0 || e.segment[i].address >= e.segment[i - 1].address + e.segment[i - 1].size);
            CHECK(e.moves ||
                  (e.segment[i].address >= LOW && e.segment[i].address + e.segment[i].size <= HIGH));
        }
    }
}

int
main(void)
{
    test_good();
    test_wrong_fields();
    test_short();
    test_random();
    return check_report();
}
