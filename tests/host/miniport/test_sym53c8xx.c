// sources: drivers/miniport/sym53c8xx/sym53c8xx.c drivers/miniport/sym53c8xx/program.c drivers/miniport/sym53c8xx/event.c drivers/miniport/sym53c8xx/negotiate.c
// flags: -Idrivers/ddk -Wno-missing-prototypes
/*
 * sym53c8xx.sys, and the program that it writes for its chip, on a chip that runs it: what QEMU's does not do. Targets that
 * disconnect in the middle of data, agree to speed, answer in any order, come back while another one is selected, leave.
 */
#include "tests/host/miniport/scripts.h"

#define OTHER 0x2f

ULONG NTAPI DriverEntry(PVOID driver, PVOID registry);

static void
interrupts(void)
{
    for (unsigned n = 0; n < 300 && chip.reg[ISTAT] & (ISTAT_SCSI | ISTAT_DMA); n++)
        CHECK(port.hw.HwInterrupt(port.extension));
    CHECK(chip.waiting);
}

static void
begin(const char *row, bool tagged, uint16_t device)
{
    static ACCESS_RANGE ranges[3] = {{.RangeLength = 256},
                                     {.RangeStart.QuadPart = BASE, .RangeLength = 1024, .RangeInMemory = 1}};
    BOOLEAN again = 1;

    check_row("%s", row);
    memset(&chip, 0, sizeof chip);
    memset(&port, 0, sizeof port);
    memset(memory, 0, sizeof memory);
    memset(target_steps, 0, sizeof target_steps);
    chip.target = chip.back_target = -1;
    chip.stopped = true;
    port.device = device;
    port.tagged = tagged;
    CHECK_EQ(DriverEntry(NULL, NULL), 0);
    port.config = (PORT_CONFIGURATION_INFORMATION){.AccessRanges = (ACCESS_RANGE(*)[])(void *)ranges,
                                                   .NumberOfAccessRanges = 3};
    CHECK_EQ(port.hw.HwFindAdapter(port.extension, NULL, NULL, NULL, &port.config, &again), SP_RETURN_FOUND);
    CHECK(!again && port.hw.SrbExtensionSize <= DATA && port.hw.DeviceExtensionSize <= sizeof port.extension);
    CHECK(port.hw.HwInitialize(port.extension));
    interrupts();
    port.resets = chip.bus_resets = 0;
}

#define ENDED(n, status) CHECK(port.sent[n].done), CHECK_EQ(port.sent[n].srb.SrbStatus, (status))

/* The first command to a target asks it for speed; it does not listen. */
static void
settle(uint8_t target)
{
    static const struct step steps[] = {
        {COMMAND_BLOCK, 0}, {STATUS_BYTE, 0}, {SAYS, 0}, {LEAVES, 0}, {END, 0}};

    target_steps[target] = steps;
    send_request(15, target, OTHER, 0, false);
    interrupts();
    ENDED(15, SRB_STATUS_SUCCESS);
    CHECK_EQ(chip.command[0], OTHER);
    CHECK(chip.heard[0] == 0xc0);
}

#define GOOD_END                                                                                             \
    {STATUS_BYTE, 0}, {SAYS, 0}, {LEAVES, 0},                                                                \
    {                                                                                                        \
        END, 0                                                                                               \
    }
#define AWAY                                                                                                 \
    {SAYS, SCSIMESS_SAVE_DATA_POINTER}, {SAYS, SCSIMESS_DISCONNECT}, {LEAVES, 0},                            \
    {                                                                                                        \
        END, 0                                                                                               \
    }

static const struct step leaves[] = {{COMMAND_BLOCK, 0}, AWAY};

static void
test_plain(void)
{
    static const struct step in[] = {{COMMAND_BLOCK, 0}, {GIVES, 1300}, GOOD_END},
                             out[] = {{COMMAND_BLOCK, 0}, {TAKES, 1300}, GOOD_END};
    bool right = true;

    begin("read and write", false, 1);
    settle(2);
    target_steps[2] = in;
    send_request(0, 2, SCSIOP_READ, 1300, false);
    interrupts();
    ENDED(0, SRB_STATUS_SUCCESS);
    for (unsigned i = 0; i < 1300; i++)
        right &= memory[i] == (uint8_t)i;
    CHECK(right && chip.heard_count == 1);
    target_steps[2] = out;
    for (unsigned i = 0; i < 1300; i++)
        memory[DATA + i] = (uint8_t)(i * 3);
    send_request(1, 2, SCSIOP_WRITE, 1300, true);
    interrupts();
    ENDED(1, SRB_STATUS_SUCCESS);
    CHECK(chip.got_count == 1300 && !memcmp(chip.got, memory + DATA, 1300));
}

static void
test_ends(void)
{
    static const struct step
        refuses[] = {{COMMAND_BLOCK, 0}, {STATUS_BYTE, 2}, {SAYS, 0}, {LEAVES, 0}, {END, 0}},
        full[] = {{COMMAND_BLOCK, 0}, {STATUS_BYTE, 0x28}, {SAYS, 0}, {LEAVES, 0}, {END, 0}},
        less[] = {{COMMAND_BLOCK, 0}, {GIVES, 600}, GOOD_END},
        more[] = {{COMMAND_BLOCK, 0}, {GIVES, 1200}, GOOD_END}, none[] = {{COMMAND_BLOCK, 0}, GOOD_END},
        gone[] = {{COMMAND_BLOCK, 0}, {GIVES, 512}, {LEAVES, 0}, {END, 0}},
        early[] = {{STATUS_BYTE, 8}, {SAYS, 0}, {LEAVES, 0}, {END, 0}};
    static const struct {
        const char *name;
        const struct step *steps;
        uint8_t status, scsi;
        uint32_t moved;
    } rows[] = {{"check condition", refuses, SRB_STATUS_ERROR, 2, 0},
                {"queue full", full, SRB_STATUS_BUSY, 0x28, 0},
                {"less data", less, SRB_STATUS_DATA_OVERRUN, 0, 600},
                {"more data", more, SRB_STATUS_DATA_OVERRUN, 0, 1024},
                {"no data", none, SRB_STATUS_DATA_OVERRUN, 0, 0},
                {"it leaves", gone, SRB_STATUS_UNEXPECTED_BUS_FREE, 0, 1024},
                {"busy before the command block", early, SRB_STATUS_BUSY, 8, 0},
                {"nobody", NULL, SRB_STATUS_SELECTION_TIMEOUT, 0, 1024}};

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(rows[i].name, true, 1);
        settle(3);
        target_steps[3] = rows[i].steps;
        send_request(0, 3, SCSIOP_READ, 1024, false);
        interrupts();
        ENDED(0, rows[i].status);
        CHECK_EQ(port.sent[0].srb.ScsiStatus, rows[i].scsi);
        CHECK_EQ(port.sent[0].srb.DataTransferLength, rows[i].moved);
        CHECK(port.may_send && !chip.bus_resets);
        target_steps[3] = rows[2].steps; /* and it goes on */
        send_request(1, 3, SCSIOP_READ, 600, false);
        interrupts();
        ENDED(1, SRB_STATUS_SUCCESS);
    }
}

/* Many at once, ended in another order; in the middle of their data they leave once more. */
static void
test_many(void)
{
    static const struct step first[] = {{GIVES, 700}, AWAY}, rest[] = {{GIVES, 324}, GOOD_END};
    static const unsigned order[] = {5, 0, 7, 3, 1, 6, 2, 4};

    begin("eight at once, by their tags", true, 0x12);
    for (uint8_t t = 0; t < 4; t++) {
        settle(t);
        target_steps[t] = leaves;
    }
    for (unsigned n = 0; n < 8; n++) {
        send_request(n, n % 4, SCSIOP_READ, 1024, false);
        CHECK(chip.waiting && port.sent[n].out); /* no interrupt */
    }
    for (unsigned i = 0; i < 8; i++) {
        chip.next_in = (uint8_t)(order[i] * 10);
        reselect((int)(order[i] % 4), (int)order[i], first);
        interrupts();
        CHECK(port.sent[order[i]].out);
    }
    for (unsigned i = 0; i < 8; i++) {
        unsigned n = order[7 - i];

        chip.next_in = (uint8_t)(n * 10 + 700);
        reselect((int)(n % 4), (int)n, rest);
        interrupts();
        ENDED(n, SRB_STATUS_SUCCESS);
        CHECK_EQ(port.sent[n].srb.DataTransferLength, 1024);
        CHECK(memory[n * DATA] == (uint8_t)(n * 10) && memory[n * DATA + 699] == (uint8_t)(n * 10 + 699) &&
              memory[n * DATA + 700] == (uint8_t)(n * 10 + 700) &&
              memory[n * DATA + 1023] == (uint8_t)(n * 10 + 1023));
    }
    CHECK_EQ(chip.bus_resets, 0);
}

static void
test_untagged(void)
{
    static const struct step rest[] = {{TAKES, 512}, GOOD_END};

    begin("a target that comes back without a tag", false, 1);
    settle(6);
    target_steps[6] = leaves;
    send_request(0, 6, SCSIOP_WRITE, 512, true);
    CHECK(port.sent[0].out);
    reselect(6, -1, rest);
    interrupts();
    ENDED(0, SRB_STATUS_SUCCESS);
    CHECK_EQ(chip.got_count, 512);
}

/* While another one is being selected: that one has its turn afterwards. */
static void
test_lost_selection(void)
{
    static const struct step rest[] = {{GIVES, 512}, GOOD_END},
                             plain[] = {{COMMAND_BLOCK, 0}, {GIVES, 512}, GOOD_END};

    begin("a selection is lost", true, 1);
    settle(0);
    settle(1);
    target_steps[0] = leaves;
    target_steps[1] = plain;
    send_request(0, 0, SCSIOP_READ, 512, false);
    chip.waiting = false; /* the target comes just when the signal does */
    chip.stopped = true;
    reselect(0, 0, rest);
    send_request(1, 1, SCSIOP_READ, 512, false);
    chip.dsp = chip.alternative;
    execute();
    interrupts();
    ENDED(0, SRB_STATUS_SUCCESS);
    ENDED(1, SRB_STATUS_SUCCESS);
    CHECK_EQ(chip.bus_resets, 0);
}

static void
test_speed(void)
{
    static const struct step wide[] = {{SAYS, 1},          {SAYS, 2},    {SAYS, 3}, {SAYS, 1},
                                       {COMMAND_BLOCK, 0}, {GIVES, 512}, GOOD_END},
                             fast[] = {{SAYS, 1}, {SAYS, 3},          {SAYS, 1},    {SAYS, 50},
                                       {SAYS, 8}, {COMMAND_BLOCK, 0}, {GIVES, 512}, GOOD_END},
                             rejects[] = {{SAYS, SCSIMESS_MESSAGE_REJECT},
                                          {COMMAND_BLOCK, 0},
                                          {GIVES, 512},
                                          GOOD_END},
                             plain[] = {{COMMAND_BLOCK, 0}, {GIVES, 512}, GOOD_END};
    static const struct {
        const char *name;
        uint16_t device;
        const struct step *steps;
        uint8_t scntl3, sxfer, asked;
    } rows[] = {{"16 bits", 0x12, wide, SCNTL3_CLOCK | SCNTL3_WIDE, 0, 3},
                {"synchronous", 1, fast, SCNTL3_CLOCK | SCNTL3_FAST, 4 << 5 | 8, 1},
                {"rejected", 1, rejects, SCNTL3_CLOCK, 0, 1},
                {"not listened to", 1, plain, SCNTL3_CLOCK, 0, 1}};

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t table;

        begin(rows[i].name, false, rows[i].device);
        target_steps[5] = rows[i].steps;
        send_request(0, 5, SCSIOP_READ, 512, false);
        interrupts();
        ENDED(0, SRB_STATUS_SUCCESS);
        CHECK(chip.heard[1] == SCSIMESS_EXTENDED_MESSAGE && chip.heard[3] == rows[i].asked);
        target_steps[5] = plain;
        send_request(1, 5, SCSIOP_READ, 512, false); /* not asked again, and as agreed */
        interrupts();
        ENDED(1, SRB_STATUS_SUCCESS);
        CHECK_EQ(chip.heard_count, 1);
        table = word_at(get_reg32(DSA));
        CHECK_EQ(table >> 24, rows[i].scntl3);
        CHECK_EQ(table >> 8 & 0xff, rows[i].sxfer);
    }
}

static void
test_resets(void)
{
    static const struct step rest[] = {{GIVES, 512}, GOOD_END},
                             forgets[] = {{GIVES, 100}, {SAYS, SCSIMESS_DISCONNECT}, {LEAVES, 0}, {END, 0}},
                             restores[] = {
                                 {GIVES, 100}, {SAYS, SCSIMESS_RESTORE_POINTERS}, {GIVES, 512}, GOOD_END};
    const struct step *const rows[] = {forgets, restores};

    for (unsigned i = 0; i < 2; i++) {
        begin("data that would have to be moved again", true, 1);
        settle(0);
        target_steps[0] = leaves;
        send_request(0, 0, SCSIOP_READ, 512, false);
        send_request(1, 0, SCSIOP_READ, 512, false);
        reselect(0, 0, rows[i]);
        interrupts();
        CHECK_EQ(chip.bus_resets, 1);
        ENDED(0, SRB_STATUS_BUS_RESET);
        ENDED(1, SRB_STATUS_BUS_RESET);
        CHECK(port.may_send && port.resets == 1);
    }
    begin("a tag that nobody has", true, 1);
    settle(0);
    target_steps[0] = leaves;
    send_request(0, 0, SCSIOP_READ, 512, false);
    send_request(1, 0, SCSIOP_READ, 512, false);
    reselect(0, 9, rest);
    interrupts();
    CHECK_EQ(chip.bus_resets, 1);
    ENDED(0, SRB_STATUS_BUS_RESET);
    begin("the port wants a reset", true, 1);
    settle(0);
    target_steps[0] = leaves;
    send_request(0, 0, SCSIOP_READ, 512, false);
    CHECK(port.hw.HwResetBus(port.extension, 0));
    interrupts();
    ENDED(0, SRB_STATUS_BUS_RESET);
    CHECK(chip.bus_resets == 1 && chip.chip_resets == 1); /* the one of the start */
    stop_scsi(SIST0_DISCONNECT, 0); /* DSA leads to the command that was: it is nobody's any more */
    interrupts();
    ENDED(0, SRB_STATUS_BUS_RESET);
}

/* What has no other end than a reset of the bus; all that is out comes back by it, and commands go again. */
static void
test_errors(void)
{
    static const struct step again[] = {{COMMAND_BLOCK, 0}, {GIVES, 512}, {COMMAND_BLOCK, 0}, GOOD_END},
                             good[] = {{COMMAND_BLOCK, 0}, {GIVES, 512}, GOOD_END};
    static const struct {
        const char *name;
        uint8_t scsi, dma;
        const struct step *steps;
    } rows[] = {{"parity", SIST0_PARITY, 0, NULL},
                {"gross error", SIST0_GROSS, 0, NULL},
                {"fault of the PCI bus", 0, DSTAT_FAULT, NULL},
                {"no instruction", 0, DSTAT_WRONG, NULL},
                {"the command block once more", 0, 0, again}};

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(rows[i].name, true, 1);
        settle(0);
        settle(1);
        target_steps[0] = leaves;
        send_request(0, 0, SCSIOP_READ, 512, false);
        interrupts();
        target_steps[1] = rows[i].steps ? rows[i].steps : leaves;
        send_request(1, 1, SCSIOP_READ, 512, false);
        if (rows[i].scsi)
            stop_scsi(rows[i].scsi, 0);
        if (rows[i].dma)
            stop_dma(rows[i].dma);
        interrupts();
        CHECK(chip.bus_resets == 1 && port.resets == 1);
        ENDED(0, SRB_STATUS_BUS_RESET);
        ENDED(1, SRB_STATUS_BUS_RESET);
        CHECK(port.may_send);
        settle(0);
        target_steps[0] = good;
        send_request(2, 0, SCSIOP_READ, 512, false);
        interrupts();
        ENDED(2, SRB_STATUS_SUCCESS);
    }
}

/* More commands than the ring has places. */
static void
test_ring(void)
{
    static const struct step plain[] = {{COMMAND_BLOCK, 0}, {GIVES, 512}, GOOD_END};

    begin("round the ring", true, 1);
    settle(0);
    settle(1);
    target_steps[0] = plain;
    for (unsigned i = 0; i < 700; i++) {
        uint8_t target = i % 7 == 3 ? 9 : 0; /* nobody */

        send_request(i % 14, target, SCSIOP_READ, 512, false);
        interrupts();
        ENDED(i % 14, target ? SRB_STATUS_SELECTION_TIMEOUT : SRB_STATUS_SUCCESS);
    }
    CHECK_EQ(chip.bus_resets, 0);
}

int
main(void)
{
    test_plain();
    test_ends();
    test_many();
    test_untagged();
    test_lost_selection();
    test_speed();
    test_resets();
    test_errors();
    test_ring();
    return check_report();
}
