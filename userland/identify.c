/* identify: what an ATA disk says of itself (ACS-2, 7.13), through ATA PASS-THROUGH (SAT-3, 12.2). */
#include <stdio.h>
#include <string.h>
#include "userland/common/command.h"
#include "userland/common/scsi.h"

static const struct choice choices[] = {{'x', "hex", NULL, "the 256 words"}, {0}};

static const struct command command = {"identify", "show the IDENTIFY data of an ATA disk",
                                       "[OPTIONS] DEVICE", NULL, choices};

static uint16_t w[256];

/* Each word has its two characters swapped. */
static void
text(const char *name, unsigned from, unsigned words)
{
    char t[64];
    unsigned n = 0;

    for (unsigned i = from; i < from + words; i++) {
        t[n++] = (char)(w[i] >> 8);
        t[n++] = (char)w[i];
    }
    while (n && t[n - 1] == ' ')
        n--;
    printf("%-14s %.*s\n", name, (int)n, t);
}

static void
yes_no(const char *name, int is)
{
    printf("%-14s %s\n", name, is ? "yes" : "no");
}

static void
modes(const char *name, unsigned can, unsigned active, unsigned n)
{
    printf("%-14s", name);
    for (unsigned i = 0; i < n; i++)
        if (can >> i & 1)
            printf(" %s%u", active >> i & 1 ? "*" : "", i);
    putchar('\n');
}

static void
show(void)
{
    unsigned long long sectors = w[60] | (unsigned long)w[61] << 16;
    unsigned long sector = 512;

    if (w[83] & 1 << 10)
        sectors = w[100] | (unsigned long long)w[101] << 16 | (unsigned long long)w[102] << 32 |
                  (unsigned long long)w[103] << 48;
    if ((w[106] & 0xc000) == 0x4000 && w[106] & 1 << 12)
        sector = 2 * (w[117] | (unsigned long)w[118] << 16);
    text("model", 27, 20);
    text("serial", 10, 10);
    text("firmware", 23, 4);
    printf("%-14s %llu sectors of %lu bytes: %s\n", "capacity", sectors, sector,
           units_bytes(sectors * sector).text);
    if ((w[106] & 0xe000) == 0x6000)
        printf("%-14s %lu bytes\n", "physical", sector << (w[106] & 15));
    yes_no("48-bit", w[83] & 1 << 10);
    yes_no("DMA", w[49] & 1 << 8);
    modes("multiword DMA", w[63], w[63] >> 8, 3);
    if (w[53] & 4)
        modes("Ultra DMA", w[88], w[88] >> 8, 7);
    if (w[76] && w[76] != 0xffff && w[76] & 1 << 8)
        printf("%-14s %u\n", "NCQ depth", (w[75] & 31) + 1);
    else
        yes_no("NCQ", 0);
    printf("%-14s %s\n", "write cache", !(w[82] & 1 << 5) ? "none" : w[85] & 1 << 5 ? "on" : "off");
    yes_no("SMART", w[82] & 1);
    yes_no("TRIM", w[169] & 1);
    if (w[217] == 1)
        printf("%-14s does not rotate\n", "rotation");
    else if (w[217] > 0x400 && w[217] < 0xffff)
        printf("%-14s %u a minute\n", "rotation", w[217]);
}

int
main(int argc, char **argv)
{
    /* PIO data in, one block of 512 bytes; IDENTIFY DEVICE */
    const uint8_t cdb[16] = {0x85, 4 << 1, 0x0e, 0, 0, 0, 1, [14] = 0xec};
    bool words = false;
    struct scsi s;

    while (command_option(&command, argc, argv) >= 0)
        words = true;
    scsi_open(&s, command_word(argc, argv, "device", true), 0);
    if (scsi_command(&s, cdb, 16, SCSI_READ, w, sizeof w))
        fail("%s: IDENTIFY DEVICE: %s", s.path, scsi_says(&s));
    if (!words)
        show();
    for (unsigned i = 0; i < 256 && words; i++)
        printf("%s%04x%s", i % 8 ? " " : "", w[i], i % 8 == 7 ? "\n" : "");
    finish(0);
}
