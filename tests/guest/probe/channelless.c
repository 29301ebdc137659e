/*
 * A driver for an IDE controller that has a controller interface only: its channels are the port's default.
 */
#include "irb.h"
#include "probe.h"

static BOOLEAN NTAPI
adapter_control(PVOID extension, IDE_CONTROL_ACTION action, PVOID parameters)
{
    PIDE_CONTROLLER_CONFIGURATION k = parameters;

    if (action != IdeStart)
        return TRUE;
    k->NumberOfChannels = 2;
    k->NumberOfPhysicalBreaks = 16;
    k->MaximumTransferLength = 0x10000;
    k->BusMaster = TRUE;
    k->AtaBusType = IdeBusPata;
    return TRUE;
}

NTSTATUS NTAPI
DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    IDE_CONTROLLER_INTERFACE i = {
        .Version = sizeof(i), .ControllerExtensionSize = 64, .AtaAdapterControl = adapter_control};

    return (NTSTATUS)AtaPortInitializeEx(DriverObject, RegistryPath, &i);
}
