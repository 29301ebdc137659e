/* The checksum of GPT. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* CRC-32 of ISO-HDLC, as in GPT and Ethernet (UEFI 2.10, 5.3.2). `before`: of the bytes before these; 0: there are none. */
uint32_t crc32(uint32_t before, const void *bytes, size_t n);
