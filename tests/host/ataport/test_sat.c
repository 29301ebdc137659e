// SCSI commands for ATA disks (SAT-3, SPC-4, SBC-3), on a disk in memory: what comes back, and what was sent for it.
// sources: drivers/port/ataport/sat.c drivers/port/ataport/sat_sense.c drivers/port/ataport/sat_inquiry.c drivers/port/ataport/sat_mode.c drivers/port/ataport/sat_pass.c
#include "tests/host/ataport/disk.h"

#define BUFFER (64 * 1024)

static struct sat_device device;
static struct sat_command command;
static uint8_t buffer[BUFFER], work[SAT_WORK_SIZE], cdb[16];

static uint8_t
run(uint32_t size, bool to_device)
{
    enum sat_next next;

    command = (struct sat_command){
        .cdb = cdb, .cdb_length = 16, .data = buffer, .size = size, .to_device = to_device, .work = work};
    disk.commands = 0;
    for (next = sat_begin(&device, &command); next == SAT_SEND; next = sat_step(&device, &command)) {
        disk_execute(&command);
        if (!CHECK(disk.commands < 8))
            break;
    }
    CHECK((command.status == SCSISTAT_CHECK_CONDITION) == (command.sense_size != 0));
    return command.status;
}

/* The command from bytes; the rest is zero. */
#define CDB(...)                                                                                             \
    do {                                                                                                     \
        static const uint8_t bytes_[] = {__VA_ARGS__};                                                       \
        memset(cdb, 0, sizeof cdb);                                                                          \
        memcpy(cdb, bytes_, sizeof bytes_);                                                                  \
    } while (0)

static void
new_disk(bool lba48)
{
    disk_new(lba48);
    CHECK(sat_device_read(&device, &disk.identify, BUFFER));
}

static bool
sense_is(uint8_t key, uint8_t asc, uint8_t ascq)
{
    if (command.sense[0] == 0x72)
        return command.sense[1] == key && command.sense[2] == asc && command.sense[3] == ascq;
    return (command.sense[0] & 0x7f) == 0x70 && command.sense[2] == key && command.sense[12] == asc &&
           command.sense[13] == ascq;
}

/* A sector count of 8 bits (28-bit commands) says at most 256 sectors. */
static void
test_the_most_of_one_command(void)
{
    disk_new(false);
    CHECK(sat_device_read(&device, &disk.identify, 1u << 20));
    CHECK_EQ(device.max_transfer, 256 * 512);
    disk_new(true);
    CHECK(sat_device_read(&device, &disk.identify, 1u << 20));
    CHECK_EQ(device.max_transfer, 1u << 20);
}

static void
test_inquiry(void)
{
    new_disk(true);
    CDB(0x12, 0, 0, 0, 36);
    CHECK_EQ(run(36, false), 0);
    CHECK_EQ(command.transferred, 36);
    CHECK(!memcmp(buffer + 8, "ATA     PORTOLAN DISK   b4  ", 28));
    CDB(0x12, 0, 0, 0, 5);
    CHECK_EQ(run(36, false), 0);
    CHECK_EQ(command.transferred, 5);
    CDB(0x12, 1, 0x80, 0, 255);
    CHECK_EQ(run(255, false), 0);
    CHECK(!memcmp(buffer,
                  "\0\x80\0\x14"
                  "1234",
                  8));
    CDB(0x12, 1, 0x83, 0, 255);
    CHECK_EQ(run(255, false), 0);
    CHECK_EQ(command.transferred, 4 + 12 + 72);
    CHECK(buffer[4] == 1 && buffer[5] == 3 && buffer[8] == 0x50 && buffer[9] == 0x01);
    CHECK(buffer[16] == 2 && buffer[17] == 1 && buffer[19] == 68);
    CDB(0x12, 1, 0x89, 2, 0x3c);
    CHECK_EQ(run(572, false), 0);
    CHECK_EQ(command.transferred, 572);
    CHECK(!memcmp(buffer + 60, &disk.identify, 512));
    CDB(0x12, 1, 0xb0, 0, 64);
    CHECK_EQ(run(64, false), 0);
    CHECK_EQ(get_be32(buffer + 8), BUFFER / 512);
    CHECK_EQ(get_be32(buffer + 24), 32);
    CDB(0x12, 1, 0xb1, 0, 64);
    CHECK_EQ(run(64, false), 0);
    CHECK_EQ(get_be16(buffer + 4), 7200);
    CDB(0x12, 1, 0xb2, 0, 64);
    CHECK_EQ(run(64, false), 0);
    CHECK_EQ(buffer[5], 0x80);
    CDB(0x12, 1, 0, 0, 64);
    CHECK_EQ(run(64, false), 0);
    for (unsigned i = 4; i < 4u + buffer[3]; i++) { /* each page that is listed is there */
        uint8_t page = buffer[i], saved[64];

        memcpy(saved, buffer, sizeof saved);
        CDB(0x12, 1, 0, 2, 0x3c);
        cdb[2] = page;
        CHECK_EQ(run(1024, false), 0);
        CHECK_EQ(buffer[1], page);
        CHECK_EQ(command.transferred, 4u + get_be16(buffer + 2));
        memcpy(buffer, saved, sizeof saved);
    }
    CDB(0x12, 1, 0x42, 0, 64);
    CHECK_EQ(run(64, false), 2);
    CHECK(sense_is(5, 0x24, 0));
    CDB(0x12, 0, 0x80, 0, 64);
    CHECK_EQ(run(64, false), 2);
}

static void
test_capacity(void)
{
    new_disk(true);
    CDB(0x25);
    CHECK_EQ(run(8, false), 0);
    CHECK(get_be32(buffer) == DISK_SECTORS - 1 && get_be32(buffer + 4) == 512);
    CDB(0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32);
    CHECK_EQ(run(32, false), 0);
    CHECK(get_be64(buffer) == DISK_SECTORS - 1 && get_be32(buffer + 8) == 512 && buffer[14] == 0x80);
    disk.identify.PhysicalLogicalSectorSize = 0x6003; /* 8 logical in a physical */
    disk.identify.BlockAlignment = 0x4001;
    disk.identify.Max48BitLBA[1] = 1;
    CHECK(sat_device_read(&device, &disk.identify, BUFFER));
    CHECK_EQ(run(32, false), 0);
    CHECK(buffer[13] == 3 && (get_be16(buffer + 14) & 0x3fff) == 7);
    CDB(0x25);
    CHECK_EQ(run(8, false), 0);
    CHECK_EQ(get_be32(buffer), 0xffffffff);
    disk.identify.PhysicalLogicalSectorSize = 0x5000; /* 4096 bytes a logical sector */
    disk.identify.WordsPerLogicalSector[0] = 2048;
    CHECK(sat_device_read(&device, &disk.identify, BUFFER));
    CHECK_EQ(device.sector_size, 4096);
    for (unsigned bad = 0; bad < 5; bad++) {
        new_disk(true);
        disk.identify.PhysicalLogicalSectorSize = bad < 3 ? 0x5000 : 0;
        disk.identify.WordsPerLogicalSector[0] = bad == 0   ? 100
                                                 : bad == 1 ? 260
                                                            : 0xffff; /* 200, 520 bytes, huge */
        disk.identify.Max48BitLBA[0] = bad == 3 ? 0 : DISK_SECTORS;
        disk.identify.Capabilities.LbaSupported = bad != 4;
        CHECK(!sat_device_read(&device, &disk.identify, BUFFER));
    }
}

/* Every form of READ and WRITE, its data, and the last sector; one beyond is refused. */
static void
test_transfers(void)
{
    static const struct {
        uint8_t read, write;
        unsigned lba_at, lba_size, count_at, count_size;
    } forms[] = {{0x08, 0x0a, 2, 2, 4, 1},
                 {0x28, 0x2a, 2, 4, 7, 2},
                 {0xa8, 0xaa, 2, 4, 6, 4},
                 {0x88, 0x8a, 2, 8, 10, 4}};

    for (unsigned lba48 = 0; lba48 < 2; lba48++)
        for (unsigned f = 0; f < 4; f++) {
            check_row("form %u, %u bits", f, lba48 ? 48 : 28);
            new_disk(lba48);
            for (unsigned at = 0; at < DISK_SECTORS; at += 111) {
                memset(cdb, 0, sizeof cdb);
                cdb[0] = forms[f].write;
                cdb[forms[f].lba_at + forms[f].lba_size - 1] = (uint8_t)at;
                cdb[forms[f].lba_at + forms[f].lba_size - 2] = (uint8_t)(at >> 8);
                cdb[forms[f].count_at + forms[f].count_size - 1] = 1;
                memset(buffer, (int)at + 1, 512);
                CHECK_EQ(run(512, true), 0);
                CHECK_EQ(command.transferred, 512);
                memset(buffer, 0, 512);
                cdb[0] = forms[f].read;
                CHECK_EQ(run(512, false), 0);
                CHECK(buffer[0] == (uint8_t)(at + 1) && buffer[511] == (uint8_t)(at + 1));
            }
            cdb[forms[f].lba_at + forms[f].lba_size - 1] = (uint8_t)DISK_SECTORS;
            cdb[forms[f].lba_at + forms[f].lba_size - 2] = (uint8_t)(DISK_SECTORS >> 8);
            CHECK_EQ(run(512, false), 2);
            CHECK(sense_is(5, 0x21, 0));
            CHECK_EQ(disk.commands, 0);
        }
    check_row("%s", "");
    CDB(0x88, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff); /* wraps 64 bits */
    CHECK_EQ(run(512, false), 2);
    CHECK(sense_is(5, 0x21, 0));
    CDB(0x28); /* nothing: good, and nothing is sent */
    CHECK_EQ(run(512, false), 0);
    CHECK_EQ(disk.commands, 0);
    CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 2);
    CHECK_EQ(run(512, false), 2); /* more than the buffer holds */
    CHECK_EQ(run(1024, true), 2); /* the wrong direction */
    CDB(0x2f, 0, 0, 0, 0, 0, 0, 0, 5);
    CHECK_EQ(run(0, false), 0);
    CHECK_EQ(disk.command[0], IDE_COMMAND_VERIFY);
    CDB(0x2f, 2, 0, 0, 0, 0, 0, 0, 5);
    CHECK_EQ(run(0, false), 2);
}

static void
test_durability(void)
{
    new_disk(true);
    CDB(0x2a, 8, 0, 0, 0, 0, 0, 0, 1); /* FUA without a command for it: flushed behind the write */
    CHECK_EQ(run(512, true), 0);
    CHECK(disk.command[0] == IDE_COMMAND_WRITE_DMA || disk.command[0] == IDE_COMMAND_WRITE_DMA_EXT);
    CHECK_EQ(disk.commands, 2);
    CHECK_EQ(disk.flushed_at, 2);
    CHECK_EQ(command.transferred, 512);
    disk.identify.CommandSetSupport[2] = 1 << 6;
    CHECK(sat_device_read(&device, &disk.identify, BUFFER));
    CHECK_EQ(run(512, true), 0);
    CHECK_EQ(disk.commands, 1);
    CHECK_EQ(disk.command[0], IDE_COMMAND_WRITE_DMA_FUA_EXT);
    CDB(0x35);
    CHECK_EQ(run(0, false), 0);
    CHECK_EQ(disk.command[0], IDE_COMMAND_FLUSH_CACHE_EXT);
    disk.status = 0x51;
    disk.error = 0x04;
    CHECK_EQ(run(0, false), 2); /* a flush that fails is told */
    CDB(0x1b);
    disk.status = 0;
    CHECK_EQ(run(0, false), 0);
    CHECK(disk.standby && disk.flushed_at == 1 && disk.commands == 2);
    CDB(0x1b, 0, 0, 0, 1);
    CHECK_EQ(run(0, false), 0);
    CDB(0x1b, 0, 0, 0, 2);
    CHECK_EQ(run(0, false), 2);
}

static void
test_modes(void)
{
    uint8_t saved[64];

    new_disk(true);
    CDB(0x1a, 8, 0x08, 0, 64);
    CHECK_EQ(run(64, false), 0);
    CHECK(buffer[0] == 23 && buffer[4] == 8 && buffer[5] == 18 && buffer[6] == 4 && !(buffer[16] & 0x20));
    CDB(0x1a, 0, 0x3f, 0, 255);
    CHECK_EQ(run(255, false), 0);
    CHECK_EQ(command.transferred, 4 + 8 + 12 + 20 + 12);
    CHECK(buffer[3] == 8 && get_be32(buffer + 4) == DISK_SECTORS && get_be32(buffer + 8) == 512);
    CDB(0x5a, 8, 0x3f, 0, 0, 0, 0, 0, 255);
    CHECK_EQ(run(255, false), 0);
    CHECK_EQ(get_be16(buffer), 8 + 12 + 20 + 12 - 2);
    CDB(0x1a, 8, 0x48, 0, 64); /* what can be changed */
    CHECK_EQ(run(64, false), 0);
    CHECK(buffer[6] == 4 && buffer[16] == 0x20);
    CDB(0x1a, 8, 0xc8, 0, 64);
    CHECK_EQ(run(64, false), 2);
    CHECK(sense_is(5, 0x39, 0));
    CDB(0x1a, 8, 0x1c, 0, 64);
    CHECK_EQ(run(64, false), 2);
    CDB(0x1a, 8, 0x08, 0, 64);
    CHECK_EQ(run(64, false), 0);
    buffer[0] = 0;
    buffer[6] &= ~4;
    buffer[16] |= 0x20;
    memcpy(saved, buffer, sizeof saved);
    CDB(0x15, 0x10, 0, 0, 24);
    CHECK_EQ(run(24, true), 0);
    CHECK(!disk.cache && !disk.ahead && disk.commands == 2 && !device.write_cache && !device.read_ahead);
    CHECK_EQ(run(24, true), 0);
    CHECK_EQ(disk.commands, 0); /* it is so already */
    buffer[6] |= 4;
    disk.status = 0x51;
    disk.error = 4;
    CHECK_EQ(run(24, true), 2);
    CHECK(!device.write_cache); /* a device that refuses has not changed */
    disk.status = 0;
    for (unsigned i = 4; i < 24; i++) { /* any other bit is refused */
        memcpy(buffer, saved, sizeof saved);
        buffer[i] ^= i == 6 ? 0x01 : i == 16 ? 0x01 : 0x80;
        CHECK_EQ(run(24, true), i == 4 ? 0 : 2);
    }
    CDB(0x15, 0x10, 0, 0, 23);
    memcpy(buffer, saved, sizeof saved);
    CHECK_EQ(run(24, true), 2);
    CDB(0x15, 0x00, 0, 0, 24);
    CHECK_EQ(run(24, true), 2);
}

static void
test_unmap(void)
{
    new_disk(true);
    memset(disk.bytes, 0xee, sizeof disk.bytes);
    memset(buffer, 0, 64);
    put_be16(buffer, 38);
    put_be16(buffer + 2, 32);
    put_be64(buffer + 8, 10);
    put_be32(buffer + 16, 5);
    put_be64(buffer + 24, 999);
    put_be32(buffer + 32, 1);
    CDB(0x42, 0, 0, 0, 0, 0, 0, 0, 40);
    CHECK_EQ(run(40, true), 0);
    CHECK_EQ(disk.command[0], IDE_COMMAND_DATA_SET_MANAGEMENT);
    CHECK(disk.bytes[9 * 512 + 511] == 0xee && !disk.bytes[10 * 512] && !disk.bytes[14 * 512 + 511] &&
          disk.bytes[15 * 512] == 0xee && !disk.bytes[999 * 512]);
    put_be32(buffer + 32, 2);
    CHECK_EQ(run(40, true), 2);
    CHECK(sense_is(5, 0x21, 0));
    CHECK_EQ(disk.commands, 0);
    CDB(0x42, 1, 0, 0, 0, 0, 0, 0, 40);
    CHECK_EQ(run(40, true), 2);
    disk.identify.DataSetManagementFeature = 0;
    CHECK(sat_device_read(&device, &disk.identify, BUFFER));
    CDB(0x42, 0, 0, 0, 0, 0, 0, 0, 40);
    CHECK_EQ(run(40, true), 2);
    CHECK(sense_is(5, 0x20, 0));
}

static void
test_pass_through(void)
{
    new_disk(true);
    CDB(0x85, 4 << 1, 0x0e, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xec); /* IDENTIFY, PIO in, one block */
    CHECK_EQ(run(512, false), 0);
    CHECK(!memcmp(buffer, &disk.identify, 512));
    CHECK_EQ(command.ata.function, IRB_FUNCTION_ATA_IDENTIFY);
    CDB(0xa1, 4 << 1, 0x0e, 0, 1, 0, 0, 0, 0, 0xec);
    CHECK_EQ(run(512, false), 0);
    CHECK_EQ(command.transferred, 512);
    CDB(0x85, 3 << 1, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xe5); /* CHECK POWER MODE, with its registers */
    CHECK_EQ(run(0, false), 2);
    CHECK(sense_is(1, 0, 0x1d));
    CHECK(command.sense[8] == 9 && command.sense[9] == 12 && command.sense[21] == 0x50);
    CDB(0x85, 6 << 1 | 1, 0x0e, 0, 0, 0, 1, 0, 7, 0, 0, 0, 0, 0x40, 0x25); /* READ DMA EXT of sector 7 */
    disk.bytes[7 * 512] = 0x77;
    CHECK_EQ(run(512, false), 0);
    CHECK_EQ(buffer[0], 0x77);
    disk.status = 0x51;
    disk.error = 0x40;
    CHECK_EQ(run(512, false), 2);
    CHECK(sense_is(3, 0x11, 0));
    CHECK(command.sense[0] == 0x72 && command.sense[11] == 0x40);
    disk.status = 0;
    CHECK_EQ(run(511, false), 2); /* no room */
    CHECK_EQ(run(512, true), 2);  /* the wrong direction */
    CDB(0x85, 15 << 1);
    CHECK_EQ(run(512, false), 2);
    CDB(0x85, 10 << 1, 0x06, 0, 0, 0, 1);
    CHECK_EQ(run(512, true), 2); /* UDMA in, said to go out */
}

/* SAT-3 table 11. */
static void
test_errors(void)
{
    static const struct {
        uint8_t status, error;
        bool write;
        uint8_t key, asc, ascq;
    } rows[] = {
        {0x51, 0x40, false, 3, 0x11, 0}, {0x51, 0x40, true, 7, 0x27, 0},   {0x51, 0x10, false, 5, 0x21, 0},
        {0x51, 0x04, false, 0xb, 0, 0},  {0x51, 0x84, true, 0xb, 0x47, 3}, {0x51, 0x20, false, 6, 0x28, 0},
        {0x51, 0x08, false, 6, 0x5a, 1}, {0x61, 0x04, true, 4, 0x44, 0},   {0x50, 0x00, false, 0xb, 0, 0},
        {0x51, 0x02, false, 0xb, 0, 0},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_row("status %#x error %#x", rows[i].status, rows[i].error);
        new_disk(true);
        disk.status = rows[i].status;
        disk.error = rows[i].error;
        CDB(0x28, 0, 0, 0, 1, 2, 0, 0, 1);
        cdb[0] = rows[i].write ? 0x2a : 0x28;
        if (rows[i].status == 0x50)
            disk.status = 0x10; /* no ERR: the device did not answer */
        CHECK_EQ(run(512, rows[i].write), 2);
        CHECK(sense_is(rows[i].key, rows[i].asc, rows[i].ascq));
        if (rows[i].key == 3)
            CHECK(command.sense[0] == 0xf0 && get_be32(command.sense + 3) == 0x102);
    }
    check_row("%s", "");
}

static void
test_the_rest(void)
{
    new_disk(true);
    CDB(0x00);
    CHECK_EQ(run(0, false), 0);
    CHECK_EQ(disk.command[0], IDE_COMMAND_CHECK_POWER);
    CDB(0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 16);
    CHECK_EQ(run(16, false), 0);
    CHECK(get_be32(buffer) == 8 && !get_be64(buffer + 8));
    CDB(0x03, 0, 0, 0, 18);
    CHECK_EQ(run(18, false), 0);
    CHECK(command.transferred == 18 && buffer[0] == 0x70 && !buffer[2]);
    CDB(0x4d, 0, 0x40, 0, 0, 0, 0, 0, 64);
    CHECK_EQ(run(64, false), 0);
    CHECK(buffer[3] == 2 && buffer[5] == 0x2f);
    CDB(0x4d, 0, 0x6f, 0, 0, 0, 0, 0, 64);
    CHECK_EQ(run(64, false), 0);
    CHECK(!buffer[8]);
    disk.trimmed_smart = true;
    CHECK_EQ(run(64, false), 0);
    CHECK(buffer[8] == 0x5d && buffer[9] == 0x10);
    for (unsigned op = 0; op < 256; op++) { /* every operation code ends, and the unknown ones say so */
        memset(cdb, 0, sizeof cdb);
        cdb[0] = (uint8_t)op;
        memset(buffer, 0, 512);
        (void)run(512, op & 1);
    }
    CDB(0xff);
    CHECK_EQ(run(0, false), 2);
    CHECK(sense_is(5, 0x20, 0));
}

int
main(void)
{
    test_the_most_of_one_command();
    test_inquiry();
    test_capacity();
    test_transfers();
    test_durability();
    test_modes();
    test_unmap();
    test_pass_through();
    test_errors();
    test_the_rest();
    return check_report();
}
