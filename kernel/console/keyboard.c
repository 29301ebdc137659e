#include "kernel/console/keyboard.h"
#include "kernel/console/inbox.h"
#include "kernel/console/keymap.h"
#include "kernel/console/tty.h"
#include "kernel/cpu/io.h"
#include "kernel/cpu/irq.h"
#include "kernel/cpu/tsc.h"
#include "lib/errno.h"
#include "lib/field.h"

/* 8042 as in the PC: ports, status and configuration bits, commands (IBM PS/2 technical reference). */
#define PS2_DATA             0x60
#define PS2_STATUS           0x64
#define STATUS_OUTPUT_FULL   BIT(0) /* a byte for us */
#define STATUS_INPUT_FULL    BIT(1) /* it has not taken our last byte */
#define STATUS_AUX           BIT(5) /* the byte is the mouse's */
#define PS2_COMMAND          0x64
#define COMMAND_READ_CONFIG  0x20
#define COMMAND_WRITE_CONFIG 0x60
#define COMMAND_AUX_OFF      0xa7
#define COMMAND_KEYBOARD_OFF 0xad
#define COMMAND_KEYBOARD_ON  0xae
#define CONFIG_IRQ           BIT(0)
#define CONFIG_AUX_IRQ       BIT(1)
#define CONFIG_OFF           BIT(4)
#define CONFIG_TRANSLATE     BIT(6) /* to scan code set 1 */

#define PS2_LINE       1
#define PS2_TIMEOUT_US 50000
#define PS2_POLL_US    10

static struct irq irq;
static struct inbox inbox;
static struct keymap keymap;     /* the DPC's */
static void (*reboot_key)(void); /* [I] */

/* Wait until (status & mask) == value. Returns 0 or -EIO. */
static int
status_wait(uint8_t mask, uint8_t value)
{
    for (unsigned us = 0; us < PS2_TIMEOUT_US; us += PS2_POLL_US) {
        if ((port_read8(PS2_STATUS) & mask) == value)
            return 0;
        stall_us(PS2_POLL_US);
    }
    return -EIO;
}

static int
command(uint8_t c)
{
    int err = status_wait(STATUS_INPUT_FULL, 0);

    if (!err)
        port_write8(PS2_COMMAND, c);
    return err;
}

static void
output_flush(void)
{
    for (unsigned i = 0; i < 64 && port_read8(PS2_STATUS) & STATUS_OUTPUT_FULL; i++)
        (void)port_read8(PS2_DATA);
}

static int
config_read(uint8_t *config)
{
    int err = command(COMMAND_READ_CONFIG);

    if (!err)
        err = status_wait(STATUS_OUTPUT_FULL, STATUS_OUTPUT_FULL);
    if (!err)
        *config = port_read8(PS2_DATA);
    return err;
}

static int
config_write(uint8_t config)
{
    int err = command(COMMAND_WRITE_CONFIG);

    if (!err)
        err = status_wait(STATUS_INPUT_FULL, 0);
    if (!err)
        port_write8(PS2_DATA, config);
    return err;
}

/* Takes the bytes; the DPC looks at them. */
static bool
keyboard_interrupt(void *context)
{
    bool ours = false;

    for (unsigned i = 0; i < INBOX_SIZE; i++) {
        uint8_t status = port_read8(PS2_STATUS), byte;

        if (!(status & STATUS_OUTPUT_FULL))
            break;
        byte = port_read8(PS2_DATA);
        ours = true;
        if (!(status & STATUS_AUX))
            inbox_put(&inbox, byte);
    }
    if (ours)
        inbox_deliver(&inbox);
    return ours;
}

static void
keyboard_byte(uint8_t byte)
{
    char text[KEYMAP_TEXT_MAX];
    size_t size;

    switch (keymap_feed(&keymap, byte, text, &size)) {
    case KEY_TEXT:
        tty_input(text, size);
        break;
    case KEY_REBOOT:
        reboot_key();
        break;
    case KEY_NOTHING:
        break;
    }
}

static int
controller_init(void)
{
    uint8_t config = 0;
    int err = 0;

    if (port_read8(PS2_STATUS) == 0xff)
        return -ENODEV;
    if (command(COMMAND_KEYBOARD_OFF) || command(COMMAND_AUX_OFF))
        return -EIO;
    output_flush();
    err = config_read(&config);
    if (!err) {
        config &= (uint8_t) ~(CONFIG_AUX_IRQ | CONFIG_OFF);
        err = config_write((uint8_t)(config | CONFIG_IRQ | CONFIG_TRANSLATE));
    }
    return err ? err : command(COMMAND_KEYBOARD_ON);
}

int
keyboard_init(void (*reboot)(void))
{
    int err = controller_init();

    if (err)
        return err;
    reboot_key = reboot;
    inbox_init(&inbox, keyboard_byte);
    irq = (struct irq){.handler = keyboard_interrupt, .name = "keyboard"};
    return irq_connect_line(&irq, PS2_LINE, IRQ_EDGE, false);
}
