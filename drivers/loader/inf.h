/*
 * INF files: sections of lines of fields (WDK, "General Syntax Rules for INF Files"). Pure: everything goes into an arena
 * that the caller brings; ANSI, UTF-8 or UTF-16 with a byte order mark (of which what is not ASCII becomes '?').
 *
 *   [section]                     names are compared without regard to case; equal ones are one section
 *   key = field, "quoted, ""field""", %token%     ; comment
 *   field, field \                a backslash at the end: the next line goes on
 *
 * %token% is replaced by what [Strings] says (a language's section, Strings.0409, counts after it), %% by %, and %12%-like
 * numbers stay: they are directories.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INF_ARENA(size)                                                                                      \
    (32 * (size) + 4096) /* room that suffices, unless tokens are replaced by very long texts */
#define INF_SIZE_MAX  (1u << 20)
#define INF_FIELD_MAX 1024 /* characters of a field, replaced */

struct inf_line {
    const char *section, *key; /* key NULL: the line has none */
    uint32_t number;           /* in the file, from 1 */
    uint32_t fields;
    const char **field;
};

struct inf {
    struct inf_line *lines;
    uint32_t count;
};

struct inf_fault {
    uint32_t line;
    const char *rule;
};

/* Returns: 0; -EINVAL and *fault; -E2BIG: too large; -ENOMEM: the arena is too small. */
int inf_parse(const void *bytes, size_t size, void *arena, size_t room, struct inf *out,
              struct inf_fault *fault);

/* The next line of a section behind `after` (NULL: the first); key NULL: any. NULL: no more. */
const struct inf_line *inf_next(const struct inf *inf, const char *section, const char *key,
                                const struct inf_line *after);

/* Is there such a section, with at least one line? */
bool inf_has_section(const struct inf *inf, const char *section);

/* A field, "" if the line has fewer. */
const char *inf_field(const struct inf_line *l, uint32_t n);

/* A number: decimal, or hexadecimal after 0x; an empty field: 0. Returns: 0, or -EINVAL. */
int inf_number(const struct inf_line *l, uint32_t n, uint32_t *value);
