#include "kernel/fs/text.h"
#include "kernel/mem/pool.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/format.h"
#include "lib/string.h"

#define TEXT_TAG POOL_TAG('t', 'e', 'x', 't')
#define FIRST    1024

/* Room for n more bytes and a NUL. */
static bool
make_room(struct text *t, size_t n)
{
    size_t room = MAX(t->room, (size_t)FIRST);
    char *bytes;

    if (t->failed)
        return false;
    if (t->size + n < t->room)
        return true;
    while (room <= t->size + n)
        room *= 2;
    bytes = pool_alloc(room, TEXT_TAG);
    if (!bytes) {
        t->failed = true;
        return false;
    }
    memcpy(bytes, t->bytes, t->size);
    pool_free(t->bytes, TEXT_TAG);
    t->bytes = bytes;
    t->room = room;
    return true;
}

void
text_bytes(struct text *t, const void *bytes, size_t n)
{
    if (!make_room(t, n))
        return;
    memcpy(t->bytes + t->size, bytes, n);
    t->size += n;
}

void
text_add_v(struct text *t, const char *format, va_list args)
{
    va_list again;
    int n;

    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    if (n > 0 && make_room(t, (size_t)n)) {
        vsnprintf(t->bytes + t->size, (size_t)n + 1, format, again);
        t->size += (size_t)n;
    }
    va_end(again);
}

void
text_add(struct text *t, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    text_add_v(t, format, args);
    va_end(args);
}

void
text_free(struct text *t)
{
    pool_free(t->bytes, TEXT_TAG);
    *t = (struct text){0};
}

long
text_read(const struct text *t, struct uio *u, uint64_t position)
{
    if (t->failed)
        return -ENOMEM;
    if (position >= t->size)
        return 0;
    return uio_to(u, t->bytes + position, MIN(u->left, t->size - position));
}
