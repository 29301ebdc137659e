/*
 * INQUIRY and its pages.
 */
#include "drivers/port/ataport/sat_impl.h"

#define VERSION_SPC3  5
#define UNMAP_RANGES  32 /* so that, split at 65,535 sectors, they fit one block of TRIM */
#define UNMAP_SECTORS (UNMAP_RANGES * 65535u)
#define LIMITS_SIZE   64
#define ATA_PAGE_SIZE 572

/* IDENTIFY's texts have the bytes of each word swapped; blanks where there is nothing. */
static void
text_swap(const uint8_t *from, uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t c = from[i ^ 1];

        to[i] = c >= ' ' && c <= '~' ? c : ' ';
    }
}

/* A text without its NUL. */
static void
text_put(uint8_t *to, const char *text)
{
    while (*text)
        *to++ = (uint8_t)*text++;
}

static enum sat_next
standard(const struct sat_device *d, struct sat_command *c)
{
    uint8_t p[36] = {0, 0, VERSION_SPC3, 2, 31, 0, 0, 2}, model[40], revision[8];

    text_swap(d->identify->ModelNumber, model, sizeof(model));
    text_swap(d->identify->FirmwareRevision, revision, sizeof(revision));
    p[1] = d->removable ? 0x80 : 0;
    text_put(p + 8, "ATA     ");
    memcpy(p + 16, model, 16);
    /* SAT-3 8.1: the last four characters, if they are not blank; else the first */
    for (unsigned i = 0, from = memcmp(revision + 4, "    ", 4) ? 4 : 0; i < 4; i++)
        p[32 + i] = revision[from + i];
    return sat_answer(c, p, sizeof(p), get_be16(c->cdb + 3));
}

static enum sat_next
serial_number(const struct sat_device *d, struct sat_command *c)
{
    uint8_t p[24] = {0, VPD_SERIAL_NUMBER, 0, 20};

    text_swap(d->identify->SerialNumber, p + 4, 20);
    return sat_answer(c, p, sizeof(p), get_be16(c->cdb + 3));
}

/* The world wide name, if there is one; then vendor, model and serial number. */
static enum sat_next
identifiers(const struct sat_device *d, struct sat_command *c)
{
    const USHORT *name = d->identify->WorldWideName;
    uint8_t p[4 + 12 + 72] = {0, VPD_DEVICE_IDENTIFIERS};
    uint32_t n = 4;

    if (name[0] >> 12 == 5) {
        p[n] = 1; /* binary, NAA */
        p[n + 1] = 3;
        p[n + 3] = 8;
        for (unsigned i = 0; i < 4; i++)
            put_be16(p + n + 4 + 2 * (size_t)i, name[i]);
        n += 12;
    }
    p[n] = 2; /* ASCII, T10 vendor identification */
    p[n + 1] = 1;
    p[n + 3] = 68;
    text_put(p + n + 4, "ATA     ");
    text_swap(d->identify->ModelNumber, p + n + 12, 40);
    text_swap(d->identify->SerialNumber, p + n + 52, 20);
    n += 72;
    put_be16(p + 2, (uint16_t)(n - 4));
    return sat_answer(c, p, n, get_be16(c->cdb + 3));
}

/* SAT-3 12.4.2: the IDENTIFY data as the device gave it. */
static enum sat_next
ata_information(const struct sat_device *d, struct sat_command *c)
{
    uint8_t p[ATA_PAGE_SIZE] = {0, VPD_ATA_INFORMATION, (ATA_PAGE_SIZE - 4) >> 8, (ATA_PAGE_SIZE - 4) & 0xff};

    text_put(p + 8, "PORTOLANSAT             0001");
    p[36] = 0x34; /* device signature: a register FIS of an ATA device */
    p[41] = 1;
    p[48] = 1;
    p[56] = IDE_COMMAND_IDENTIFY;
    memcpy(p + 60, d->identify, sizeof(*d->identify));
    return sat_answer(c, p, sizeof(p), get_be16(c->cdb + 3));
}

/* SBC-3 6.6.4 */
static enum sat_next
block_limits(const struct sat_device *d, struct sat_command *c)
{
    uint8_t p[LIMITS_SIZE] = {0, VPD_BLOCK_LIMITS, 0, LIMITS_SIZE - 4};

    put_be16(p + 6, (uint16_t)(1u << d->physical_exponent));
    put_be32(p + 8, d->max_transfer / d->sector_size);
    if (d->trim) {
        put_be32(p + 20, UNMAP_SECTORS);
        put_be32(p + 24, UNMAP_RANGES);
        put_be32(p + 28, 1u << d->physical_exponent);
    }
    return sat_answer(c, p, sizeof(p), get_be16(c->cdb + 3));
}

static enum sat_next
characteristics(const struct sat_device *d, struct sat_command *c)
{
    uint8_t p[64] = {0, VPD_BLOCK_DEVICE_CHARACTERISTICS, 0, 60};

    put_be16(p + 4, d->rotation_rate);
    p[7] = d->identify->NominalFormFactor & 15;
    return sat_answer(c, p, sizeof(p), get_be16(c->cdb + 3));
}

static enum sat_next
provisioning(const struct sat_device *d, struct sat_command *c)
{
    uint8_t p[8] = {0, VPD_LOGICAL_BLOCK_PROVISIONING, 0, 4, 0, d->trim ? 0x80 : 0};

    return sat_answer(c, p, sizeof(p), get_be16(c->cdb + 3));
}

enum sat_next
sat_inquiry(const struct sat_device *d, struct sat_command *c)
{
    static const uint8_t pages[] = {0,
                                    VPD_SUPPORTED_PAGES,
                                    0,
                                    7,
                                    VPD_SUPPORTED_PAGES,
                                    VPD_SERIAL_NUMBER,
                                    VPD_DEVICE_IDENTIFIERS,
                                    VPD_ATA_INFORMATION,
                                    VPD_BLOCK_LIMITS,
                                    VPD_BLOCK_DEVICE_CHARACTERISTICS,
                                    VPD_LOGICAL_BLOCK_PROVISIONING};

    if (c->cdb[1] & 0xfe)
        return sat_bad_field(c, 1);
    if (!(c->cdb[1] & 1))
        return c->cdb[2] ? sat_bad_field(c, 2) : standard(d, c);
    switch (c->cdb[2]) {
    case VPD_SUPPORTED_PAGES:
        return sat_answer(c, pages, sizeof(pages), get_be16(c->cdb + 3));
    case VPD_SERIAL_NUMBER:
        return serial_number(d, c);
    case VPD_DEVICE_IDENTIFIERS:
        return identifiers(d, c);
    case VPD_ATA_INFORMATION:
        return ata_information(d, c);
    case VPD_BLOCK_LIMITS:
        return block_limits(d, c);
    case VPD_BLOCK_DEVICE_CHARACTERISTICS:
        return characteristics(d, c);
    case VPD_LOGICAL_BLOCK_PROVISIONING:
        return provisioning(d, c);
    default:
        return sat_bad_field(c, 2);
    }
}
