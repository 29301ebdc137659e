// sources: userland/common/pci_ids.c
/*
 * Names that storage and emulators need, whatever the edition of pci.ids.
 */
#include "userland/common/pci_ids.h"
#include "tests/host/check.h"

static void
name_has(const char *name, const char *part)
{
    CHECK(name && strstr(name, part));
}

static void
test_classes(void)
{
    CHECK_STR(pci_class_name(0x010601), "SATA controller");
    CHECK_STR(pci_interface_name(0x010601), "AHCI 1.0");
    CHECK_STR(pci_class_name(0x010802), "Non-Volatile memory controller");
    CHECK_STR(pci_interface_name(0x010802), "NVM Express");
    CHECK_STR(pci_class_name(0x010180), "IDE interface");
    CHECK_STR(pci_class_name(0x060400), "PCI bridge");
    CHECK_STR(pci_class_name(0x0106ff), "SATA controller");
    CHECK_STR(pci_interface_name(0x0106ff), NULL);
    CHECK_STR(pci_class_name(0x01fe00), "Mass storage controller");
    CHECK_STR(pci_class_name(0xff0000), "Unassigned class");
    CHECK_STR(pci_class_name(0xee0000), "unknown class");
    for (uint32_t code = 0; code < 0x1000000; code += 0x100)
        CHECK(pci_class_name(code)[0] >= ' ');
}

static void
test_devices(void)
{
    name_has(pci_vendor_name(0x8086), "Intel");
    name_has(pci_vendor_name(0x1af4), "Red Hat");
    CHECK_STR(pci_vendor_name(0xfffe), NULL);
    CHECK_STR(pci_vendor_name(0), NULL);
    name_has(pci_device_name(0x8086, 0x2922), "AHCI");
    name_has(pci_device_name(0x8086, 0x7010), "IDE");
    name_has(pci_device_name(0x8086, 0x10d3), "82574L");
    name_has(pci_device_name(0x1000, 0x0012), "53c895a");
    name_has(pci_device_name(0x1022, 0x2020), "53c974");
    name_has(pci_device_name(0x1af4, 0x1001), "block");
    name_has(pci_device_name(0x1b36, 0x000c), "Root port");
    name_has(pci_device_name(0x15ad, 0x07c0), "PVSCSI");
    name_has(pci_device_name(0x80ee, 0xcafe), "VirtualBox");
    CHECK_STR(pci_device_name(0x8086, 0xfffe), NULL);
    CHECK_STR(pci_device_name(0xfffe, 0x2922), NULL);
}

/* Every pair of numbers can be asked for, and the tables are read to their ends and not beyond. */
static void
test_all(void)
{
    unsigned vendors = 0, devices = 0;

    for (unsigned v = 0; v < 0x10000; v++) {
        if (!pci_vendor_name((uint16_t)v))
            continue;
        vendors++;
        for (unsigned d = 0; d < 0x10000; d += v == 0x8086 ? 1 : 16)
            devices += pci_device_name((uint16_t)v, (uint16_t)d) != NULL;
    }
    CHECK(vendors > 100);
    CHECK(devices > 300);
}

int
main(void)
{
    test_classes();
    test_devices();
    test_all();
    return check_report();
}
