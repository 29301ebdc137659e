/*
 * A simulated AHCI controller with disks (AHCI 1.3.1, ACS-2), register by register, and as much of the ATA port as a
 * miniport needs to drive it. Physical addresses are pointers. Time passes in stalls and in hba_pass().
 *
 * What a driver may not do is a violation: counted, and said.
 */
#pragma once
#include "drivers/miniport/ahci/regs.h"
#include "tests/host/check.h"

#define PORTS     4
#define SECTOR    512
#define SECTORS   512
#define NOT_BAD   UINT32_MAX
#define TFD_READY 0x50u
#define TFD_ERROR 0x41u

struct sim_disk {
    uint8_t bytes[SECTORS * SECTOR];
    uint32_t bad;      /* a sector that cannot be read or written */
    bool keeps_logs;   /* says which queued command failed */
    bool lies_in_logs; /* it names another command, and its checksum is wrong */
    uint64_t ready_us; /* after a reset */
};

struct sim_port {
    uint32_t clb, clbu, fb, fbu, is, ie, cmd, tfd, sig, ssts, sctl, serr, sact, ci;
    struct sim_disk *disk;
    uint64_t ready_at; /* after a reset; 0: it is */
    bool failed;       /* a queued command failed: only its log may be read */
    uint32_t failed_slot;
    bool halted; /* the engine, by an error */
    bool deaf;   /* commands are lost */
    unsigned commands, queued_commands, resets, logs_read;
};

static struct {
    uint32_t cap, ghc, is, pi, ccc_ctl, cap2, bohc;
    struct sim_port port[PORTS];
    uint64_t now;
    uint64_t bios_us; /* the BIOS takes so long to let go */
    unsigned violations;
} hba;

static uint8_t hba_bar[HBA_PORTS + PORTS * HBA_PORT_SIZE];

static void
violation(const char *what)
{
    hba.violations++;
    fprintf(stderr, "violation: %s (%s)\n", what, check.row);
}

/* ---- the device ---- */

static struct header *
header_of(struct sim_port *p, unsigned slot)
{
    return (struct header *)(uintptr_t)((uint64_t)p->clbu << 32 | p->clb) + slot;
}

static struct received *
received_of(struct sim_port *p)
{
    return (struct received *)(uintptr_t)((uint64_t)p->fbu << 32 | p->fb);
}

static void
data_move(struct sim_port *p, unsigned slot, uint8_t *device, uint32_t size)
{
    struct header *h = header_of(p, slot);
    const struct table *t = (const struct table *)(uintptr_t)((uint64_t)h->table_high << 32 | h->table);

    for (unsigned i = 0; i < h->regions && size; i++) {
        uint8_t *memory = (uint8_t *)(uintptr_t)((uint64_t)t->region[i].address_high << 32 |
                                                 t->region[i].address);
        uint32_t n = t->region[i].last + 1 < size ? t->region[i].last + 1 : size;

        memcpy(h->flags & HEADER_WRITE ? device : memory, h->flags & HEADER_WRITE ? memory : device, n);
        h->transferred += n;
        device += n;
        size -= n;
    }
    if (size)
        violation("fewer regions than data");
}

static void
registers_frame(struct sim_port *p, uint32_t tfd)
{
    p->tfd = tfd;
    received_of(p)->registers =
        (struct registers_frame){.type = 0x34, .status = (uint8_t)tfd, .error = (uint8_t)(tfd >> 8)};
    p->is |= tfd & 1 ? IS_TASK_FILE | IS_REGISTERS : IS_REGISTERS;
    p->halted |= tfd & 1;
}

static void
log_read_by_host(struct sim_port *p, unsigned slot)
{
    uint8_t log[SECTOR] = {(uint8_t)(p->failed ? p->failed_slot ^ p->disk->lies_in_logs : 0x80), 0, TFD_ERROR,
                           0x40},
            sum = 0;

    for (unsigned i = 0; i < SECTOR; i++)
        sum += log[i];
    log[511] = (uint8_t)(-sum + p->disk->lies_in_logs);
    p->logs_read++;
    p->failed = false;
    data_move(p, slot, log, SECTOR);
    registers_frame(p, TFD_READY);
}

/* One command, to its end. */
static void
command_run(struct sim_port *p, unsigned slot)
{
    const struct header *h = header_of(p, slot);
    const uint8_t *f = ((const struct table *)(uintptr_t)((uint64_t)h->table_high << 32 | h->table))->frame;
    bool queued = f[2] == 0x60 || f[2] == 0x61;
    uint32_t lba = f[4] | f[5] << 8 | f[6] << 16 | (uint32_t)f[8] << 24;
    uint32_t count = queued ? f[3] | f[11] << 8 : f[12] | f[13] << 8;

    if (p->failed && f[2] != 0x2f)
        violation("a command for a disk that waits for its log to be read");
    if (queued && f[12] >> 3 != slot)
        violation("a tag that is not the slot");
    p->commands++;
    p->queued_commands += queued;
    if (f[2] == 0x2f) {
        p->ci &= ~(1u << slot);
        log_read_by_host(p, slot);
        return;
    }
    if (lba + count > SECTORS || !count) {
        violation("sectors beyond the disk");
        return;
    }
    if (p->disk->bad - lba < count) {
        if (queued) {
            p->tfd = TFD_ERROR | 0x40 << 8;
            p->is |= IS_TASK_FILE | IS_BITS;
            p->halted = p->failed = true;
            p->failed_slot = slot;
        } else {
            registers_frame(p, TFD_ERROR | 0x40 << 8);
        }
        return;
    }
    data_move(p, slot, p->disk->bytes + (size_t)lba * SECTOR, count * SECTOR);
    p->ci &= ~(1u << slot);
    if (queued) {
        p->sact &= ~(1u << slot);
        p->is |= IS_BITS;
    } else {
        registers_frame(p, TFD_READY);
    }
}

/* A device does one of its commands, any of the queued ones. Returns: it had one. */
static bool
port_step(struct sim_port *p)
{
    unsigned n, count;

    if (!p->disk || p->ready_at || p->halted || p->deaf || !(p->cmd & CMD_RUNNING) || !p->ci)
        return false;
    count = (unsigned)__builtin_popcount(p->ci);
    n = (unsigned)(check_random() % count);
    for (unsigned slot = 0; slot < 32; slot++)
        if (p->ci >> slot & 1 && !n--) {
            command_run(p, slot);
            break;
        }
    return true;
}

/* ---- the link ---- */

static void
link_up(struct sim_port *p)
{
    p->ssts = 0x113;
    p->tfd = 0x80;
    p->failed = p->halted = false;
    p->ready_at = hba.now + p->disk->ready_us + 1;
}

static void
port_settle(struct sim_port *p)
{
    if (p->ready_at && hba.now >= p->ready_at) {
        p->ready_at = 0;
        p->tfd = TFD_READY;
        p->sig = SIGNATURE_DISK;
    }
}

static void
hba_unplug(struct sim_port *p)
{
    p->disk = NULL;
    p->ssts = 0;
    p->serr |= 1u << 16;
    p->is |= IS_PHY;
    p->ready_at = 0;
}

static void
hba_plug(struct sim_port *p, struct sim_disk *d)
{
    p->disk = d;
    link_up(p);
    p->serr |= 1u << 26;
    p->is |= IS_CONNECT;
}

/* ---- registers ---- */

static uint32_t *
port_register(struct sim_port *p, unsigned reg)
{
    switch (reg) {
    case PX_CLB:
        return &p->clb;
    case PX_CLBU:
        return &p->clbu;
    case PX_FB:
        return &p->fb;
    case PX_FBU:
        return &p->fbu;
    case PX_IS:
        return &p->is;
    case PX_IE:
        return &p->ie;
    case PX_CMD:
        return &p->cmd;
    case PX_TFD:
        return &p->tfd;
    case PX_SIG:
        return &p->sig;
    case PX_SSTS:
        return &p->ssts;
    case PX_SCTL:
        return &p->sctl;
    case PX_SERR:
        return &p->serr;
    case PX_SACT:
        return &p->sact;
    case PX_CI:
        return &p->ci;
    }
    violation("a register that is none");
    return &p->sig;
}

static void
cmd_write(struct sim_port *p, uint32_t value)
{
    uint32_t kept = p->cmd & (CMD_RUNNING | CMD_RECEIVING);

    if (value & CMD_START && !(p->cmd & CMD_START)) {
        if (p->tfd & 0x88 || (p->ssts & 15) != 3 || !(value & CMD_RECEIVE))
            violation("started with a device that is not ready (10.3.1)");
        kept |= CMD_RUNNING;
        p->halted = false;
    }
    if (!(value & CMD_START) && kept & CMD_RUNNING) {
        kept &= ~CMD_RUNNING;
        p->ci = p->sact = 0;
    }
    kept = value & CMD_RECEIVE ? kept | CMD_RECEIVING : kept & ~CMD_RECEIVING;
    if (value & CMD_OVERRIDE) {
        p->tfd &= ~0x88u;
        value &= ~CMD_OVERRIDE;
    }
    p->cmd = (value & ~(CMD_RUNNING | CMD_RECEIVING)) | kept;
}

static void
port_write(struct sim_port *p, unsigned reg, uint32_t value)
{
    uint32_t *r = port_register(p, reg);

    switch (reg) {
    case PX_IS:
    case PX_SERR:
        *r &= ~value;
        break;
    case PX_CMD:
        cmd_write(p, value);
        break;
    case PX_SCTL:
        if ((value & 15) == SCTL_RESET && (p->sctl & 15) != SCTL_RESET) {
            p->resets++;
            p->ssts = 0;
        }
        if ((value & 15) == 0 && (p->sctl & 15) == SCTL_RESET && p->disk)
            link_up(p);
        p->sctl = value;
        break;
    case PX_SACT:
    case PX_CI:
        if (!(p->cmd & CMD_START))
            violation("a command for an engine that stands");
        if (reg == PX_CI && p->ci & ~p->sact)
            violation("a second command beside one that is not queued");
        if (reg == PX_CI && !(value & p->sact) && p->ci)
            violation("a command that is not queued beside queued ones");
        *r |= value;
        break;
    case PX_CLB:
    case PX_FB:
        if (p->cmd & (CMD_RUNNING | CMD_RECEIVING))
            violation("moved what the engine uses");
        *r = value;
        break;
    default:
        *r = value;
    }
}

static uint32_t *
host_register(unsigned reg)
{
    switch (reg) {
    case HBA_CAP:
        return &hba.cap;
    case HBA_GHC:
        return &hba.ghc;
    case HBA_IS:
        return &hba.is;
    case HBA_PI:
        return &hba.pi;
    case HBA_CCC_CTL:
        return &hba.ccc_ctl;
    case HBA_CAP2:
        return &hba.cap2;
    case HBA_BOHC:
        return &hba.bohc;
    }
    violation("a register that is none");
    return &hba.pi;
}

static void
interrupts_show(void)
{
    for (unsigned n = 0; n < PORTS; n++)
        if (hba.port[n].is & hba.port[n].ie)
            hba.is |= 1u << n;
}

/* Let time pass. */
static void
hba_pass(uint64_t us)
{
    hba.now += us;
    if (hba.bohc & BOHC_OS && hba.now >= hba.bios_us)
        hba.bohc &= ~(BOHC_BIOS | BOHC_BIOS_BUSY);
    for (unsigned n = 0; n < PORTS; n++)
        port_settle(&hba.port[n]);
}

ULONG NTAPI
AtaPortReadRegisterUlong(volatile ULONG *at)
{
    size_t offset = (size_t)((volatile uint8_t *)at - hba_bar);

    if (offset < HBA_PORTS)
        return *host_register((unsigned)offset);
    offset -= HBA_PORTS;
    return *port_register(&hba.port[offset / HBA_PORT_SIZE], offset % HBA_PORT_SIZE);
}

VOID NTAPI
AtaPortWriteRegisterUlong(volatile ULONG *at, ULONG value)
{
    size_t offset = (size_t)((volatile uint8_t *)at - hba_bar);

    if (offset == HBA_IS)
        hba.is &= ~value;
    else if (offset < HBA_PORTS)
        *host_register((unsigned)offset) = value;
    else
        port_write(&hba.port[(offset - HBA_PORTS) / HBA_PORT_SIZE], (offset - HBA_PORTS) % HBA_PORT_SIZE,
                   value);
    interrupts_show();
}

VOID NTAPI
AtaPortStallExecution(ULONG us)
{
    if (us > 1000)
        violation("a stall of more than a millisecond");
    hba_pass(us);
}
