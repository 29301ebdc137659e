/*
 * files: what files of a FAT volume cost, between markers for the counting plugin, in the order of FILES in bench.py. /dev/sda is
 * the volume, or what VOLUME says in the environment. The same binary runs on Linux. As process 1 it turns the machine off at the end.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>
#include "kernel/cpu/marker.h"

#define FILES 1000
#define SMALL 4096
#define PART  65536
#define BIG   (32ul << 20)

static char memory[PART];
static const char *volume;

static void
must(int good, const char *what)
{
    if (good)
        return;
    perror(what);
    abort();
}

static void
name_of(char name[32], int n)
{
    snprintf(name, 32, "/mnt/d/F%d.TXT", n);
}

static void
create(void)
{
    for (int n = 0; n < FILES; n++) {
        char name[32];
        int fd;

        name_of(name, n);
        fd = open(name, O_WRONLY | O_CREAT, 0644);
        must(fd >= 0 && write(fd, memory, SMALL) == SMALL && close(fd) == 0, name);
    }
}

static void
read_all(void)
{
    for (int n = 0; n < FILES; n++) {
        char name[32];
        int fd;

        name_of(name, n);
        fd = open(name, O_RDONLY);
        must(fd >= 0 && read(fd, memory, SMALL) == SMALL && close(fd) == 0, name);
    }
}

static void
remove_all(void)
{
    for (int n = 0; n < FILES; n++) {
        char name[32];

        name_of(name, n);
        must(unlink(name) == 0, name);
    }
}

static void
sync_all(void)
{
    sync();
}

static void
write_big(void)
{
    int fd = open("/mnt/BIG", O_WRONLY | O_CREAT, 0644);

    for (unsigned long at = 0; at < BIG; at += PART)
        must(write(fd, memory, PART) == PART, "write");
    must(close(fd) == 0, "close");
}

static void
read_big(void)
{
    int fd = open("/mnt/BIG", O_RDONLY);

    for (unsigned long at = 0; at < BIG; at += PART)
        must(read(fd, memory, PART) == PART, "read");
    close(fd);
}

static void
read_pages(void)
{
    int fd = open("/mnt/BIG", O_RDONLY);

    for (unsigned n = 0; n < FILES; n++)
        must(pread(fd, memory, SMALL, n * 37 % 8000 * 4096) == SMALL, "pread");
    close(fd);
}

static void
remount(void)
{
    must(umount("/mnt") == 0, "umount");
    must(mount(volume, "/mnt", "vfat", 0, "") == 0, "mount");
}

static void
measure(void (*run)(void))
{
    marker(MARKER_BEGIN);
    run();
    marker(MARKER_END);
}

int
main(void)
{
    volume = getenv("VOLUME") ? getenv("VOLUME") : "/dev/sda";
    mkdir("/mnt", 0755);
    must(mount(volume, "/mnt", "vfat", 0, "") == 0, "mount");
    must(mkdir("/mnt/d", 0755) == 0, "mkdir");
    memset(memory, 1, sizeof memory);
    measure(create);
    measure(sync_all);
    measure(read_all);
    measure(write_big);
    remount();
    measure(read_big);
    measure(read_big);
    measure(read_pages);
    measure(read_all);
    measure(remove_all);
    umount("/mnt");
    if (getpid() == 1)
        reboot(RB_POWER_OFF);
    return 0;
}
