/*
 * disk: what reading a disk costs, between markers for the counting plugin, in the order of DISK in bench.py: 4 KiB at random
 * places, one at a time; then 1 MiB, one behind the other. O_DIRECT. The same binary runs on Linux. As process 1 it turns
 * the machine off at the end.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <unistd.h>
#include "kernel/cpu/marker.h"

#define MIB    (1ul << 20)
#define SIZE   (64 * MIB)
#define RANDOM 1000
#define WHOLE  64

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

int
main(void)
{
    char *memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = open("/dev/sda", O_RDONLY | O_DIRECT);

    if (fd < 0 || memory == MAP_FAILED) {
        perror("disk: /dev/sda");
        return 1;
    }
    memset(memory, 1, MIB);
    for (int i = 0; i < 20; i++)
        get(fd, memory, 4096, next() % (SIZE / 4096) * 4096);
    marker(MARKER_BEGIN);
    for (int i = 0; i < RANDOM; i++)
        get(fd, memory, 4096, next() % (SIZE / 4096) * 4096);
    marker(MARKER_END);
    get(fd, memory, MIB, 0);
    marker(MARKER_BEGIN);
    for (unsigned long i = 0; i < WHOLE; i++)
        get(fd, memory, MIB, i * MIB);
    marker(MARKER_END);
    if (getpid() == 1)
        reboot(RB_POWER_OFF);
    return 0;
}
