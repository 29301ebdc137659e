#include "kernel/console/keymap.h"
#include "lib/string.h"

#define RELEASED    0x80
#define PREFIX_E0   0xe0
#define PREFIX_E1   0xe1
#define ESCAPE_BYTE 0x1b

enum {
    CODE_CONTROL = 0x1d,
    CODE_SHIFT_LEFT = 0x2a,
    CODE_SHIFT_RIGHT = 0x36,
    CODE_ALT = 0x38,
    CODE_CAPS_LOCK = 0x3a,
    CODE_F1 = 0x3b,
    CODE_F10 = 0x44,
    CODE_NUM_LOCK = 0x45,
    CODE_PAD_FIRST = 0x47,
    CODE_DELETE = 0x53,
    CODE_F11 = 0x57,
    CODE_F12 = 0x58,
};

/* Unshifted and shifted, by code 0x00..0x39; 0: not a character. */
static const char plain[] = "\0\x1b"
                            "1234567890-=\x7f\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] = "\0\x1b"
                              "!@#$%^&*()_+\x7f\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

/* The key pad (0x47..0x53): with Num Lock, and without (or with E0): what follows "ESC [". */
static const char pad_digits[] = "789-456+1230.";
static const char *const pad_keys[] = {"H",  "A", "5~", NULL, "D",  NULL, "C",
                                       NULL, "F", "B",  "6~", "2~", "3~"};

/* F1..F12: VT220 and xterm. */
static const char *const function_keys[] = {"[11~", "[12~", "[13~", "[14~", "[15~", "[17~",
                                            "[18~", "[19~", "[20~", "[21~", "[23~", "[24~"};

static bool
modifier_feed(struct keymap *k, uint8_t code, bool pressed)
{
    switch (code) {
    case CODE_CONTROL:
        *(k->extended ? &k->control_right : &k->control_left) = pressed;
        return true;
    case CODE_ALT:
        k->alt = pressed;
        return true;
    case CODE_SHIFT_LEFT: /* E0 2A and E0 36 are fake shifts around extended keys */
        if (!k->extended)
            k->shift_left = pressed;
        return true;
    case CODE_SHIFT_RIGHT:
        if (!k->extended)
            k->shift_right = pressed;
        return true;
    case CODE_CAPS_LOCK:
        k->caps_lock ^= pressed;
        return true;
    case CODE_NUM_LOCK:
        k->num_lock ^= pressed;
        return true;
    default:
        return false;
    }
}

static size_t
sequence(char *text, const char *tail)
{
    text[0] = ESCAPE_BYTE;
    strlcpy(text + 1, tail, KEYMAP_TEXT_MAX - 1);
    return 1 + strlen(text + 1);
}

static size_t
pad_key(const struct keymap *k, uint8_t code, char *text)
{
    unsigned i = code - CODE_PAD_FIRST;
    char tail[4] = "[";

    if ((k->num_lock && !k->extended) || !pad_keys[i]) {
        text[0] = pad_digits[i];
        return 1;
    }
    strlcat(tail, pad_keys[i], sizeof(tail));
    return sequence(text, tail);
}

/* Ctrl with a letter or one of @[\]^_ : its low five bits. */
static char
control_character(char c)
{
    if (c == ' ' || c == '2')
        return 0;
    if (c >= '@' && c <= '~')
        return (char)(c & 0x1f);
    return c;
}

static size_t
character_key(const struct keymap *k, uint8_t code, char *text)
{
    bool shift = k->shift_left || k->shift_right;
    size_t n = 0;
    char c;

    if (code >= sizeof(plain) - 1)
        return 0;
    c = plain[code];
    if (c >= 'a' && c <= 'z' ? shift != k->caps_lock : shift)
        c = shifted[code];
    if (!c)
        return 0;
    if (k->control_left || k->control_right)
        c = control_character(c);
    if (k->alt)
        text[n++] = ESCAPE_BYTE;
    text[n++] = c;
    return n;
}

static size_t
key_text(const struct keymap *k, uint8_t code, char *text)
{
    if (k->extended && code == 0x1c) { /* Enter on the key pad */
        text[0] = '\r';
        return 1;
    }
    if (k->extended && code == 0x35) {
        text[0] = '/';
        return 1;
    }
    if (code >= CODE_PAD_FIRST && code <= CODE_DELETE)
        return pad_key(k, code, text);
    if (k->extended)
        return 0;
    if (code >= CODE_F1 && code <= CODE_F10)
        return sequence(text, function_keys[code - CODE_F1]);
    if (code == CODE_F11 || code == CODE_F12)
        return sequence(text, function_keys[10 + code - CODE_F11]);
    return character_key(k, code, text);
}

enum keymap_event
keymap_feed(struct keymap *k, uint8_t code, char *text, size_t *size)
{
    bool pressed = !(code & RELEASED);
    uint8_t key = code & (uint8_t)~RELEASED;

    *size = 0;
    if (k->skip) {
        k->skip--;
        return KEY_NOTHING;
    }
    if (code == PREFIX_E1) {
        k->skip = 2;
        return KEY_NOTHING;
    }
    if (code == PREFIX_E0) {
        k->extended = true;
        return KEY_NOTHING;
    }
    if (!modifier_feed(k, key, pressed) && pressed) {
        if (key == CODE_DELETE && k->alt && (k->control_left || k->control_right)) {
            k->extended = false;
            return KEY_REBOOT;
        }
        *size = key_text(k, key, text);
    }
    k->extended = false;
    return *size ? KEY_TEXT : KEY_NOTHING;
}
