#include "kernel/cpu/pic.h"
#include "kernel/cpu/io.h"
#include "kernel/cpu/irq.h"
#include "kernel/sync/spin.h"
#include "lib/field.h"

// clang-format off
#define PIC1                 0x20        /* command; data one above */
#define PIC2                 0xa0
#define  PIC_DATA              1
#define  ICW1_INIT             0x11      /* edge, cascade, ICW4 follows */
#define  ICW4_8086             0x01
#define  OCW2_EOI              0x60      /* specific: line in bits 2..0 */
#define  OCW3_READ_ISR         0x0b
#define ELCR                 0x4d0       /* two bytes; bit set: line is level triggered */
#define  ELCR_EDGE_ONLY        (BIT(0) | BIT(1) | BIT(2) | BIT(8) | BIT(13))
// clang-format on

static spinlock_t lock = SPINLOCK(LOCK_IRQ_CHIP, "pic"); /* with interrupts off */
static uint16_t masked = 0xffff;                         /* [lock] as in the two mask registers */

static uint16_t
chip(unsigned line)
{
    return line < 8 ? PIC1 : PIC2;
}

/* Writes the mask register of the chip that the line is on. */
static void
mask_write(unsigned line)
{
    port_write8(chip(line) + PIC_DATA, (uint8_t)(line < 8 ? masked : masked >> 8));
}

/* A port of a slow bus: the chip needs a moment between the words of its initialisation. */
static void
init_word(uint16_t port, uint8_t word)
{
    port_write8(port, word);
    port_write8(0x80, 0);
}

bool
pic_init(void)
{
    uint64_t were_on = spin_lock_interrupts(&lock);
    bool present;

    init_word(PIC1, ICW1_INIT);
    init_word(PIC2, ICW1_INIT);
    init_word(PIC1 + PIC_DATA, VECTOR_PIC_BASE);
    init_word(PIC2 + PIC_DATA, VECTOR_PIC_BASE + 8);
    init_word(PIC1 + PIC_DATA, BIT(PIC_CASCADE));
    init_word(PIC2 + PIC_DATA, PIC_CASCADE);
    init_word(PIC1 + PIC_DATA, ICW4_8086);
    init_word(PIC2 + PIC_DATA, ICW4_8086);
    masked = (uint16_t)~BIT(PIC_CASCADE);
    mask_write(0);
    mask_write(8);
    present = port_read8(PIC1 + PIC_DATA) == (uint8_t)masked && port_read8(PIC2 + PIC_DATA) == 0xff;
    spin_unlock_interrupts(&lock, were_on);
    return present;
}

void
pic_mask(unsigned line)
{
    uint64_t were_on = spin_lock_interrupts(&lock);

    masked |= (uint16_t)BIT(line);
    mask_write(line);
    spin_unlock_interrupts(&lock, were_on);
}

void
pic_unmask(unsigned line)
{
    uint64_t were_on = spin_lock_interrupts(&lock);

    masked &= (uint16_t)~BIT(line);
    mask_write(line);
    spin_unlock_interrupts(&lock, were_on);
}

static void
eoi(unsigned line)
{
    if (line >= 8)
        port_write8(PIC2, OCW2_EOI | (line - 8));
    port_write8(PIC1, OCW2_EOI | (line < 8 ? line : PIC_CASCADE));
}

void
pic_mask_and_eoi(unsigned line)
{
    spin_lock_interrupts(&lock);
    masked |= (uint16_t)BIT(line);
    mask_write(line);
    eoi(line);
    spin_unlock_interrupts(&lock, false);
}

bool
pic_spurious(unsigned line)
{
    bool spurious = false;

    if (line % 8 != 7)
        return false;
    spin_lock_interrupts(&lock);
    port_write8(chip(line), OCW3_READ_ISR);
    spurious = !(port_read8(chip(line)) & BIT(7));
    if (spurious && line == 15)
        eoi(PIC_CASCADE); /* the first chip saw a real request: the second one's */
    spin_unlock_interrupts(&lock, false);
    return spurious;
}

bool
pic_set_level(unsigned line)
{
    uint16_t port = ELCR + (line < 8 ? 0 : 1);
    uint8_t bit = (uint8_t)BIT(line % 8);
    uint64_t were_on = spin_lock_interrupts(&lock);
    bool level;

    if (!(ELCR_EDGE_ONLY & BIT(line)))
        port_write8(port, port_read8(port) | bit);
    level = port_read8(port) & bit;
    spin_unlock_interrupts(&lock, were_on);
    return level;
}
