/*
 * Functions that come to and go from slots of PCI Express while the system runs (PCIe 4.0, 6.7).
 *
 * A press of a slot's button with something in use there has it taken out of use and switched off; after that it may be
 * pulled. What was pulled without being asked for is given up as it is. What comes is switched on, gets addresses, and is
 * listed. Kernel option "nohotplug": slots are left alone.
 *
 * Simplifications:
 *   1. A press counts at once: there are no five seconds in which a second one takes it back.
 *   2. Hot-plug by ACPI (where the firmware keeps the slots for itself, as QEMU's does unless told otherwise) needs AML
 *      and is not offered; nor is firmware asked for leave (_OSC).
 *   3. A bridge that comes has no bus numbers, and what is behind it is not seen.
 *   4. Latches (MRL sensors), interlocks and attention lights are not looked at.
 */
#pragma once

struct pci_device;

/* Both are called by the one thread of the slots, at PASSIVE_LEVEL; they may take their time, with a bound. */
struct pci_watcher {
    void (*came)(void); /* functions were listed */
    /* A function goes: give it up, so that nobody owns it. With presence PCI_REMOVED it answers no more. */
    void (*goes)(struct pci_device *d);
};

/* Look for slots and serve them. Once, at boot; *w lives on. PASSIVE_LEVEL. */
void pci_hotplug_start(const struct pci_watcher *w);
