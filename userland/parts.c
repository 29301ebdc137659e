/* parts: the partitions of disks; from /proc/partitions and the devices themselves. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "userland/common/command.h"

#define BLKGETSIZE64 0x80081272
#define BLKRRPART    0x125f
#define HDIO_GETGEO  0x0301
#define SECTOR       512

static const struct choice choices[] = {{'r', "reread", "DISK", "look for the partitions of a disk anew"},
                                        {0}};

static const struct command command = {"parts", "list disks and their partitions", "[OPTIONS] [DISK]",
                                       "START and END are in sectors of 512 bytes; END is the last one.",
                                       choices};

struct geometry {
    unsigned char heads, sectors;
    unsigned short cylinders;
    unsigned long start;
};

static int
device_open(const char *name)
{
    char path[64];
    int fd;

    snprintf(path, sizeof path, "%s%s", strchr(name, '/') ? "" : "/dev/", name);
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        fail("%s", path);
    return fd;
}

static void
row(struct table *t, const char *name)
{
    unsigned long long size = 0;
    struct geometry g = {0};
    int fd = device_open(name);

    if (ioctl(fd, BLKGETSIZE64, &size) || ioctl(fd, HDIO_GETGEO, &g))
        fail("%s", name);
    close(fd);
    table_cell(t, "%s", name);
    table_cell(t, "%s", units_bytes(size).text);
    table_cell(t, "%lu", g.start);
    table_cell(t, "%llu", size ? g.start + size / SECTOR - 1 : 0);
}

int
main(int argc, char **argv)
{
    extern char *optarg;
    struct table t = {.head = {"NAME", ">SIZE", ">START", ">END"}};
    char *text, *line, *w[4];
    const char *only;
    unsigned count = 0;

    while (command_option(&command, argc, argv) >= 0) {
        int fd = device_open(optarg);

        if (ioctl(fd, BLKRRPART, 0))
            fail("%s: partitions cannot be looked for", optarg);
        close(fd);
    }
    only = command_word(argc, argv, "disk", false);
    if (only && !strncmp(only, "/dev/", 5))
        only += 5;
    text = file_text("/proc/partitions");
    while ((line = line_next(&text)) != NULL) {
        if (line_cut(line, " ", w, 4) < 4 || (only && strncmp(w[3], only, strlen(only))) ||
            !strcmp(w[0], "major"))
            continue;
        row(&t, w[3]);
        count++;
    }
    if (only && !count)
        fail("there is no disk '%s'", only);
    if (count)
        table_print(&t);
    else
        puts("no disks");
    finish(0);
}
