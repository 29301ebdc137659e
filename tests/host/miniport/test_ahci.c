// sources: drivers/miniport/ahci/ahci.c drivers/miniport/ahci/command.c drivers/miniport/ahci/done.c drivers/miniport/ahci/port.c
// flags: -Idrivers/ddk -Wno-missing-prototypes -Wno-write-strings
/*
 * ahci.sys on a simulated controller: what QEMU's cannot do. Disks that come and go under work, disks that say in their log
 * which queued command failed, controllers that the BIOS holds, commands in any order.
 */
#include "tests/host/miniport/hba.h"
#include "tests/host/miniport/ataport.h"

static struct sim_disk disk, other;
static uint8_t shadow[SECTORS * SECTOR]; /* what the disk must hold */

static void
disk_begin(struct sim_disk *d)
{
    memset(d, 0, sizeof *d);
    d->bad = NOT_BAD;
    for (size_t i = 0; i < sizeof d->bytes; i++)
        d->bytes[i] = (uint8_t)check_random();
}

static void
begin(const char *row)
{
    check_row("%s", row);
    memset(&hba, 0, sizeof hba);
    hba.cap = CAP_NCQ | CAP_64BIT | 31u << 8 | (PORTS - 1);
    hba.pi = (1u << PORTS) - 1;
    disk_begin(&disk);
    disk_begin(&other);
    memcpy(shadow, disk.bytes, sizeof shadow);
    for (unsigned n = 0; n < PORTS; n++)
        hba.port[n].tfd = 0x7f;
    hba.port[1].disk = &disk;
    link_up(&hba.port[1]);
    hba_pass(10);
    port_start();
}

static void
end(void)
{
    port_end();
    CHECK_EQ(hba.violations, 0);
}

/* ---- requests ---- */

static bool
overlaps(uint32_t lba, uint32_t count)
{
    for (unsigned i = 0; i < REQUESTS; i++)
        if (port.sent[i].out && lba < port.sent[i].lba + port.sent[i].count && port.sent[i].lba < lba + count)
            return true;
    return false;
}

static void
send_at(struct sent *s, bool write, uint32_t lba, uint32_t count)
{
    uint32_t size = count * SECTOR, at = 0;

    memset(s, 0, sizeof *s);
    s->lba = lba;
    s->count = count;
    s->irb = (IDE_REQUEST_BLOCK){.Function = write ? IRB_FUNCTION_ATA_WRITE : IRB_FUNCTION_ATA_READ,
                                 .IrbFlags = IRB_FLAGS_USE_DMA | IRB_FLAGS_48BIT |
                                             (write ? IRB_FLAGS_DATA_OUT : IRB_FLAGS_DATA_IN),
                                 .DataTransferLength = size,
                                 .DataBuffer = s->data};
    s->irb.IdeTaskFile.Current = (IDEREGISTERS){
        0, (UCHAR)count, (UCHAR)lba, (UCHAR)(lba >> 8), (UCHAR)(lba >> 16), 0x40, write ? 0x35 : 0x25, 0};
    for (unsigned i = 0; write && i < size; i++)
        s->data[i] = (uint8_t)check_random();
    for (unsigned n = 0; at < size; n++) {
        uint32_t piece = n == PIECES - 1 ? size - at : (uint32_t)(check_random() % (size - at)) / 2 * 2 + 2;

        s->sg.element[n] = (IDE_SCATTER_GATHER_ELEMENT){
            .Address.QuadPart = (LONGLONG)(uintptr_t)(s->data + at), .Length = piece};
        s->sg.list.NumberOfElements = n + 1;
        at += piece;
    }
    s->out = true;
    port.out++;
    CHECK(port.channel[1].interface.IdeHwStartIo(port.channel[1].extension, &s->irb));
}

static void
send_random(struct sent *s)
{
    uint32_t count = (uint32_t)(check_random() % 16) + 1,
             lba = (uint32_t)(check_random() % (SECTORS - count));

    if (!overlaps(lba, count))
        send_at(s, check_random() & 1, lba, count);
}

/* A request that came back: what it read is what was there; what it wrote is there. */
static void
judge(struct sent *s)
{
    size_t at = (size_t)s->lba * SECTOR, size = (size_t)s->count * SECTOR;
    bool good = (s->irb.IrbStatus & 15) == IRB_STATUS_SUCCESS, write = s->irb.IrbFlags & IRB_FLAGS_DATA_OUT;

    if (write) {
        if (good)
            CHECK(!memcmp(disk.bytes + at, s->data, size));
        memcpy(shadow + at, disk.bytes + at, size); /* one that failed may have been written */
    } else if (good) {
        CHECK(!memcmp(shadow + at, s->data, size));
    }
    if (disk.bad - s->lba < s->count)
        CHECK(!good);
    s->lba = s->count = 0;
}

/* One thing happens somewhere. */
static void
step(void)
{
    hba_pass(check_random() % 100);
    for (unsigned n = 0; n < PORTS; n++)
        if (check_random() & 1)
            (void)port_step(&hba.port[n]);
    port_run();
    for (unsigned i = 0; i < REQUESTS; i++)
        if (!port.sent[i].out && port.sent[i].count)
            judge(&port.sent[i]);
}

/* Until nothing is out, or a minute has passed. */
static void
drain(void)
{
    for (unsigned i = 0; port.out && i < 100000; i++) {
        hba_pass(600);
        step();
    }
    CHECK_EQ(port.out, 0);
}

static void
work(unsigned rounds, unsigned depth)
{
    for (unsigned i = 0; i < rounds; i++) {
        struct sent *s = &port.sent[check_random() % depth];

        if (!s->out && !s->count)
            send_random(s);
        step();
    }
    drain();
}

/* ---- */

static void
test_start(void)
{
    begin("the BIOS lets go late");
    port_end();
    hba.cap2 = CAP2_HANDOFF;
    hba.bohc = BOHC_BIOS | BOHC_BIOS_BUSY;
    hba.bios_us = hba.now + 300000;
    port_start();
    CHECK(!(hba.bohc & BOHC_BIOS) && hba.now >= hba.bios_us && hba.ghc & GHC_AHCI);
    end();
    begin("or never");
    port_end();
    hba.cap2 = CAP2_HANDOFF;
    hba.bohc = BOHC_BIOS;
    hba.bios_us = UINT64_MAX;
    port_start();
    end();
    begin("firmware has left command completion coalescing on");
    port_end();
    hba.cap |= CAP_COALESCING;
    hba.ccc_ctl = 0x00010101 | 31 << 3;
    port_start();
    CHECK(!(hba.ccc_ctl & CCC_ENABLE));
    end();
    begin("a port multiplier");
    port_end();
    hba.port[1].sig = SIGNATURE_MULTIPLIER;
    port_start();
    CHECK(strstr(port.said, "multiplier") != NULL);
    send_at(&port.sent[0], false, 0, 1);
    CHECK(!port.sent[0].out && port.sent[0].irb.IrbStatus == IRB_STATUS_SELECTION_TIMEOUT);
    end();
}

static void
test_work(void)
{
    begin("queued commands in any order");
    CHECK_EQ(port_identified(1, true, true), 32);
    work(20000, 32);
    CHECK(hba.port[1].queued_commands > hba.port[1].commands / 2 && hba.port[1].resets == 0);
    end();
    begin("one by one");
    (void)port_identified(1, false, false);
    work(5000, 32);
    CHECK(hba.port[1].queued_commands == 0 && hba.port[1].commands > 100);
    end();
    begin("alone: not queued");
    (void)port_identified(1, true, true);
    work(2000, 1);
    CHECK_EQ(hba.port[1].queued_commands, 0);
    end();
}

static void
test_bad_sector(void)
{
    static const struct {
        const char *name;
        bool logs, lies;
    } rows[] = {{"a disk that keeps logs", true, false},
                {"one without", false, false},
                {"one whose log is wrong", true, true}};

    for (unsigned i = 0; i < 3; i++) {
        unsigned failed = 0;

        begin(rows[i].name);
        disk.keeps_logs = rows[i].logs;
        disk.lies_in_logs = rows[i].lies;
        (void)port_identified(1, true, rows[i].logs);
        for (unsigned round = 0; round < 6; round++) {
            disk.bad = 300;
            for (unsigned n = 0; n < 16; n++)
                send_at(&port.sent[n], n & 1, 290 + 2 * n, 2);
            for (unsigned tries = 0; port.out && tries < 100000; tries++) {
                hba_pass(600);
                (void)port_step(&hba.port[1]);
                port_run();
            }
            for (unsigned n = 0; n < 16; n++) {
                bool bad = (port.sent[n].irb.IrbStatus & 15) != IRB_STATUS_SUCCESS;

                CHECK_EQ(bad, n == 5); /* the one with the bad sector, and no other */
                failed += bad;
                if (bad)
                    CHECK(port.sent[n].irb.AtaStatus == TFD_ERROR && port.sent[n].irb.AtaError == 0x40);
                judge(&port.sent[n]);
            }
            disk.bad = NOT_BAD;
            work(200, 16);
        }
        CHECK_EQ(failed, 6);
        CHECK_EQ(hba.port[1].logs_read, rows[i].logs ? 6 : 0);
        CHECK_EQ(hba.port[1].resets, rows[i].logs ? 0 : 6);
        end();
    }
}

static void
test_hot_plug(void)
{
    begin("a disk goes and comes under work");
    (void)port_identified(1, true, true);
    for (unsigned round = 0; round < 50; round++) {
        work(100, 32);
        for (unsigned i = 0; i < 20; i++) {
            if (!port.sent[i].out && !port.sent[i].count)
                send_random(&port.sent[i]);
            if (i == 10)
                (void)port_step(&hba.port[1]);
        }
        CHECK(port.out > 4);
        port.channel[1].removed = port.channel[1].changed = false;
        hba_unplug(&hba.port[1]);
        port_run();
        CHECK(port.out == 0 && port.channel[1].removed && port.channel[1].changed);
        for (unsigned i = 0; i < REQUESTS; i++)
            if (port.sent[i].count)
                judge(&port.sent[i]);
        send_at(&port.sent[0], false, 0, 1);
        CHECK(!port.sent[0].out && port.sent[0].irb.IrbStatus == IRB_STATUS_SELECTION_TIMEOUT);
        port.sent[0].count = 0;
        port.channel[1].changed = false;
        disk.ready_us = round % 3 * 4000000; /* it may have to spin up */
        hba_plug(&hba.port[1], &disk);
        port_run();
        CHECK(port.channel[1].changed);
        for (unsigned i = 0; i < 1000 && (hba.port[1].ready_at || port.channel[1].timer); i++) {
            hba_pass(10000);
            port_run();
        }
        (void)port_identified(1, true, true);
    }
    CHECK(hba.port[1].queued_commands > 1000);
    end();
    begin("another one comes while the first is being reset");
    (void)port_identified(1, true, true);
    for (unsigned i = 0; i < 10; i++)
        send_random(&port.sent[i]);
    hba_unplug(&hba.port[1]);
    hba_plug(&hba.port[1], &other);
    port_run();
    hba_unplug(&hba.port[1]);
    port_run();
    drain();
    end();
}

static void
test_trouble(void)
{
    begin("the interface fails under work");
    (void)port_identified(1, true, true);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 20; i++)
            if (!port.sent[i].out && !port.sent[i].count)
                send_random(&port.sent[i]);
        hba.port[1].is |= round & 1 ? IS_INTERFACE_BAD : IS_BUS_BAD;
        port_run();
        CHECK_EQ(port.out, 0);
        drain();
        work(100, 32);
    }
    CHECK_EQ(hba.port[1].resets, 20);
    end();
    begin("the device forgets its commands, and the port resets the unit");
    (void)port_identified(1, true, true);
    for (unsigned i = 0; i < 10; i++)
        send_random(&port.sent[i]);
    hba.port[1].deaf = true;
    for (unsigned i = 0; i < 1000; i++)
        step();
    CHECK(port.out > 5);
    CHECK(port.channel[1].interface.IdeHwReset(port.channel[1].extension));
    CHECK_EQ(port.out, 0);
    hba.port[1].deaf = false;
    work(1000, 32);
    end();
    begin("a device that is never ready again");
    (void)port_identified(1, true, true);
    disk.ready_us = UINT64_MAX / 2;
    CHECK(port.channel[1].interface.IdeHwReset(port.channel[1].extension));
    send_at(&port.sent[0], false, 0, 1);
    CHECK(port.sent[0].out);
    drain();
    CHECK(hba.now < 40000000);
    end();
}

int
main(void)
{
    test_start();
    test_work();
    test_bad_sector();
    test_hot_plug();
    test_trouble();
    return check_report();
}
