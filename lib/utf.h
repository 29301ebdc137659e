/*
 * Unicode and the IBM PC's own character set. Pure.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define UTF_REPLACEMENT 0xfffd

/*
 * A decoder of UTF-8 that is fed a byte at a time. Start with zeros. Overlong forms, surrogates and numbers above
 * U+10FFFF are errors (Unicode 15.0, table 3-7).
 */
struct utf8_decoder {
    uint32_t value;
    uint8_t left;      /* continuation bytes to come */
    uint8_t low, high; /* range of the next one */
};

/*
 * Returns: the character that the byte completes; -1 if more bytes are needed; UTF_REPLACEMENT for a byte that
 * cannot stand here (the byte is used up, but for one that starts a character: *again is set, feed it again)
 */
int32_t utf8_feed(struct utf8_decoder *d, uint8_t byte, int *again);

/* A character in UTF-8, to[room]. Returns: its bytes; 0: there is no room. */
size_t utf8_put(char *to, size_t room, uint32_t character);

/* Code page 437: byte -> Unicode, and Unicode -> byte or -1. */
uint16_t cp437_to_unicode(uint8_t byte);
int cp437_from_unicode(uint32_t character);
