/*
 * A 53C8xx that runs SCRIPTS, and targets that do what lists of steps say. Physical addresses are offsets into `memory`.
 */
#pragma once
#include "drivers/miniport/sym53c8xx/regs.h"
#include "tests/host/miniport/scsiport.h"

#define BASE      0x1000u
#define STEPS_MAX 40

/* What a target does next; arg: bytes of data, a status, a message's byte. A selection begins behind our messages. */
enum step_kind { END, GIVES, TAKES, STATUS_BYTE, SAYS, HEARS, COMMAND_BLOCK, LEAVES };
struct step {
    enum step_kind kind;
    unsigned arg;
};

static struct {
    uint8_t reg[128];
    uint8_t sfbr;
    uint32_t dsp, alternative; /* of the WAIT RESELECT that it waits in */
    bool waiting, stopped, signal, reset_held;
    int target; /* that is connected; -1: nobody */
    struct step list[STEPS_MAX];
    const struct step *todo;
    unsigned moved;              /* bytes of its step */
    struct step back[STEPS_MAX]; /* of a target that wants to come back */
    int back_target;             /* -1: none */
    uint8_t heard[16], command[16], got[DATA], next_in;
    unsigned heard_count, got_count, bus_resets, chip_resets, instructions;
} chip;

static const struct step *target_steps[16]; /* what each does when it is selected; NULL: it is not there */

static uint32_t
word_at(uint32_t at)
{
    uint32_t value;

    CHECK(at + 4 <= sizeof memory);
    memcpy(&value, memory + at % (sizeof memory - 3), 4);
    return value;
}

static uint32_t
get_reg32(unsigned reg)
{
    uint32_t value;

    memcpy(&value, chip.reg + reg, 4);
    return value;
}

static void
set_reg32(unsigned reg, uint32_t value)
{
    memcpy(chip.reg + reg, &value, 4);
}

static void
stop_scsi(uint8_t why0, uint8_t why1)
{
    chip.reg[SIST0] |= why0;
    chip.reg[SIST1] |= why1;
    chip.reg[ISTAT] |= ISTAT_SCSI;
    chip.stopped = true;
}

static void
stop_dma(uint8_t why)
{
    chip.reg[DSTAT] |= why;
    chip.reg[ISTAT] |= ISTAT_DMA;
    chip.stopped = true;
}

static int
phase_now(void)
{
    static const int phases[] = {
        [GIVES] = 1, [TAKES] = 0, [STATUS_BYTE] = 3, [SAYS] = 7, [HEARS] = 6, [COMMAND_BLOCK] = 2};

    return chip.target < 0 || chip.todo->kind == END || chip.todo->kind == LEAVES ? -1
                                                                                  : phases[chip.todo->kind];
}

static void
connect(int target, const struct step *first, const struct step *steps)
{
    unsigned n = 0;

    while (first && first->kind != END)
        chip.list[n++] = *first++;
    do
        chip.list[n++] = *steps;
    while ((steps++)->kind != END);
    chip.target = target;
    chip.todo = chip.list;
    chip.moved = 0;
}

/* ---- instructions ---- */

static void
move_data(uint32_t address, uint32_t count)
{
    uint32_t n = chip.todo->arg - chip.moved;

    n = n < count ? n : count;
    for (uint32_t i = 0; i < n; i++)
        if (chip.todo->kind == GIVES)
            memory[address + i] = chip.next_in++;
        else if (chip.got_count < sizeof chip.got)
            chip.got[chip.got_count++] = memory[address + i];
    chip.moved += n;
    if (chip.moved == chip.todo->arg) {
        chip.todo++;
        chip.moved = 0;
    }
    set_reg32(DBC, count - n);
    chip.reg[DFIFO] = (uint8_t)(count - n);
    if (n < count) {
        chip.reg[SSTAT1] = (uint8_t)(phase_now() & 7);
        stop_scsi(SIST0_PHASE, 0);
    }
}

static void
block_move(uint32_t insn, uint32_t operand)
{
    uint32_t count = insn & 0xffffff, address = operand;
    int phase = insn >> 24 & 7;

    if (insn & 1u << 28) {
        count = word_at(get_reg32(DSA) + operand) & 0xffffff;
        address = word_at(get_reg32(DSA) + operand + 4);
    }
    set_reg32(DBC, count);
    if (phase_now() < 0) {
        chip.target = -1;
        stop_scsi(SIST0_DISCONNECT, 0);
        return;
    }
    CHECK(count > 0 && address + count <= sizeof memory);
    chip.reg[SSTAT1] = (uint8_t)phase_now();
    if (phase_now() != phase) {
        chip.reg[DFIFO] = (uint8_t)count;
        stop_scsi(SIST0_PHASE, 0);
        return;
    }
    switch (chip.todo->kind) {
    case GIVES:
    case TAKES:
        move_data(address, count);
        return;
    case COMMAND_BLOCK:
        memcpy(chip.command, memory + address, count < 16 ? count : 16);
        chip.todo++;
        return;
    case STATUS_BYTE:
        memory[address] = chip.sfbr = (uint8_t)chip.todo->arg;
        chip.todo++;
        return;
    case SAYS:
        for (uint32_t i = 0; i < count && chip.todo->kind == SAYS; i++, chip.todo++)
            memory[address + i] = chip.sfbr = (uint8_t)chip.todo->arg;
        return;
    default: /* HEARS */
        for (uint32_t i = 0; i < count && chip.heard_count < sizeof chip.heard; i++)
            chip.heard[chip.heard_count++] = memory[address + i];
        chip.todo++;
    }
}

static void
select_or_wait(uint32_t insn, uint32_t operand)
{
    static const struct step ours[] = {{HEARS, 0}, {END, 0}};
    unsigned id;

    switch (insn >> 27 & 7) {
    case 0: /* SELECT */
        id = word_at(get_reg32(DSA) + (insn & 0xffffff)) >> 16 & 15;
        if (chip.back_target >= 0) { /* somebody was faster */
            chip.dsp = operand;
            connect(chip.back_target, NULL, chip.back);
            chip.reg[SSID] = (uint8_t)(0x80 | chip.back_target);
            chip.back_target = -1;
            return;
        }
        chip.reg[SDID] = (uint8_t)id;
        chip.heard_count = 0;
        if (!target_steps[id])
            stop_scsi(0, SIST1_TIMEOUT);
        else
            connect((int)id, ours, target_steps[id]);
        return;
    case 1: /* WAIT DISCONNECT */
        CHECK(chip.target >= 0 && chip.todo->kind == LEAVES);
        chip.target = -1;
        return;
    case 2: /* WAIT RESELECT */
        if (chip.signal) {
            chip.dsp = operand;
        } else if (chip.back_target >= 0) {
            connect(chip.back_target, NULL, chip.back);
            chip.reg[SSID] = (uint8_t)(0x80 | chip.back_target);
            chip.back_target = -1;
        } else {
            chip.waiting = true;
            chip.alternative = operand;
        }
        return;
    default: /* SET, CLEAR */
        return;
    }
}

static void
register_op(uint32_t insn)
{
    unsigned reg = insn >> 16 & 0x7f;
    uint8_t data = (uint8_t)(insn >> 8);

    if (insn >> 24 == 0x78)
        chip.reg[reg] = data;
    else if (insn >> 24 == 0x7c)
        chip.reg[reg] &= data;
    else if (insn >> 24 == 0x72)
        chip.sfbr = chip.reg[reg];
    else
        CHECK(!"a register instruction that the program has not");
    if (reg == CTEST2)
        chip.signal = false;
}

static bool
condition(uint32_t insn)
{
    bool wanted = insn & 1u << 19, is = wanted;

    if (insn & 1u << 17)
        is = phase_now() == (int)(insn >> 24 & 7);
    if (is == wanted && insn & 1u << 18)
        is = ((chip.sfbr ^ insn) & ~(insn >> 8) & 0xff) == 0;
    return is == wanted;
}

static uint32_t temp;

static void
transfer_control(uint32_t insn, uint32_t operand)
{
    if (insn & 1u << 16 && phase_now() < 0) { /* WHEN, and nobody is there any more */
        chip.target = -1;
        stop_scsi(SIST0_DISCONNECT, 0);
        return;
    }
    if (!condition(insn))
        return;
    switch (insn >> 27 & 7) {
    case 0:
        chip.dsp = operand;
        break;
    case 1:
        temp = chip.dsp;
        chip.dsp = operand;
        break;
    case 2:
        chip.dsp = temp;
        break;
    default:
        set_reg32(DSPS, operand);
        stop_dma(DSTAT_INT);
    }
}

static void
execute(void)
{
    chip.stopped = chip.waiting = false;
    for (unsigned n = 0; n < 5000 && !chip.stopped && !chip.waiting; n++) {
        uint32_t insn = word_at(chip.dsp), operand = word_at(chip.dsp + 4);

        chip.instructions++;
        chip.dsp += 8;
        switch (insn >> 30) {
        case 0:
            block_move(insn, operand);
            break;
        case 1:
            if ((insn >> 27 & 7) < 5)
                select_or_wait(insn, operand);
            else
                register_op(insn);
            break;
        case 2:
            transfer_control(insn, operand);
            break;
        default:
            memmove(memory + word_at(chip.dsp), memory + operand, insn & 0xffffff);
            chip.dsp += 4;
        }
    }
    CHECK(chip.stopped || chip.waiting);
    set_reg32(DSP, chip.dsp);
}

/* A target comes back with the nexus of a request (tag -1: none), and does these steps. */
static void
reselect(int target, int tag, const struct step *steps)
{
    unsigned n = 0;

    chip.back[n++] = (struct step){SAYS, 0x80};
    if (tag >= 0) {
        chip.back[n++] = (struct step){SAYS, SRB_SIMPLE_TAG_REQUEST};
        chip.back[n++] = (struct step){SAYS, (unsigned)tag};
    }
    do
        chip.back[n++] = *steps;
    while ((steps++)->kind != END);
    chip.back_target = target;
    if (chip.waiting) { /* in WAIT RESELECT: it goes on behind it */
        connect(target, NULL, chip.back);
        chip.reg[SSID] = (uint8_t)(0x80 | target);
        chip.back_target = -1;
        execute();
    }
}

/* ---- registers ---- */

UCHAR NTAPI
READ_REGISTER_UCHAR(volatile UCHAR *p)
{
    unsigned reg = (unsigned)((uintptr_t)p - BASE);
    uint8_t value = chip.reg[reg];

    if (reg == SIST0 || reg == SIST1)
        chip.reg[reg] = 0;
    if (reg == DSTAT) {
        chip.reg[reg] = 0;
        chip.reg[ISTAT] &= (uint8_t)~ISTAT_DMA;
    }
    if (!chip.reg[SIST0] && !chip.reg[SIST1])
        chip.reg[ISTAT] &= (uint8_t)~ISTAT_SCSI;
    if (reg == ISTAT && chip.signal)
        value |= ISTAT_SIGNAL;
    return value;
}

VOID NTAPI
WRITE_REGISTER_UCHAR(volatile UCHAR *p, UCHAR value)
{
    unsigned reg = (unsigned)((uintptr_t)p - BASE);

    if (reg == ISTAT) {
        if (value & ISTAT_RESET) {
            chip.chip_resets++;
            memset(chip.reg, 0, sizeof chip.reg);
            chip.target = -1;
            chip.waiting = chip.signal = false;
            chip.stopped = true;
        } else if (value & ISTAT_SIGNAL) {
            chip.signal = true;
            if (chip.waiting) {
                chip.dsp = chip.alternative;
                execute();
            }
        }
        return;
    }
    if (reg == SCNTL1 && value & SCNTL1_RESET && !(chip.reg[reg] & SCNTL1_RESET)) {
        chip.bus_resets++;
        chip.target = chip.back_target = -1;
        chip.waiting = false;
        stop_scsi(SIST0_RESET, 0);
    }
    chip.reg[reg] = value;
}

ULONG NTAPI
READ_REGISTER_ULONG(volatile ULONG *p)
{
    return get_reg32((unsigned)((uintptr_t)p - BASE));
}

VOID NTAPI
WRITE_REGISTER_ULONG(volatile ULONG *p, ULONG value)
{
    unsigned reg = (unsigned)((uintptr_t)p - BASE);

    set_reg32(reg, value);
    if (reg == DSP) {
        CHECK(chip.stopped); /* it does not run */
        chip.dsp = value;
        execute();
    }
}
