#include "kernel/console/serial.h"
#include "kernel/console/inbox.h"
#include "kernel/cpu/io.h"
#include "kernel/cpu/irq.h"
#include "kernel/cpu/tsc.h"
#include "kernel/sync/spin.h"
#include "lib/errno.h"

/* PC16550D data sheet, table II: registers from the base; DLL and DLM with the divisor latch open. */
#define COM1          0x3f8
#define COM1_LINE     4
#define UART_DATA     0
#define UART_DLL      0
#define UART_IER      1
#define IER_RECEIVED  0x01
#define UART_DLM      1
#define UART_FCR      2
#define FCR_ENABLE    0x01
#define FCR_CLEAR     0x06
#define FCR_TRIGGER_8 0x80
#define UART_LCR      3
#define LCR_8N1       0x03
#define LCR_DLAB      0x80
#define UART_MCR      4
#define MCR_DTR_RTS   0x03
#define MCR_OUT2      0x08 /* gates the interrupt on PCs */
#define MCR_LOOPBACK  0x10
#define UART_LSR      5
#define LSR_READY     0x01
#define LSR_THR_EMPTY 0x20
#define UART_SCRATCH  7

#define FIFO_SIZE       16
#define SEND_TIMEOUT_US 2000 /* 16 bytes take 1.4 ms at 115200 baud */
#define DEBUGCON_PORT   0xe9

static spinlock_t lock = SPINLOCK(LOCK_SERIAL, "serial");
static bool present;  /* [lock] */
static unsigned room; /* [lock] bytes that surely fit into the transmit FIFO */
static struct irq irq;
static struct inbox inbox;

static bool
loopback_works(void)
{
    bool works;

    port_write8(COM1 + UART_MCR, MCR_LOOPBACK | MCR_DTR_RTS);
    port_write8(COM1 + UART_DATA, 0xae);
    stall_us(200);
    works = port_read8(COM1 + UART_DATA) == 0xae;
    port_write8(COM1 + UART_MCR, MCR_DTR_RTS | MCR_OUT2);
    return works;
}

bool
serial_init(void)
{
    port_write8(COM1 + UART_SCRATCH, 0x5a);
    if (port_read8(COM1 + UART_SCRATCH) != 0x5a)
        return false;
    port_write8(COM1 + UART_IER, 0);
    port_write8(COM1 + UART_LCR, LCR_DLAB);
    port_write8(COM1 + UART_DLL, 1); /* 115200 */
    port_write8(COM1 + UART_DLM, 0);
    port_write8(COM1 + UART_LCR, LCR_8N1);
    port_write8(COM1 + UART_FCR, FCR_ENABLE | FCR_CLEAR | FCR_TRIGGER_8);
    present = loopback_works();
    return present;
}

/* Wait until the transmit FIFO is empty, within a bound. A port that never drains is given up for good. */
static bool
fifo_drain(void)
{
    for (unsigned us = 0; us < SEND_TIMEOUT_US; us++) {
        if (port_read8(COM1 + UART_LSR) & LSR_THR_EMPTY) {
            room = FIFO_SIZE;
            return true;
        }
        stall_us(1);
    }
    present = false;
    return false;
}

static void
byte_send(char c)
{
    if (room == 0 && !fifo_drain())
        return;
    port_write8(COM1 + UART_DATA, (uint8_t)c);
    room--;
}

void
serial_write(const char *text, size_t size)
{
    bool alone = log_panicking(); /* whoever holds the lock has been stopped */
    uint64_t were_on = alone ? 0 : spin_lock_interrupts(&lock);

    for (size_t i = 0; i < size && present; i++) {
        if (text[i] == '\n')
            byte_send('\r');
        byte_send(text[i]);
    }
    if (!alone)
        spin_unlock_interrupts(&lock, were_on);
}

/* Reading IIR is not needed: received data is the only source that is on. */
static bool
serial_interrupt(void *context)
{
    bool ours = false;

    for (unsigned i = 0; i < INBOX_SIZE && port_read8(COM1 + UART_LSR) & LSR_READY; i++) {
        inbox_put(&inbox, port_read8(COM1 + UART_DATA));
        ours = true;
    }
    if (ours)
        inbox_deliver(&inbox);
    return ours;
}

int
serial_listen(void (*take)(uint8_t byte))
{
    int err;

    if (!present)
        return -ENODEV;
    inbox_init(&inbox, take);
    irq = (struct irq){.handler = serial_interrupt, .name = "serial"};
    err = irq_connect_line(&irq, COM1_LINE, IRQ_EDGE, false);
    if (!err)
        port_write8(COM1 + UART_IER, IER_RECEIVED);
    return err;
}

static void
debugcon_write(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        port_write8(DEBUGCON_PORT, (uint8_t)text[i]);
}

struct log_sink serial_log = {.name = "serial", .write = serial_write, .threshold = LOG_INFO};
struct log_sink debugcon_log = {.name = "debugcon", .write = debugcon_write, .threshold = LOG_DEBUG};
