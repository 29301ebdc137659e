/*
 * hal.dll: device registers, ports, and the configuration space of PCI functions.
 */
#include "drivers/loader/exports.h"
#include "drivers/loader/gate.h"
#include "drivers/nt/nt_impl.h"
#include "kernel/cpu/io.h"
#include "kernel/hw/pci.h"
#include "kernel/trace/trace.h"

#define INVALID_PCI 0xffff
#define PCI_BUSES   256

/* The port's number is the address that a driver has for it. */
#define PORT(p) ((uint16_t)(uintptr_t)(p))

/* A miniport gets at the ports of its adapter only; from others it reads ones, and what it writes there is lost. */
static bool
port_is_its(uint16_t port, unsigned size)
{
    struct gate *g = gate_current();
    uint32_t ports;

    if (!g || !g->owns_port)
        return true;
    ports = __atomic_load_n(&g->ports, __ATOMIC_RELAXED);
    if ((port >= (ports & UINT16_MAX) && port + size - 1 <= ports >> 16) || g->owns_port(g, port, size))
        return true;
    gate_violation(g, &g->said[GATE_PORT], "used I/O port %#x, which is not its device's (check 11)", port);
    return false;
}

/* Ports cannot be watched from outside, as registers in memory are. */
static void
port_trace(uint16_t port, unsigned size, unsigned access, uint64_t value)
{
    const struct gate *g = gate_current();

    trace(TRACE_REGISTER, g ? trace_name(g->name) : 0,
          (uint64_t)size << 8 | (uint64_t)(access | TRACE_PORT) << 16, port, value,
          (uintptr_t)__builtin_return_address(0));
}
#define PORT_TRACE(...)                                                                                      \
    do {                                                                                                     \
        if (__builtin_expect(__atomic_load_n(&trace_on, __ATOMIC_RELAXED), 0))                               \
            port_trace(__VA_ARGS__);                                                                         \
    } while (0)

// NOLINTBEGIN(bugprone-macro-parentheses): TYPE is a type
#define ACCESSORS(TYPE, bits)                                                                                \
    KERNEL_LEAF TYPE NTAPI READ_REGISTER_##TYPE(volatile TYPE *Register)                                     \
    {                                                                                                        \
        return mmio_read##bits((const void *)(uintptr_t)Register, 0);                                        \
    }                                                                                                        \
    KERNEL_LEAF VOID NTAPI WRITE_REGISTER_##TYPE(volatile TYPE *Register, TYPE Value)                        \
    {                                                                                                        \
        mmio_write##bits((void *)(uintptr_t)Register, 0, Value);                                             \
    }                                                                                                        \
    KERNEL_LEAF VOID NTAPI READ_REGISTER_BUFFER_##TYPE(volatile TYPE *Register, P##TYPE Buffer, ULONG Count) \
    {                                                                                                        \
        for (ULONG i = 0; i < Count; i++)                                                                    \
            Buffer[i] = mmio_read##bits((const void *)(uintptr_t)(Register + i), 0);                         \
    }                                                                                                        \
    KERNEL_LEAF VOID NTAPI WRITE_REGISTER_BUFFER_##TYPE(volatile TYPE *Register, P##TYPE Buffer,             \
                                                        ULONG Count)                                         \
    {                                                                                                        \
        for (ULONG i = 0; i < Count; i++)                                                                    \
            mmio_write##bits((void *)(uintptr_t)(Register + i), 0, Buffer[i]);                               \
    }                                                                                                        \
    KERNEL_LEAF TYPE NTAPI READ_PORT_##TYPE(volatile TYPE *Port)                                             \
    {                                                                                                        \
        TYPE value = port_is_its(PORT(Port), sizeof(TYPE)) ? port_read##bits(PORT(Port)) : (TYPE) ~(TYPE)0;  \
                                                                                                             \
        PORT_TRACE(PORT(Port), sizeof(TYPE), 0, value);                                                      \
        return value;                                                                                        \
    }                                                                                                        \
    KERNEL_LEAF VOID NTAPI WRITE_PORT_##TYPE(volatile TYPE *Port, TYPE Value)                                \
    {                                                                                                        \
        if (port_is_its(PORT(Port), sizeof(TYPE)))                                                           \
            port_write##bits(PORT(Port), Value);                                                             \
        PORT_TRACE(PORT(Port), sizeof(TYPE), TRACE_WRITE, Value);                                            \
    }                                                                                                        \
    KERNEL_LEAF VOID NTAPI READ_PORT_BUFFER_##TYPE(volatile TYPE *Port, P##TYPE Buffer, ULONG Count)         \
    {                                                                                                        \
        Count = port_is_its(PORT(Port), sizeof(TYPE)) ? Count : 0;                                           \
        for (ULONG i = 0; i < Count; i++)                                                                    \
            Buffer[i] = port_read##bits(PORT(Port));                                                         \
        PORT_TRACE(PORT(Port), sizeof(TYPE), TRACE_MANY, Count);                                             \
    }                                                                                                        \
    KERNEL_LEAF VOID NTAPI WRITE_PORT_BUFFER_##TYPE(volatile TYPE *Port, P##TYPE Buffer, ULONG Count)        \
    {                                                                                                        \
        Count = port_is_its(PORT(Port), sizeof(TYPE)) ? Count : 0;                                           \
        for (ULONG i = 0; i < Count; i++)                                                                    \
            port_write##bits(PORT(Port), Buffer[i]);                                                         \
        PORT_TRACE(PORT(Port), sizeof(TYPE), TRACE_MANY | TRACE_WRITE, Count);                               \
    }
// NOLINTEND(bugprone-macro-parentheses)
ACCESSORS(UCHAR, 8)
ACCESSORS(USHORT, 16)
ACCESSORS(ULONG, 32)

static struct pci_device *
function_of(ULONG bus, ULONG slot_number)
{
    PCI_SLOT_NUMBER slot = {.u.AsULONG = slot_number};

    return bus < PCI_BUSES ? pci_find((struct pci_address){0, (uint8_t)bus, (uint8_t)slot.u.bits.DeviceNumber,
                                                           (uint8_t)slot.u.bits.FunctionNumber})
                           : NULL;
}

/* Of a function that is not there: 2 bytes, the vendor that nobody has (WDK, HalGetBusDataByOffset). */
ULONG NTAPI
HalGetBusDataByOffset(BUS_DATA_TYPE BusDataType, ULONG BusNumber, ULONG SlotNumber, PVOID Buffer,
                      ULONG Offset, ULONG Length)
{
    const struct pci_device *d = BusDataType == PCIConfiguration ? function_of(BusNumber, SlotNumber) : NULL;
    const uint16_t none = INVALID_PCI;

    if (BusDataType != PCIConfiguration || BusNumber >= PCI_BUSES)
        return 0;
    if (!d) {
        guard_copy(Buffer, &none, MIN((size_t)Length, sizeof(none)));
        return sizeof(none);
    }
    Length = Offset < d->space ? MIN(Length, d->space - Offset) : 0;
    for (ULONG i = 0; i < Length; i++) {
        uint8_t byte = pci_read8(d, Offset + i);

        guard_copy((char *)Buffer + i, &byte, 1);
    }
    return Length;
}

ULONG NTAPI
HalGetBusData(BUS_DATA_TYPE BusDataType, ULONG BusNumber, ULONG SlotNumber, PVOID Buffer, ULONG Length)
{
    return HalGetBusDataByOffset(BusDataType, BusNumber, SlotNumber, Buffer, 0, Length);
}

ULONG NTAPI
HalSetBusDataByOffset(BUS_DATA_TYPE BusDataType, ULONG BusNumber, ULONG SlotNumber, PVOID Buffer,
                      ULONG Offset, ULONG Length)
{
    struct pci_device *d = BusDataType == PCIConfiguration ? function_of(BusNumber, SlotNumber) : NULL;

    Length = d && Offset < d->space ? MIN(Length, d->space - Offset) : 0;
    for (ULONG i = 0; i < Length; i++) {
        uint8_t byte;

        guard_copy(&byte, (const char *)Buffer + i, 1);
        pci_write8(d, Offset + i, byte);
    }
    return Length;
}

ULONG NTAPI
HalSetBusData(BUS_DATA_TYPE BusDataType, ULONG BusNumber, ULONG SlotNumber, PVOID Buffer, ULONG Length)
{
    return HalSetBusDataByOffset(BusDataType, BusNumber, SlotNumber, Buffer, 0, Length);
}

/* On a PC bus addresses are physical addresses. */
BOOLEAN NTAPI
HalTranslateBusAddress(ULONG InterfaceType, ULONG BusNumber, PHYSICAL_ADDRESS BusAddress, PULONG AddressSpace,
                       PPHYSICAL_ADDRESS TranslatedAddress)
{
    guard_copy(TranslatedAddress, &BusAddress, sizeof(BusAddress));
    return TRUE;
}

#define OF_WIDTH(TYPE)                                                                                       \
    EXPORT(READ_REGISTER_##TYPE), EXPORT(WRITE_REGISTER_##TYPE), EXPORT(READ_REGISTER_BUFFER_##TYPE),        \
        EXPORT(WRITE_REGISTER_BUFFER_##TYPE), EXPORT(READ_PORT_##TYPE), EXPORT(WRITE_PORT_##TYPE),           \
        EXPORT(READ_PORT_BUFFER_##TYPE), EXPORT(WRITE_PORT_BUFFER_##TYPE)

/* clang-format off */
static const struct export hal_exports[] = {
    OF_WIDTH(UCHAR),
    OF_WIDTH(USHORT),
    OF_WIDTH(ULONG),
    EXPORT(HalGetBusData),
    EXPORT(HalGetBusDataByOffset),
    EXPORT(HalSetBusData),
    EXPORT(HalSetBusDataByOffset),
    EXPORT(HalTranslateBusAddress),
    EXPORT(KeStallExecutionProcessor),
    EXPORT(KeQueryPerformanceCounter),
};
/* clang-format on */

/* Old and new systems have these names in either module. */
static const char *const names[] = {"hal.dll", "ntoskrnl.exe", "ntkrnlmp.exe", NULL};
struct library nt_hal = {.names = names, .exports = hal_exports, .count = ARRAY_SIZE(hal_exports)};
