/*
 * automount: each volume that is found on a disk is mounted below /mnt by its label or its device's name, a CD at /cdrom, and so
 * are those that come later; those of disks that have gone are taken down. Mounted with the option "auto", by which the system
 * knows that they give way to a mount that somebody asks for.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "userland/common/command.h"

#define DEVICES 256
#define NAME    32
#define SECTORS 8192 /* bytes that are looked at */
#define LABEL   12
#define PERIOD  1 /* seconds */

static const struct choice choices[] = {
    {'q', "quiet", NULL, "say nothing"}, {'1', "once", NULL, "do not wait for what comes later"}, {0}};

static const struct command command = {
    "automount", "mount what is found on disks, now and when they come", "[OPTIONS]",
    "A FAT volume is at /mnt/LABEL, or without a label at /mnt/DEVICE; a CD is at /cdrom. What the system mounts\n"
    "by itself gives way to \"mount DEVICE FOLDER\".",
    choices};

/* A block device, as it was when it was looked at last. */
struct device {
    char name[NAME];
    unsigned long blocks;
    ino_t node;  /* of its name in /dev: another one after the partition table was read anew */
    int present; /* in the list now */
};

static struct device devices[DEVICES];
static int quiet;

/* ---- what is on it ---- */

static unsigned
le16(const unsigned char *p)
{
    return p[0] | p[1] << 8;
}

static unsigned
le32(const unsigned char *p)
{
    return le16(p) | le16(p + 2) << 16;
}

/* The 11 characters of a label, as a name for a folder; "": there is none. */
static void
label_take(const unsigned char *from, char label[LABEL])
{
    int n = 11;

    while (n && from[n - 1] == ' ')
        n--;
    for (int i = 0; i < n; i++)
        label[i] = from[i] <= ' ' || from[i] >= 0x7f || from[i] == '/' ? '_' : (char)from[i];
    label[n] = 0;
    if (!strcmp(label, "NO_NAME") || !strcmp(label, ".") || !strcmp(label, ".."))
        label[0] = 0;
}

/* The label in the root directory wins over the boot sector's. */
static void
label_find(int fd, const unsigned char *boot, int is_32, char label[LABEL])
{
    unsigned long sector = le16(boot + 11),
                  root = le16(boot + 14) +
                         (unsigned long)boot[16] * (is_32 ? le32(boot + 36) : le16(boot + 22));
    unsigned char entries[4096];
    long n;

    label_take(boot + (is_32 ? 71 : 43), label);
    if (is_32)
        root += (unsigned long)(le32(boot + 44) - 2) * boot[13];
    n = pread(fd, entries, sizeof(entries), (off_t)(root * sector));
    for (long at = 0; at + 32 <= n && entries[at]; at += 32)
        if (entries[at] != 0xe5 && (entries[at + 11] & 0x1f) == 0x08) {
            label_take(entries + at, label);
            return;
        }
}

/* The type of what is on a device, for mount(2); NULL: nothing that is known. */
static const char *
volume_type(const char *path, char label[LABEL])
{
    static unsigned char bytes[SECTORS];
    const char *type = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC), is_32;

    label[0] = 0;
    if (fd < 0)
        return NULL;
    if (pread(fd, bytes, 512, 32768) == 512 && !memcmp(bytes + 1, "CD001", 5)) {
        type = "iso9660";
    } else if (pread(fd, bytes, 512, 0) == 512 && le16(bytes + 510) == 0xaa55) {
        unsigned sector = le16(bytes + 11);

        is_32 = !le16(bytes + 22);
        if (sector >= 512 && sector <= 4096 && !(sector & (sector - 1)) && bytes[13] && bytes[16] &&
            bytes[16] <= 4 && le16(bytes + 14) && memcmp(bytes + 3, "EXFAT   ", 8) != 0 &&
            memcmp(bytes + 3, "NTFS    ", 8) != 0) {
            type = "vfat";
            label_find(fd, bytes, is_32, label);
        }
    }
    close(fd);
    return type;
}

/* ---- where it goes ---- */

static int
is_mount_point(const char *folder)
{
    char *text = file_text("/proc/mounts"), *rest = text, *line, *words[4];
    int found = 0;

    while ((line = line_next(&rest)) != NULL)
        if (line_cut(line, " ", words, 4) >= 2)
            found |= !strcmp(words[1], folder);
    free(text);
    return found;
}

__attribute__((format(printf, 1, 2))) static void
say(const char *format, ...)
{
    va_list args;

    if (quiet)
        return;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    fflush(stdout);
}

static void
device_mount(const char *name)
{
    char path[NAME + 8], folder[64], label[LABEL];
    const char *type;
    int is_cd;

    snprintf(path, sizeof(path), "/dev/%s", name);
    type = volume_type(path, label);
    if (!type)
        return;
    is_cd = !strcmp(type, "iso9660");
    snprintf(folder, sizeof(folder), is_cd ? "/cdrom" : "/mnt/%s", label[0] ? label : name);
    if (is_mount_point(folder))
        snprintf(folder, sizeof(folder), "/mnt/%s", name);
    if (mkdir(folder, 0755) && errno != EEXIST) {
        warn_of("%s", folder);
        return;
    }
    if (mount(path, folder, type, is_cd ? MS_RDONLY : 0, "auto") == 0) {
        say("%s is at %s%s\n", name, folder, is_cd ? ", read-only" : "");
    } else {
        if (errno != EBUSY && errno != ENODEV)
            warn_of("%s is not mounted: %s", name, type);
        rmdir(folder);
    }
}

/* What was mounted of a device that is not there any more. */
static void
device_unmount(const char *name)
{
    char *text = file_text("/proc/mounts"), *rest = text, *line, *words[4];

    while ((line = line_next(&rest)) != NULL)
        if (line_cut(line, " ", words, 4) == 4 && !strncmp(words[0], "/dev/", 5) &&
            !strcmp(words[0] + 5, name) && strstr(words[3], "auto")) {
            if (umount2(words[1], MNT_DETACH) == 0) {
                say("%s has gone: %s is taken down\n", name, words[1]);
                if (!strncmp(words[1], "/mnt/", 5))
                    rmdir(words[1]);
            }
        }
    free(text);
}

/* ---- which devices there are ---- */

static struct device *
device_find(const char *name)
{
    struct device *empty = NULL;

    for (int i = 0; i < DEVICES; i++) {
        if (!strcmp(devices[i].name, name))
            return &devices[i];
        if (!devices[i].name[0] && !empty)
            empty = &devices[i];
    }
    if (empty)
        snprintf(empty->name, sizeof(empty->name), "%s", name);
    return empty;
}

/* Is this the disk of the partition in the line behind it? */
static int
has_partitions(const char *name, const char *rest)
{
    char *words[4], line[128];
    size_t n = strlen(name);

    snprintf(line, sizeof(line), "%.*s", (int)strcspn(rest, "\n"), rest);
    return line_cut(line, " ", words, 4) == 4 && !strncmp(words[3], name, n) && words[3][n] >= '0' &&
           words[3][n] <= '9';
}

static ino_t
device_node(const char *name)
{
    char path[NAME + 8];
    struct stat s;

    snprintf(path, sizeof(path), "/dev/%s", name);
    return stat(path, &s) ? 0 : s.st_ino;
}

static void
look(void)
{
    char *text = file_text("/proc/partitions"), *rest = text, *line, *words[4];

    for (int i = 0; i < DEVICES; i++)
        devices[i].present = 0;
    while ((line = line_next(&rest)) != NULL) {
        struct device *d;
        unsigned long blocks;
        ino_t node;

        if (line_cut(line, " ", words, 4) != 4 || !strcmp(words[3], "name"))
            continue;
        d = device_find(words[3]);
        if (!d)
            break;
        d->present = 1;
        blocks = strtoul(words[2], NULL, 10);
        node = device_node(d->name);
        if (blocks == d->blocks && node == d->node)
            continue;
        if (d->blocks)
            device_unmount(d->name);
        d->blocks = blocks;
        d->node = node;
        if (blocks && !has_partitions(d->name, rest))
            device_mount(d->name);
    }
    free(text);
    for (int i = 0; i < DEVICES; i++)
        if (devices[i].name[0] && !devices[i].present) {
            device_unmount(devices[i].name);
            devices[i] = (struct device){.blocks = 0};
        }
}

/* The terminal belongs to others: what is said from now on goes to the console. */
static void
detach(void)
{
    int console = open("/dev/console", O_WRONLY | O_CLOEXEC | O_NOCTTY),
        null = open("/dev/null", O_RDWR | O_CLOEXEC);

    setsid();
    if (null >= 0)
        dup2(null, 0);
    if (console >= 0 || null >= 0) {
        dup2(console >= 0 && !quiet ? console : null, 1);
        dup2(console >= 0 && !quiet ? console : null, 2);
    }
    if (chdir("/"))
        warn_of("/");
}

int
main(int argc, char **argv)
{
    int once = 0, option;

    while ((option = command_option(&command, argc, argv)) >= 0) {
        quiet |= option == 'q';
        once |= option == '1';
    }
    command_no_words(&command, argc, argv);
    look();
    if (once)
        finish(0);
    switch (fork()) {
    case -1:
        fail("cannot go on in the background");
    case 0:
        break;
    default:
        finish(0);
    }
    detach();
    for (;;) {
        sleep(PERIOD);
        look();
    }
}
