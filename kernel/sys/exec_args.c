/*
 * Arguments and environment on their way from the old program's memory to the new one's.
 */
#include "kernel/mem/frame.h"
#include "kernel/mem/pool.h"
#include "kernel/sys/exec_impl.h"
#include "lib/errno.h"
#include "lib/string.h"

/* Where the next byte goes, and how many fit there. NULL: no memory. */
static char *
room(struct strings *s, size_t *size)
{
    char **page = &s->page[s->used / PAGE_SIZE];

    if (!*page)
        *page = pool_alloc(PAGE_SIZE, EXEC_TAG);
    *size = PAGE_SIZE - s->used % PAGE_SIZE;
    return *page ? *page + s->used % PAGE_SIZE : NULL;
}

/* `more` bytes and one pointer. */
static bool
is_too_much(const struct strings *s, size_t more)
{
    return s->used + more + (s->count + 1) * sizeof(uint64_t) > STRINGS_MAX;
}

int
strings_add(struct strings *s, const char *text)
{
    size_t left = strlen(text) + 1;

    if (is_too_much(s, left))
        return -E2BIG;
    while (left) {
        size_t part;
        char *to = room(s, &part);

        if (!to)
            return -ENOMEM;
        part = MIN(part, left);
        memcpy(to, text, part);
        text += part;
        left -= part;
        s->used += part;
    }
    s->count++;
    return 0;
}

int
strings_add_user(struct strings *s, uintptr_t at)
{
    size_t size, length = 0;
    long n = -ENAMETOOLONG;

    while (n == -ENAMETOOLONG) {
        char *to = room(s, &size);

        if (!to)
            return -ENOMEM;
        n = user_read_string(to, at + length, size);
        if (n < 0 && n != -ENAMETOOLONG)
            return (int)n;
        if (n >= 0)
            size = (size_t)n + 1;
        s->used += size;
        length += size;
        if (length > STRING_MAX || is_too_much(s, 0))
            return -E2BIG;
    }
    s->count++;
    return 0;
}

int
strings_add_array(struct strings *s, uintptr_t at, unsigned skip)
{
    uint64_t p = 0;
    int err = 0;

    if (!at)
        return 0;
    for (unsigned i = 0; !err; i++, at += sizeof(p)) {
        if (user_read(&p, at, sizeof(p)))
            return -EFAULT;
        if (!p)
            break;
        if (i >= skip)
            err = strings_add_user(s, p);
    }
    return err;
}

void
strings_free(struct strings *s)
{
    for (unsigned i = 0; i < STRINGS_PAGES; i++)
        pool_free(s->page[i], EXEC_TAG);
}

int
strings_write(const struct strings *s, uintptr_t at)
{
    for (size_t done = 0; done < s->used; done += PAGE_SIZE)
        if (user_write(at + done, s->page[done / PAGE_SIZE], MIN(PAGE_SIZE, s->used - done)))
            return -EFAULT;
    return 0;
}

size_t
strings_next(const struct strings *s, size_t offset)
{
    for (;;) {
        size_t at = offset % PAGE_SIZE, n = MIN(PAGE_SIZE - at, s->used - offset);
        const char *page = s->page[offset / PAGE_SIZE], *nul = memchr(page + at, '\0', n);

        if (nul)
            return offset + (size_t)(nul - (page + at)) + 1;
        offset += n;
    }
}
