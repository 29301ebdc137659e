/*
 * help: which commands there are, by what one wants to do, or what one command says of itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "userland/common/command.h"

#define LIST "/usr/share/help/commands"

static const struct choice choices[] = {
    {'a', "all", NULL, "the names of all commands, also those that are in no group"}, {0}};

static const struct command command = {
    "help", "list the commands by task, or explain one", "[OPTIONS] [COMMAND]",
    "The groups are in " LIST ". COMMAND's own --help is shown, or what the shell says of it.", choices};

/* What is written from here on, a screen at a time, if somebody reads it. */
static FILE *
pages_open(void)
{
    FILE *pages = isatty(0) && isatty(1) ? popen("more", "w") : NULL;

    return pages ? pages : stdout;
}

/* "# Task" begins a group; "name  what it does" is a command. */
static void
groups_print(void)
{
    char *text = file_text(LIST), *line;
    FILE *out = pages_open();
    bool first = true;

    while ((line = line_next(&text)) != NULL) {
        size_t name = strcspn(line, " ");

        if (*line == '#')
            fprintf(out, "%s%s\n", first ? "" : "\n", line + strspn(line, "# "));
        else if (*line)
            fprintf(out, "  %-12.*s%s\n", (int)name, line, line + name + strspn(line + name, " "));
        first = false;
    }
    fputs("\n'help COMMAND' or 'COMMAND --help' explains one, 'help --all' names all.\n", out);
    if (out != stdout)
        pclose(out);
}

static void
all_print(void)
{
    execl("/bin/sh", "sh", "-c", "ls /bin /sbin /usr/bin /usr/sbin | grep -v '^/\\|^$' | sort -u", NULL);
    fail("/bin/sh");
}

/* What the list says of a word of the shell, which has no --help. */
static bool
builtin_print(const char *name)
{
    char *text = file_text(LIST), *line;
    size_t length = strlen(name);

    while ((line = line_next(&text)) != NULL)
        if (!strncmp(line, name, length) && line[length] == ' ') {
            printf("%s: %s (a word of the shell)\n", name, line + length + strspn(line + length, " "));
            return true;
        }
    return false;
}

static void
command_explain(const char *name)
{
    if (strchr(name, '/') == NULL) {
        int errors = fcntl(2, F_DUPFD_CLOEXEC, 3);

        dup2(1, 2); /* busybox says it on standard error */
        execlp(name, name, "--help", NULL);
        dup2(errors, 2);
    }
    if (errno != ENOENT)
        fail("%s", name);
    errno = 0;
    if (!builtin_print(name))
        fail("there is no command '%s'; 'help' lists what there is", name);
}

int
main(int argc, char **argv)
{
    while (command_option(&command, argc, argv) >= 0)
        all_print();
    if (argc - optind > 1)
        usage_fail("unexpected '%s'", argv[optind + 1]);
    if (optind < argc)
        command_explain(argv[optind]);
    else
        groups_print();
    finish(0);
}
