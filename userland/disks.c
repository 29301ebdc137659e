/* disks: the disks and CDs, and the path that leads to each; from /proc/disks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "userland/common/command.h"

enum {
    NAME,
    PATH,
    DRIVER,
    DEVICE,
    KIND,
    SIZE,
    BLOCK,
    PHYSICAL,
    DEPTH,
    FLAGS,
    VENDOR,
    MODEL,
    REVISION,
    SERIAL,
    WORDS
};

static const struct choice choices[] = {
    {'v', "verbose", NULL, "with block sizes, queue depth, flags, revision and serial number"}, {0}};

static const struct command command = {
    "disks", "list disks, and how each is reached", "[OPTIONS]",
    "PATH is adapter:bus:target:unit, as in `ports`; DRIVER serves DEVICE, a PCI function (lspci) or an ISA device.\n"
    "FLAGS: r read-only or w, m removable medium, c write cache, d discard.",
    choices};

int
main(int argc, char **argv)
{
    struct table t = {.head = {"NAME", ">SIZE", "MODEL", "PATH", "DRIVER", "DEVICE"}};
    struct table all = {.head = {"NAME", ">SIZE", "MODEL", "PATH", "DRIVER", "DEVICE", ">BLOCK", ">PHYSICAL",
                                 ">DEPTH", "FLAGS", "REVISION", "SERIAL"}};
    char *text, *line, *w[WORDS];
    bool verbose = false;
    struct table *to;
    unsigned count = 0;

    while (command_option(&command, argc, argv) >= 0)
        verbose = true;
    command_no_words(&command, argc, argv);
    to = verbose ? &all : &t;
    text = file_text("/proc/disks");
    while ((line = line_next(&text)) != NULL) {
        if (line_cut(line, "\t", w, WORDS) < WORDS)
            continue;
        count++;
        table_cell(to, "%s", w[NAME]);
        table_cell(to, "%s",
                   strcmp(w[SIZE], "0") ? units_bytes(strtoull(w[SIZE], NULL, 10)).text : "no medium");
        table_cell(to, "%s %s", w[VENDOR], w[MODEL]);
        table_cell(to, "%s", w[PATH]);
        table_cell(to, "%s", w[DRIVER]);
        table_cell(to, "%s", w[DEVICE]);
        for (int i = BLOCK; verbose && i <= SERIAL; i++)
            if (i != VENDOR && i != MODEL)
                table_cell(to, "%s", w[i][0] ? w[i] : "-");
    }
    if (count)
        table_print(to);
    else
        puts("no disks");
    finish(0);
}
