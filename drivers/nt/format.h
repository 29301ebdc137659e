/* Texts as drivers format them. */
#pragma once
#include <stddef.h>

/*
 * printf as Microsoft's: l is 32 bits, I64 and ll are 64, w and l make s and c 16-bit texts, Z is a counted string. slots:
 * the arguments, 8 bytes each. Returns: the length that was wanted. Text beyond NT_FORMAT_MAX is cut. Pure but for
 * the guard functions by which it reads.
 */
#define NT_FORMAT_MAX 512
int nt_format(char *to, size_t size, const char *format, const void *slots);
