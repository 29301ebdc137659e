#include "kernel/fs/uio.h"
#include "kernel/cpu/user.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"

void
uio_kernel(struct uio *u, struct uio_part *part, const void *p, size_t n)
{
    *part = (struct uio_part){(uintptr_t)p, n};
    *u = (struct uio){.part = part, .left = n, .kernel = true};
}

enum way { TO, FROM, ZERO };

static int
move(const struct uio *u, uintptr_t at, void *other, size_t n, enum way way)
{
    if (!u->kernel)
        return way == TO     ? user_write(at, other, n)
               : way == FROM ? user_read(other, at, n)
                             : user_clear(at, n);
    if (way == TO)
        memcpy((void *)at, other, n);
    else if (way == FROM)
        memcpy(other, (const void *)at, n);
    else
        memset((void *)at, 0, n);
    return 0;
}

static long
transfer(struct uio *u, char *other, size_t n, enum way way)
{
    size_t done = 0;

    n = MIN(n, u->left);
    while (done < n) {
        size_t room = u->part->size - u->done_in_part, k = MIN(n - done, room);

        if (room == 0) {
            u->part++;
            u->done_in_part = 0;
            continue;
        }
        if (move(u, u->part->base + u->done_in_part, other ? other + done : NULL, k, way))
            return done ? (long)done : -EFAULT;
        u->done_in_part += k;
        u->left -= k;
        done += k;
    }
    return (long)done;
}

long
uio_to(struct uio *u, const void *from, size_t n)
{
    return transfer(u, (char *)from, n, TO);
}

long
uio_from(struct uio *u, void *to, size_t n)
{
    return transfer(u, to, n, FROM);
}

long
uio_zero(struct uio *u, size_t n)
{
    return transfer(u, NULL, n, ZERO);
}
