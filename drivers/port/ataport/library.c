/*
 * The rest of the port's library: configuration space, mappings, sense IRBs, tags, registry, small things.
 */
#include "drivers/port/ataport/ata_impl.h"
#include "drivers/ddk/wdm.h"
#include "drivers/loader/registry.h"
#include "drivers/nt/format.h"
#include "kernel/hw/clock.h"
#include "kernel/hw/pci.h"
#include "lib/format.h"
#include "lib/string.h"

#define CDB_REQUEST_SENSE 0x03
#define SENSE_LENGTH      18
#define SENSE_SECONDS     10
#define STALL_LIMIT       1000 /* microseconds in one call */

/* ---- configuration space: A-104 ---- */

ULONG NTAPI
AtaPortGetBusData(PVOID ControllerExtension, PVOID Buffer, ULONG ConfigDataOffset, ULONG BufferLength)
{
    const struct pci_device *p = ata_controller_of(ControllerExtension)->adapter->pci;
    ULONG n = 0;

    for (; p && n < BufferLength && ConfigDataOffset + n < p->space; n++) {
        uint8_t byte = pci_read8(p, ConfigDataOffset + n);

        guard_copy((char *)Buffer + n, &byte, 1);
    }
    return n;
}

ULONG NTAPI
AtaPortSetBusData(PVOID ControllerExtension, PVOID Buffer, ULONG ConfigDataOffset, ULONG BufferLength)
{
    struct pci_device *p = ata_controller_of(ControllerExtension)->adapter->pci;
    ULONG n = 0;

    for (; p && n < BufferLength && ConfigDataOffset + n < p->space; n++) {
        uint8_t byte;

        guard_copy(&byte, (const char *)Buffer + n, 1);
        pci_write8(p, ConfigDataOffset + n, byte);
    }
    return n;
}

/* */
PVOID NTAPI
AtaPortGetDeviceBase(PVOID ChannelExtension, IDE_PHYSICAL_ADDRESS IoAddress, ULONG NumberOfBytes)
{
    struct ata_controller *c = ata_controller_of(ChannelExtension);
    void *base = irql_current() > PASSIVE_LEVEL
                     ? NULL
                     : adapter_map(c->adapter, (uint64_t)IoAddress.QuadPart, NumberOfBytes);

    if (!base)
        ata_violation(c, RULE_A112, "AtaPortGetDeviceBase of %#llx, %u bytes: not among its ranges (A-112)",
                      IoAddress.QuadPart, NumberOfBytes);
    return base;
}

/* ---- sense, A-142 ---- */

PIDE_REQUEST_BLOCK NTAPI
AtaPortBuildRequestSenseIrb(PVOID ChannelExtension, PIDE_REQUEST_BLOCK Irb)
{
    struct ata_channel *ch = ata_channel_of(ChannelExtension);
    int n = ch ? ata_slot_of(ch, Irb) : -1;
    struct ata_unit *u = n >= 0 && Irb->TargetId < ATA_TARGETS_MAX ? ch->unit[Irb->TargetId] : NULL;
    IDE_REQUEST_BLOCK *none = NULL;

    if (!u || !bus_slot_is_out(ch->bus, (uint32_t)n))
        return NULL;
    if (!__atomic_compare_exchange_n(&u->sense_for, &none, Irb, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
        ata_violation(ch->controller, RULE_A098,
                      "target %u: a second sense IRB before the first was released (A-098)", Irb->TargetId);
        return NULL;
    }
    u->sense_irb = (IDE_REQUEST_BLOCK){.Function = IRB_FUNCTION_REQUEST_SENSE,
                                       .Channel = Irb->Channel,
                                       .TargetId = Irb->TargetId,
                                       .Lun = Irb->Lun,
                                       .CdbLength = 6,
                                       .IrbFlags = IRB_FLAGS_DATA_IN,
                                       .TimeOutValue = SENSE_SECONDS,
                                       .DataTransferLength = SENSE_LENGTH,
                                       .DataBuffer = u->sense_data.va,
                                       .Cdb = {CDB_REQUEST_SENSE, 0, 0, 0, SENSE_LENGTH}};
    if (ch->irb_extension_size)
        u->sense_irb.IrbExtension = (char *)ch->irb_extensions.va +
                                    (size_t)(ch->slot_count + Irb->TargetId) * ch->irb_extension_size;
    memset(u->sense_data.va, 0, ATA_SENSE_SIZE);
    return &u->sense_irb;
}

VOID NTAPI
AtaPortReleaseRequestSenseIrb(PVOID ChannelExtension, PIDE_REQUEST_BLOCK Irb)
{
    struct ata_channel *ch = ata_channel_of(ChannelExtension);
    struct ata_unit *u = NULL;
    IDE_REQUEST_BLOCK *original;

    for (unsigned t = 0; ch && t < ATA_TARGETS_MAX; t++)
        if (ch->unit[t] && Irb == &ch->unit[t]->sense_irb)
            u = ch->unit[t];
    original = u ? __atomic_exchange_n(&u->sense_for, NULL, __ATOMIC_ACQ_REL) : NULL;
    if (!original) {
        ata_violation(ata_controller_of(ChannelExtension), RULE_A098,
                      "released %p, which is no sense IRB (A-099)", (void *)Irb);
        return;
    }
    memcpy(ata_slot(ch, (uint32_t)ata_slot_of(ch, original))->sense, u->sense_data.va,
           MIN(original->SenseInfoBufferLength, ATA_SENSE_SIZE));
}

/* ---- queue tags: A-110 ---- */

static struct ata_tags *
tags_of(PVOID extension, UCHAR target)
{
    struct ata_channel *ch = ata_channel_of(extension);

    if (!ch)
        return NULL;
    return target == IDE_UNTAGGED ? &ch->channel_tags : target < ATA_TARGETS_MAX ? &ch->tags[target] : NULL;
}

BOOLEAN NTAPI
AtaPortInitializeQueueTag(PVOID ChannelExtension, UCHAR TargetId, UCHAR Lun, UCHAR MaxQueueTag)
{
    struct ata_tags *t = tags_of(ChannelExtension, TargetId);

    if (!t || !MaxQueueTag || MaxQueueTag == IDE_UNTAGGED)
        return FALSE;
    memset(t->used, 0, sizeof(t->used));
    __atomic_store_n(&t->max, MaxQueueTag, __ATOMIC_RELEASE);
    return TRUE;
}

UCHAR NTAPI
AtaPortAllocateQueueTag(PVOID ChannelExtension, UCHAR TargetId, UCHAR Lun)
{
    struct ata_tags *t = tags_of(ChannelExtension, TargetId);

    for (unsigned tag = 1; t && tag <= t->max; tag++)
        if (!(__atomic_fetch_or(&t->used[tag / 64], BIT64(tag % 64), __ATOMIC_ACQ_REL) & BIT64(tag % 64)))
            return (UCHAR)tag;
    return 0;
}

VOID NTAPI
AtaPortReleaseQueueTag(PVOID ChannelExtension, UCHAR TargetId, UCHAR Lun, UCHAR QueueTag)
{
    struct ata_tags *t = tags_of(ChannelExtension, TargetId);

    if (t && QueueTag && QueueTag <= t->max)
        __atomic_fetch_and(&t->used[QueueTag / 64], ~BIT64(QueueTag % 64), __ATOMIC_ACQ_REL);
}

/* ---- registry, A-145 ---- */

/* May a registry routine be called now? */
static struct ata_channel *
registry_channel(PVOID extension, const char *routine, bool deferred)
{
    struct ata_channel *ch = ata_channel_of(extension);
    uint8_t phase = ch ? ch->phase : PHASE_NONE;

    if (ch && (phase == PHASE_INIT || phase == PHASE_START || phase == PHASE_STOP ||
               (deferred && phase != PHASE_NONE)))
        return ch;
    ata_violation(ata_controller_of(extension), RULE_A106,
                  "%s was called outside of init, start and stop (A-106)", routine);
    return NULL;
}

static void
registry_key(const struct ata_channel *ch, UCHAR controller, BOOLEAN subkey, char *key)
{
    const char *service = ch->controller->adapter->driver->service;

    if (subkey)
        snprintf(key, REGISTRY_KEY_MAX, "Services\\%s\\Controller%u\\Channel%u", service, controller,
                 ch->number);
    else
        snprintf(key, REGISTRY_KEY_MAX, "Services\\%s\\Controller%u", service, controller);
}

PVOID NTAPI
AtaPortRegistryAllocateBuffer(PVOID ChannelExtension, ULONG Length)
{
    struct ata_channel *ch = registry_channel(ChannelExtension, "AtaPortRegistryAllocateBuffer", false);

    if (!ch || ch->registry_buffer || !Length || Length > REGISTRY_DATA_MAX)
        return NULL;
    ch->registry_buffer = pool_zalloc(Length, ATA_TAG);
    return ch->registry_buffer;
}

VOID NTAPI
AtaPortRegistryFreeBuffer(PVOID ChannelExtension, PVOID Buffer)
{
    struct ata_channel *ch = registry_channel(ChannelExtension, "AtaPortRegistryFreeBuffer", false);

    if (!ch || !Buffer || Buffer != ch->registry_buffer)
        return;
    pool_free(ch->registry_buffer, ATA_TAG);
    ch->registry_buffer = NULL;
}

static const uint32_t types[] = {
    [IDE_REG_SZ] = REGISTRY_SZ, [IDE_REG_BINARY] = REGISTRY_BINARY, [IDE_REG_DWORD] = REGISTRY_DWORD};

static bool
type_is_known(UCHAR type)
{
    return type < ARRAY_SIZE(types) && types[type];
}

/* the size that is needed, also on failure. */
BOOLEAN NTAPI
AtaPortRegistryRead(PVOID ChannelExtension, UCHAR ControllerNumber, BOOLEAN ChannelSubKey, PCHAR ValueName,
                    UCHAR ValueType, PUCHAR Buffer, PULONG Length)
{
    struct ata_channel *ch = registry_channel(ChannelExtension, "AtaPortRegistryRead", false);
    char key[REGISTRY_KEY_MAX], name[REGISTRY_NAME_MAX];
    uint8_t data[REGISTRY_DATA_MAX / 4];
    uint32_t type;
    ULONG room, wanted;
    long size;

    if (!ch || !type_is_known(ValueType))
        return FALSE;
    guard_copy(&room, Length, sizeof(room));
    (void)guard_text(name, ValueName, sizeof(name));
    registry_key(ch, ControllerNumber, ChannelSubKey, key);
    size = registry_get(key, name, &type, data, sizeof(data));
    if (size < 0 || type != types[ValueType] || (size_t)size > sizeof(data))
        return FALSE;
    wanted = (ULONG)size;
    guard_copy(Length, &wanted, sizeof(wanted));
    if (wanted > room)
        return FALSE;
    guard_copy(Buffer, data, wanted);
    return TRUE;
}

static BOOLEAN
registry_write(struct ata_channel *ch, UCHAR controller, BOOLEAN subkey, PCHAR value_name, UCHAR type,
               PUCHAR buffer, PULONG length)
{
    char key[REGISTRY_KEY_MAX], name[REGISTRY_NAME_MAX];
    uint8_t data[REGISTRY_DATA_MAX / 4];
    ULONG size;

    if (!ch || !type_is_known(type))
        return FALSE;
    guard_copy(&size, length, sizeof(size));
    if (size > sizeof(data))
        return FALSE;
    guard_copy(data, buffer, size);
    (void)guard_text(name, value_name, sizeof(name));
    registry_key(ch, controller, subkey, key);
    return !registry_set(key, name, types[type], data, size);
}

BOOLEAN NTAPI
AtaPortRegistryWrite(PVOID ChannelExtension, UCHAR ControllerNumber, BOOLEAN ChannelSubKey, PCHAR ValueName,
                     UCHAR ValueType, PUCHAR Buffer, PULONG Length)
{
    return registry_write(registry_channel(ChannelExtension, "AtaPortRegistryWrite", false), ControllerNumber,
                          ChannelSubKey, ValueName, ValueType, Buffer, Length);
}

/* Below DISPATCH_LEVEL it is written at once; above, it cannot be kept for later, and says so. */
BOOLEAN NTAPI
AtaPortRegistryWriteDeferred(PVOID ChannelExtension, UCHAR ControllerNumber, BOOLEAN ChannelSubKey,
                             PCHAR ValueName, UCHAR ValueType, PUCHAR Buffer, PULONG Length)
{
    if (irql_current() > APC_LEVEL)
        return FALSE;
    return registry_write(registry_channel(ChannelExtension, "AtaPortRegistryWriteDeferred", true),
                          ControllerNumber, ChannelSubKey, ValueName, ValueType, Buffer, Length);
}

/* ---- small things ---- */

VOID NTAPI
AtaPortMoveMemory(PVOID Destination, PVOID Source, ULONG Length)
{
    guard_move(Destination, Source, Length); /* */
}

VOID NTAPI
AtaPortCopyMemory(PVOID Destination, PVOID Source, ULONG Length)
{
    guard_move(Destination, Source, Length);
}

ULONG NTAPI
AtaPortConvertPhysicalAddressToUlong(IDE_PHYSICAL_ADDRESS Address)
{
    return Address.LowPart;
}

IDE_PHYSICAL_ADDRESS NTAPI
AtaPortConvertUlongToPhysicalAddress(ULONG_PTR Address)
{
    return (IDE_PHYSICAL_ADDRESS){.QuadPart = (LONGLONG)Address};
}

/* */
VOID NTAPI
AtaPortStallExecution(ULONG Delay)
{
    KeStallExecutionProcessor(Delay); /* */
}

VOID NTAPI
AtaPortLogError(PVOID ChannelExtension, PIDE_ERROR_LOG_ENTRY ErrorLogEntry)
{
    struct ata_controller *c = ata_controller_of(ChannelExtension);
    IDE_ERROR_LOG_ENTRY e;

    guard_copy(&e, ErrorLogEntry, sizeof(e));
    adapter_log(c->adapter, "the driver says: channel %u target %u lun %u, status %#x, id %u", e.Channel,
                e.TargetId, e.Lun, e.IrbStatus, e.UniqueId);
}

VOID NTAPI
AtaPortQuerySystemTime(PLARGE_INTEGER CurrentTime)
{
    KeQuerySystemTimePrecise(CurrentTime);
}

VOID NTAPI
AtaPortDebugBreak(VOID)
{
    guard_stop("called AtaPortDebugBreak");
}

/* Traces are for a trace consumer, which is not there. */
VOID NTAPI
AtaPortTraceNotification(PVOID ChannelExtension, ULONG Level, PVOID Buffer, ULONG Length)
{
}

VOID NTAPI
AtaPortEtwTraceLog(PVOID ChannelExtension, PVOID Buffer, ULONG Length)
{
}

#define DEBUG_LEVEL_ERROR 0

VOID NTAPI
AtaPortDebugPrint(ULONG DebugPrintLevel, PCHAR DebugMessage, ...)
{
    char text[NT_FORMAT_MAX];
    NT_VA_LIST args;

    nt_va_start(args, DebugMessage);
    (void)nt_format(text, sizeof(text), DebugMessage, args);
    nt_va_end(args);
    text[strcspn(text, "\r\n")] = 0;
    log_message(DebugPrintLevel == DEBUG_LEVEL_ERROR ? LOG_INFO : LOG_DEBUG, "ataport: %s", text);
}
