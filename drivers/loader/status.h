/* Names of NTSTATUS values, for people. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define STATUS_TEXT 64

/* "STATUS_REVISION_MISMATCH (0xc0000059)", or the number alone. Returns text. */
const char *status_text(uint32_t status, char text[STATUS_TEXT]);
