/*
 * Which driver an INF file has for a device, and how good a match it is (WDK, "How Windows Selects a Driver"). Pure.
 */
#pragma once
#include "drivers/loader/inf.h"

#define MATCH_IDS_MAX 16
#define MATCH_ID_MAX  64
#define MATCH_NONE    UINT32_MAX

/* Identifiers of a device, the best first. */
struct device_ids {
    unsigned hardware, compatible; /* how many of each; the hardware IDs come first */
    char id[MATCH_IDS_MAX][MATCH_ID_MAX];
};

/* The forms that are documented for PCI ("Identifiers for PCI Devices"). class_code: class, subclass, interface. */
void match_pci_ids(struct device_ids *ids, uint16_t vendor, uint16_t device, uint32_t subsystem,
                   uint8_t revision, uint32_t class_code);

/* What an INF file has for a device. Texts are the INF's. */
struct match {
    uint32_t rank; /* less is better; MATCH_NONE: nothing */
    uint32_t
        date; /* of [Version] DriverVer, year << 16 | month << 8 | day: later is better of two ranks alike */
    const char *description; /* of the device */
    const char *id;          /* that matched */
    const char *install;     /* DDInstall section, with its decoration */
    const char *service;     /* AddService with the flag of the function driver; NULL: it has none */
    const char *service_install;
    const char *binary; /* file name of the driver, without directories */
};

/* Is a the better one of two that match? */
static inline bool
match_is_better(const struct match *a, const struct match *b)
{
    return a->rank < b->rank || (a->rank == b->rank && a->date > b->date);
}

/* The best match of this file. Returns: 0 (perhaps MATCH_NONE); -EINVAL and *fault: the INF refers to what it has not. */
int match_inf(const struct inf *inf, const struct device_ids *ids, struct match *out,
              struct inf_fault *fault);

/*
 * A driver for no device in particular: what the file's [DefaultInstall] adds as a service that starts with the system (WDK, "INF
 * DefaultInstall.Services Section"). Returns: 0 (MATCH_NONE: it has none); -EINVAL and *fault
 */
int match_default(const struct inf *inf, struct match *out, struct inf_fault *fault);

/*
 * A driver for a device of the system itself: the first model whose hardware ID begins with ROOT\ (WDK, "Hardware IDs"). Returns: as
 * match_default()
 */
int match_root(const struct inf *inf, struct match *out, struct inf_fault *fault);

/*
 * Does it name sections that are not there? What is to be told to its author, though the file is used for what it has. Returns: true, or
 * false and *fault.
 */
bool match_check(const struct inf *inf, struct inf_fault *fault);

/* A decorated section: name.NTamd64, name.NT, name; whichever there is, into text. Returns: false: none. */
bool match_section(const struct inf *inf, const char *name, const char *suffix, char *text, size_t size);
