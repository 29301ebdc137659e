/*
 * drivers: which drivers are loaded, and what to do with them; from /proc/drivers, through /dev/drivers.
 */
#define _GNU_SOURCE /* realpath() */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "userland/common/command.h"

/* Words of a line "driver" of /proc/drivers, and of a line "device". */
enum { KIND, NAME, STATE, SERVICE, PORT, BASE, SIZE, VERSION, STATUS, USES, WHY, WORDS };
enum { DEVICE = 1, DRIVER, ID, DEVICE_WORDS };

static const struct choice choices[] = {
    {'v', "verbose", NULL, "with addresses, versions, and why one does not run"}, {0}};

static const struct command command = {
    "drivers", "list drivers, load and unload them, bind devices to them", "[OPTIONS] [COMMAND]",
    "Commands:\n"
    "  load FILE              load a driver (.sys) and call its DriverEntry\n"
    "  unload NAME            unload one that no device uses; what was written to its disks is written out before\n"
    "  bind DEVICE [DRIVER]   give a device to a driver; without DRIVER: to the one that the INF files have for it\n"
    "  unbind DEVICE          take a device away from its driver, likewise\n"
    "  restart DEVICE         have its driver stop it and start it again (scsiport); its disks stay\n"
    "  info FILE              what is in a driver's file: sections, imports, and which of them there are\n"
    "\n"
    "DEVICE is a PCI function as lspci shows it (00:1f.2). INF files and drivers in /drivers are used at the start;\n"
    "kernel options: driver=NAME,... (chosen before others), driver.exclude=NAME,... and driver.force=DEVICE:FILE (with the\n"
    "domain: 0000:00:1f.2:/x.sys). A driver that looks for its devices itself gives them back when it is unloaded.\n"
    "Exit status: 0, or 1 if it was refused; info: if the file is no driver, or one of its imports is missing.",
    choices};

/* The devices of a driver, between blanks. */
static void
devices_of(const char *all, const char *driver, char *to, size_t size)
{
    char *text = strdup(all), *rest = text, *line, *w[DEVICE_WORDS];
    size_t n = 0;

    to[0] = 0;
    while (text && (line = line_next(&rest)) != NULL)
        if (line_cut(line, "\t", w, DEVICE_WORDS) == DEVICE_WORDS && !strcmp(w[KIND], "device") &&
            !strcmp(w[DRIVER], driver) && n < size)
            n += (size_t)snprintf(to + n, size - n, "%s%s", n ? " " : "", w[DEVICE]);
    free(text);
}

static void
list(bool verbose)
{
    struct table brief = {.head = {"NAME", "STATE", "PORT", ">SIZE", "DEVICES"}};
    struct table whole = {
        .head = {"NAME", "STATE", "PORT", ">SIZE", "BASE", "VERSION", "SERVICE", "DEVICES"}};
    char *all = file_text("/proc/drivers"), *text = strdup(all), *rest = text, *line, *w[WORDS], devices[512];
    struct table *t = verbose ? &whole : &brief;

    if (!text)
        fail("no memory");
    while ((line = line_next(&rest)) != NULL) {
        if (line_cut(line, "\t", w, WORDS) < WORDS || strcmp(w[KIND], "driver"))
            continue;
        devices_of(all, w[NAME], devices, sizeof devices);
        table_cell(t, "%s", w[NAME]);
        table_cell(t, "%s", w[STATE]);
        table_cell(t, "%s", w[PORT]);
        table_cell(t, "%s", units_bytes(strtoull(w[SIZE], NULL, 10)).text);
        if (verbose) {
            table_cell(t, "%s", w[BASE]);
            table_cell(t, "%s", w[VERSION]);
            table_cell(t, "%s", w[SERVICE]);
        }
        table_cell(t, "%s", devices[0] ? devices : "-");
    }
    if (!t->cells)
        puts("no drivers");
    table_print(t);
    for (free(text), rest = all; verbose && (line = line_next(&rest)) != NULL;)
        if (line_cut(line, "\t", w, WORDS) == WORDS && strcmp(w[WHY], "-"))
            printf("%s: %s\n", w[NAME], w[WHY]);
    finish(0);
}

/* Send a command, or fail with its answer. Returns where the answer is read. */
static int
send(const char *what, const char *first, const char *second)
{
    char line[PATH_MAX + 64], answer[4096];
    int fd = open("/dev/drivers", O_RDWR), error;
    int n = snprintf(line, sizeof line, "%s %s%s%s", what, first, second ? " " : "", second ? second : "");
    ssize_t got;

    if (fd < 0)
        fail("/dev/drivers");
    error = write(fd, line, (size_t)n) == n ? 0 : errno;
    if (error) {
        got = read(fd, answer, sizeof answer - 1);
        answer[got > 0 ? got : 0] = 0;
        answer[strcspn(answer, "\n")] = 0;
        errno = answer[0] ? 0 : error;
        fail("%s %s%s%s", what, first, answer[0] ? ": " : "", answer);
    }
    return fd;
}

/* Print an answer. Of a file that could not be loaded (info) that is an error. */
static void
answer_print(int fd, const char *file)
{
    FILE *f = fdopen(fd, "r");
    char *line = NULL;
    size_t room = 0;
    unsigned missing = 0;

    if (!f)
        fail("/dev/drivers");
    while (getline(&line, &room, f) > 0) {
        errno = 0;
        if (!strncmp(line, "refused ", 8))
            fail("%s: %.*s", file, (int)strcspn(line + 9, "\n"), line + 9);
        (void)sscanf(line, "imports %*u, of which %u are missing", &missing);
        fputs(line, stdout);
    }
    if (missing)
        fail("%s: %u of its imports are missing", file, missing);
    finish(0);
}

/* The kernel reads it, from the root on. */
static const char *
absolute(const char *file)
{
    char *path = realpath(file, NULL);

    if (!path)
        fail("%s", file);
    if (strpbrk(path, " \n"))
        usage_fail("'%s' has a blank in it", path);
    return path;
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int least, most;
        bool file, takes_away;
    } commands[] = {{"load", 1, 1, true, false},     {"unload", 1, 1, false, true},
                    {"bind", 1, 2, false, false},    {"unbind", 1, 1, false, true},
                    {"restart", 1, 1, false, false}, {"info", 1, 1, true, false}};
    extern int optind;
    bool verbose = false;
    int words;

    while (command_option(&command, argc, argv) >= 0)
        verbose = true;
    words = argc - optind - 1;
    if (words < 0)
        list(verbose);
    for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[optind], commands[i].name))
            continue;
        if (words < commands[i].least || words > commands[i].most)
            usage_fail("'%s' takes %s", commands[i].name,
                       commands[i].most == 2 ? "a device, and perhaps a driver" : "one word");
        if (commands[i].takes_away)
            sync(); /* what is not written yet would be lost with it */
        answer_print(send(commands[i].name, commands[i].file ? absolute(argv[optind + 1]) : argv[optind + 1],
                          words == 2 ? argv[optind + 2] : NULL),
                     argv[optind + 1]);
    }
    usage_fail("there is no command '%s'", argv[optind]);
}
