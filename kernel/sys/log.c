/*
 * syslog(2): the kernel log as text for dmesg, "<severity>[seconds] message" a line.
 */
#include "kernel/console/sink.h"
#include "kernel/sys/call.h"
#include "lib/field.h"
#include "lib/format.h"

#define READ_ALL    3
#define READ_CLEAR  4
#define CLEAR       5
#define SIZE_UNREAD 9
#define SIZE_BUFFER 10

#define LINE_SIZE 300

static uint64_t cleared; /* [a] records before it are not told any more */

/* The next record from *sequence on as a line. Returns its length, 0: there is none. */
static size_t
line_next(uint64_t *sequence, char *line)
{
    struct log_record r;
    char text[LINE_SIZE - 40];

    if (!log_read(sequence, &r, text, sizeof(text)))
        return 0;
    return (size_t)snprintf(line, LINE_SIZE, "<%u>[%5lu.%06lu] %s\n", log_severity(r.level),
                            r.time / SECONDS(1), r.time % SECONDS(1) / 1000, text);
}

static uint64_t
size_from(uint64_t sequence)
{
    char line[LINE_SIZE];
    uint64_t sum = 0;
    size_t n;

    while ((n = line_next(&sequence, line)) != 0)
        sum += n;
    return sum;
}

/* The newest lines that fit. */
static long
read_all(uintptr_t at, uint64_t room)
{
    uint64_t sequence = __atomic_load_n(&cleared, __ATOMIC_ACQUIRE), left = size_from(sequence), done = 0;
    char line[LINE_SIZE];
    size_t n;

    for (; (n = line_next(&sequence, line)) != 0; left -= MIN(n, left)) {
        if (left > room)
            continue;
        if (done + n > room)
            break;
        if (user_write(at + done, line, n))
            return -EFAULT;
        done += n;
    }
    return (long)done;
}

static void
clear(void)
{
    uint64_t sequence = 0;
    char line[LINE_SIZE];

    while (line_next(&sequence, line))
        ;
    __atomic_store_n(&cleared, sequence, __ATOMIC_RELEASE);
}

/* Who reads it record by record, waiting, or sets which are shown on consoles, is told EINVAL: that is /dev/kmsg's. */
SYSCALL(syslog)
{
    long n;

    switch (a) {
    case READ_ALL:
    case READ_CLEAR:
        if (!b || (int64_t)c < 0)
            return -EINVAL;
        n = read_all(b, (uint32_t)c);
        if (n >= 0 && a == READ_CLEAR)
            clear();
        return n;
    case CLEAR:
        clear();
        return 0;
    case SIZE_UNREAD:
        return (long)size_from(__atomic_load_n(&cleared, __ATOMIC_ACQUIRE));
    case SIZE_BUFFER:
        return (long)MAX(size_from(0), 64 * 1024ul);
    default:
        return -EINVAL;
    }
}
