/*
 * ELF64 programs: what a file says is to be mapped where. Pure: no file, no memory but what is passed.
 *
 * Nothing in the file is believed: what comes out is within the limits, ascending, without overlap.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_HEADER_SIZE     64
#define ELF_ENTRY_SIZE      56  /* of the program header table */
#define ELF_ENTRIES_MAX     128 /* so the table has at most 7 KiB */
#define ELF_SEGMENTS_MAX    32
#define ELF_INTERPRETER_MAX 4096

enum { ELF_READ = 1, ELF_WRITE = 2, ELF_EXECUTE = 4 }; /* as PROT_ */

/* Where a program may lie. */
struct elf_limits {
    uint64_t low, high; /* page-aligned; low is for programs with a fixed place */
};

struct elf_segment {
    uint64_t address, size;     /* bytes in memory; of a program without a fixed place: from its base */
    uint64_t offset, file_size; /* of which the first file_size come from the file; the rest is zeros */
    unsigned prot;              /* ELF_READ.. */
};

struct elf {
    uint64_t table_offset; /* of the program header table, in the file */
    unsigned entries;      /* 1 .. ELF_ENTRIES_MAX */
    bool moves;            /* ET_DYN: any base will do */
    uint64_t entry;
    /* from here on: elf_table() */
    uint64_t headers;           /* address of the program header table in memory; 0: not mapped */
    uint64_t start, end, align; /* of all segments: whole pages; align: a power of two >= a page */
    uint64_t interpreter_offset, interpreter_size; /* its path in the file, with NUL; size 0: none */
    bool stack_executable;
    unsigned segments;
    struct elf_segment segment[ELF_SEGMENTS_MAX];
};

/*
 * The first ELF_HEADER_SIZE bytes of a file. (Of a shorter file: what there is.)
 * Returns: 0, or -ENOEXEC and *reason
 */
int elf_header(const void *bytes, size_t size, struct elf *e, const char **reason);

/* Then e->entries * ELF_ENTRY_SIZE bytes from e->table_offset. Returns the same. */
int elf_table(const void *bytes, uint64_t file_size, const struct elf_limits *limits, struct elf *e,
              const char **reason);
