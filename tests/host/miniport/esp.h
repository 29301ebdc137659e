/*
 * An Am53C974 and targets that do what lists of steps say. Physical addresses are offsets into `memory`, ports begin at BASE.
 */
#pragma once
#include "drivers/miniport/am53c974/regs.h"
#include "tests/host/miniport/scsiport.h"

/* What a target does next; arg: bytes of data, a status, a message's byte. */
enum step_kind { END, GIVES, TAKES, STATUS_BYTE, MESSAGE, MESSAGES_OUT, COMMAND_BLOCK, LEAVE, PARITY };
struct step {
    enum step_kind kind;
    unsigned arg;
};

static struct {
    uint8_t fifo[16];
    unsigned fifo_count, count; /* of the core: bytes of a transfer */
    uint8_t status, interrupt, step, period, offset;
    bool pending;
    uint32_t dma_command, dma_count, dma_address, dma_left, dma_status;
    int selected;                   /* target that is connected; -1: nobody */
    const struct step *todo;        /* of it */
    unsigned moved;                 /* bytes of its GIVES or TAKES step */
    uint8_t command[16], heard[16]; /* the command block; messages that we sent */
    unsigned command_size, heard_count, bus_resets;
    uint8_t next_in; /* data that targets give: 0, 1, 2.. */
    uint8_t got[DATA];
    unsigned got_count;
} chip;

static const struct step *target_steps[8]; /* what each does when it is selected; NULL: it is not there */

static void
raise_interrupt(uint8_t why, unsigned phase)
{
    chip.interrupt |= why;
    chip.status = (uint8_t)((chip.status & STATUS_PARITY) | STATUS_INTERRUPT | phase);
    chip.pending = true;
    chip.dma_status |= DMA_SCSI;
}

/* The target shows its next phase, or has gone. */
static void
show(uint8_t why)
{
    if (chip.todo->kind == PARITY) {
        chip.status |= STATUS_PARITY;
        chip.todo++;
    }
    switch (chip.todo->kind) {
    case GIVES:
        raise_interrupt(why, PHASE_DATA_IN);
        break;
    case TAKES:
        raise_interrupt(why, PHASE_DATA_OUT);
        break;
    case STATUS_BYTE:
        raise_interrupt(why, PHASE_STATUS);
        break;
    case MESSAGE:
        raise_interrupt(why, PHASE_MESSAGE_IN);
        break;
    case MESSAGES_OUT:
        raise_interrupt(why, PHASE_MESSAGE_OUT);
        break;
    case COMMAND_BLOCK:
        raise_interrupt(why, PHASE_COMMAND);
        break;
    default: /* LEAVE, END */
        chip.selected = -1;
        raise_interrupt(INT_DISCONNECT, 0);
    }
}

static void
fifo_put(uint8_t byte)
{
    CHECK(chip.fifo_count < 16);
    chip.fifo[chip.fifo_count++] = byte;
}

static uint8_t
fifo_get(void)
{
    uint8_t byte = chip.fifo[0];

    CHECK(chip.fifo_count > 0);
    memmove(chip.fifo, chip.fifo + 1, --chip.fifo_count);
    return byte;
}

static void
hear(uint8_t byte)
{
    if (chip.heard_count < sizeof chip.heard)
        chip.heard[chip.heard_count++] = byte;
}

static void
select_target(bool stop)
{
    unsigned n;

    chip.selected = -1;
    chip.heard_count = 0;
    chip.todo = target_steps[chip.step & 7];
    if (!chip.todo) {
        chip.step = 0;
        raise_interrupt(INT_DISCONNECT, 0);
        return;
    }
    chip.selected = chip.step & 7;
    chip.moved = 0;
    chip.step = 4;
    if (stop) {
        hear(fifo_get());
        raise_interrupt(INT_SERVICE | INT_DONE, PHASE_MESSAGE_OUT);
        return;
    }
    CHECK(chip.count >= 7 && chip.dma_count == chip.count);
    hear(memory[chip.dma_address]);
    n = chip.command_size = chip.count - 1;
    memcpy(chip.command, memory + chip.dma_address + 1, n);
    show(INT_SERVICE | INT_DONE);
}

/* Data or a command block, by the engine. */
static void
transfer_by_engine(void)
{
    unsigned n = chip.count;

    CHECK_EQ(chip.dma_count, chip.count);
    if (chip.todo->kind == COMMAND_BLOCK) {
        memcpy(chip.command, memory + chip.dma_address, n);
        chip.todo++;
        chip.dma_left = 0;
        show(INT_SERVICE);
        return;
    }
    if (n > chip.todo->arg - chip.moved)
        n = chip.todo->arg - chip.moved;
    for (unsigned i = 0; i < n; i++)
        if (chip.todo->kind == GIVES)
            memory[chip.dma_address + i] = chip.next_in++;
        else
            chip.got[chip.got_count++] = memory[chip.dma_address + i];
    CHECK_EQ(!!(chip.dma_command & DMA_TO_MEMORY), chip.todo->kind == GIVES);
    chip.dma_left = chip.dma_count - n;
    chip.count -= n;
    chip.moved += n;
    if (chip.moved == chip.todo->arg) {
        chip.todo++;
        chip.moved = 0;
    }
    show(INT_SERVICE);
}

static void
command(uint8_t byte)
{
    switch (byte & 0x7f) {
    case CMD_CLEAR_FIFO:
        chip.fifo_count = 0;
        break;
    case CMD_RESET_CHIP:
        chip.pending = false;
        chip.interrupt = 0;
        break;
    case CMD_RESET_BUS:
        chip.bus_resets++;
        chip.selected = -1;
        raise_interrupt(INT_RESET, 0);
        break;
    case CMD_SELECT:
        select_target(false);
        break;
    case CMD_SELECT_STOP:
        select_target(true);
        break;
    case CMD_TRANSFER:
        if (byte & CMD_DMA) {
            break; /* when the engine starts */
        }
        if (chip.todo->kind == MESSAGE) {
            fifo_put((uint8_t)chip.todo->arg);
            raise_interrupt(INT_DONE, PHASE_MESSAGE_IN);
        } else { /* our message */
            while (chip.fifo_count)
                hear(fifo_get());
            chip.todo += chip.todo->kind == MESSAGES_OUT;
            show(INT_SERVICE);
        }
        break;
    case CMD_COMPLETE:
        fifo_put((uint8_t)chip.todo->arg);
        fifo_put(SCSIMESS_COMMAND_COMPLETE);
        chip.todo++;
        raise_interrupt(INT_DONE, PHASE_MESSAGE_IN);
        break;
    case CMD_ACCEPT:
        if (chip.todo->kind == MESSAGE)
            chip.todo++;
        show(INT_SERVICE);
        break;
    default:
        break;
    }
}

/* ---- registers ---- */

#define BASE 0x1000u

static uint8_t last_command;

UCHAR NTAPI
READ_PORT_UCHAR(volatile UCHAR *p)
{
    uint8_t value;

    switch ((uintptr_t)p - BASE) {
    case FIFO:
        return fifo_get();
    case STATUS:
        return chip.pending ? chip.status : chip.status & (uint8_t)~STATUS_INTERRUPT;
    case STEP:
        return chip.step;
    case FIFO_STATE:
        return (uint8_t)chip.fifo_count;
    case COUNT_LOW:
        return (uint8_t)chip.count;
    case COUNT_MID:
        return (uint8_t)(chip.count >> 8);
    case COUNT_HIGH:
        return (uint8_t)(chip.count >> 16);
    case INTERRUPT:
        value = chip.interrupt;
        chip.interrupt = 0;
        chip.pending = false;
        chip.status &= (uint8_t) ~(STATUS_PARITY | STATUS_INTERRUPT);
        chip.dma_status &= ~(uint32_t)DMA_SCSI;
        return value;
    default:
        return 0;
    }
}

VOID NTAPI
WRITE_PORT_UCHAR(volatile UCHAR *p, UCHAR value)
{
    switch ((uintptr_t)p - BASE) {
    case COUNT_LOW:
        chip.count = (chip.count & ~0xffu) | value;
        break;
    case COUNT_MID:
        chip.count = (chip.count & ~0xff00u) | (unsigned)value << 8;
        break;
    case COUNT_HIGH:
        chip.count = (chip.count & 0xffffu) | (unsigned)value << 16;
        break;
    case FIFO:
        fifo_put(value);
        break;
    case BUS_ID:
        chip.step = value;
        break;
    case PERIOD:
        chip.period = value;
        break;
    case OFFSET:
        chip.offset = value;
        break;
    case COMMAND:
        last_command = value;
        if (!(value & CMD_DMA))
            command(value);
        break;
    default:
        break;
    }
}

ULONG NTAPI
READ_PORT_ULONG(volatile ULONG *p)
{
    return (uintptr_t)p == BASE + DMA_STATUS ? chip.dma_status
           : (uintptr_t)p == BASE + DMA_LEFT ? chip.dma_left
                                             : 0;
}

VOID NTAPI
WRITE_PORT_ULONG(volatile ULONG *p, ULONG value)
{
    switch ((uintptr_t)p - BASE) {
    case DMA_COUNT:
        chip.dma_count = value;
        break;
    case DMA_ADDRESS:
        chip.dma_address = value;
        break;
    case DMA_COMMAND:
        chip.dma_command = value;
        if ((value & 3) == DMA_BLAST)
            chip.dma_status |= DMA_BLASTED;
        if ((value & 3) != DMA_START)
            break;
        if ((last_command & 0x7f) == CMD_SELECT)
            command(last_command);
        else
            transfer_by_engine();
        break;
    default:
        break;
    }
}
