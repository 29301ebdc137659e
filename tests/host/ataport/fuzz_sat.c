// Any CDB, any data, any IDENTIFY data, any answers of the device: ends, within the buffers and within the disk.
// sources: drivers/port/ataport/sat.c drivers/port/ataport/sat_sense.c drivers/port/ataport/sat_inquiry.c drivers/port/ataport/sat_mode.c drivers/port/ataport/sat_pass.c
#include "drivers/ddk/scsi.h"
#include "drivers/port/ataport/sat.h"
#include "tests/host/check.h"

#define HEAD 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_send(const struct sat_device *d, const struct sat_command *c)
{
    const struct sat_ata *a = &c->ata;

    if (a->size > (a->uses_work ? SAT_WORK_SIZE : c->size) ||
        (a->size && !(a->flags & (IRB_FLAGS_DATA_IN | IRB_FLAGS_DATA_OUT))))
        abort();
    if (a->size && !a->uses_work && c->to_device != !!(a->flags & IRB_FLAGS_DATA_OUT))
        abort();
    if (!a->uses_work && a->size > d->max_transfer)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    IDENTIFY_DEVICE_DATA identify = {0};
    struct sat_device d;
    uint8_t cdb[16], work[SAT_WORK_SIZE];
    enum sat_next next;
    size_t left;

    if (size < HEAD + 64)
        return 0;
    memcpy(cdb, data, 16);
    memcpy(&identify, data + HEAD, size - HEAD < sizeof identify ? size - HEAD : sizeof identify);
    identify.Capabilities.LbaSupported = 1;
    if (!sat_device_read(&d, &identify, 1u << (9 + data[16] % 12)))
        return 0;
    left = size - HEAD;

    uint8_t *buffer = malloc(left);
    struct sat_command c = {.cdb = cdb,
                            .cdb_length = 16,
                            .data = buffer,
                            .size = (uint32_t)left,
                            .to_device = data[17] & 1,
                            .work = work};
    unsigned steps = 0;

    memcpy(buffer, data + HEAD, left);
    for (next = sat_begin(&d, &c); next == SAT_SEND; next = sat_step(&d, &c)) {
        check_send(&d, &c);
        c.ata.ok = !(data[18 + steps % 4] & 1);
        c.ata.has_task = data[18 + steps % 4] & 2;
        c.ata.status = data[19];
        c.ata.error = data[20];
        c.ata.transferred = data[21] * 1000u;
        if (++steps > 8)
            abort();
    }
    if (c.transferred > c.size || (c.status != SCSISTAT_GOOD && c.status != SCSISTAT_CHECK_CONDITION) ||
        c.sense_size > SAT_SENSE_SIZE || (c.status == SCSISTAT_CHECK_CONDITION) != (c.sense_size != 0))
        abort();
    free(buffer);
    return 0;
}
