/* inquiry: what a SCSI (or translated ATA) device says of itself (SPC-4, 6.4 and 7.8). */
#include <stdio.h>
#include <string.h>
#include "userland/common/command.h"
#include "userland/common/scsi.h"

static const struct choice choices[] = {{'x', "hex", NULL, "the bytes of each answer"}, {0}};

static const struct command command = {"inquiry", "show what a disk or CD says of itself", "[OPTIONS] DEVICE",
                                       NULL, choices};

static const struct {
    unsigned char page;
    const char *name;
} pages[] = {
    {0x00, "supported pages"},           {0x80, "serial number"}, {0x83, "identification"},
    {0x89, "ATA information"},           {0xb0, "block limits"},  {0xb1, "block device characteristics"},
    {0xb2, "logical block provisioning"}};

static const char *
page_name(unsigned char page)
{
    for (unsigned i = 0; i < sizeof pages / sizeof pages[0]; i++)
        if (pages[i].page == page)
            return pages[i].name;
    return "unknown";
}

static void
hex(const uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("%s%02x%s", i % 16 ? " " : "    ", b[i], i % 16 == 15 || i + 1 == n ? "\n" : "");
}

static int
ask(struct scsi *s, int vital, unsigned char page, uint8_t *b)
{
    const uint8_t cdb[6] = {0x12, (uint8_t)vital, page, 0, 252, 0};

    memset(b, 0, 256);
    return scsi_command(s, cdb, 6, SCSI_READ, b, 252);
}

int
main(int argc, char **argv)
{
    static const char *const types[] = {
        [0] = "disk", [1] = "tape", [5] = "CD or DVD", [7] = "optical", [14] = "disk (RBC)"};
    uint8_t b[256], list[256];
    bool bytes = false;
    struct scsi s;
    unsigned type;

    while (command_option(&command, argc, argv) >= 0)
        bytes = true;
    scsi_open(&s, command_word(argc, argv, "device", true), 0);
    if (ask(&s, 0, 0, b))
        fail("%s: INQUIRY: %s", s.path, scsi_says(&s));
    type = b[0] & 31;
    printf("type      %s\nvendor    %.8s\nproduct   %.16s\nrevision  %.4s\nremovable %s\n",
           type < sizeof types / sizeof types[0] && types[type] ? types[type] : "other", b + 8, b + 16,
           b + 32, b[1] & 0x80 ? "yes" : "no");
    if (bytes)
        hex(b, b[4] + 5u < 252 ? b[4] + 5u : 252);
    if (ask(&s, 1, 0, list))
        finish(0); /* it has no pages */
    for (unsigned i = 4; i < 4u + list[3] && i < 252; i++) {
        if (ask(&s, 1, list[i], b))
            continue;
        printf("page %02x   %s", list[i], page_name(list[i]));
        if (list[i] == 0x80)
            printf(": %.*s", b[3], b + 4);
        putchar('\n');
        if (bytes)
            hex(b, b[3] + 4u < 252 ? b[3] + 4u : 252);
    }
    finish(0);
}
