/*
 * io [DEVICE REQUESTS THREADS MAX [direct] [errors]]: random reads and writes, verified; without arguments, of a file of its
 * own in /tmp. Every thread has a part of the device for itself; each sector holds its number, the thread's and how often it was written. With `errors` a request may fail with
 * EIO: what it was to write is then either there or not. Prints "io: N requests, M bytes, E errors" and ends with 0 if all
 * that was read was as it had to be.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLKGETSIZE64 0x80081272
#define SECTOR       512ul
#define THREADS_MAX  64

static const char *path;
static unsigned long requests, max_size;
static unsigned threads;
static int direct, errors_allowed;
static uint64_t part; /* sectors of a thread */
static volatile int failed;

struct worker {
    unsigned n;
    uint64_t random;
    uint32_t *written; /* of each sector, how often; 0: never by us; its top bit: once more or not */
    char *memory;
    unsigned long done, bytes, errors;
};

#define MAYBE 0x80000000u

static uint64_t
next(struct worker *w)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random;
}

static void
sector_fill(char *at, unsigned thread, uint64_t sector, uint32_t times)
{
    uint64_t word = (uint64_t)thread << 56 ^ sector << 24 ^ times;

    for (unsigned i = 0; i < SECTOR / 8; i++, word += 0x9e3779b97f4a7c15ull)
        memcpy(at + (size_t)i * 8, &word, 8);
}

static int
sector_is(const char *at, unsigned thread, uint64_t sector, uint32_t times)
{
    char want[SECTOR];

    sector_fill(want, thread, sector, times);
    return !memcmp(at, want, SECTOR);
}

static int
check(struct worker *w, const char *at, uint64_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint32_t times = w->written[first + i];

        if (!(times & ~MAYBE) && !(times & MAYBE))
            continue;
        if ((times & ~MAYBE && sector_is(at + i * SECTOR, w->n, first + i, times & ~MAYBE)) ||
            (times & MAYBE &&
             (sector_is(at + i * SECTOR, w->n, first + i, (times & ~MAYBE) + 1) || !(times & ~MAYBE))))
            continue;
        fprintf(stderr, "io: thread %u, sector %llu of its part: not what was written %u times\n", w->n,
                (unsigned long long)(first + i), times & ~MAYBE);
        return 0;
    }
    return 1;
}

/* Powers of two of sizes are equally likely. */
static uint64_t
size_choose(struct worker *w)
{
    uint64_t most = max_size / SECTOR < part ? max_size / SECTOR : part, count, more;
    unsigned bits = 0;

    while (1ul << (bits + 1) <= most)
        bits++;
    count = 1ul << next(w) % (bits + 1);
    more = next(w) % count;
    return count + more <= most ? count + more : count;
}

static void
one(struct worker *w, int fd)
{
    uint64_t count = size_choose(w), first;
    size_t shift = direct ? next(w) % 4 * SECTOR : next(w) % 4096;
    char *at = w->memory + shift;
    int write = next(w) % 2;
    ssize_t n, size;
    off_t place;

    if (count > part)
        count = part;
    first = next(w) % (part - count + 1);
    size = (ssize_t)(count * SECTOR);
    place = (off_t)((w->n * part + first) * SECTOR);
    for (uint64_t i = 0; write && i < count; i++)
        sector_fill(at + i * SECTOR, w->n, first + i, (w->written[first + i] & ~MAYBE) + 1);
    n = write ? pwrite(fd, at, (size_t)size, place) : pread(fd, at, (size_t)size, place);
    w->done++;
    if (n != size && errors_allowed && (n >= 0 || errno == EIO)) {
        w->errors++;
        for (uint64_t i = 0; write && i < count; i++)
            w->written[first + i] |= MAYBE;
        return;
    }
    if (n != size) {
        fprintf(stderr, "io: thread %u: %s of %zd bytes at %lld: %zd, %s\n", w->n, write ? "write" : "read",
                size, (long long)place, n, n < 0 ? strerror(errno) : "short");
        failed = 1;
        return;
    }
    w->bytes += (unsigned long)size;
    for (uint64_t i = 0; write && i < count; i++)
        w->written[first + i] = (w->written[first + i] & ~MAYBE) + 1;
    if (!write && !check(w, at, first, count))
        failed = 1;
}

static void *
work(void *argument)
{
    struct worker *w = argument;
    int fd = open(path, O_RDWR | (direct ? O_DIRECT : 0));

    if (fd < 0) {
        perror(path);
        failed = 1;
    }
    while (!failed && w->done < requests / threads)
        one(w, fd);
    if (fd >= 0)
        close(fd);
    return NULL;
}

static void
arguments(int argc, char **argv)
{
    path = argv[1];
    requests = strtoul(argv[2], NULL, 0);
    threads = (unsigned)strtoul(argv[3], NULL, 0);
    max_size = strtoul(argv[4], NULL, 0);
    for (int i = 5; i < argc; i++) {
        direct |= !strcmp(argv[i], "direct");
        errors_allowed |= !strcmp(argv[i], "errors");
    }
}

static void
file_of_its_own(void)
{
    static char name[] = "/tmp/io-XXXXXX";
    int fd = mkstemp(name);

    if (fd < 0 || ftruncate(fd, 4l << 20)) {
        perror(name);
        exit(1);
    }
    close(fd);
    path = name;
    requests = 2000;
    threads = 4;
    max_size = 64 << 10;
}

/* Of PATH, in bytes; 0 if it cannot be told. */
static uint64_t
size_of(int fd)
{
    struct stat stat;
    uint64_t size;

    if (fd < 0 || fstat(fd, &stat))
        return 0;
    if (S_ISREG(stat.st_mode))
        return (uint64_t)stat.st_size;
    return ioctl(fd, BLKGETSIZE64, &size) ? 0 : size;
}

int
main(int argc, char **argv)
{
    static struct worker workers[THREADS_MAX];
    static pthread_t thread[THREADS_MAX];
    struct worker sum = {0};
    int fd;

    if (argc != 1 && argc < 5) {
        fprintf(stderr, "usage: io [DEVICE REQUESTS THREADS MAX [direct] [errors]]\n");
        return 2;
    }
    if (argc == 1)
        file_of_its_own();
    else
        arguments(argc, argv);
    fd = open(path, O_RDONLY);
    if (!threads || threads > THREADS_MAX || !(part = size_of(fd) / SECTOR / threads)) {
        perror(path);
        return 1;
    }
    close(fd);
    for (unsigned n = 0; n < threads; n++) {
        workers[n] = (struct worker){.n = n, .random = 88172645463325252ull + 977 * n};
        workers[n].written = calloc(part, sizeof(uint32_t));
        workers[n].memory = mmap(NULL, max_size + 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                                 -1, 0);
        if (!workers[n].written || workers[n].memory == MAP_FAILED ||
            pthread_create(&thread[n], NULL, work, &workers[n])) {
            perror("io");
            return 1;
        }
    }
    for (unsigned n = 0; n < threads; n++) {
        pthread_join(thread[n], NULL);
        sum.done += workers[n].done;
        sum.bytes += workers[n].bytes;
        sum.errors += workers[n].errors;
    }
    if (argc == 1)
        unlink(path);
    printf("io: %lu requests, %lu bytes, %lu errors\n%s", sum.done, sum.bytes, sum.errors,
           failed ? "" : "ok\n");
    return failed;
}
