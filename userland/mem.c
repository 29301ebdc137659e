/*
 * mem: where the memory is; from /proc/meminfo, /proc/buddyinfo and /proc/pools.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "userland/common/command.h"

#define PAGE 4096

static const struct choice choices[] = {{'p', "pools", NULL, "what the kernel's pools hold, by tag"},
                                        {'f', "free", NULL, "free memory by sizes of whole blocks"},
                                        {'b', "bytes", NULL, "sizes in bytes"},
                                        {0}};

static const struct command command = {
    "mem", "show where the memory is", "[OPTIONS]",
    "Files are in memory: what they hold, and what programs hold, is the difference of 'used' and 'pools'.",
    choices};

static bool in_bytes;

static void
cell_size(struct table *t, uint64_t bytes)
{
    if (in_bytes)
        table_cell(t, "%llu", (unsigned long long)bytes);
    else
        table_cell(t, "%s", units_bytes(bytes).text);
}

/* A line of /proc/meminfo in bytes. */
static uint64_t
meminfo(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at ? strtoull(at + strlen(name) + 1, NULL, 10) * 1024 : 0;
}

static void
show_totals(void)
{
    struct table t = {.head = {">TOTAL", ">USED", ">POOLS", ">FREE"}};
    char *text = file_text("/proc/meminfo");
    uint64_t total = meminfo(text, "MemTotal"), unused = meminfo(text, "MemFree");

    cell_size(&t, total);
    cell_size(&t, total - unused);
    cell_size(&t, meminfo(text, "Slab"));
    cell_size(&t, unused);
    table_print(&t);
    free(text);
}

static void
show_pools(void)
{
    struct table t = {.head = {"TAG", ">OBJECTS", ">SIZE", ">ALLOCATIONS"}};
    char *text = file_text("/proc/pools"), *at = text, *line, *w[4];

    line_next(&at); /* its head */
    while ((line = line_next(&at)) != NULL) {
        if (line_cut(line, " ", w, 4) < 4)
            continue;
        table_cell(&t, "%s", w[0]);
        table_cell(&t, "%s", w[1]);
        cell_size(&t, strtoull(w[2], NULL, 10));
        table_cell(&t, "%s", w[3]);
    }
    table_print(&t);
    free(text);
}

static void
show_free(void)
{
    struct table t = {.head = {">BLOCK", ">BLOCKS", ">FREE"}};
    char *text = file_text("/proc/buddyinfo"), *w[20];
    int n = line_cut(text, " \n", w, 20);

    for (int i = 4; i < n; i++) { /* behind "Node 0, zone Normal" */
        uint64_t size = (uint64_t)PAGE << (i - 4), blocks = strtoull(w[i], NULL, 10);

        cell_size(&t, size);
        table_cell(&t, "%llu", (unsigned long long)blocks);
        cell_size(&t, size * blocks);
    }
    table_print(&t);
    free(text);
}

int
main(int argc, char **argv)
{
    bool pools = false, blocks = false;

    for (int o; (o = command_option(&command, argc, argv)) >= 0;) {
        in_bytes |= o == 'b';
        pools |= o == 'p';
        blocks |= o == 'f';
    }
    command_no_words(&command, argc, argv);
    if (!pools && !blocks)
        show_totals();
    if (pools)
        show_pools();
    if (blocks)
        show_free();
    finish(0);
}
