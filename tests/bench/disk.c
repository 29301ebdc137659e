/*
 * disk: what reading a disk costs, between markers for the counting plugin, in the order of DISK in bench.py: 4 KiB at random
 * places, one at a time; 1 MiB, one behind the other; 4 KiB at random, 32 at a time by io_submit(2). O_DIRECT. The same
 * binary runs on Linux. As process 1 it turns the machine off at the end. With WALL=N in the environment it does everything
 * N times and says how long one transfer took (for paired runs on an idle machine, without the plugin).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "kernel/cpu/marker.h"
#include "userland/common/aio_abi.h"

#define MIB    (1ul << 20)
#define SIZE   (64 * MIB)
#define RANDOM 1000
#define WHOLE  64
#define DEPTH  32

static uint64_t state = 88172645463325252ull;

static uint64_t
next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static void
get(int fd, char *to, size_t size, uint64_t at)
{
    if (pread(fd, to, size, (off_t)at) != (ssize_t)size) {
        perror("disk: pread");
        abort();
    }
}

/* As long as there is something to do, DEPTH transfers are under way. */
static void
many(int fd, char *memory, aio_context_t context, unsigned count)
{
    static struct iocb io[DEPTH];
    static struct io_event events[DEPTH];
    struct iocb *next_ones[DEPTH];
    unsigned sent = 0, done = 0;
    long n = DEPTH;

    for (unsigned i = 0; i < DEPTH; i++) {
        io[i] = (struct iocb){.aio_lio_opcode = IOCB_CMD_PREAD,
                              .aio_fildes = (uint32_t)fd,
                              .aio_buf = (uintptr_t)(memory + 4096ul * i),
                              .aio_nbytes = 4096,
                              .aio_data = i};
        events[i].data = i;
    }
    while (done < count) {
        long some = 0;

        for (long i = 0; i < n && sent < count; i++, sent++) {
            struct iocb *again = &io[events[i].data];

            again->aio_offset = (int64_t)(next() % (SIZE / 4096) * 4096);
            next_ones[some++] = again;
        }
        if (some && syscall(SYS_io_submit, context, some, next_ones) != some) {
            perror("disk: io_submit");
            abort();
        }
        n = syscall(SYS_io_getevents, context, 1l, (long)DEPTH, events, NULL);
        for (long i = 0; i < n; i++)
            if (events[i].res != 4096)
                abort();
        done += (unsigned)n;
    }
}

static double
now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
random_reads(int fd, char *memory, aio_context_t context, unsigned times)
{
    for (unsigned i = 0; i < times * RANDOM; i++)
        get(fd, memory, 4096, next() % (SIZE / 4096) * 4096);
}

static void
whole(int fd, char *memory, aio_context_t context, unsigned times)
{
    for (unsigned long i = 0; i < times * WHOLE; i++)
        get(fd, memory, MIB, i % WHOLE * MIB);
}

static void
deep(int fd, char *memory, aio_context_t context, unsigned times)
{
    many(fd, memory, context, times * RANDOM);
}

static const struct workload {
    const char *name;
    unsigned transfers;
    void (*run)(int fd, char *memory, aio_context_t context, unsigned times);
} workloads[] = {{"4 KiB at random", RANDOM, random_reads},
                 {"1 MiB behind one another", WHOLE, whole},
                 {"4 KiB at random, 32 at a time", RANDOM, deep}};

int
main(void)
{
    char *memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const char *wall = getenv("WALL");
    unsigned times = wall ? (unsigned)atoi(wall) : 1;
    aio_context_t context = 0;
    int fd = open("/dev/sda", O_RDONLY | O_DIRECT);

    if (fd < 0 || memory == MAP_FAILED || syscall(SYS_io_setup, 128l, &context)) {
        perror("disk: /dev/sda");
        return 1;
    }
    memset(memory, 1, MIB);
    for (int i = 0; i < 20; i++)
        get(fd, memory, 4096, next() % (SIZE / 4096) * 4096);
    get(fd, memory, MIB, 0);
    many(fd, memory, context, DEPTH);
    for (size_t i = 0; i < sizeof(workloads) / sizeof(*workloads); i++) {
        const struct workload *w = &workloads[i];
        double began = now_us();

        marker(MARKER_BEGIN);
        w->run(fd, memory, context, times);
        marker(MARKER_END);
        if (wall)
            printf("wall: %s: %.2f us\n", w->name, (now_us() - began) / (double)(times * w->transfers));
    }
    fflush(stdout);
    if (getpid() == 1)
        reboot(RB_POWER_OFF);
    return 0;
}
