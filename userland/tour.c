/*
 * tour: a walk through this system, step by step: a few lines of text, then a command that the reader types (or Enter, and
 * it is typed for them), run in this system's shell.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "userland/common/command.h"

struct step {
    const char *title, *text, *command; /* lines; command NULL: only to be read */
};

static const struct step steps[] = {
    {"Disks",
     "Your computer's disks have names: sda is the first one, sdb the next. A driver\n"
     "serves each. Let us see which disks there are, and how each of them is reached.",
     "disks"},
    {"What leads to a disk",
     "PATH was adapter:bus:target:unit. An adapter is a chip that talks to disks. Here\n"
     "they are, with the port that speaks for each in the kernel, and the number of\n"
     "calls into its driver.",
     "ports"},
    {"Drivers",
     "A driver here is a file like those that Windows loads: a miniport, of the format\n"
     "PE. They lie in /drivers; an .inf file beside each says which devices it is for.",
     "drivers; ls -l /drivers"},
    {"What a driver needs",
     "A driver calls routines of its port and of the kernel by name. The loader looks\n"
     "each of them up.",
     "drivers info /drivers/ahci.sys"},
    {"Partitions",
     "A disk is divided into partitions; a table on its first sectors says where each\n"
     "begins and ends. Here is the table as the kernel has read it; sfdisk, Debian's\n"
     "own, reads it once more.",
     "parts; sfdisk -l /dev/sd?"},
    {"Files",
     "A partition holds a file system. Those that are known (FAT, and ISO 9660 on CDs)\n"
     "are mounted: their files are below /mnt, and the CD's at /cdrom.",
     "df -h; ls /mnt/*"},
    {"Reading",
     "Reading a file asks the file system where it lies, then the disk for these\n"
     "blocks. What was read stays in memory: the second time no disk is asked. The\n"
     "number behind a disk's name is how often it was really asked to read.",
     "f=$(find /mnt -type f -size +1000k | head -1)\n"
     "reads() { awk '$3 ~ /^sd/ { print $3, $4 }' /proc/diskstats | xargs; }\n"
     "reads; time cat \"$f\" >/dev/null; reads; time cat \"$f\" >/dev/null; reads"},
    {"How fast",
     "iobench measures a file or a disk: blocks one after the other, or anywhere, one\n"
     "request at a time or many. It only reads, unless told otherwise.",
     "iobench -t 1 /dev/sda"},
    {"One request, watched",
     "iotrace runs a command and shows the way of its requests: the block layer, the\n"
     "command block (CDB), the port, what the driver does to its registers, the\n"
     "interrupt, and back.",
     "iotrace dd if=/dev/sda of=/dev/null bs=512 count=1 iflag=direct"},
    {"Errors",
     "What fails says what, where, and why, and ends with a status that is not 0. We\n"
     "ask a disk for a block that it has not: its answer, \"sense data\", is explained.",
     "cat /mnt/nosuch; echo \"status $?\"\n"
     "cdb -r 512 /dev/sda 28 0 ff ff ff ff 0 0 1 0; echo \"status $?\""},
    {"What the kernel says",
     "The kernel's log tells what it found at the start, and what went wrong since.\n"
     "Errors of drivers are there and in \"ports -v\", each with the rule of the\n"
     "contract that was broken.",
     "dmesg | tail -15"},
    {"Where to go on",
     "\"help\" lists the commands by task, and each has --help. The book in docs/\n"
     "follows one read through all layers; docs/writing-a-miniport.md is for those who\n"
     "want to see a driver of their own here.",
     NULL},
};
#define STEPS (int)(sizeof(steps) / sizeof(steps[0]))

static const struct choice choices[] = {
    {'a', "all", NULL, "run through all steps without waiting"}, {'l', "list", NULL, "list the steps"}, {0}};

static const struct command command = {
    "tour", "walk through this system, with commands to try", "[OPTIONS] [STEP]",
    "Each step explains something and names a command. Enter runs it; type another one to run that instead; n goes on\n"
    "without it, b goes back, q ends. STEP is a step's number to begin with. Nothing is written to any disk.",
    choices};

static void
run(const char *line)
{
    fflush(stdout);
    if (system(line) < 0)
        warn_of("the shell");
}

/* What the reader types at a prompt, without the end of the line; NULL: the input has ended. */
static char *
ask(const char *prompt)
{
    static char line[512];

    printf("%s", prompt);
    fflush(stdout);
    if (!fgets(line, sizeof(line), stdin))
        return NULL;
    line[strcspn(line, "\n")] = 0;
    return line;
}

static void
command_show(const char *lines)
{
    for (size_t n; *lines; lines += n + (lines[n] == '\n')) {
        n = strcspn(lines, "\n");
        printf("  # %.*s\n", (int)n, lines);
    }
    putchar('\n');
}

/* Returns how many steps to go: 1, -1; 0: the end. */
static int
step_show(int n, int waits)
{
    const struct step *s = &steps[n];
    const char *typed;

    printf("\n[%d/%d] %s\n\n%s\n\n", n + 1, STEPS, s->title, s->text);
    if (!s->command)
        return 1;
    command_show(s->command);
    if (!waits) {
        run(s->command);
        return 1;
    }
    typed = ask("Enter: run it   n: next   b: back   q: quit > ");
    while (typed) {
        if (!strcmp(typed, "q"))
            return 0;
        if (!strcmp(typed, "b"))
            return -1;
        if (!strcmp(typed, "n"))
            return 1;
        run(*typed ? typed : s->command);
        typed = ask("\nEnter or n: next   b: back   q: quit   or any command > ");
        if (typed && !*typed)
            return 1;
    }
    return 0;
}

int
main(int argc, char **argv)
{
    int option, waits = 1, n, way = 1;
    const char *first;

    while ((option = command_option(&command, argc, argv)) >= 0) {
        if (option == 'l') {
            for (n = 0; n < STEPS; n++)
                printf("%2d  %s\n", n + 1, steps[n].title);
            finish(0);
        }
        waits = 0;
    }
    first = command_word(argc, argv, "step", false);
    n = first ? (int)number_of(first, "step", 1, STEPS) - 1 : 0;
    if (access("/dev/sda", F_OK))
        puts("There is no disk in this machine, so some steps will have nothing to show.");
    while (n < STEPS && (way = step_show(n, waits)) != 0)
        n = n + way < 0 ? 0 : n + way;
    finish(0);
}
