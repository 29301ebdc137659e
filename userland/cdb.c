/* cdb: any SCSI command to a device. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "userland/common/command.h"
#include "userland/common/scsi.h"

#define DATA_MAX (1u << 20)

static const struct choice choices[] = {
    {'r', "read", "BYTES", "read up to so many bytes from the device"},
    {'w', "write", "FILE", "write a file's bytes to the device ('-': standard input)"},
    {'b', "binary", NULL, "what is read goes to standard output as it is"},
    {0}};

static const struct command command = {
    "cdb", "send any SCSI command to a device", "[OPTIONS] DEVICE BYTE...",
    "BYTEs of the command are hexadecimal: cdb -r 36 /dev/sda 12 00 00 00 24 00\n"
    "Exit status: 0, or 1 if the device refused the command; what it said is shown.",
    choices};

static uint8_t data[DATA_MAX];

static void
show(size_t n, bool binary)
{
    for (size_t i = 0; i < n && binary; i++)
        putchar(data[i]);
    for (size_t i = 0; i < n && !binary; i += 16) {
        printf("%06zx ", i);
        for (size_t k = i; k < i + 16; k++)
            k < n ? printf(" %02x", data[k]) : printf("   ");
        printf("  ");
        for (size_t k = i; k < i + 16 && k < n; k++)
            putchar(data[k] >= ' ' && data[k] <= '~' ? data[k] : '.');
        putchar('\n');
    }
}

static size_t
load(const char *path)
{
    FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
    size_t n;

    if (!f)
        fail("%s", path);
    n = fread(data, 1, sizeof data, f);
    if (ferror(f) || !feof(f))
        fail("%s: cannot be read, or has more than %u bytes", path, DATA_MAX);
    return n;
}

int
main(int argc, char **argv)
{
    extern int optind;
    extern char *optarg;
    enum scsi_way way = SCSI_NONE;
    unsigned length = 0;
    bool binary = false;
    size_t size = 0;
    uint8_t cdb[16];
    struct scsi s;

    for (int o; (o = command_option(&command, argc, argv)) >= 0;) {
        binary |= o == 'b';
        if (o == 'r') {
            way = SCSI_READ;
            size = number_of(optarg, "number of bytes", 1, DATA_MAX);
        } else if (o == 'w') {
            way = SCSI_WRITE;
            size = load(optarg);
        }
    }
    if (argc < optind + 2)
        usage_fail("which device, and which command?");
    for (int i = optind + 1; i < argc; i++) {
        char *end;
        unsigned long byte = strtoul(argv[i], &end, 16);

        if (!*argv[i] || *end || byte > 255)
            usage_fail("'%s' is no hexadecimal byte", argv[i]);
        if (length == sizeof cdb)
            usage_fail("a command has %zu bytes at most", sizeof cdb);
        cdb[length++] = (uint8_t)byte;
    }
    scsi_open(&s, argv[optind], way == SCSI_WRITE);
    if (scsi_command(&s, cdb, length, way, data, size)) {
        fprintf(stderr, "cdb: %s: %s\n", s.path, scsi_says(&s));
        for (unsigned i = 0; i < s.sense_size; i++)
            fprintf(stderr, "%s%02x", i ? " " : "sense: ", s.sense[i]);
        if (s.sense_size)
            fputc('\n', stderr);
        finish(1);
    }
    if (way == SCSI_READ)
        show(s.moved, binary);
    finish(0);
}
