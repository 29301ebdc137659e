/*
 * threads: the threads of the kernel and of programs; from /proc/threads.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "userland/common/command.h"

enum { ID, CPU, PRIORITY, STATE, TIME, STACK, NAME, WORDS }; /* of a line of /proc/threads */

static const struct choice choices[] = {
    {'s', "sort", "id|time|stack", "by what (id); time and stack: most first"}, {0}};

static const struct command command = {
    "threads", "list the threads of the kernel and of programs", "[OPTIONS]",
    "CPU is the processor it ran on last, STACK how many bytes of its kernel stack have ever been used.",
    choices};

struct row {
    char *w[WORDS];
};

static int sort_by = ID;

static int
compare(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    long long m = atoll(x->w[sort_by]), n = atoll(y->w[sort_by]);

    if (sort_by != ID && m != n)
        return m < n ? 1 : -1;
    return atoll(x->w[ID]) < atoll(y->w[ID]) ? -1 : 1;
}

static int
sort_key(const char *name)
{
    if (!strcmp(name, "id"))
        return ID;
    if (!strcmp(name, "time"))
        return TIME;
    if (!strcmp(name, "stack"))
        return STACK;
    usage_fail("--sort: '%s' is none of: id time stack", name);
}

static void
rows_print(const struct row *rows, size_t count)
{
    struct table t = {.head = {">ID", ">CPU", ">PRIORITY", "STATE", ">TIME", ">STACK", "NAME"}};

    for (const struct row *r = rows; r < rows + count; r++) {
        table_cell(&t, "%s", r->w[ID]);
        table_cell(&t, "%s", r->w[CPU]);
        table_cell(&t, "%s", r->w[PRIORITY]);
        table_cell(&t, "%s", r->w[STATE]);
        table_cell(&t, "%s", units_ms(strtoull(r->w[TIME], NULL, 10)).text);
        table_cell(&t, "%s", units_bytes(strtoull(r->w[STACK], NULL, 10)).text);
        table_cell(&t, "%s", r->w[NAME]);
    }
    table_print(&t);
}

int
main(int argc, char **argv)
{
    struct row *rows = NULL;
    size_t count = 0;
    char *text, *line;

    while (command_option(&command, argc, argv) >= 0)
        sort_by = sort_key(optarg);
    command_no_words(&command, argc, argv);
    text = file_text("/proc/threads");
    line_next(&text); /* its head */
    while ((line = line_next(&text)) != NULL) {
        rows = realloc(rows, (count + 1) * sizeof(*rows));
        if (!rows)
            fail("%zu threads", count + 1);
        count += line_cut(line, " ", rows[count].w, WORDS) == WORDS;
    }
    qsort(rows, count, sizeof(*rows), compare);
    rows_print(rows, count);
    finish(0);
}
