/*
 * Between the files of exec: what is gathered about a program before the old one goes.
 */
#pragma once
#include "kernel/fs/file.h"
#include "kernel/mem/vm.h"
#include "kernel/sys/elf.h"
#include "kernel/sys/script.h"
#include "lib/field.h"

#define EXEC_TAG      POOL_TAG('e', 'x', 'e', 'c')
#define STRINGS_MAX   MiB(2)   /* bytes of arguments and environment, with the pointers to them */
#define STRING_MAX    KiB(128) /* of one of them: Linux's MAX_ARG_STRLEN */
#define STRINGS_PAGES (STRINGS_MAX / 4096 + 3)
#define SCRIPTS_MAX   4 /* scripts that name scripts as their interpreters */

/* Strings one behind another, in pages. */
struct strings {
    char *page[STRINGS_PAGES];
    size_t used; /* bytes, with the NULs */
    unsigned count;
};

/* Returns: 0; -E2BIG; -ENOMEM; -EFAULT */
int strings_add(struct strings *s, const char *text);
int strings_add_user(struct strings *s, uintptr_t at);
/* Those of an array of pointers that ends with NULL, but not the first `skip`. `at` 0: none. */
int strings_add_array(struct strings *s, uintptr_t at, unsigned skip);
void strings_free(struct strings *s);
/* Copy all to program memory. */
int strings_write(const struct strings *s, uintptr_t at);
/* The offset of the string behind the one at `offset`. */
size_t strings_next(const struct strings *s, size_t offset);

/* A file that is to be mapped. */
struct program {
    struct file *file;
    struct elf elf;
    uint64_t base; /* added to its addresses */
};

struct exec {
    char path[PATH_MAX];                                            /* as it was asked for */
    char line[SCRIPTS_MAX + 1][SCRIPT_LINE_MAX + 1];                /* of scripts */
    char *interpreter[SCRIPTS_MAX + 1], *argument[SCRIPTS_MAX + 1]; /* in `line` */
    unsigned scripts;
    struct program main, linker; /* linker.file NULL: none is needed */
    struct strings strings;      /* arguments, environment, then `path` and the platform's name */
    unsigned argc, envc;
    struct vm_space *space;
    uintptr_t stack_top;
};

/* exec_image.c: the program's headers; open what it names. -ENOEXEC; -EACCES; -ENOENT... *reason may be set. */
int program_read(struct program *p, const char **reason);
int program_open(struct dentry *d, struct file **out);
int linker_open(struct exec *x, const struct walk *w, const char **reason);

/* Put both into x->space. Nothing is touched. Returns 0 or -errno. */
int programs_map(struct exec *x);

/* x->space is the running task's: zeros behind what came from the file. */
int programs_clear(const struct exec *x);

/* exec_stack.c: likewise: fill the stack. Returns 0 and *sp. */
int stack_fill(struct exec *x, uintptr_t *sp);
