/* Names of PCI classes, vendors and devices, from pci.ids: all classes; vendors and devices of storage and of emulators. */
#pragma once
#include <stdint.h>

const char *pci_class_name(uint32_t class_code);               /* "SATA controller"; never NULL */
const char *pci_interface_name(uint32_t class_code);           /* "AHCI 1.0"; NULL: has no name */
const char *pci_vendor_name(uint16_t vendor);                  /* NULL: not known */
const char *pci_device_name(uint16_t vendor, uint16_t device); /* NULL: not known */
