/*
 * What the port sees of a miniport's misbehaviour (docs/checks.md): each way of tests/guest/probe/atabad.c, what is said of
 * it, and whether it costs the adapter.
 */
#include "drivers/ddk/wdm.h"
#include "kernel/cpu/apic.h"
#include "kernel/sched/thread.h"
#include "lib/string.h"
#include "tests/guest/kernel/drivers/sim.h"
#include "tests/guest/ktest.h"
#include "tests/guest/probe/atabad.h"

#define CLAIMS 100000

static const struct {
    const char *said; /* NULL: nothing */
    bool lost;        /* the adapter */
} ways[BAD_MODES] = {
    [BAD_STALL] = {"asked for a stall of 150000 us", false},
    [BAD_STALL_LONG] = {"asked for a stall of 4294967295 us", true},
    [BAD_SLOW] = {"IdeHwStartIo took ", false},
    [BAD_PORT_READ] = {"used I/O port 0x70", false},
    [BAD_PORT_WRITE] = {"used I/O port 0xcf8", false},
    [BAD_LOCK_KEPT] = {"IdeHwStartIo returned with 1 spin lock held", true},
    [BAD_LOCK_TWICE] = {"took a spin lock that its processor holds already", true},
    [BAD_LOCK_LEVEL] = {"called KeAcquireSpinLockRaiseToDpc at IRQL", true},
    [BAD_SHORT] = {"success with 4096 bytes transferred of 8192 (A-089)", false},
    [BAD_SENSE] = {"sense data said to be valid begin with 0 (A-092)", false},
    [BAD_BEHIND_COMMON] = {"written behind the uncached extension of 4096 bytes", false},
    [BAD_BEHIND_DATA] = {"written behind a request's 8192 bytes", false},
    [BAD_FIELDS] = {"function, address or buffer of an IRB were changed", false},
    [BAD_FLUSH] = {"a flush succeeded while an earlier write was not completed", false},
    [BAD_LIST] = {"which is no request that it has (A-080)", false},
    [BAD_NOTIFICATION] = {"AtaPortNotification type 77 is unknown", false},
    [BAD_ADDRESS] = {"which is none of the port's (A-065)", false},
    [BAD_COMMON_LATE] = {"AtaPortGetUnCachedExtension was called", false},
    [BAD_POOL] = {"IRQL", true},
    [BAD_WAIT] = {"called KeDelayExecutionThread at IRQL", true},
    [BAD_CLAIM] = {"claimed 100000 interrupts in a row with nothing done", true},
    [BAD_AFTER_STOP] = {"or after the port took it back (A-088)", false},
};

static struct ata_request
command(uint16_t function, uint32_t flags)
{
    struct ata_request a = sim_read(8192);

    a.function = function;
    a.flags = flags;
    if (!(flags & (IRB_FLAGS_DATA_IN | IRB_FLAGS_DATA_OUT)))
        a.data.size = 0;
    return a;
}

/* A write that stays, and a flush behind it. */
static void
write_and_flush(struct sim *s, struct unit *u)
{
    struct ata_request flush = command(IRB_FUNCTION_ATA_FLUSH, 0);

    KCHECK_EQ(sim_fly(u, 1, 60), 1); /* a read: nothing stays */
    sim_land(0, 1);
    sim_flights[0].a = command(IRB_FUNCTION_ATA_WRITE, IRB_FLAGS_DATA_OUT | IRB_FLAGS_USE_DMA);
    sim_flights[0].a.r.done = sim_landed;
    KCHECK_EQ(ata_submit(u, &sim_flights[0].a), 0);
    KCHECK_EQ(ata_execute(u, &flush), 0);
    KCHECK_EQ(flush.irb_status, IRB_STATUS_SUCCESS);
    sim_interrupt(s);
    sim_land(0, 1);
}

static void
misbehave(struct sim *s, unsigned mode)
{
    struct ata_request a = command(IRB_FUNCTION_ATA_READ, IRB_FLAGS_DATA_IN | IRB_FLAGS_USE_DMA);
    struct unit *u = sim_unit(s);

    if (!u)
        return;
    if (mode == BAD_FLUSH) {
        __atomic_store_n(&u->depth, 4, __ATOMIC_RELEASE);
        write_and_flush(s, u);
        return;
    }
    if (mode == BAD_BEHIND_DATA)
        s->adapter->dma.max_address = 4095; /* through a bounce buffer */
    (void)ata_execute(u, &a);
    for (unsigned i = 0; mode == BAD_CLAIM && i < CLAIMS && !s->adapter->gate.is_closed; i++)
        sim_interrupt(s);
}

static bool
was_said(struct sim *s, const char *text)
{
    const struct gate *g = &s->adapter->gate;

    for (unsigned n = 0; n < MIN(s->adapter->log_count, (uint32_t)PORT_LOG); n++)
        if (strstr(s->adapter->log[n].text, text))
            return true;
    return strstr(g->text, text) || (g->said[GATE_SLOW] && strstr("IdeHwStartIo took ", text)) ||
           (g->said[GATE_STALL] && strstr("asked for a stall of 150000 us", text)) ||
           (g->said[GATE_PORT] && strstr(text, "used I/O port"));
}

static void
way_check(unsigned mode)
{
    struct sim s = {.driver = probe_load("atabad.sys")};
    volatile uint32_t *variable = s.driver ? probe_variable(s.driver, "Mode") : NULL;

    if (!variable)
        return;
    *variable = mode;
    KCHECK_EQ(sim_start(&s), 0);
    misbehave(&s, mode);
    if (mode == BAD_BEHIND_COMMON || mode == BAD_AFTER_STOP)
        KCHECK_EQ(adapter_stop(s.adapter, SECONDS(60)), 0);
    if (ways[mode].said && !was_said(&s, ways[mode].said))
        ktest_fail(__FILE__, __LINE__, "mode %u: nothing is said of \"%s\" (gate: \"%s\")", mode,
                   ways[mode].said, s.adapter->gate.text);
    if (s.adapter->gate.is_closed != ways[mode].lost)
        ktest_fail(__FILE__, __LINE__, "mode %u: the adapter is %s: %s", mode,
                   ways[mode].lost ? "not lost" : "lost", s.adapter->gate.text);
    if (!ways[mode].said)
        KCHECK_EQ(s.adapter->gate.violations, 0);
    if (mode == BAD_GREED) /* */
        KCHECK_EQ(*(const uint32_t *)probe_variable(s.driver, "Seen"), 0);
    sim_stop(&s);
}

KTEST(ataport_sees_what_a_miniport_must_not_do) /* A-060 A-065 A-080 A-088 A-089 A-092 */
{
    for (unsigned mode = 0; mode < BAD_MODES && !ktest_failed(); mode++)
        way_check(mode);
}
