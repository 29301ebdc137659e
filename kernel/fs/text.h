/*
 * Texts that are made when they are read (/proc). The whole text is made at once, when its file is read first.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include "kernel/fs/file.h"

struct text {
    char *bytes;
    size_t size, room;
    bool failed; /* no memory */
};

/* For text_add() with arguments. */
void text_add_v(struct text *t, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
void text_free(struct text *t);

/* Read from a text as from a file. Returns bytes; -ENOMEM if it has failed. */
long text_read(const struct text *t, struct uio *u, uint64_t position);
