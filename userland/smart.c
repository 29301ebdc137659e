/* smart: the health of an ATA disk as it sees it (ACS-2, 7.52), through ATA PASS-THROUGH. */
#include <stdio.h>
#include <string.h>
#include "userland/common/command.h"
#include "userland/common/scsi.h"

#define COMMAND     0xb0
#define READ_DATA   0xd0
#define READ_LIMITS 0xd1
#define STATUS      0xda
#define ATTRIBUTES  30

static const struct choice choices[] = {{0}};

static const struct command command = {"smart", "show the health of an ATA disk", "DEVICE",
                                       "Exit status: 0, or 1 if the disk says that it is about to fail.",
                                       choices};

static const struct {
    unsigned char id;
    const char *name;
} names[] = {{1, "raw read error rate"},   {3, "spin-up time"},          {4, "starts and stops"},
             {5, "reallocated sectors"},   {7, "seek error rate"},       {9, "power-on hours"},
             {10, "spin-up retries"},      {12, "power cycles"},         {184, "end-to-end errors"},
             {187, "uncorrectable"},       {190, "airflow temperature"}, {193, "load cycles"},
             {194, "temperature"},         {197, "pending sectors"},     {198, "offline uncorrectable"},
             {199, "interface CRC errors"}};

static const char *
name_of(unsigned char id)
{
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].id == id)
            return names[i].name;
    return "-";
}

static int
ask(struct scsi *s, unsigned char feature, uint8_t *data)
{
    uint8_t cdb[16] = {0x85, data ? 4 << 1 : 3 << 1, data ? 0x0e : 0x20, 0,           feature,
                       0,    data ? 1 : 0,           [10] = 0x4f,        [12] = 0xc2, [14] = COMMAND};

    return scsi_command(s, cdb, 16, data ? SCSI_READ : SCSI_NONE, data, data ? 512 : 0);
}

/* The registers that come back (descriptor sense, SAT-3 12.2.2.6): 4f c2 becomes f4 2c when a limit was passed. */
static bool
fails(struct scsi *s)
{
    if (!ask(s, STATUS, NULL))
        return false; /* no registers */
    if (s->host_status || s->sense_size < 22 || s->sense[8] != 9)
        fail("%s: SMART RETURN STATUS: %s", s->path, scsi_says(s));
    return s->sense[17] == 0xf4 && s->sense[19] == 0x2c;
}

int
main(int argc, char **argv)
{
    struct table t = {.head = {">ID", "ATTRIBUTE", ">VALUE", ">WORST", ">LIMIT", ">RAW"}};
    uint8_t data[512] = {0}, limits[512] = {0};
    struct scsi s;
    bool failing;

    while (command_option(&command, argc, argv) >= 0)
        ;
    scsi_open(&s, command_word(argc, argv, "device", true), 0);
    failing = fails(&s);
    if (ask(&s, READ_DATA, data))
        fail("%s: SMART READ DATA: %s", s.path, scsi_says(&s));
    (void)ask(&s, READ_LIMITS, limits);
    printf("health: %s\n\n", failing ? "a limit was passed: the disk expects to fail" : "good");
    for (unsigned i = 0; i < ATTRIBUTES; i++) {
        const uint8_t *a = data + 2 + 12 * i;
        unsigned long long raw = 0;

        if (!a[0])
            continue;
        for (unsigned n = 6; n-- > 0;)
            raw = raw << 8 | a[5 + n];
        table_cell(&t, "%u", a[0]);
        table_cell(&t, "%s", name_of(a[0]));
        table_cell(&t, "%u", a[3]);
        table_cell(&t, "%u", a[4]);
        table_cell(&t, "%u", limits[2 + 12 * i] == a[0] ? limits[3 + 12 * i] : 0);
        table_cell(&t, "%llu", raw);
    }
    table_print(&t);
    finish(failing);
}
