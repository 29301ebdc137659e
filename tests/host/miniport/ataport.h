/*
 * As much of the ATA port as a test of a miniport needs: starts it, sends requests, delivers interrupts and timers, and
 * notes what it reports. Every request must come back once.
 */
#pragma once
#include "drivers/ddk/irb.h"
#include "drivers/ddk/ntddk.h"
#include "tests/host/check.h"

#define REQUESTS 32
#define PIECES   4 /* of a request's buffer */

/* A request that may be out. */
struct sent {
    IDE_REQUEST_BLOCK irb;
    bool out;
    uint32_t lba, count;
    uint8_t data[16 * 512];
    struct {
        IDE_SCATTER_GATHER_LIST list;
        IDE_SCATTER_GATHER_ELEMENT element[PIECES];
    } sg;
};

struct fake_channel {
    void *extension, *uncached;
    IDE_CHANNEL_INTERFACE interface;
    IDE_HW_DPC timer; /* asked for; NULL: none */
    uint64_t timer_at;
    bool changed, removed; /* AtaPortBusChangeDetected(), AtaPortDeviceRemoved() */
};

static struct {
    IDE_CONTROLLER_INTERFACE interface;
    IDE_CONTROLLER_CONFIGURATION configuration;
    void *extension;
    struct fake_channel channel[PORTS];
    struct sent sent[REQUESTS];
    unsigned out, done;
    char said[256];
} port;

static struct fake_channel *
channel_of(PVOID extension)
{
    for (unsigned n = 0; n < PORTS; n++)
        if (port.channel[n].extension == extension)
            return &port.channel[n];
    abort();
}

ULONG NTAPI
AtaPortInitializeEx(PVOID object, PVOID path, PIDE_CONTROLLER_INTERFACE i)
{
    port.interface = *i;
    return 0;
}

PVOID NTAPI
AtaPortGetDeviceBase(PVOID extension, IDE_PHYSICAL_ADDRESS at, ULONG size)
{
    return (PVOID)(uintptr_t)at.QuadPart;
}

PVOID NTAPI
AtaPortGetUnCachedExtension(PVOID extension, ULONG size, ULONG irb_size)
{
    struct fake_channel *c = channel_of(extension);

    c->uncached = aligned_alloc(4096, (size + 4095) & ~4095u);
    memset(c->uncached, 0, size);
    return c->uncached;
}

IDE_PHYSICAL_ADDRESS NTAPI
AtaPortGetPhysicalAddress(PVOID extension, PIDE_REQUEST_BLOCK irb, PVOID va, PULONG length)
{
    *length = 4096 - ((uintptr_t)va & 4095);
    return (IDE_PHYSICAL_ADDRESS){.QuadPart = (LONGLONG)(uintptr_t)va};
}

PIDE_SCATTER_GATHER_LIST NTAPI
AtaPortGetScatterGatherList(PVOID extension, PIDE_REQUEST_BLOCK irb)
{
    return &((struct sent *)irb)->sg.list;
}

VOID NTAPI
AtaPortCompleteRequest(PVOID extension, PIDE_REQUEST_BLOCK irb)
{
    struct sent *s = (struct sent *)irb;

    CHECK(s->out);
    CHECK((irb->IrbStatus & 15) != IRB_STATUS_PENDING);
    s->out = false;
    port.out--;
    port.done++;
}

BOOLEAN NTAPI
AtaPortRequestCallback(IDE_CALLBACK_TYPE type, PVOID extension, IDE_HW_DPC routine, ULONG us)
{
    struct fake_channel *c = channel_of(extension);

    CHECK_EQ(type, IdeTimerRoutine);
    c->timer = routine;
    c->timer_at = hba.now + us;
    return TRUE;
}

VOID NTAPI
AtaPortNotification(IDE_NOTIFICATION_TYPE type, PVOID extension, ...)
{
    struct fake_channel *c = channel_of(extension);

    *(type == IdeDeviceRemoval ? &c->removed : &c->changed) = true;
}

PIDE_REQUEST_BLOCK NTAPI
AtaPortBuildRequestSenseIrb(PVOID extension, PIDE_REQUEST_BLOCK irb)
{
    return NULL;
}

VOID NTAPI
AtaPortReleaseRequestSenseIrb(PVOID extension, PIDE_REQUEST_BLOCK irb)
{
}

VOID NTAPI
AtaPortCopyMemory(PVOID to, PVOID from, ULONG n)
{
    memcpy(to, from, n);
}

VOID NTAPI
AtaPortDebugPrint(ULONG level, PCHAR format, ...)
{
    snprintf(port.said, sizeof(port.said), "%s", format);
}

/* ---- driving it ---- */

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT object, PUNICODE_STRING path);

/* As at boot: the controller, then its channels. */
static void
port_start(void)
{
    IDE_ACCESS_RANGE range = {.RangeStart.QuadPart = (LONGLONG)(uintptr_t)hba_bar,
                              .RangeLength = sizeof hba_bar,
                              .InMemory = TRUE,
                              .Bar = 5};
    IDE_MINIPORT_RESOURCES resources = {1, &range};

    memset(&port, 0, sizeof port);
    CHECK_EQ(DriverEntry(NULL, NULL), 0);
    port.extension = calloc(1, port.interface.ControllerExtensionSize);
    port.configuration = (IDE_CONTROLLER_CONFIGURATION){.Version = sizeof port.configuration,
                                                        .ControllerResources = &resources};
    CHECK(port.interface.AtaAdapterControl(port.extension, IdeStart, &port.configuration));
    for (unsigned n = 0; n < port.configuration.NumberOfChannels; n++) {
        struct fake_channel *c = &port.channel[n];
        IDE_CHANNEL_CONFIGURATION k = {.Version = sizeof k, .ChannelNumber = (UCHAR)n};

        c->extension = calloc(1, port.interface.ChannelExtensionSize);
        c->interface = (IDE_CHANNEL_INTERFACE){.Version = sizeof c->interface, .ChannelNumber = (UCHAR)n};
        if (port.interface.AtaControllerChannelEnabled(port.extension, n) != ChannelStateEnabled)
            continue;
        CHECK(port.interface.AtaChannelInitRoutine(c->extension, &c->interface, port.extension));
        CHECK(c->interface.IdeHwControl(c->extension, IdeStart, &k));
    }
}

static void
port_end(void)
{
    CHECK_EQ(port.out, 0);
    for (unsigned n = 0; n < PORTS; n++) {
        if (port.channel[n].interface.IdeHwControl)
            CHECK(port.channel[n].interface.IdeHwControl(port.channel[n].extension, IdeStop, NULL));
        free(port.channel[n].extension);
        free(port.channel[n].uncached);
    }
    CHECK(port.interface.AtaAdapterControl(port.extension, IdeStop, NULL));
    free(port.extension);
}

/* What enumeration tells the miniport of a disk. Returns how many requests it takes at once. */
static unsigned
port_identified(unsigned n, bool ncq, bool logs)
{
    static USHORT words[256];
    IDE_DEVICE_PARAMETERS p = {.Version = sizeof p, .IdeDeviceType = DeviceIsAta};

    memset(words, 0, sizeof words);
    words[75] = 31;
    words[76] = ncq ? 1u << 8 : 0;
    words[84] = (USHORT)(0x4000 | (logs ? 1u << 5 : 0));
    CHECK(port.channel[n].interface.IdeHwInitialize(port.channel[n].extension, &p,
                                                    (PIDENTIFY_DEVICE_DATA)words));
    return p.NumberOfOverlappedRequests;
}

/* Timers that are due, and interrupts until nobody has one. */
static void
port_run(void)
{
    for (unsigned n = 0; n < PORTS; n++) {
        struct fake_channel *c = &port.channel[n];

        if (c->timer && hba.now >= c->timer_at) {
            IDE_HW_DPC f = c->timer;

            c->timer = NULL;
            f(c->extension);
        }
    }
    for (unsigned calls = 0; interrupts_show(), hba.is && hba.ghc & GHC_INTERRUPTS; calls++) {
        bool claimed = false;

        if (!CHECK(calls < 100))
            return;
        for (unsigned n = 0; n < PORTS && !claimed; n++)
            if (port.channel[n].interface.IdeHwInterrupt)
                claimed = port.channel[n].interface.IdeHwInterrupt(port.channel[n].extension);
        if (!claimed)
            hba.is = 0;
    }
}
