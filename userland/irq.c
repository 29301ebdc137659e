/*
 * irq: which interrupts there are, who handles them, how often they came; from /proc/irq-handlers.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "userland/common/command.h"

/* Words of a line of /proc/irq-handlers. */
enum { VECTOR, LEVEL, LINE, VIA, STATE, COUNT, UNCLAIMED, DEFERRED, HANDLER, CALLS, CLAIMED, WORDS };

static const struct choice choices[] = {
    {'a', "all", NULL, "with what nobody claimed and what came while its level was masked"}, {0}};

static const struct command command = {
    "irq", "list interrupts, their handlers and how often they came", "[OPTIONS]",
    "LEVEL is the IRQL at which the handler runs (DIRQL). A line is shared by all handlers with its number; a\n"
    "message (MSI, MSI-X) has none. STATE is 'masked' after a storm: 10,000 in a row that no handler claimed.",
    choices};

int
main(int argc, char **argv)
{
    struct table brief = {.head = {">VECTOR", ">LINE", "VIA", ">LEVEL", "STATE", ">COUNT", "HANDLER"}};
    struct table whole = {.head = {">VECTOR", ">LINE", "VIA", ">LEVEL", "STATE", ">COUNT", ">UNCLAIMED",
                                   ">DEFERRED", ">CALLS", ">CLAIMED", "HANDLER"}};
    char *text, *line, *w[WORDS];
    bool all = false;

    while (command_option(&command, argc, argv) >= 0)
        all = true;
    command_no_words(&command, argc, argv);
    text = file_text("/proc/irq-handlers");
    line_next(&text); /* its head */
    while ((line = line_next(&text)) != NULL) {
        struct table *t = all ? &whole : &brief;

        if (line_cut(line, "\t", w, WORDS) < WORDS)
            continue;
        table_cell(t, "0x%s", w[VECTOR]);
        table_cell(t, "%s", atoi(w[LINE]) < 0 ? "-" : w[LINE]);
        table_cell(t, "%s", w[VIA]);
        table_cell(t, "%s", w[LEVEL]);
        table_cell(t, "%s", w[STATE]);
        table_cell(t, "%s", all ? w[COUNT] : w[CLAIMED]);
        for (int i = UNCLAIMED; all && i <= CLAIMED; i++)
            if (i != HANDLER)
                table_cell(t, "%s", w[i]);
        table_cell(t, "%s", w[HANDLER]);
    }
    table_print(all ? &whole : &brief);
    finish(0);
}
