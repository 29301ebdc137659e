/*
 * banner: what a person sees first: the version, the machine, what was found in it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "userland/common/command.h"
#include "userland/common/pci_ids.h"

#define KINDS_MAX 64

static const struct command command = {"banner", "say what this system is and what was found", "", NULL,
                                       NULL};

/* A word of /proc/cpuinfo's first processor. */
static const char *
cpu_name(char *text)
{
    static const char name[] = "model name\t: ";
    char *at = strstr(text, name);

    if (!at)
        return "unknown processor";
    at += strlen(name);
    at[strcspn(at, "\n")] = 0;
    return at;
}

struct kind {
    const char *name;
    unsigned count;
};

/* Functions of PCI by the names of their classes, in the order in which they are met. */
static size_t
kinds_read(char *text, struct kind *kinds)
{
    char *line, *f[8];
    size_t n = 0, k;

    while ((line = line_next(&text)) != NULL) {
        const char *name;

        if (line_cut(line, "\t", f, 8) < 7)
            continue;
        name = pci_class_name((uint32_t)strtoul(f[1], NULL, 16));
        if (strstr(name, "bridge"))
            continue;
        for (k = 0; k < n && strcmp(kinds[k].name, name); k++)
            ;
        if (k == KINDS_MAX)
            continue;
        kinds[k].name = name;
        kinds[k].count = k < n ? kinds[k].count + 1 : 1;
        n += k == n;
    }
    return n;
}

static void
found_print(void)
{
    struct kind kinds[KINDS_MAX];
    size_t n = kinds_read(file_text("/proc/pci"), kinds);

    fputs("Found: ", stdout);
    for (size_t k = 0; k < n; k++)
        printf("%s%u %s", k ? ", " : "", kinds[k].count, kinds[k].name);
    puts(n ? "." : "no device on PCI.");
}

/* "Disks: sda 128 MiB at ide.sys, ..." */
static void
disks_print(void)
{
    enum { NAME, PATH, DRIVER, DEVICE, KIND, SIZE, WORDS };
    char *text = file_text("/proc/disks"), *line, *f[WORDS + 1];
    unsigned count = 0;

    while ((line = line_next(&text)) != NULL) {
        if (line_cut(line, "\t", f, WORDS + 1) < WORDS)
            continue;
        printf("%s%s (%s, by %s)", count++ ? ", " : "Disks: ", f[NAME],
               strcmp(f[SIZE], "0") ? units_bytes(strtoull(f[SIZE], NULL, 10)).text : "no medium", f[DRIVER]);
    }
    puts(count ? "." : "Disks: none.");
}

/* "Files: /mnt/DEMO, ...": what is mounted of disks. */
static void
volumes_print(void)
{
    char *text = file_text("/proc/mounts"), *line, *f[3];
    unsigned count = 0;

    while ((line = line_next(&text)) != NULL)
        if (!strncmp(line, "/dev/", 5) && line_cut(line, " ", f, 3) >= 2)
            printf("%s%s", count++ ? ", " : "Files: ", f[1]);
    if (count)
        puts(".");
}

int
main(int argc, char **argv)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct utsname names;
    struct sysinfo info;

    while (command_option(&command, argc, argv) >= 0)
        ;
    command_no_words(&command, argc, argv);
    if (uname(&names) || sysinfo(&info))
        fail("the system's names");
    printf("\n%s %s. ", names.sysname, names.version);
    printf("%ld processor%s (%s), %s of memory, %s free.\n", processors, processors == 1 ? "" : "s",
           cpu_name(file_text("/proc/cpuinfo")), units_bytes((uint64_t)info.totalram * info.mem_unit).text,
           units_bytes((uint64_t)info.freeram * info.mem_unit).text);
    found_print();
    disks_print();
    volumes_print();
    putchar('\n');
    finish(0);
}
