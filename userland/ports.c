/*
 * ports: the adapters of the storage ports, their buses and units, and what went wrong; from /proc/ports.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "userland/common/command.h"

#define WORDS_MAX 12

/* Words behind the kind of a line. */
enum {
    A_NAME = 1,
    A_PORT,
    A_DRIVER,
    A_DEVICE,
    A_STATE,
    A_VECTOR,
    A_LEVEL,
    A_CALLS,
    A_VIOLATIONS,
    A_WHY,
    A_WORDS
};
enum {
    U_NAME = 1,
    U_PATH,
    U_TARGET,
    U_LUN,
    U_TYPE,
    U_MODEL,
    U_DEPTH,
    U_ACTIVE,
    U_REQUESTS,
    U_ERRORS,
    U_HOLD,
    U_WORDS
};
enum {
    B_NAME = 1,
    B_BUS,
    B_DEPTH,
    B_ACTIVE,
    B_ISSUED,
    B_COMPLETED,
    B_INTERRUPTS,
    B_BOUNCED,
    B_HOLD,
    B_WORDS
};
enum { R_NAME = 1, R_BAR, R_KIND, R_START, R_SIZE, R_WORDS };
enum { L_NAME = 1, L_TIME, L_TEXT, L_WORDS };

static const struct choice choices[] = {{'v', "verbose", NULL, "with resources, buses and the error log"},
                                        {0}};

static const struct command command = {
    "ports", "list storage adapters, their units, statistics and errors", "[OPTIONS] [ADAPTER]",
    "STATE is 'failed' once the driver has broken what the port cannot survive: WHY says what. BROKEN counts rules of the\n"
    "port's contract that the driver broke and the port survived; the log says which, the first time. In messages, A-123 and\n"
    "S-123 are obligations of the ATA and the SCSI port (docs/contract of the sources), check 12 is a row of docs/checks.md.",
    choices};

static void
adapter_cells(struct table *t, char **w)
{
    table_cell(t, "%s", w[A_NAME]);
    table_cell(t, "%s", w[A_STATE]);
    table_cell(t, "%s", w[A_PORT]);
    table_cell(t, "%s", w[A_DRIVER]);
    table_cell(t, "%s", w[A_DEVICE]);
    table_cell(t, "%s", w[A_LEVEL]);
    table_cell(t, "%s", w[A_CALLS]);
    table_cell(t, "%s", w[A_VIOLATIONS]);
    table_cell(t, "%s", w[A_WHY]);
}

static void
unit_cells(struct table *t, char **w)
{
    table_cell(t, "%s:%s:%s:%s", w[U_NAME], w[U_PATH], w[U_TARGET], w[U_LUN]);
    for (int i = U_TYPE; i < U_WORDS; i++)
        table_cell(t, "%s", w[i]);
}

static void
bus_cells(struct table *t, char **w)
{
    table_cell(t, "%s:%s", w[B_NAME], w[B_BUS]);
    for (int i = B_DEPTH; i < B_WORDS; i++)
        table_cell(t, "%s", w[i]);
}

static void
range_cells(struct table *t, char **w)
{
    table_cell(t, "%s", w[R_NAME]);
    table_cell(t, "%s", w[R_BAR]);
    table_cell(t, "%s", w[R_KIND]);
    table_cell(t, "0x%s", w[R_START]);
    table_cell(t, "%s", units_bytes(strtoull(w[R_SIZE], NULL, 10)).text);
}

static void
log_cells(struct table *t, char **w)
{
    table_cell(t, "%s", w[L_NAME]);
    table_cell(t, "%s", units_ms(strtoull(w[L_TIME], NULL, 10)).text);
    table_cell(t, "%s", w[L_TEXT]);
}

static struct kind {
    const char *name;
    int words;
    bool verbose;
    void (*cells)(struct table *t, char **w);
    struct table table;
} kinds[] = {
    {"adapter",
     A_WORDS,
     false,
     adapter_cells,
     {.head = {"ADAPTER", "STATE", "PORT", "DRIVER", "DEVICE", ">IRQL", ">CALLS", ">BROKEN", "WHY"}}},
    {"unit",
     U_WORDS,
     false,
     unit_cells,
     {.head = {"UNIT", "TYPE", "MODEL", ">DEPTH", ">OUT", ">REQUESTS", ">ERRORS", "HELD"}}},
    {"bus",
     B_WORDS,
     true,
     bus_cells,
     {.head = {"BUS", ">DEPTH", ">OUT", ">ISSUED", ">COMPLETED", ">INTERRUPTS", ">BOUNCED", "HELD"}}},
    {"range", R_WORDS, true, range_cells, {.head = {"ADAPTER", ">BAR", "KIND", "START", ">SIZE"}}},
    {"log", L_WORDS, true, log_cells, {.head = {"ADAPTER", ">WHEN", "WHAT"}}},
};

int
main(int argc, char **argv)
{
    const char *only;
    char *text, *line, *w[WORDS_MAX];
    bool verbose = false, found = false, blank = false;

    while (command_option(&command, argc, argv) >= 0)
        verbose = true;
    only = command_word(argc, argv, "adapter", false);
    text = file_text("/proc/ports");
    while ((line = line_next(&text)) != NULL) {
        int n = line_cut(line, "\t", w, WORDS_MAX);

        for (unsigned k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
            if (n == kinds[k].words && !strcmp(w[0], kinds[k].name) && (!only || !strcmp(w[1], only))) {
                kinds[k].cells(&kinds[k].table, w);
                found = true;
            }
    }
    if (only && !found)
        fail("there is no adapter '%s'", only);
    for (unsigned k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        if (!kinds[k].table.cells || (kinds[k].verbose && !verbose))
            continue;
        if (blank)
            putchar('\n');
        table_print(&kinds[k].table);
        blank = true;
    }
    if (!found)
        puts("no adapters");
    finish(0);
}
