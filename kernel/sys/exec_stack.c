/*
 * The stack that a program begins with (System V ABI, AMD64, 3.4.1), from the top down: strings; 16 random bytes; the
 * auxiliary vector; pointers to the environment; pointers to the arguments; their number.
 */
#include "kernel/cpu/features.h"
#include "kernel/hw/random.h"
#include "kernel/mem/frame.h"
#include "kernel/sched/process.h"
#include "kernel/sys/exec_impl.h"
#include "kernel/sys/sigframe.h"
#include "lib/errno.h"

#define WORDS 64 /* written at a time */

/* elf.h of Linux */
enum {
    AT_NULL = 0,
    AT_PHDR = 3,
    AT_PHENT,
    AT_PHNUM,
    AT_PAGESZ,
    AT_BASE,
    AT_FLAGS,
    AT_ENTRY,
    AT_UID = 11,
    AT_EUID,
    AT_GID,
    AT_EGID,
    AT_PLATFORM,
    AT_HWCAP,
    AT_CLKTCK,
    AT_SECURE = 23,
    AT_RANDOM = 25,
    AT_EXECFN = 31,
    AT_MINSIGSTKSZ = 51,
};
#define AUXILIARY 20 /* entries, with AT_NULL */

/* Words on their way to program memory. */
struct writer {
    uintptr_t at;
    uint64_t word[WORDS];
    unsigned count;
    int err;
};

static void
flush(struct writer *w)
{
    if (!w->err && w->count && user_write(w->at, w->word, w->count * sizeof(w->word[0])))
        w->err = -EFAULT;
    w->at += w->count * sizeof(w->word[0]);
    w->count = 0;
}

static void
put(struct writer *w, uint64_t word)
{
    if (w->count == WORDS)
        flush(w);
    w->word[w->count++] = word;
}

static void
put_pair(struct writer *w, uint64_t type, uint64_t value)
{
    put(w, type);
    put(w, value);
}

/* Pointers to `count` strings from *offset on, and NULL. */
static void
put_pointers(struct writer *w, const struct strings *s, uintptr_t base, size_t *offset, unsigned count)
{
    while (count--) {
        put(w, base + *offset);
        *offset = strings_next(s, *offset);
    }
    put(w, 0);
}

static void
put_auxiliary(struct writer *w, const struct exec *x, uintptr_t path, uintptr_t platform, uintptr_t random)
{
    const struct program *p = &x->main;

    put_pair(w, AT_HWCAP, cpu_hwcap());
    put_pair(w, AT_PAGESZ, PAGE_SIZE);
    put_pair(w, AT_CLKTCK, 100);
    put_pair(w, AT_PHDR, p->elf.headers ? p->base + p->elf.headers : 0);
    put_pair(w, AT_PHENT, ELF_ENTRY_SIZE);
    put_pair(w, AT_PHNUM, p->elf.headers ? p->elf.entries : 0);
    put_pair(w, AT_BASE, x->linker.base);
    put_pair(w, AT_FLAGS, 0);
    put_pair(w, AT_ENTRY, p->base + p->elf.entry);
    put_pair(w, AT_UID, 0);
    put_pair(w, AT_EUID, 0);
    put_pair(w, AT_GID, 0);
    put_pair(w, AT_EGID, 0);
    put_pair(w, AT_SECURE, 0);
    put_pair(w, AT_RANDOM, random);
    put_pair(w, AT_EXECFN, path);
    put_pair(w, AT_PLATFORM, platform);
    put_pair(w, AT_MINSIGSTKSZ, sigframe_size());
    put_pair(w, AT_NULL, 0);
}

int
stack_fill(struct exec *x, uintptr_t *sp)
{
    const struct strings *s = &x->strings;
    struct process *p = process_current();
    uintptr_t text = ALIGN_DOWN(x->stack_top - 16 - s->used, 16ul), random = text - 16;
    size_t words = 1 + x->argc + 1 + x->envc + 1 + 2 * AUXILIARY, offset = 0;
    struct writer w = {.at = ALIGN_DOWN(random - words * sizeof(uint64_t), 16ul)};
    uint8_t bytes[16];

    random_bytes(bytes, sizeof(bytes));
    if (strings_write(s, text) || user_write(random, bytes, sizeof(bytes)))
        return -EFAULT;
    *sp = w.at;
    put(&w, x->argc);
    p->arguments = text;
    put_pointers(&w, s, text, &offset, x->argc);
    p->arguments_end = p->environment = text + offset;
    put_pointers(&w, s, text, &offset, x->envc);
    p->environment_end = text + offset;
    put_auxiliary(&w, x, text + offset, text + strings_next(s, offset), random);
    flush(&w);
    return w.err;
}
