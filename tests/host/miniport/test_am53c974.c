// sources: drivers/miniport/am53c974/am53c974.c drivers/miniport/am53c974/phase.c drivers/miniport/am53c974/message.c
// flags: -Idrivers/ddk -Wno-missing-prototypes -Wno-unused-function
/*
 * am53c974.sys on a simulated chip and bus: what QEMU's does not do. Targets that disconnect and reselect, answer to SDTR, send
 * messages that nobody knows, have parity errors, want too much data, or leave.
 */
#include "tests/host/miniport/esp.h"

static void
interrupts(void)
{
    for (unsigned n = 0; n < 200 && chip.dma_status & DMA_SCSI; n++)
        CHECK(port.hw.HwInterrupt(port.extension));
    CHECK(!(chip.dma_status & DMA_SCSI));
}

/* SDTR is offered with a target's first READ or WRITE; most tests are about something else. */
#define OTHER 0x2f /* VERIFY(10) offers it too: so it is let go first */

ULONG NTAPI DriverEntry(PVOID driver, PVOID registry);

static void
begin(const char *row)
{
    static ACCESS_RANGE range = {.RangeStart.QuadPart = BASE, .RangeLength = 0x80};
    BOOLEAN again = 1;

    check_row("%s", row);
    memset(&chip, 0, sizeof chip);
    memset(&port, 0, sizeof port);
    memset(memory, 0, sizeof memory);
    memset(target_steps, 0, sizeof target_steps);
    chip.selected = -1;
    CHECK_EQ(DriverEntry(NULL, NULL), 0);
    port.config = (PORT_CONFIGURATION_INFORMATION){.AccessRanges = (ACCESS_RANGE(*)[])(void *)&range};
    CHECK_EQ(port.hw.HwFindAdapter(port.extension, NULL, NULL, NULL, &port.config, &again), SP_RETURN_FOUND);
    CHECK(!again && port.hw.HwInitialize(port.extension));
    interrupts();
    port.may_send = true;
    port.resets = chip.bus_resets = 0;
}

/* A command that was sent has ended so. */
#define ENDED(n, status) CHECK(port.sent[n].done), CHECK_EQ(port.sent[n].srb.SrbStatus, (status))

/* The target answers SDTR with MESSAGE REJECT, once, so that it is not asked any more. */
static void
settle(uint8_t target)
{
    static const struct step steps[] = {{MESSAGES_OUT, 0},
                                        {MESSAGE, SCSIMESS_MESSAGE_REJECT},
                                        {COMMAND_BLOCK, 0},
                                        {STATUS_BYTE, 0},
                                        {LEAVE, 0}};

    target_steps[target] = steps;
    send_request(15, target, OTHER, 0, false);
    interrupts();
    ENDED(15, SRB_STATUS_SUCCESS);
    CHECK(chip.heard_count == 6 && chip.heard[1] == 1 && chip.heard[3] == 1); /* IDENTIFY, then SDTR */
    CHECK_EQ(chip.command[0], OTHER);
}

static void
test_plain(void)
{
    static const struct step in[] = {{GIVES, 1300}, {STATUS_BYTE, 0}, {LEAVE, 0}},
                             out[] = {{TAKES, 1300}, {STATUS_BYTE, 0}, {LEAVE, 0}};
    bool right = true;

    begin("read and write");
    settle(2);
    target_steps[2] = in;
    send_request(0, 2, SCSIOP_READ, 1300, false);
    interrupts();
    ENDED(0, SRB_STATUS_SUCCESS);
    for (unsigned i = 0; i < 1300; i++)
        right &= memory[i] == (uint8_t)i;
    CHECK(right && chip.command_size == 10 && chip.command[9] == 0 && chip.heard[0] == 0xc0);
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
    static const struct step refuses[] = {{STATUS_BYTE, 2}, {LEAVE, 0}},
                             busy[] = {{STATUS_BYTE, 8}, {LEAVE, 0}},
                             less[] = {{GIVES, 600}, {STATUS_BYTE, 0}, {LEAVE, 0}},
                             gone[] = {{GIVES, 512}, {LEAVE, 0}},
                             parity[] = {
                                 {GIVES, 512}, {PARITY, 0}, {GIVES, 512}, {STATUS_BYTE, 0}, {LEAVE, 0}};
    static const struct {
        const char *name;
        const struct step *steps;
        uint8_t status, scsi;
        uint32_t moved;
    } rows[] = {{"check condition", refuses, SRB_STATUS_ERROR, 2, 0},
                {"busy", busy, SRB_STATUS_BUSY, 8, 0},
                {"less data", less, SRB_STATUS_DATA_OVERRUN, 0, 600},
                {"it leaves", gone, SRB_STATUS_UNEXPECTED_BUS_FREE, 0, 512},
                {"parity", parity, SRB_STATUS_PARITY_ERROR, 0, 1024},
                {"nobody", NULL, SRB_STATUS_SELECTION_TIMEOUT, 0, 0}};

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(rows[i].name);
        settle(3);
        target_steps[3] = rows[i].steps;
        send_request(0, 3, SCSIOP_READ, 1024, false);
        interrupts();
        ENDED(0, rows[i].status);
        CHECK_EQ(port.sent[0].srb.ScsiStatus, rows[i].scsi);
        CHECK_EQ(port.sent[0].srb.DataTransferLength, rows[i].moved);
        CHECK(port.may_send && !chip.bus_resets);
    }
}

/* The chip says that a target is back. */
static void
reselect(uint8_t target, const struct step *steps)
{
    chip.fifo_count = 0;
    fifo_put((uint8_t)(1u << target | 1u << 7));
    fifo_put(0x80);
    chip.selected = target;
    chip.todo = steps;
    chip.moved = 0;
    raise_interrupt(INT_RESELECTED, PHASE_MESSAGE_IN);
}

static void
test_disconnection(void)
{
    static const struct step first[] = {{GIVES, 512},
                                        {MESSAGE, SCSIMESS_SAVE_DATA_POINTER},
                                        {MESSAGE, SCSIMESS_DISCONNECT},
                                        {LEAVE, 0}},
                             forgets[] = {{GIVES, 512}, {MESSAGE, SCSIMESS_DISCONNECT}, {LEAVE, 0}},
                             rest[] = {{GIVES, 512}, {STATUS_BYTE, 0}, {LEAVE, 0}},
                             all[] = {{GIVES, 1024}, {STATUS_BYTE, 0}, {LEAVE, 0}},
                             other[] = {{GIVES, 256}, {STATUS_BYTE, 0}, {LEAVE, 0}};

    for (unsigned saves = 0; saves < 2; saves++) {
        begin(saves ? "disconnects with its pointer saved" : "disconnects without saving: it begins again");
        settle(1);
        settle(4);
        target_steps[1] = saves ? first : forgets;
        target_steps[4] = other;
        chip.next_in = 100;
        send_request(0, 1, SCSIOP_READ, 1024, false);
        interrupts();
        CHECK(port.sent[0].out && port.may_send);
        send_request(1, 4, SCSIOP_READ, 256, false); /* meanwhile */
        interrupts();
        ENDED(1, SRB_STATUS_SUCCESS);
        chip.next_in = 7;
        reselect(1, saves ? rest : all);
        interrupts();
        ENDED(0, SRB_STATUS_SUCCESS);
        CHECK_EQ(memory[0], saves ? 100 : 7);
        CHECK_EQ(memory[512], saves ? 7 : (uint8_t)(7 + 512));
        CHECK_EQ(port.sent[0].srb.DataTransferLength, 1024);
    }
}

/* A target comes back while we select another: that one is selected afterwards. */
static void
test_lost_selection(void)
{
    static const struct step leaves[] = {{MESSAGE, SCSIMESS_DISCONNECT}, {LEAVE, 0}},
                             rest[] = {{GIVES, 512}, {STATUS_BYTE, 0}, {LEAVE, 0}},
                             other[] = {{GIVES, 256}, {STATUS_BYTE, 0}, {LEAVE, 0}};

    begin("a selection is lost");
    settle(1);
    settle(4);
    target_steps[1] = leaves;
    send_request(0, 1, SCSIOP_READ, 512, false);
    interrupts();
    target_steps[4] = other;
    send_request(1, 4, SCSIOP_READ, 256, false);
    CHECK(chip.dma_status &
          DMA_SCSI); /* the selection's interrupt has not been taken: it did not come about */
    chip.interrupt = 0;
    reselect(1, rest);
    interrupts();
    ENDED(0, SRB_STATUS_SUCCESS);
    ENDED(1, SRB_STATUS_SUCCESS);
    CHECK_EQ(chip.bus_resets, 0);
}

static void
test_speed(void)
{
    static const struct step agrees[] = {{MESSAGES_OUT, 0}, {MESSAGE, 1}, {MESSAGE, 3},       {MESSAGE, 1},
                                         {MESSAGE, 50},     {MESSAGE, 8}, {COMMAND_BLOCK, 0}, {GIVES, 512},
                                         {STATUS_BYTE, 0},  {LEAVE, 0}},
                             plain[] = {{GIVES, 512}, {STATUS_BYTE, 0}, {LEAVE, 0}};

    begin("synchronous transfers");
    target_steps[5] = agrees;
    send_request(0, 5, SCSIOP_READ, 512, false);
    interrupts();
    ENDED(0, SRB_STATUS_SUCCESS);
    CHECK(chip.period == 8 && chip.offset == 8); /* 200 ns of 40 MHz */
    chip.period = chip.offset = 0;
    target_steps[5] = plain;
    send_request(1, 5, SCSIOP_READ, 512, false); /* not asked again, and as agreed */
    interrupts();
    ENDED(1, SRB_STATUS_SUCCESS);
    CHECK(chip.period == 8 && chip.offset == 8);
    CHECK_EQ(chip.heard_count, 1);
}

static void
test_messages(void)
{
    static const struct step unknown[] = {{MESSAGE, 0x55},
                                          {MESSAGES_OUT, 0},
                                          {GIVES, 512},
                                          {STATUS_BYTE, 0},
                                          {LEAVE, 0}},
                             extended[] = {{MESSAGE, 1},      {MESSAGE, 2}, {MESSAGE, 3},     {MESSAGE, 1},
                                           {MESSAGES_OUT, 0}, {GIVES, 512}, {STATUS_BYTE, 0}, {LEAVE, 0}},
                             two[] = {{MESSAGE, 0x23}, {MESSAGE, 1},     {MESSAGES_OUT, 0},
                                      {GIVES, 512},    {STATUS_BYTE, 0}, {LEAVE, 0}};
    const struct step *const rows[] = {unknown, extended, two};

    for (unsigned i = 0; i < 3; i++) {
        begin("messages that are not known");
        settle(0);
        target_steps[0] = rows[i];
        send_request(0, 0, SCSIOP_READ, 512, false);
        interrupts();
        ENDED(0, SRB_STATUS_SUCCESS);
        CHECK(!chip.bus_resets && chip.heard[1] == SCSIMESS_MESSAGE_REJECT);
    }
}

static void
test_resets(void)
{
    static const struct step more[] = {{GIVES, 4096}, {STATUS_BYTE, 0}, {LEAVE, 0}},
                             wrong[] = {{TAKES, 512}, {STATUS_BYTE, 0}, {LEAVE, 0}},
                             waits[] = {{MESSAGE, SCSIMESS_DISCONNECT}, {LEAVE, 0}};
    const struct step *const rows[] = {more, wrong};

    for (unsigned i = 0; i < 2; i++) {
        begin("more data than was said, or the other way");
        settle(0);
        settle(1);
        target_steps[0] = waits;
        send_request(0, 0, SCSIOP_READ, 512, false);
        interrupts();
        target_steps[1] = rows[i];
        send_request(1, 1, SCSIOP_READ, 512, false);
        interrupts();
        CHECK_EQ(chip.bus_resets, 1);
        CHECK_EQ(port.resets, 1);
        ENDED(0, SRB_STATUS_BUS_RESET);
        ENDED(1, SRB_STATUS_BUS_RESET);
        CHECK(port.may_send);
    }
    begin("the port wants a reset; a target that nobody has sent anything comes back");
    settle(0);
    target_steps[0] = waits;
    send_request(0, 0, SCSIOP_READ, 512, false);
    interrupts();
    CHECK(port.hw.HwResetBus(port.extension, 0));
    interrupts();
    ENDED(0, SRB_STATUS_BUS_RESET);
    reselect(6, waits);
    interrupts();
    CHECK_EQ(chip.bus_resets, 2);
    CHECK(port.may_send);
}

/* What the chip says can only be answered by a reset; all that is out comes back by it, and commands go again. */
static void
test_errors(void)
{
    static const struct step waits[] = {{MESSAGE, SCSIMESS_DISCONNECT}, {LEAVE, 0}},
                             good[] = {{GIVES, 512}, {STATUS_BYTE, 0}, {LEAVE, 0}};
    static const struct {
        const char *name;
        uint8_t why, status;
    } rows[] = {{"gross error", INT_SERVICE, STATUS_GROSS},
                {"a command that it does not know", INT_INVALID, 0},
                {"somebody selects us", INT_SELECTED, 0}};

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(rows[i].name);
        settle(0);
        target_steps[0] = waits;
        send_request(0, 0, SCSIOP_READ, 512, false);
        interrupts();
        raise_interrupt(rows[i].why, rows[i].status);
        interrupts();
        CHECK(chip.bus_resets == 1 && port.resets == 1);
        ENDED(0, SRB_STATUS_BUS_RESET);
        settle(0);
        target_steps[0] = good;
        send_request(1, 0, SCSIOP_READ, 512, false);
        interrupts();
        ENDED(1, SRB_STATUS_SUCCESS);
        CHECK(port.may_send);
    }
}

int
main(void)
{
    test_plain();
    test_ends();
    test_disconnection();
    test_lost_selection();
    test_speed();
    test_messages();
    test_resets();
    test_errors();
    return check_report();
}
