/*
 * ScsiPort drivers from DriverEntry to their units: registration, HwFindAdapter, discovery, the end.
 */
#include "kernel/hw/pci.h"
#include "kernel/sched/thread.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "tests/guest/kernel/drivers/scsisim.h"
#include "tests/guest/kernel/mem/mem_probe.h"
#include "tests/guest/ktest.h"

KTEST(
    scsiport_pnp_driver_starts_when_it_is_given_a_device) /* S-001 S-002 S-003 S-007 S-009 S-025 S-026 S-027 S-028 S-029 S-030 S-059 S-065 S-125 */
{
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    KCHECK_EQ(driver_start(s.driver, s.why), 0);
    KCHECK_EQ(s.seen->status[0], 0);
    KCHECK_EQ(s.seen->count, 0); /* nothing is called back */
    KCHECK_EQ(s.driver->port.add(s.driver, s.driver->port.data, NULL, s.why), 0);
    KCHECK_EQ(scsisim_calls(&s, SCALL_FIND), 1);
    KCHECK_EQ(scsisim_call(&s, SCALL_FIND, 0)->irql, PASSIVE_LEVEL);
    KCHECK_EQ(scsisim_call(&s, SCALL_FIND, 0)->argument, 0); /* S-134: its context is gone */
    KCHECK_EQ(scsisim_calls(&s, SCALL_INITIALIZE), 1);
    KCHECK(scsisim_call(&s, SCALL_INITIALIZE, 0)->irql > DISPATCH_LEVEL);
    KCHECK_EQ(scsisim_call(&s, SCALL_CONTROL, 0)->detail, ScsiQuerySupportedControlTypes);
    KCHECK_EQ(s.seen->argument[0], 0); /* S-032 */
    KCHECK_EQ(s.driver->port.remove(s.driver, s.driver->port.data, NULL, s.why), 0);
    KCHECK_EQ(scsisim_call(&s, SCALL_CONTROL, 1)->detail, ScsiStopAdapter);
    KCHECK_EQ(scsisim_calls(&s, SCALL_CONTROL), 2);
    KCHECK_EQ(s.driver->port.add(s.driver, s.driver->port.data, NULL, s.why),
              -EIO); /* the second find says 0: S-036, S-127 */
    scsisim_stop(&s);
}

KTEST(
    scsiport_registration_is_checked) /* S-010 S-011 S-012 S-013 S-014 S-015 S-016 S-017 S-018 S-022 S-129 */
{
    static const struct {
        uint32_t size, missing, type;
        bool good;
    } rows[] = {
        {136, 0, Isa, false},
        {4096, 0, Isa, false},
        {0, 0, Isa, false},
        {16, 0, Isa, false},
        {sizeof(HW_INITIALIZATION_DATA), 1u << SCALL_FIND, Isa, false},
        {sizeof(HW_INITIALIZATION_DATA), 1u << SCALL_INITIALIZE, Isa, false},
        {sizeof(HW_INITIALIZATION_DATA), 1u << SCALL_STARTIO, Isa, false},
        {sizeof(HW_INITIALIZATION_DATA), 1u << SCALL_RESET, Isa, false},
        {sizeof(HW_INITIALIZATION_DATA), 0, Eisa, false},
        {sizeof(HW_INITIALIZATION_DATA), 0, MaximumInterfaceType, false},
        {sizeof(HW_INITIALIZATION_DATA), 0, 0xffffffff, false},
        {sizeof(HW_INITIALIZATION_DATA), 0, Isa, true},
        {sizeof(HW_INITIALIZATION_DATA), 0, PCIBus, true},
    };

    KCHECK_EQ(ScsiPortInitialize(NULL, NULL, NULL, NULL), (ULONG)STATUS_INVALID_PARAMETER);
    for (unsigned i = 0; i < ARRAY_SIZE(rows) && !ktest_failed(); i++) {
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        s.knobs->size = rows[i].size;
        s.knobs->missing = rows[i].missing;
        s.knobs->type[0] = rows[i].type;
        KCHECK_EQ(driver_start(s.driver, s.why), rows[i].good ? 0 : -EIO);
        KCHECK_EQ(!s.seen->status[0], rows[i].good);
        KCHECK(rows[i].good || s.seen->status[0] >= 0xc0000000); /* S-005 */
        KCHECK_EQ(s.seen->count, 0);
        scsisim_stop(&s);
    }
}

KTEST(scsiport_structure_of_an_older_version_and_garbage) /* S-006 S-013 S-015 S-108 */
{
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    s.knobs->size = 120; /* without HwAdapterControl: a legacy driver */
    s.knobs->legacy = 1;
    s.knobs->garbage = 1;
    s.knobs->no_interrupt = 1;
    KCHECK_EQ(scsisim_start(&s), 0);
    KCHECK_EQ(s.adapters, 1);
    KCHECK_EQ(scsisim_calls(&s, SCALL_CONTROL), 0);
    KCHECK_EQ(scsisim_run(&s, S_TIMER), SRB_STATUS_SUCCESS); /* a polled one */
    KCHECK_EQ(scsisim_calls(&s, SCALL_INTERRUPT), 0);
    scsisim_stop(&s);
}

/* How a registration is to end; a driver that is started by its devices is not asked to find any (but on the system's own bus). */
struct outcome {
    unsigned type, find;
    bool good, only_legacy;
};

static const struct outcome outcomes[] = {
    {Isa, SP_RETURN_FOUND, true, false},      {Internal, SP_RETURN_FOUND, true, false},
    {Eisa, SP_RETURN_FOUND, false, false},    {MaximumInterfaceType, SP_RETURN_FOUND, false, false},
    {Isa, SP_RETURN_NOT_FOUND, false, true},  {Isa, SP_RETURN_ERROR, false, true},
    {Isa, SP_RETURN_BAD_CONFIG, false, true}, {Isa, 77, false, true},
};

/* One to three calls of ScsiPortInitialize. Returns false after a failed check. */
static bool
register_all(const struct outcome *const *o, unsigned count, bool legacy, bool highest)
{
    unsigned good = 0, finds = 0;
    struct scsisim s;
    bool stays;

    if (!scsisim_load(&s))
        return false;
    s.knobs->registrations = count;
    s.knobs->legacy = legacy;
    s.knobs->return_highest = highest;
    for (unsigned n = 0; n < count; n++) {
        s.knobs->type[n] = o[n]->type;
        if (o[n]->type == Isa || o[n]->type == Internal)
            s.knobs->find[finds++] = o[n]->find;
        good += o[n]->good;
    }
    stays = highest ? good == count : good > 0;
    KCHECK_EQ(scsisim_start(&s), stays ? 0 : -EIO);
    for (unsigned n = 0; n < count; n++) {
        KCHECK_EQ(!s.seen->status[n], o[n]->good);
        KCHECK(o[n]->good || s.seen->status[n] >= 0xc0000000);
    }
    KCHECK_EQ(s.adapters, !stays ? 0 : legacy ? good : 1);
    if (!stays)
        s.adapter = NULL;
    scsisim_stop(&s);
    return !ktest_failed();
}

KTEST(scsiport_lowest_result_of_several_registrations_counts) /* S-003 S-004 S-005 S-021 S-131 S-133 */
{
    for (unsigned legacy = 0; legacy < 2; legacy++)
        for (unsigned count = 1; count <= 3; count++)
            for (unsigned mix = 0; mix < 1u << count; mix++) {
                const struct outcome *o[3];

                for (unsigned n = 0, good = mix, bad = mix + count; n < count; n++)
                    o[n] = mix >> n & 1 ? &outcomes[good++ % (legacy ? 2 : 1)]
                                        : &outcomes[2 + bad++ % (legacy ? 6 : 2)];
                if (!register_all(o, count, legacy, false) || !register_all(o, count, legacy, true))
                    return;
            }
}

KTEST(
    scsiport_legacy_driver_searches_before_initialize_returns) /* S-008 S-019 S-020 S-023 S-033 S-035 S-036 S-037 S-038 S-039 S-040 S-041 S-049 S-050 S-051 S-052 S-053 S-054 S-135 S-136 S-137 */
{
    static const struct {
        unsigned find[4], again[4], calls, adapters;
    } rows[] = {
        {{1, 0, 0, 0}, {0, 0, 0, 0}, 1, 1}, /* one, and that was all */
        {{1, 1, 0, 0}, {1, 1, 0, 0}, 3, 2}, /* S-137: the last look finds none */
        {{1, 1, 1, 1}, {1, 1, 1, 0}, 4, 4}, {{0, 1, 0, 0}, {1, 0, 0, 0}, 1, 0}, /* S-040 */
        {{2, 1, 0, 0}, {0, 0, 0, 0}, 1, 0}, {{3, 1, 0, 0}, {1, 0, 0, 0}, 1, 0}, /* S-135 */
        {{4, 1, 0, 0}, {0, 0, 0, 0}, 1, 0}, {{0xffffffff, 1, 0, 0}, {1, 0, 0, 0}, 1, 0},
        {{1, 3, 1, 0}, {1, 1, 0, 0}, 2, 1},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows) && !ktest_failed(); i++) {
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        s.knobs->legacy = 1;
        for (unsigned n = 0; n < 4; n++) {
            s.knobs->find[n] = rows[i].find[n];
            s.knobs->again[n] = rows[i].again[n];
        }
        KCHECK_EQ(scsisim_start(&s), rows[i].adapters ? 0 : -EIO);
        KCHECK_EQ(scsisim_calls(&s, SCALL_FIND), rows[i].calls);
        KCHECK_EQ(s.adapters, rows[i].adapters);
        KCHECK_EQ(scsisim_calls(&s, SCALL_INITIALIZE), rows[i].adapters);
        KCHECK(scsisim_call(&s, SCALL_FIND, 0)->argument); /* its context: S-023 */
        if (rows[i].calls > 1)
            KCHECK(s.seen->extension_of[0] != s.seen->extension_of[1]);
        if (rows[i].adapters)
            KCHECK_EQ(scsisim_run(&s, S_COMPLETE), SRB_STATUS_SUCCESS);
        else
            s.adapter = NULL;
        scsisim_stop(&s);
    }
}

KTEST(scsiport_finds_again_and_again_but_not_for_ever) /* S-041 */
{
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    s.knobs->legacy = s.knobs->find_forever = 1;
    s.knobs->present = 0;
    for (unsigned n = 0; n < SFINDS; n++)
        s.knobs->find[n] = 1;
    KCHECK_EQ(scsisim_start(&s), 0);
    KCHECK(s.adapters > SFINDS && s.adapters < 100);
    scsisim_stop(&s);
}

/* Nobody else could give it a device, whatever it knows of PnP. */
KTEST(scsiport_driver_of_no_bus_looks_for_itself) /* S-008 S-009 S-065 S-125 */
{
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    s.knobs->type[0] = Internal;
    KCHECK_EQ(scsisim_start(&s), 0);
    KCHECK_EQ(s.adapters, 1);
    KCHECK_EQ(scsisim_calls(&s, SCALL_FIND), 1);
    KCHECK_EQ(scsisim_call(&s, SCALL_CONTROL, 0)->detail, ScsiQuerySupportedControlTypes);
    KCHECK_EQ(scsisim_run(&s, S_COMPLETE), SRB_STATUS_SUCCESS);
    scsisim_stop(&s);
}

KTEST(scsiport_pci_driver_without_a_function_of_its_is_not_asked) /* S-019 */
{
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    s.knobs->legacy = 1;
    s.knobs->type[0] = PCIBus;
    s.knobs->id_length = s.knobs->device_length = 4; /* 1AF4:10F0, which no machine has */
    KCHECK_EQ(driver_start(s.driver, s.why), -EIO);
    KCHECK_EQ(scsisim_calls(&s, SCALL_FIND), 0);
    scsisim_stop(&s);
}

/* QEMU's educational devices are nobody's. */
KTEST(scsiport_pci_functions_are_found_by_the_beginning_of_their_names) /* S-019 S-028 S-033 S-047 */
{
    const struct pci_match edu = {.vendor = 0x1234, .device = 0x11e8};
    static const char *const devices[] = {"11E8", "11e", "1"};
    unsigned there = 0;
    struct pci_device *p;

    for (p = pci_next(NULL, &edu); p; p = pci_next(p, &edu))
        there += p->at.bus == 0 && !p->owner;
    if (!there) {
        ktest_skip("no educational device");
        return;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(devices) && !ktest_failed(); i++) {
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        s.knobs->legacy = s.knobs->no_interrupt = 1;
        s.knobs->type[0] = PCIBus;
        s.knobs->id_length = 4;
        strlcpy(s.knobs->vendor, "1234", sizeof(s.knobs->vendor));
        s.knobs->device_length = (unsigned)strlen(devices[i]);
        strlcpy(s.knobs->device, devices[i], sizeof(s.knobs->device));
        s.knobs->ranges = 1;
        s.knobs->interrupt_level = 3; /* the port's stays */
        s.knobs->find_forever = 1;
        for (unsigned n = 0; n < SFINDS; n++)
            s.knobs->find[n] = 1;
        KCHECK_EQ(scsisim_start(&s), 0);
        KCHECK(i ? s.adapters >= there : s.adapters == there);
        KCHECK(s.adapter && s.adapter->pci && s.adapter->pci->vendor == 0x1234 && s.adapter->line == -1);
        KCHECK_EQ(scsisim_run(&s, S_COMPLETE), SRB_STATUS_SUCCESS);
        scsisim_stop(&s);
        for (p = pci_next(NULL, &edu); p; p = pci_next(p, &edu))
            KCHECK(!p->owner);
    }
}

KTEST(scsiport_every_bus_is_searched) /* S-035 S-020 */
{
    unsigned buses = 0, last = 0;
    struct scsisim s;

    for (unsigned n = 0; n < 256; n++)
        for (const struct pci_device *p = pci_next(NULL, NULL); p;
             p = pci_next((struct pci_device *)(uintptr_t)p, NULL))
            if (p->at.bus == n) {
                buses++;
                last = n;
                break;
            }
    if (buses > SFINDS || !scsisim_load(&s))
        return;
    s.knobs->legacy = 1;
    s.knobs->type[0] = PCIBus;
    for (unsigned n = 0; n < buses; n++)
        s.knobs->find[n] = n + 1 == buses ? SP_RETURN_FOUND
                           : n % 2        ? SP_RETURN_BAD_CONFIG
                                          : SP_RETURN_NOT_FOUND;
    KCHECK_EQ(scsisim_start(&s), 0);
    KCHECK_EQ(scsisim_calls(&s, SCALL_FIND), buses);
    for (unsigned n = 1; n < buses; n++)
        KCHECK(s.seen->bus_of[n] > s.seen->bus_of[n - 1]);
    KCHECK(s.adapters == 1 && s.seen->bus_of[buses - 1] == last);
    scsisim_stop(&s);
}

KTEST(scsiport_adapters_that_cannot_be) /* S-024 S-042 S-047 S-060 S-124 */
{
    struct scsisim s;

    for (unsigned i = 0; i < 5 && !ktest_failed(); i++) {
        if (!scsisim_load(&s))
            return;
        switch (i) {
        case 0:
            s.knobs->extension = (64 << 20) + 1;
            break;
        case 1:
            s.knobs->buses = 9;
            break;
        case 2:
            s.knobs->initialize_false = 1;
            break;
        case 3:
            s.knobs->master = 0;
            s.knobs->dma_channel = 5;
            break;
        default:
            s.knobs->alignment = 6;
        }
        KCHECK(scsisim_start(&s) != 0);
        KCHECK_EQ(s.adapters, 0);
        KCHECK_EQ(scsisim_calls(&s, SCALL_FIND), i ? 1 : 0);
        KCHECK_EQ(scsisim_calls(&s, SCALL_STARTIO), 0);
        scsisim_stop(&s);
    }
    if (!scsisim_load(&s))
        return;
    s.knobs->buses = 0; /* no children */
    KCHECK_EQ(scsisim_start(&s), 0);
    KCHECK_EQ(scsisim_calls(&s, SCALL_STARTIO), 0);
    scsisim_stop(&s);
}

KTEST(scsiport_reset_at_the_start_delays_the_scan) /* S-061 S-034 */
{
    uint64_t before = time_now();
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    s.knobs->initialize_reset = 1;
    s.knobs->again[0] = 1; /* not looked at */
    KCHECK_EQ(scsisim_start(&s), 0);
    KCHECK(time_now() - before >= MS(250) && scsisim_has(&s, 0, 0));
    KCHECK_EQ(scsisim_calls(&s, SCALL_FIND), 1);
    KCHECK_EQ(scsisim_calls(&s, SCALL_RESET), 0);
    scsisim_stop(&s);
}

KTEST(scsiport_addresses_of_the_PC_AT_are_claimed) /* S-048 */
{
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    s.knobs->legacy = 1;
    s.knobs->find[1] = 1;
    s.knobs->registrations = 2;
    s.knobs->claim_secondary = 1;
    KCHECK_EQ(scsisim_start(&s), 0);
    KCHECK_EQ(s.adapters, 2);
    KCHECK(s.seen->secondary_claimed[1]); /* the second one is told */
    scsisim_stop(&s);
}

KTEST(scsiport_unit_tells_what_it_can) /* S-107 S-123 */
{
    struct unit_facts f;
    struct scsisim s;
    uint8_t irql;

    if (!scsisim_load(&s))
        return;
    s.knobs->max_transfer = 32768;
    KCHECK_EQ(scsisim_start(&s), 0);
    if (scsisim_unit(&s, 0, 0)) {
        unit_facts(scsisim_unit(&s, 0, 0), &f);
        KCHECK(!strcmp(f.driver, "scsisim.sys") && !strcmp(f.device, "-") && f.depth == 1);
        KCHECK(f.max_bytes == 32768 && f.max_pieces == 16);
        irql = irql_raise(s.adapter->irq[0].line.level);
        KCHECK(
            !s.adapter->face->interrupt(s.adapter, 0)); /* not its own: the next one on the line is asked */
        irql_lower(irql);
    }
    scsisim_stop(&s);
}

/* Targets in the order in which they were asked first. */
static unsigned
order(struct scsisim *s, uint8_t *targets)
{
    unsigned n = 0;

    for (unsigned i = 0; i < scsisim_calls(s, SCALL_STARTIO); i++) {
        volatile struct scall *c = scsisim_call(s, SCALL_STARTIO, i);

        if (c->detail == SCSIOP_INQUIRY && !c->lun && (!n || targets[n - 1] != c->target) && n < 16)
            targets[n++] = c->target;
    }
    return n;
}

KTEST(scsiport_looks_at_every_target_but_itself) /* S-043 S-063 S-064 S-085 */
{
    for (unsigned down = 0; down < 2; down++) {
        uint8_t targets[16] = {0};
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        s.knobs->targets = 8;
        s.knobs->initiator = 5;
        s.knobs->present = 0xff;
        s.knobs->scans_down = down;
        KCHECK_EQ(scsisim_start(&s), 0);
        KCHECK_EQ(order(&s, targets), 7);
        for (unsigned n = 0; n < 7; n++) {
            unsigned up = n < 5 ? n : n + 1, from_above = n < 2 ? 7 - n : 6 - n;

            KCHECK_EQ(targets[n], down ? from_above : up);
            KCHECK(scsisim_has(&s, (uint8_t)up, 0));
        }
        KCHECK(!scsisim_has(&s, 5, 0));
        scsisim_stop(&s);
    }
}

KTEST(scsiport_asks_no_more_targets_than_can_be) /* S-043 S-064 */
{
    static const uint8_t statuses[] = {SRB_STATUS_SELECTION_TIMEOUT, SRB_STATUS_NO_DEVICE,
                                       SRB_STATUS_INVALID_TARGET_ID, SRB_STATUS_INVALID_LUN};

    for (unsigned i = 0; i < ARRAY_SIZE(statuses); i++) {
        unsigned asked = 0, most = 0;
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        s.knobs->targets = 200;
        s.knobs->present = 1;
        s.knobs->absent_status = statuses[i];
        KCHECK_EQ(scsisim_start(&s), 0);
        for (unsigned n = 0; n < scsisim_calls(&s, SCALL_STARTIO); n++) {
            volatile struct scall *c = scsisim_call(&s, SCALL_STARTIO, n);

            asked += c->detail == SCSIOP_INQUIRY;
            most = MAX(most, (unsigned)c->target);
        }
        KCHECK_EQ(most, 127);
        KCHECK_EQ(asked, 127); /* once each, but for the adapter's own */
        KCHECK(scsisim_has(&s, 0, 0) && !scsisim_has(&s, 1, 0) && !scsisim_has(&s, 32, 0));
        scsisim_stop(&s);
    }
}

KTEST(scsiport_finds_the_units_of_a_target) /* S-063 S-077 */
{
    static const struct {
        uint32_t mask, report, version, luns, found;
    } rows[] = {
        {0x1, 1, 5, 8, 0x1},
        {0xff, 1, 5, 8, 0xff},
        {0x85, 1, 5, 8, 0x85}, /* sparse */
        {0x84, 1, 5, 8, 0x84}, /* no unit 0 */
        {0x15, 0, 2, 8, 0x15}, /* SCSI-2: each is asked */
        {0x17, 0, 5, 8, 0x7},  /* later ones that do not know REPORT LUNS: up to a gap */
        {0x80000001, 1, 5, 32, 0x80000001},
        {0xff, 1, 5, 4, 0xf}, /* S-085 */
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows) && !ktest_failed(); i++) {
        struct scsisim s;

        if (!scsisim_load(&s))
            return;
        s.knobs->lun_mask = rows[i].mask;
        s.knobs->report_luns = rows[i].report;
        s.knobs->version = rows[i].version;
        s.knobs->luns = rows[i].luns;
        KCHECK_EQ(scsisim_start(&s), 0);
        for (uint8_t lun = 0; lun < 32; lun++)
            KCHECK_EQ(scsisim_has(&s, 0, lun), rows[i].found >> lun & 1);
        scsisim_stop(&s);
    }
}

KTEST(scsiport_units_come_and_go) /* S-130 */
{
    uint64_t deadline = timer_deadline(SECONDS(30));
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    KCHECK_EQ(scsisim_start(&s), 0);
    s.knobs->present = 3;
    KCHECK_EQ(scsisim_run(&s, S_BUS_CHANGE), SRB_STATUS_SUCCESS);
    while (!scsisim_has(&s, 1, 0) && time_now() < deadline)
        thread_sleep(MS(1));
    KCHECK(scsisim_has(&s, 0, 0) && scsisim_has(&s, 1, 0));
    s.knobs->present = 1;
    s.adapter->face->rescan(s.adapter);
    KCHECK(scsisim_has(&s, 0, 0) && !scsisim_has(&s, 1, 0));
    scsisim_stop(&s);
}

KTEST(scsiport_several_paths_and_types) /* S-063 */
{
    struct scsisim s;

    if (!scsisim_load(&s))
        return;
    s.knobs->buses = 3;
    s.knobs->lun_mask = 0xf;
    s.knobs->type_of[1] = 1; /* tape */
    s.knobs->type_of[2] = 3; /* processor */
    s.knobs->type_of[3] = 13;
    KCHECK_EQ(scsisim_start(&s), 0);
    for (uint8_t path = 0; path < 3 && s.adapter; path++)
        for (uint8_t lun = 0; lun < 4; lun++) {
            struct unit *u = unit_find(s.adapter->bus[0], path, 0, lun);

            KCHECK(u && u->type == s.knobs->type_of[lun] && !strcmp(u->name, "PORTOLAN SCSISIM DISK"));
        }
    scsisim_stop(&s);
}

KTEST(scsiport_starts_and_stops_without_a_page_lost) /* S-128 */
{
    struct mem_taken before;

    for (unsigned i = 0; i < 20 && !ktest_failed(); i++) {
        struct scsisim s;

        if (i == 1)
            before = mem_taken();
        if (!scsisim_load(&s))
            return;
        s.knobs->legacy = i % 2;
        s.knobs->lun_mask = 0xff;
        s.knobs->find[1] = s.knobs->again[0] = i % 3 == 1;
        KCHECK_EQ(scsisim_start(&s), 0);
        (void)scsisim_run(&s, i % 5 == 4 ? S_FAULT : S_COMPLETE);
        scsisim_stop(&s);
    }
    mem_check_same(&before);
}
