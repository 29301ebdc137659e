/* What the files of pe.h share. */
#pragma once
#include "drivers/loader/pe.h"

/* Fill *f. Returns -ENOEXEC. */
int pe_refuse(struct pe_fault *f, const char *field, uint64_t value, const char *rule, const char *where);
