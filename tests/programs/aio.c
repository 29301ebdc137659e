/*
 * aio [DEVICE]: io_submit(2) and its kin, of a file of its own in /tmp, or of a device by O_DIRECT (which is overwritten).
 * Prints "ok" and ends with 0 if all is as on Linux.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "userland/common/aio_abi.h"

#define SIZE   (4ul << 20)
#define BLOCK  4096ul
#define BLOCKS (SIZE / BLOCK)
#define DEPTH  32

/* What libaio reads without a call. */
struct ring {
    unsigned id, nr, head, tail, magic, compat, incompat, header;
    struct io_event events[];
};

static aio_context_t context;
static char *memory;
static int file;

static void
check(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "aio: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int
fails(long result, int error)
{
    return result == -1 && errno == error;
}

static struct iocb
io(int opcode, void *at, size_t size, uint64_t offset, uint64_t data)
{
    return (struct iocb){.aio_lio_opcode = (uint16_t)opcode,
                         .aio_fildes = (uint32_t)file,
                         .aio_buf = (uintptr_t)at,
                         .aio_nbytes = size,
                         .aio_offset = (int64_t)offset,
                         .aio_data = data};
}

static long
submit(struct iocb *i)
{
    return syscall(SYS_io_submit, context, 1, &i);
}

static long
get(long least, long most, struct io_event *e, struct timespec *t)
{
    return syscall(SYS_io_getevents, context, least, most, e, t);
}

/* Every block once, DEPTH at a time, in an order that jumps about; blocks hold their number and the round's. */
static void
round_of(int opcode, uint64_t round)
{
    static struct iocb i[DEPTH];
    struct iocb *many[DEPTH];
    struct io_event e[DEPTH];
    uint64_t next = 0, done = 0;
    uint64_t *words;
    long n = 0;

    for (unsigned k = 0; k < DEPTH; k++)
        i[k].aio_data = k;
    for (unsigned k = 0; k < DEPTH; k++)
        e[k].data = k;
    n = DEPTH;
    while (done < BLOCKS) {
        unsigned count = 0;

        for (long k = 0; k < n && next < BLOCKS; k++, next++) {
            unsigned slot = (unsigned)e[k].data;
            uint64_t block = next * 389 % BLOCKS;

            words = (uint64_t *)(memory + slot * BLOCK);
            for (unsigned w = 0; w < BLOCK / 8; w++)
                words[w] = opcode == IOCB_CMD_PWRITE ? block << 32 | round << 16 | w : 0;
            i[slot] = io(opcode, words, BLOCK, block * BLOCK, slot);
            many[count++] = &i[slot];
        }
        check(!count || syscall(SYS_io_submit, context, (long)count, many) == (long)count, "submitting");
        n = get(1, DEPTH, e, NULL);
        check(n > 0, "waiting");
        for (long k = 0; k < n; k++) {
            uint64_t block;

            check(e[k].res == (int64_t)BLOCK && e[k].obj == (uintptr_t)&i[e[k].data], "a result");
            block = (uint64_t)i[e[k].data].aio_offset / BLOCK;
            words = (uint64_t *)(memory + e[k].data * BLOCK);
            for (unsigned w = 0; opcode == IOCB_CMD_PREAD && w < BLOCK / 8; w++)
                check(words[w] == (block << 32 | round << 16 | w), "what was read is not what was written");
        }
        done += (uint64_t)n;
    }
}

static void
large(void)
{
    struct iocb i = io(IOCB_CMD_PREAD, memory, SIZE / 2, 0, 7);
    struct io_event e;

    check(submit(&i) == 1 && get(1, 1, &e, NULL) == 1 && e.data == 7 && e.res == (int64_t)(SIZE / 2),
          "a large one");
    check(((uint64_t *)(memory + 5 * BLOCK))[3] >> 32 == 5, "what a large one read");
}

static void
other_commands(void)
{
    struct iovec parts[2] = {{memory, BLOCK}, {memory + 8 * BLOCK, BLOCK}};
    struct iocb i = io(IOCB_CMD_PREADV, parts, 2, 3 * BLOCK, 1);
    struct io_event e;

    memset(memory, 0, 9 * BLOCK);
    check(submit(&i) == 1 && get(1, 1, &e, NULL) == 1 && e.res == (int64_t)(2 * BLOCK), "preadv");
    check(((uint64_t *)memory)[0] >> 32 == 3 && ((uint64_t *)(memory + 8 * BLOCK))[0] >> 32 == 4,
          "preadv's bytes");
    i = io(IOCB_CMD_FSYNC, NULL, 0, 0, 2);
    check(submit(&i) == 1 && get(1, 1, &e, NULL) == 1 && e.res == 0 && e.data == 2, "fsync");
}

static void
what_is_wrong(void)
{
    struct timespec none = {0, 0}, some = {0, 20000000};
    struct iocb good = io(IOCB_CMD_PREAD, memory, BLOCK, 0, 1), bad = good, *both[2] = {&good, &bad};
    struct io_event e[4];
    aio_context_t other = 0;

    check(fails(syscall(SYS_io_setup, 0, &other), EINVAL), "no events");
    check(fails(syscall(SYS_io_setup, 1, &context), EINVAL), "a context that is there");
    check(fails(syscall(SYS_io_setup, 1, 16l), EFAULT), "nowhere to put the context");
    check(fails(syscall(SYS_io_submit, context + 4096, 1, both), EINVAL), "no such context");
    check(fails(syscall(SYS_io_submit, context, -1l, both), EINVAL), "a negative number");
    check(fails(syscall(SYS_io_submit, context, 1l, 16l), EFAULT), "no array");
    check(syscall(SYS_io_submit, context, 0, both) == 0, "nothing");
    bad.aio_fildes = 999;
    check(fails(submit(&bad), EBADF), "no file");
    check(syscall(SYS_io_submit, context, 2, both) == 1, "the first of two");
    check(get(1, 4, e, NULL) == 1 && e[0].data == 1, "which is done");
    bad = good;
    bad.aio_lio_opcode = 99;
    check(fails(submit(&bad), EINVAL), "no such command");
    bad = good;
    bad.aio_reserved2 = 1;
    check(fails(submit(&bad), EINVAL), "reserved");
    bad = io(IOCB_CMD_PREAD, (void *)16, BLOCK, 0, 5);
    check(submit(&bad) == 1 ? get(1, 1, e, NULL) == 1 && e[0].res == -EFAULT : errno == EFAULT,
          "no memory there");
    bad = io(IOCB_CMD_PREAD, memory, BLOCK, SIZE * 1024 * 1024, 6);
    check(submit(&bad) == 1 && get(1, 1, e, NULL) == 1 && e[0].res == 0, "behind the end");
    check(get(0, 4, e, NULL) == 0 && get(1, 4, e, &none) == 0 && get(1, 4, e, &some) == 0, "nothing to get");
    check(fails(get(2, 1, e, NULL), EINVAL) && fails(get(-1, 1, e, NULL), EINVAL), "how many to get");
    check(fails(syscall(SYS_io_cancel, context, &good, e), EINVAL), "what is not there to be cancelled");
}

/* No more than there is room for; what is not fetched counts. */
static void
full(void)
{
    struct iocb i = io(IOCB_CMD_PREAD, memory, BLOCK, 0, 1);
    struct io_event e[512];
    long n = 0;

    while (n < 4096 && submit(&i) == 1)
        n++;
    check(n >= DEPTH && n < 512 && errno == EAGAIN, "too many");
    check(get(n, 512, e, NULL) == n, "all of them");
    check(submit(&i) == 1 && get(1, 1, e, NULL) == 1, "room again");
}

/* As libaio takes them: out of the ring. */
static void
ring(void)
{
    struct ring *r = (struct ring *)context;
    struct iocb i = io(IOCB_CMD_PREAD, memory, BLOCK, BLOCK, 42);
    struct io_event e;

    check(r->magic == 0xa10a10a1 && r->header == sizeof(*r) && !r->incompat, "the ring's head");
    check(submit(&i) == 1, "submitting");
    while (__atomic_load_n(&r->tail, __ATOMIC_ACQUIRE) == r->head)
        usleep(100);
    check(r->events[r->head].data == 42 && r->events[r->head].res == (int64_t)BLOCK, "in the ring");
    __atomic_store_n(&r->head, (r->head + 1) % r->nr, __ATOMIC_RELEASE);
    check(get(0, 1, &e, NULL) == 0, "taken");
}

static void
ignore(int number)
{
    (void)number;
}

static void
signals(void)
{
    struct sigaction action = {.sa_handler = ignore};
    struct itimerval soon = {{0, 0}, {0, 30000}};
    struct io_event e;

    check(!sigaction(SIGALRM, &action, NULL) && !setitimer(ITIMER_REAL, &soon, NULL), "a timer");
    check(fails(get(1, 1, &e, NULL), EINTR), "a signal");
}

/* Files closed, contexts and processes ended with transfers under way. */
static void
ends(const char *path, int flags)
{
    struct iocb i[DEPTH], *many[DEPTH];
    struct io_event e[DEPTH];
    int keep = file, status;
    pid_t child;

    for (unsigned k = 0; k < DEPTH; k++)
        many[k] = &i[k];
    for (unsigned way = 0; way < 3; way++) {
        child = fork();
        check(child >= 0, "fork");
        if (!child) {
            context = 0;
            file = open(path, flags);
            check(file >= 0 && !syscall(SYS_io_setup, DEPTH, &context), "a child's own");
            for (unsigned k = 0; k < DEPTH; k++)
                i[k] = io(IOCB_CMD_PREAD, memory + k * BLOCK, BLOCK, k * BLOCK, k);
            check(syscall(SYS_io_submit, context, (long)DEPTH, many) == DEPTH, "submitting");
            if (way == 0) {
                close(file);
                check(get(DEPTH, DEPTH, e, NULL) == DEPTH, "after close");
            } else if (way == 1) {
                munmap(memory, SIZE);
                check(!syscall(SYS_io_destroy, context), "destroying");
                check(fails(syscall(SYS_io_destroy, context), EINVAL), "destroying twice");
            }
            _exit(0);
        }
        check(waitpid(child, &status, 0) == child && !status, "a child");
    }
    file = keep;
}

int
main(int argc, char **argv)
{
    static char name[] = "/tmp/aio-XXXXXX";
    int flags = O_RDWR | (argc > 1 ? O_DIRECT : 0);
    const char *path = argc > 1 ? argv[1] : name;

    if (argc == 1) {
        file = mkstemp(name);
        check(file >= 0 && !ftruncate(file, (off_t)SIZE), name);
    } else {
        file = open(path, flags);
        check(file >= 0, path);
    }
    memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(memory != MAP_FAILED && !syscall(SYS_io_setup, 64, &context), "io_setup");
    for (uint64_t n = 1; n <= 2; n++) {
        round_of(IOCB_CMD_PWRITE, n);
        round_of(IOCB_CMD_PREAD, n);
    }
    large();
    other_commands();
    what_is_wrong();
    full();
    ring();
    signals();
    ends(path, flags);
    check(!syscall(SYS_io_destroy, context), "io_destroy");
    if (argc == 1)
        unlink(name);
    printf("ok\n");
    return 0;
}
