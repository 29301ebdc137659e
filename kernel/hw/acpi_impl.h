/*
 * The parts of the ACPI table reader: acpi_tables.c finds and checks tables, acpi_madt.c and acpi_fadt.c read
 * the two long ones. All of it is pure: it sees memory through struct acpi_memory and compiles on the host.
 */
#pragma once
#include "kernel/hw/acpi.h"

/* How physical memory is seen. At most three mappings live at a time. */
struct acpi_memory {
    /* Returns `size` readable bytes at physical address pa, or NULL. */
    const void *(*map)(void *context, uint64_t pa, size_t size);
    void (*unmap)(void *context, const void *p, size_t size);
    void *context;
};

/* A table whose length and checksum are right. Lives while it is mapped. */
struct acpi_table {
    const char *name; /* its signature, for messages */
    uint64_t pa;
    const uint8_t *data;
    uint32_t length; /* >= ACPI_HEADER */
    bool complained; /* acpi_complain() has said something: one message a table is enough */
};

/* System description table header (ACPI 6.5, 5.2.6) */
#define ACPI_HEADER          36
#define ACPI_HEADER_LENGTH   4
#define ACPI_HEADER_REVISION 8

/* Say what is wrong with a table, once. */
void acpi_complain(struct acpi_table *t, const char *field, uint64_t value, const char *rule);

/* Everything acpi_init() does but for the mapping: defaults first, then what the tables say. */
int acpi_parse(const struct acpi_memory *m, const uint8_t *rsdp, size_t len, struct acpi_info *out);

/* Read what a table says into *out; what is wrong keeps its default. */
void acpi_parse_madt(struct acpi_table *t, struct acpi_info *out);
void acpi_parse_fadt(struct acpi_table *t, struct acpi_info *out);
void acpi_parse_mcfg(struct acpi_table *t, struct acpi_info *out);
void acpi_parse_hpet(struct acpi_table *t, struct acpi_info *out);

/* Physical addresses of the DSDT that a FADT names, preferred one first; 0: none. */
void acpi_fadt_dsdt(const struct acpi_table *fadt, uint64_t dsdt[2]);

/* One Generic Address Structure (12 bytes). False for a space, a width or an address that cannot be used. */
bool acpi_gas(const uint8_t *p, struct acpi_reg *out);

/*
 * Look for Name(\_S5_, Package(){a, b, ...}) in AML bytes.
 * Returns true and the two sleep types, both 0..7, of the first one that is well-formed.
 */
bool acpi_find_s5(const uint8_t *aml, size_t length, uint8_t type[2]);
