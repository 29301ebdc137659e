/*
 * /dev/kmsg: the kernel log, a record a read, as Linux has it ("priority,sequence,microseconds,-;text"); what is written
 * becomes a message. The text of a program's line begins with its name.
 */
#include "kernel/console/sink.h"
#include "kernel/fs/dev.h"
#include "kernel/fs/file.h"
#include "kernel/sched/process.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/format.h"
#include "lib/string.h"

#define LINE_SIZE 256

/* The sequence to read next is kept in f->private. */
static long
kmsg_read(struct file *f, struct uio *u, uint64_t position)
{
    uint64_t sequence = (uint64_t)f->private;
    struct log_record r;
    char text[LINE_SIZE], line[LINE_SIZE + 64];
    int n;

    if (!log_read(&sequence, &r, text, sizeof(text)))
        return f->flags & O_NONBLOCK ? -EAGAIN : 0;
    n = snprintf(line, sizeof(line), "%u,%lu,%lu,-;%s\n", log_severity(r.level), r.sequence, r.time / 1000,
                 text);
    if ((size_t)n > u->left)
        return -EINVAL;
    f->private = (void *)sequence;
    return uio_to(u, line, (size_t)n);
}

static long
kmsg_write(struct file *f, struct uio *u, uint64_t position)
{
    char text[LINE_SIZE];
    size_t all = u->left;
    long n = uio_from(u, text, MIN(all, sizeof(text) - 1));

    if (n <= 0)
        return n;
    text[n] = 0;
    while (n > 0 && text[n - 1] == '\n')
        text[--n] = 0;
    if (text[0] == '<' && strchr(text, '>'))
        memmove(text, strchr(text, '>') + 1, strlen(strchr(text, '>')));
    log_info("%s", text);
    return (long)all;
}

static const struct fs_ops kmsg_ops = {.read = kmsg_read, .write = kmsg_write};

int
dev_kmsg_init(void)
{
    return devfs_add("kmsg", S_IFCHR | 0644, makedev(1, 11), &kmsg_ops, NULL);
}
