/*
 * registry: parameters of services and devices; from /proc/registry.
 */
#include <stdio.h>
#include <string.h>
#include "userland/common/command.h"

enum { KEY, NAME, TYPE, VALUE, WORDS };

static const struct choice choices[] = {{0}};

static const struct command command = {
    "registry", "show the parameters of services and devices", "[KEY]",
    "With KEY only what lies at or below it. INF files (AddReg) and drivers write them; keys are below\n"
    "CurrentControlSet: Services\\NAME\\..., Devices\\PCI-FUNCTION\\...",
    choices};

/* Is key the wanted one or below it? */
static bool
is_below(const char *key, const char *wanted)
{
    size_t n = strlen(wanted);

    return !strncasecmp(key, wanted, n) && (!key[n] || key[n] == '\\');
}

int
main(int argc, char **argv)
{
    struct table t = {.head = {"KEY", "NAME", "TYPE", "VALUE"}};
    const char *wanted;
    char *text, *line, *w[WORDS];

    while (command_option(&command, argc, argv) >= 0)
        ;
    wanted = command_word(argc, argv, "key", false);
    text = file_text("/proc/registry");
    while ((line = line_next(&text)) != NULL) {
        if (line_cut(line, "\t", w, WORDS) < WORDS || (wanted && !is_below(w[KEY], wanted)))
            continue;
        for (int i = 0; i < WORDS; i++)
            table_cell(&t, "%s", w[i]);
    }
    if (wanted && !t.cells)
        fail("nothing lies at or below '%s'", wanted);
    if (!t.cells)
        puts("no parameters");
    table_print(&t);
    finish(0);
}
