/*
 * SRBs to an ATA disk through the port: what the translation answers by itself, what reaches the miniport,
 * what comes back of statuses. The translation itself is tested on the host (tests/host/ataport).
 */
#include "drivers/ddk/scsi.h"
#include "drivers/ddk/wdm.h"
#include "drivers/port/core/unit.h"
#include "lib/bytes.h"
#include "lib/string.h"
#include "tests/guest/kernel/drivers/sim.h"
#include "tests/guest/ktest.h"

static struct scsi_request request;
static uint8_t buffer[8192] __attribute__((aligned(4096))), sense[SENSE_BUFFER_SIZE];

/* Execute a CDB of up to 10 bytes. Returns SrbStatus, without its bits. */
static uint8_t
scsi(struct sim *s, uint32_t size, const uint8_t *cdb, size_t length)
{
    struct unit *u = sim_unit(s);

    memset(&request.srb, 0, sizeof(request.srb));
    memset(sense, 0, sizeof(sense));
    request.srb = (SCSI_REQUEST_BLOCK){.Length = sizeof(request.srb),
                                       .Function = SRB_FUNCTION_EXECUTE_SCSI,
                                       .CdbLength = (UCHAR)length,
                                       .SenseInfoBufferLength = sizeof(sense),
                                       .SenseInfoBuffer = sense,
                                       .SrbFlags = cdb[0] == SCSIOP_WRITE ? SRB_FLAGS_DATA_OUT
                                                                          : SRB_FLAGS_DATA_IN,
                                       .DataTransferLength = size,
                                       .TimeOutValue = 5,
                                       .DataBuffer = buffer};
    memcpy(request.srb.Cdb, cdb, length);
    return u ? unit_execute(u, &request) : SRB_STATUS_NO_DEVICE;
}

#define SCSI(s, size, ...)                                                                                   \
    scsi((s), (size), (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

KTEST(ataport_scsi_pass_through_returns_registers) /* */
{
    struct sim s;
    unsigned n;

    if (!sim_load(&s))
        return;
    KCHECK_EQ(sim_start(&s), 0);
    s.knobs->mode = DO_STATUS;
    s.knobs->status = IRB_STATUS_SUCCESS | IRB_STATUS_RETURN_TASKFILE_VALID;
    n = sim_calls(&s, CALL_STARTIO);
    /* ATA PASS-THROUGH (16): no data, CK_COND, CHECK POWER MODE */
    KCHECK_EQ(SCSI(&s, 0, 0x85, 3 << 1, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xe5, 0), SRB_STATUS_ERROR);
    KCHECK_EQ(sim_calls(&s, CALL_STARTIO), n + 1);
    KCHECK(s.seen->with_results == 1 && sense[0] == 0x72 && sense[8] == 0x09); /* SAT-3 12.2.2.6 */
    sim_stop(&s);
}

KTEST(ataport_scsi_answers_for_the_disk) /* */
{
    struct sim s;
    unsigned n;

    if (!sim_load(&s))
        return;
    KCHECK_EQ(sim_start(&s), 0);
    n = sim_calls(&s, CALL_STARTIO);
    KCHECK_EQ(SCSI(&s, 36, SCSIOP_INQUIRY, 0, 0, 0, 36, 0), SRB_STATUS_SUCCESS);
    KCHECK(!memcmp(buffer + 8, "ATA     ATASIM DISK     ", 24));
    KCHECK_EQ(SCSI(&s, 8, SCSIOP_READ_CAPACITY, 0, 0, 0, 0, 0, 0, 0, 0, 0), SRB_STATUS_SUCCESS);
    KCHECK(get_be32(buffer) == 0xffffffff && get_be32(buffer + 4) == 512); /* more than 2 TiB */
    KCHECK_EQ(SCSI(&s, 64, 0xff, 0, 0, 0, 0, 0), SRB_STATUS_ERROR);
    KCHECK(request.srb.SrbStatus & SRB_STATUS_AUTOSENSE_VALID);
    KCHECK(sense[2] == SCSI_SENSE_ILLEGAL_REQUEST && sense[12] == SCSI_ADSENSE_ILLEGAL_COMMAND);
    KCHECK_EQ(sim_calls(&s, CALL_STARTIO), n); /* the miniport has seen none of these */
    sim_stop(&s);
}

KTEST(ataport_scsi_reads_and_writes_reach_the_miniport) /* A-078 A-079 */
{
    struct sim s;

    if (!sim_load(&s))
        return;
    KCHECK_EQ(sim_start(&s), 0);
    KCHECK_EQ(SCSI(&s, 4096, SCSIOP_READ, 0, 0, 0, 0, 1, 0, 0, 8, 0), SRB_STATUS_SUCCESS);
    KCHECK_EQ(request.srb.DataTransferLength, 4096);
    KCHECK_EQ(s.seen->call[s.seen->count - 1].detail, IRB_FUNCTION_ATA_READ);
    KCHECK_EQ(SCSI(&s, 4096, SCSIOP_WRITE, 8, 0, 0, 0, 1, 0, 0, 8, 0),
              SRB_STATUS_SUCCESS); /* FUA: flushed behind it */
    KCHECK_EQ(s.seen->call[s.seen->count - 3].detail, IRB_FUNCTION_ATA_WRITE);
    KCHECK_EQ(s.seen->call[s.seen->count - 1].detail, IRB_FUNCTION_ATA_FLUSH);
    request.srb.Function = SRB_FUNCTION_SHUTDOWN;
    KCHECK_EQ(unit_execute(sim_unit(&s), &request), SRB_STATUS_SUCCESS); /* */
    KCHECK_EQ(s.seen->call[s.seen->count - 1].detail, IRB_FUNCTION_SHUTDOWN);
    request.srb.Function = SRB_FUNCTION_CLAIM_DEVICE;
    KCHECK_EQ(unit_execute(sim_unit(&s), &request), SRB_STATUS_INVALID_REQUEST);
    sim_stop(&s);
}

KTEST(ataport_scsi_statuses_and_sense_of_what_fails) /* A-086 A-090 */
{
    static const struct {
        uint8_t irb, ata_status, ata_error, srb, key, code;
    } rows[] = {
        {IRB_STATUS_DEVICE_ERROR, 0x51, 0x40, SRB_STATUS_ERROR, SCSI_SENSE_MEDIUM_ERROR,
         SCSI_ADSENSE_UNRECOVERED_ERROR},
        {IRB_STATUS_DEVICE_ERROR, 0x51, 0x04, SRB_STATUS_ERROR, SCSI_SENSE_ABORTED_COMMAND, 0},
        {IRB_STATUS_DEVICE_ERROR, 0x00, 0x10, SRB_STATUS_ERROR, SCSI_SENSE_ILLEGAL_REQUEST,
         SCSI_ADSENSE_ILLEGAL_BLOCK},
        {IRB_STATUS_DEVICE_ERROR, 0x61, 0x00, SRB_STATUS_ERROR, SCSI_SENSE_HARDWARE_ERROR, 0x44},
        {IRB_STATUS_INVALID_REQUEST, 0x50, 0, SRB_STATUS_INVALID_REQUEST, 0, 0},
        {IRB_STATUS_BUS_RESET, 0x50, 0, SRB_STATUS_BUS_RESET, 0, 0},
        {IRB_STATUS_SELECTION_TIMEOUT, 0x50, 0, SRB_STATUS_SELECTION_TIMEOUT, 0, 0},
        {IRB_STATUS_BUSY, 0x50, 0, SRB_STATUS_BUSY, 0, 0},
    };
    struct sim s;

    if (!sim_load(&s))
        return;
    KCHECK_EQ(sim_start(&s), 0);
    s.knobs->mode = DO_STATUS;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        s.knobs->status = rows[i].irb;
        s.knobs->ata_status = rows[i].ata_status;
        s.knobs->ata_error = rows[i].ata_error;
        KCHECK_EQ(SCSI(&s, 512, SCSIOP_READ, 0, 0, 0, 0, 1, 0, 0, 1, 0), rows[i].srb);
        KCHECK_EQ(request.srb.DataTransferLength, 0);
        KCHECK_EQ(sense[2], rows[i].key);
        KCHECK_EQ(sense[12], rows[i].code);
        KCHECK_EQ(!(request.srb.SrbStatus & SRB_STATUS_AUTOSENSE_VALID), !rows[i].key);
    }
    s.knobs->mode = DO_SHORT;
    KCHECK_EQ(SCSI(&s, 4096, SCSIOP_READ, 0, 0, 0, 0, 1, 0, 0, 8, 0), SRB_STATUS_DATA_OVERRUN); /* */
    KCHECK_EQ(request.srb.DataTransferLength, 2048);
    s.knobs->mode = DO_FAULT;
    KCHECK(SCSI(&s, 4096, SCSIOP_READ, 0, 0, 0, 0, 1, 0, 0, 8, 0) != SRB_STATUS_SUCCESS);
    KCHECK_EQ(SCSI(&s, 4096, SCSIOP_READ, 0, 0, 0, 0, 1, 0, 0, 8, 0), SRB_STATUS_NO_DEVICE);
    KCHECK_EQ(SCSI(&s, 36, SCSIOP_INQUIRY, 0, 0, 0, 36, 0), SRB_STATUS_NO_DEVICE);
    sim_stop(&s);
}

KTEST(ataport_shutdown_flushes_and_powers_down) /* A-035 A-127 A-129 */
{
    struct sim s;
    unsigned n;

    if (!sim_load(&s))
        return;
    KCHECK_EQ(sim_start(&s), 0);
    n = s.seen->count;
    ports_shutdown();
    KCHECK_EQ(s.seen->call[n + 1].detail, IRB_FUNCTION_ATA_FLUSH);
    KCHECK_EQ(s.seen->call[n + 3].detail, IRB_FUNCTION_ADAPTER_FLUSH);
    KCHECK_EQ(s.seen->call[n + 5].detail, IRB_FUNCTION_SHUTDOWN);
    KCHECK_EQ(s.seen->call[n + 7].detail, IRB_FUNCTION_POWER_CHANGE);
    KCHECK_EQ(s.seen->call[n + 8].what, CALL_CONTROL);
    KCHECK_EQ(s.seen->call[n + 8].detail, IdePowerDown);
    KCHECK_EQ(s.seen->call[n + 9].what, CALL_ADAPTER_CONTROL);
    KCHECK_EQ(s.seen->call[n + 9].detail, IdePowerDown);
    KCHECK_EQ(s.seen->count, n + 10);
    ports_shutdown();
    KCHECK_EQ(s.seen->count, n + 10);
    KCHECK_EQ(SCSI(&s, 36, SCSIOP_INQUIRY, 0, 0, 0, 36, 0), SRB_STATUS_NO_DEVICE);
    sim_stop(&s);
}
