/*
 * From scan codes (set 1, as the 8042 translates them) to what a terminal sends: UTF-8 and VT220 sequences.
 * US layout. Pure.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYMAP_TEXT_MAX 8

struct keymap {
    bool shift_left, shift_right, control_left, control_right, alt;
    bool caps_lock, num_lock;
    bool extended; /* E0 was seen */
    uint8_t skip;  /* bytes of an E1 sequence (Pause) still to come */
};

enum keymap_event { KEY_NOTHING, KEY_TEXT, KEY_REBOOT /* Ctrl-Alt-Del */ };

/* Take in one byte. For KEY_TEXT: *size bytes at text, at most KEYMAP_TEXT_MAX. */
enum keymap_event keymap_feed(struct keymap *k, uint8_t code, char *text, size_t *size);
