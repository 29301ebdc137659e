/* iostat: what disks do, as sysstat's command of that name shows it; from /proc/diskstats. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "userland/common/command.h"

#define DISKS_MAX  256
#define NUMBER_MAX 1000000000

enum {
    MAJOR,
    MINOR,
    NAME,
    READS,
    READ_MERGED,
    READ_SECTORS,
    READ_MS,
    WRITES,
    WRITE_MERGED,
    WRITE_SECTORS,
    WRITE_MS,
    NOW,
    BUSY_MS,
    WORDS
};

static const struct choice choices[] = {{'p', "partitions", NULL, "partitions, too"}, {0}};

static const struct command command = {
    "iostat", "show how much disks do", "[OPTIONS] [SECONDS [TIMES]]",
    "Without SECONDS: since the start. r/s and w/s are requests, rMiB/s and wMiB/s the data of a second, await the\n"
    "milliseconds that a request took, %util how much of the time the disk was busy.",
    choices};

struct sample {
    char name[16];
    double v[WORDS];
};

static unsigned
take(struct sample *s, bool partitions)
{
    char *text = file_text("/proc/diskstats"), *at = text, *line, *w[WORDS];
    unsigned n = 0;

    while (n < DISKS_MAX && (line = line_next(&at)) != NULL) {
        size_t length;

        if (line_cut(line, " ", w, WORDS) < WORDS)
            continue;
        length = strlen(w[NAME]);
        if (!partitions && !strncmp(w[NAME], "sd", 2) && w[NAME][length - 1] <= '9')
            continue;
        snprintf(s[n].name, sizeof s[n].name, "%s", w[NAME]);
        for (int i = READS; i < WORDS; i++)
            s[n].v[i] = strtod(w[i], NULL);
        n++;
    }
    free(text);
    return n;
}

static void
row(struct table *t, const struct sample *s, const struct sample *before, double seconds)
{
    double d[WORDS], requests;

    for (int i = READS; i < WORDS; i++)
        d[i] = s->v[i] - (before ? before->v[i] : 0);
    requests = d[READS] + d[WRITES];
    table_cell(t, "%s", s->name);
    table_cell(t, "%.1f", d[READS] / seconds);
    table_cell(t, "%.2f", d[READ_SECTORS] / 2048 / seconds);
    table_cell(t, "%.1f", d[WRITES] / seconds);
    table_cell(t, "%.2f", d[WRITE_SECTORS] / 2048 / seconds);
    table_cell(t, "%.2f", requests > 0 ? (d[READ_MS] + d[WRITE_MS]) / requests : 0.0);
    table_cell(t, "%.1f", d[BUSY_MS] / seconds / 10);
}

static double
uptime(void)
{
    char *text = file_text("/proc/uptime");
    double seconds = strtod(text, NULL);

    free(text);
    return seconds > 0.01 ? seconds : 0.01;
}

static const struct sample *
same(const struct sample *all, unsigned n, const char *name)
{
    for (unsigned i = 0; i < n; i++)
        if (!strcmp(all[i].name, name))
            return &all[i];
    return NULL;
}

int
main(int argc, char **argv)
{
    extern int optind;
    static struct sample now[DISKS_MAX], before[DISKS_MAX];
    unsigned n, n_before = 0;
    bool partitions = false;
    long seconds, times;
    double began = 0;

    while (command_option(&command, argc, argv) >= 0)
        partitions = true;
    seconds = argc > optind ? (long)number_of(argv[optind], "number of SECONDS", 1, NUMBER_MAX) : 0;
    times = argc > optind + 1 ? (long)number_of(argv[optind + 1], "number of TIMES", 1, NUMBER_MAX)
            : seconds         ? -1
                              : 1;
    if (argc > optind + 2)
        usage_fail("unexpected '%s'", argv[optind + 2]);
    while (times--) {
        struct table t = {.head = {"DISK", ">r/s", ">rMiB/s", ">w/s", ">wMiB/s", ">await", ">%util"}};
        double at;

        if (seconds && n_before)
            sleep((unsigned)seconds);
        at = uptime();
        n = take(now, partitions);
        for (unsigned i = 0; i < n; i++)
            row(&t, &now[i], same(before, n_before, now[i].name), at - began);
        if (n)
            table_print(&t);
        else
            puts("no disks");
        fflush(stdout);
        if (times)
            putchar('\n');
        began = at;
        memcpy(before, now, sizeof now);
        n_before = n ? n : 1;
        if (seconds && !n)
            sleep((unsigned)seconds);
    }
    finish(0);
}
