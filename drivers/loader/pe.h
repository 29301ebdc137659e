/*
 * PE32+ images for x86-64: what a file says is to be mapped where, and what its directories say once it is. Pure: no
 * memory but what is passed. (Microsoft's "PE Format"; sections are cited by name.)
 *
 * Nothing in the file is believed. pe_open() doubts the headers and the section table; pe_map() and pe_relocate() fill
 * memory of struct pe.image_size bytes, the image; the rest reads the image and doubts every address in it again,
 * since the file's author chose what is there. Every loop has a bound that does not depend on the file's own end marks.
 *
 * Not for: other machines, managed images, 16-bit relocations, delayed imports (NT's kernel binds none either).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PE_SECTIONS_MAX   96
#define PE_IMAGE_MAX      (64u << 20) /* bytes of a driver in memory */
#define PE_LIBRARIES_MAX  64
#define PE_IMPORTS_MAX    4096 /* of one library */
#define PE_NAME_MAX       256  /* bytes of a name, with its NUL */
#define PE_DIRECTORIES    16
#define PE_FORWARDERS_MAX 8 /* from library to library */

enum pe_directory {
    PE_EXPORTS,
    PE_IMPORTS,
    PE_RESOURCES,
    PE_EXCEPTIONS,
    PE_SECURITY, /* a place in the file, not in the image */
    PE_RELOCATIONS,
    PE_DEBUG,
    PE_TLS = 9,
    PE_LOAD_CONFIG,
    PE_DELAYED_IMPORTS = 13,
    PE_CLR,
};

enum { PE_READ = 1, PE_WRITE = 2, PE_EXECUTE = 4 };

struct pe_section {
    char name[9];
    uint32_t rva, size;              /* in memory; whole bytes, not rounded; ascending, without overlap */
    uint32_t file_offset, file_size; /* file_size <= size rounded up to pages */
    unsigned access;                 /* PE_READ..; never PE_WRITE with PE_EXECUTE: PE_WRITE is dropped */
    bool asked_both;                 /* it was */
};

struct pe {
    const uint8_t *file;
    size_t file_size;
    uint64_t base; /* where it was linked for */
    uint32_t image_size, headers_size, entry, section_alignment;
    uint32_t timestamp, checksum;
    uint16_t subsystem, characteristics;
    struct {
        uint32_t rva, size;
    } directory[PE_DIRECTORIES];
    unsigned sections;
    struct pe_section section[PE_SECTIONS_MAX];
};

/* Why an image was refused: "SizeOfImage is 0x12: ..." by pe_fault_text(). */
struct pe_fault {
    const char *field; /* as the specification calls it */
    uint64_t value;
    const char *rule;
    char where[PE_NAME_MAX]; /* the section or library concerned; "": none */
};
void pe_fault_text(const struct pe_fault *f, char *text, size_t size);

/*
 * Doubt the headers of a file. *pe refers to the file's bytes from now on.
 * Returns: 0, or -ENOEXEC and *fault
 */
int pe_open(const void *file, size_t size, struct pe *pe, struct pe_fault *fault);

/* Headers and sections into pe->image_size zeroed bytes. Cannot fail. */
void pe_map(const struct pe *pe, uint8_t *image);

/*
 * Base relocations (".reloc Section") for an image that will run at `at`. Without a relocation directory nothing is
 * changed: such an image has no absolute address, or its author's linker has dropped what it had (pe_is_fixed()).
 * Returns: 0, or -ENOEXEC and *fault (the image is then spoilt)
 */
int pe_relocate(const struct pe *pe, uint8_t *image, uint64_t at, struct pe_fault *fault);

/* Relocations were stripped: the image may hold addresses that are wrong anywhere but at pe->base. */
bool pe_is_fixed(const struct pe *pe);

/* ---- directories of a mapped image ---- */

/* n bytes at an address of the image; NULL if they do not lie within it. */
const void *pe_bytes(const struct pe *pe, const uint8_t *image, uint64_t rva, uint64_t n);

/* A text of at most PE_NAME_MAX bytes with its NUL; NULL if there is none. */
const char *pe_text(const struct pe *pe, const uint8_t *image, uint64_t rva);

struct pe_import {
    const char *module; /* the library */
    const char *name;   /* NULL: by ordinal */
    uint16_t ordinal;
    uint32_t slot; /* address in the image of the entry of the import address table, 8 bytes */
};

/*
 * Each import in turn (".idata Section"). visit() returns false to stop.
 * Returns: 0; -EINTR: stopped; -ENOEXEC and *fault
 */
int pe_imports(const struct pe *pe, const uint8_t *image,
               bool (*visit)(void *context, const struct pe_import *i), void *context,
               struct pe_fault *fault);

/* What an image exports under a name, or under an ordinal if name is NULL (".edata Section"). */
struct pe_export {
    uint32_t rva;          /* 0: forwarded */
    const char *forwarder; /* "LIBRARY.Name" or "LIBRARY.#ordinal" */
};
/* Returns: 0; -ENOENT: no such one, or the table is malformed there */
int pe_export(const struct pe *pe, const uint8_t *image, const char *name, uint16_t ordinal,
              struct pe_export *out);

/* Split a forwarder. library gets no suffix; *name or (NULL) *ordinal. Returns: 0, or -EINVAL. */
int pe_forwarder_split(const char *forwarder, char *library, size_t size, const char **name,
                       uint16_t *ordinal);

/* Places of the load configuration that the loader fills ("The Load Configuration Structure"); 0: not there. Addresses
 * in the image of 8 bytes each. */
struct pe_load_config {
    uint32_t cookie, guard_check, guard_dispatch;
};
void pe_load_config(const struct pe *pe, const uint8_t *image, uint64_t at, struct pe_load_config *out);

/* The file version of the version resource, a.b.c.d as 16 bits each. Returns: 0, or -ENOENT. */
int pe_version(const struct pe *pe, const uint8_t *image, uint16_t version[4]);

/* What the linker's checksum should be ("IMAGE_FILE_HEADER: CheckSum", imagehlp's algorithm). */
uint32_t pe_checksum(const struct pe *pe);
