/*
 * The command line and its help, from one table of options.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "userland/common/command.h"
#include "userland/common/impl.h"

#define CHOICES_MAX 24
#define HELP        'h'

static const struct choice help_choice = {HELP, "help", NULL, "say this"};

static void
choice_print(const struct choice *c)
{
    char left[64];

    snprintf(left, sizeof(left), "-%c, --%s%s%s", c->letter, c->name, c->argument ? " " : "",
             c->argument ? c->argument : "");
    printf("  %-24s %s\n", left, c->text);
}

static void
help_print(const struct command *c)
{
    printf("%s: %s\n\nUsage: %s %s\n\n", c->name, c->summary, c->name, c->usage);
    for (const struct choice *o = c->choices; o && o->letter; o++)
        choice_print(o);
    choice_print(&help_choice);
    if (c->more)
        printf("\n%s\n", c->more);
}

int
command_option(const struct command *c, int argc, char **argv)
{
    struct option names[CHOICES_MAX + 2] = {0};
    char letters[2 * CHOICES_MAX + 5] = "";
    size_t n = 0, at = (size_t)sprintf(letters, "%s:h", strstr(c->usage, "COMMAND [ARGUMENT]") ? "+" : "");
    int letter;

    command_name = c->name;
    opterr = 0;
    for (const struct choice *o = c->choices; o && o->letter && n < CHOICES_MAX; o++) {
        names[n++] = (struct option){o->name, o->argument ? required_argument : no_argument, NULL, o->letter};
        letters[at++] = o->letter;
        if (o->argument)
            letters[at++] = ':';
    }
    letters[at] = 0;
    names[n] = (struct option){help_choice.name, no_argument, NULL, HELP};
    letter = getopt_long(argc, argv, letters, names, NULL);
    if (letter == HELP) {
        help_print(c);
        finish(0);
    }
    if (letter == ':')
        usage_fail("'-%c' needs a value", optopt);
    if (letter == '?')
        usage_fail("unknown option '%s'", argv[optind - 1]);
    return letter;
}

void
command_no_words(const struct command *c, int argc, char **argv)
{
    (void)c;
    if (optind < argc)
        usage_fail("unexpected '%s'", argv[optind]);
}

const char *
command_word(int argc, char **argv, const char *what, bool needed)
{
    if (needed && optind == argc)
        usage_fail("which %s?", what);
    if (optind + 1 < argc)
        usage_fail("one %s, and not '%s' as well", what, argv[optind + 1]);
    return argv[optind];
}

uint64_t
number_of(const char *text, const char *what, uint64_t least, uint64_t most)
{
    char *end;
    uint64_t n;

    errno = 0;
    n = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || n < least || n > most)
        usage_fail("'%s' is no %s from %llu to %llu", text, what, (unsigned long long)least,
                   (unsigned long long)most);
    return n;
}
