/*
 * lspci: the PCI functions, as pciutils' command of that name shows them; from /proc/pci and /proc/bus/pci.
 */
#define _GNU_SOURCE /* memrchr() */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "userland/common/command.h"
#include "userland/common/pci_ids.h"

#define COLUMNS 8
#define BARS    6

/* What /proc/pci says of a function, in its order. */
enum { SLOT, CLASS, ID, SUBSYSTEM, REVISION, LINE, OWNER };

static const struct choice choices[] = {
    {'n', "numeric", NULL, "numbers, no names; -nn: both"},
    {'v', "verbose", NULL, "with subsystem, interrupt, resources and driver"},
    {'x', "hex", NULL, "with the first 64 bytes of the configuration space; -xxx: all of it"},
    {'D', "domain", NULL, "domains too, also where all are 0000"},
    {'s', "slot", "[[DOMAIN:]BUS:]DEVICE[.FUNCTION]", "only these; any part may be left out"},
    {'d', "device", "[VENDOR]:[DEVICE]", "only these; hexadecimal"},
    {0}};

static const struct command command = {
    "lspci", "list PCI devices", "[OPTIONS]",
    "A line is: slot, class: vendor device (revision). Vendors' names are those of Debian's package pci.ids.",
    choices};

static struct {
    int numbers, verbose, hex;
    bool domain;
    const char *slot, *device;
} wish;

static unsigned long
hex(const char *s)
{
    return strtoul(s, NULL, 16);
}

/* Does what stands before the next `end` (or is all) name `value`? Nothing and "*" name any. */
static bool
part_is(const char *from, const char *end, unsigned long value)
{
    char *stop;
    unsigned long wanted = strtoul(from, &stop, 16);

    if (from == end || (*from == '*' && from + 1 == end))
        return true;
    if (stop != end)
        usage_fail("'%s' is not hexadecimal", from);
    return wanted == value;
}

static bool
slot_wanted(const char *slot)
{
    const char *w = wish.slot, *dot, *colon, *first;

    if (!w)
        return true;
    dot = strchr(w, '.');
    if (dot && !part_is(dot + 1, dot + strlen(dot), hex(slot + 11)))
        return false;
    if (!dot)
        dot = w + strlen(w);
    colon = memrchr(w, ':', (size_t)(dot - w));
    if (!part_is(colon ? colon + 1 : w, dot, hex(slot + 8)))
        return false;
    if (!colon)
        return true;
    first = memchr(w, ':', (size_t)(colon - w));
    return part_is(first ? first + 1 : w, colon, hex(slot + 5)) && (!first || part_is(w, first, hex(slot)));
}

static bool
id_wanted(const char *id)
{
    const char *w = wish.device, *colon;

    if (!w)
        return true;
    colon = strchr(w, ':');
    if (!colon)
        usage_fail("'%s' is not [VENDOR]:[DEVICE]", w);
    return part_is(w, colon, hex(id)) && part_is(colon + 1, colon + strlen(colon), hex(id + 5));
}

static const char *
slot_text(const char *slot)
{
    return wish.domain ? slot : slot + 5;
}

static void
line_print(char **f)
{
    uint16_t vendor_id = (uint16_t)hex(f[ID]), device_id = (uint16_t)hex(f[ID] + 5);
    const char *class = pci_class_name((uint32_t)hex(f[CLASS])), *vendor = pci_vendor_name(vendor_id),
               *device = pci_device_name(vendor_id, device_id);

    if (!vendor)
        vendor = "Unknown vendor";
    printf("%s ", slot_text(f[SLOT]));
    if (wish.numbers == 1)
        printf("%.4s: %s", f[CLASS], f[ID]);
    else if (wish.numbers)
        printf("%s [%.4s]: %s %s [%s]", class, f[CLASS], vendor, device ? device : "Device", f[ID]);
    else if (device)
        printf("%s: %s %s", class, vendor, device);
    else
        printf("%s: %s Device %s", class, vendor, f[ID] + 5);
    if (hex(f[REVISION]))
        printf(" (rev %s)", f[REVISION]);
    putchar('\n');
}

/* The bases and sizes of `slot` in /proc/bus/pci/devices: bus and devfn, ids, line, 7 bases, 7 sizes. */
static void
resources_print(const char *slot)
{
    char *text = file_text("/proc/bus/pci/devices"), *at = text, *words[18], *line;
    unsigned long place = hex(slot + 5) << 8 | hex(slot + 8) << 3 | hex(slot + 11);

    while ((line = line_next(&at)) != NULL) {
        if (line_cut(line, "\t", words, 18) < 17 || hex(words[0]) != place)
            continue;
        for (unsigned i = 0; i < BARS; i++) {
            unsigned long size = hex(words[10 + i]);

            if (size)
                printf("\tBAR %u: %lx [size=%s]\n", i, hex(words[3 + i]), units_bytes(size).text);
        }
    }
    free(text);
}

static void
details_print(char **f)
{
    if (hex(f[SUBSYSTEM]) || hex(f[SUBSYSTEM] + 5))
        printf("\tSubsystem: %s\n", f[SUBSYSTEM]);
    if (atoi(f[LINE]))
        printf("\tInterrupt: line %s\n", f[LINE]);
    if (!strncmp(f[SLOT], "0000:", 5))
        resources_print(f[SLOT]);
    printf("\tDriver: %s\n\n", f[OWNER][0] ? f[OWNER] : "none");
}

static void
space_print(const char *slot)
{
    unsigned char space[4096];
    char path[64];
    size_t n, limit = wish.hex > 3 ? 4096 : wish.hex > 2 ? 256 : 64;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/bus/pci/%.2s/%s", slot + 5, slot + 8);
    f = fopen(path, "re");
    if (!f)
        fail("%s", path);
    n = fread(space, 1, limit, f);
    fclose(f);
    for (size_t i = 0; i < n; i++) {
        if (i % 16 == 0)
            printf("%02zx:", i);
        printf(" %02x%s", space[i], i % 16 == 15 ? "\n" : "");
    }
    putchar('\n');
}

static bool
function_print(char *line)
{
    char *f[COLUMNS];

    if (line_cut(line, "\t", f, COLUMNS) <= OWNER || !slot_wanted(f[SLOT]) || !id_wanted(f[ID]))
        return false;
    line_print(f);
    if (wish.verbose)
        details_print(f);
    if (wish.hex)
        space_print(f[SLOT]);
    return true;
}

int
main(int argc, char **argv)
{
    char *text, *at, *line;

    for (int o; (o = command_option(&command, argc, argv)) >= 0;) {
        wish.numbers += o == 'n';
        wish.verbose += o == 'v';
        wish.hex += o == 'x';
        wish.domain |= o == 'D';
        wish.slot = o == 's' ? optarg : wish.slot;
        wish.device = o == 'd' ? optarg : wish.device;
    }
    command_no_words(&command, argc, argv);
    text = at = file_text("/proc/pci");
    while ((line = line_next(&at)) != NULL) {
        if (strncmp(line, "0000:", 5))
            wish.domain = true;
    }
    free(text);
    text = at = file_text("/proc/pci");
    while ((line = line_next(&at)) != NULL)
        function_print(line);
    free(text);
    finish(0);
}
