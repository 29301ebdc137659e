/*
 * What drivers can import: libraries of names and functions. The kernel's own are lists in C (drivers/nt, and one a
 * port); a driver that exports something is a library too.
 *
 * A library answers to several names, without regard to case and with or without its suffix. An ordinal of a list is the
 * place in it, from 1 on: Microsoft's own ordinals of these libraries differ from version to version, so nobody else
 * imports by them.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/list.h"

struct export
{
    const char *name;
    const void *function; /* of the Microsoft x64 convention */
};
#define EXPORT(function_)                                                                                    \
    {                                                                                                        \
#function_, (const void *)(uintptr_t)(function_)                                                     \
    }
#define EXPORT_AS(name_, function_)                                                                          \
    {                                                                                                        \
#name_, (const void *)(uintptr_t)(function_)                                                         \
    }

/* [I] once published; lives for ever */
struct library {
    const char *const *names; /* "ntoskrnl.exe", ..., NULL */
    const struct export *exports;
    size_t count;
    struct list link;
};

/* Boot, before any driver is loaded. PASSIVE_LEVEL. */
void library_publish(struct library *l);

/* Does this library answer to the name? Any IRQL. */
bool library_named(const struct library *l, const char *name);

/* The first library of that name; NULL: none. Any IRQL. */
const struct library *library_find(const char *name);

/*
 * The function that a driver gets for an import; name NULL: by ordinal. All libraries of the name are asked.
 * Returns: NULL if there is none. Any IRQL.
 */
const void *library_function(const char *library, const char *name, uint16_t ordinal);

/* Do both mean the same library? "NTOSKRNL.EXE" is "NtosKrnl". Any IRQL. */
bool library_name_equal(const char *a, const char *b);
