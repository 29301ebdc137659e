/*
 * Names (overview, 6 and 7): short ones of code page 437, long ones of UTF-16 in entries of 13 units, both seen as UTF-8.
 */
#include "kernel/fs/fat/fat_impl.h"
#include "lib/bytes.h"
#include "lib/field.h"
#include "lib/string.h"
#include "lib/utf.h"

#define UNITS      13
#define LAST       0x40u
#define ORDER      0x3fu
#define ORDERS     20u   /* 20 entries hold 260 units */
#define LOWER_BASE 0x08u /* NT: the name is shown in lower case */
#define LOWER_EXT  0x10u
#define KANJI_E5   0x05u /* stands for E5, which would mean deleted */

enum { LFN_CHECKSUM = 13 };

/* Where an entry has its 13 units. */
static const uint8_t unit_at[UNITS] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};

uint8_t
fat_checksum(const uint8_t *short_name)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < 11; i++)
        sum = (uint8_t)((sum >> 1 | sum << 7) + short_name[i]);
    return sum;
}

void
fat_lfn_add(struct fat_lfn *l, const uint8_t *entry)
{
    uint8_t order = entry[0] & ORDER;

    l->complete = false;
    if (entry[0] & LAST) {
        l->left = order <= ORDERS ? order : 0;
        l->checksum = entry[LFN_CHECKSUM];
        memset(l->unit, 0, sizeof(l->unit));
    }
    if (!order || order != l->left || entry[LFN_CHECKSUM] != l->checksum) {
        l->left = 0;
        return;
    }
    for (unsigned i = 0; i < UNITS; i++)
        l->unit[(order - 1) * UNITS + i] = get_le16(entry + unit_at[i]);
    l->left--;
    l->complete = l->left == 0;
}

/* ---- UTF-8 ---- */

/* What programs could not say, or would take for something else. */
static bool
is_forbidden(uint32_t c)
{
    return c < ' ' || c == '/' || c == 0x7f;
}

/* The long name in UTF-8; 0: it is empty, too long for programs, or has what no name may have. */
static size_t
long_name(const struct fat_lfn *l, char *name)
{
    size_t length = 0;

    for (unsigned i = 0; i < FAT_NAME_UNITS && l->unit[i]; i++) {
        uint32_t c = l->unit[i];
        size_t n;

        if (c >= 0xd800 && c < 0xdc00 && l->unit[i + 1] >= 0xdc00 && l->unit[i + 1] < 0xe000) {
            c = 0x10000 + ((c & 0x3ff) << 10) + (l->unit[i + 1] & 0x3ffu);
            i++;
        } else if (c >= 0xd800 && c < 0xe000) {
            return 0;
        }
        n = is_forbidden(c) ? 0 : utf8_put(name + length, FAT_NAME_BYTES - length, c);
        if (!n)
            return 0;
        length += n;
    }
    name[length] = 0;
    return length;
}

/* Bytes of a short name, without the blanks behind them. */
static size_t
part_put(char *to, size_t room, const uint8_t *from, unsigned n, bool lower)
{
    size_t length = 0;

    while (n && from[n - 1] == ' ')
        n--;
    for (unsigned i = 0; i < n; i++) {
        uint32_t c = from[i];

        if (c > ' ' && c < 0x7f && c != '/' && room > length) {
            to[length++] = (char)(lower && c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
            continue;
        }
        c = cp437_to_unicode(from[i]);
        length += utf8_put(to + length, room - length, is_forbidden(c) ? '_' : c);
    }
    return length;
}

size_t
fat_short_name(const uint8_t *entry, char name[FAT_NAME_BYTES + 1])
{
    uint8_t base[8];
    size_t length, extension;

    memcpy(base, entry, 8);
    if (base[0] == KANJI_E5)
        base[0] = 0xe5;
    length = part_put(name, FAT_NAME_BYTES, base, 8, entry[DIR_CASE] & LOWER_BASE);
    extension = part_put(name + length + 1, FAT_NAME_BYTES - length - 1, entry + 8, 3,
                         entry[DIR_CASE] & LOWER_EXT);
    if (extension) {
        name[length] = '.';
        length += 1 + extension;
    }
    name[length] = 0;
    if (!strcmp(name, ".") || !strcmp(name, ".."))
        memset(name, '_', length); /* those are others */
    return length;
}

void
fat_label(const uint8_t *entry, char label[FAT_LABEL_BYTES + 1])
{
    label[part_put(label, FAT_LABEL_BYTES, entry, 11, false)] = 0;
}

size_t
fat_name(const struct fat_lfn *l, const uint8_t *entry, char name[FAT_NAME_BYTES + 1])
{
    size_t length = l->complete && l->checksum == fat_checksum(entry) ? long_name(l, name) : 0;

    return length && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 ? length : fat_short_name(entry, name);
}

/* ---- the same name? ---- */

/* Upper case, of the scripts that have one and that FAT's own table covers: Latin, Greek, Cyrillic, Armenian. */
uint32_t
fat_upper(uint32_t c)
{
    static const struct {
        uint16_t first, last;
        int16_t distance; /* 1: pairs, the upper one first and even; 2: and odd */
    } ranges[] = {{'a', 'z', -32},       {0xe0, 0xf6, -32},    {0xf8, 0xfe, -32},   {0xff, 0xff, 121},
                  {0x100, 0x137, 1},     {0x139, 0x148, 2},    {0x14a, 0x177, 1},   {0x179, 0x17e, 2},
                  {0x1cd, 0x1dc, 2},     {0x1de, 0x1ef, 1},    {0x1f8, 0x21f, 1},   {0x222, 0x233, 1},
                  {0x3ac, 0x3ac, -38},   {0x3ad, 0x3af, -37},  {0x3b1, 0x3c1, -32}, {0x3c3, 0x3cb, -32},
                  {0x3cc, 0x3cc, -64},   {0x3cd, 0x3ce, -63},  {0x3d8, 0x3ef, 1},   {0x430, 0x44f, -32},
                  {0x450, 0x45f, -80},   {0x460, 0x481, 1},    {0x48a, 0x4bf, 1},   {0x4c1, 0x4ce, 2},
                  {0x4d0, 0x52f, 1},     {0x561, 0x586, -48},  {0x1e00, 0x1e95, 1}, {0x1ea0, 0x1eff, 1},
                  {0x24d0, 0x24e9, -26}, {0xff41, 0xff5a, -32}};

    if (c < 0x80)
        return c >= 'a' && c <= 'z' ? c - 32 : c;
    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
        if (c < ranges[i].first || c > ranges[i].last)
            continue;
        if (ranges[i].distance == 1)
            return c & ~1u;
        if (ranges[i].distance == 2)
            return c & 1 ? c : c - 1;
        return (uint32_t)((int32_t)c + ranges[i].distance);
    }
    return c;
}

/* The next character, in upper case. */
static uint32_t
take(const char *text, size_t size, size_t *at)
{
    struct utf8_decoder d = {0};
    int32_t c = -1;
    int again = 0;

    if (*at < size && !((uint8_t)text[*at] & 0x80))
        return fat_upper((uint8_t)text[(*at)++]);
    while (c < 0 && *at < size) {
        c = utf8_feed(&d, (uint8_t)text[*at], &again);
        if (!again)
            ++*at;
    }
    return c < 0 ? UTF_REPLACEMENT : fat_upper((uint32_t)c);
}

/* The same, of a byte of ASCII; others: 0. */
static uint8_t
ascii_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c > 0 ? (uint8_t)c : 0;
}

bool
fat_names_match(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t i = 0, j = 0;

    while (i < a_size && j < b_size) {
        uint8_t c = ascii_upper(a[i]);

        if (c && c == ascii_upper(b[j]))
            i++, j++;
        else if (take(a, a_size, &i) != take(b, b_size, &j))
            return false;
    }
    return i == a_size && j == b_size;
}

uint32_t
fat_name_hash(const char *name, size_t size)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (size_t i = 0; i < size;) {
        uint32_t c = ascii_upper(name[i]);

        if (c)
            i++;
        else
            c = take(name, size, &i);
        hash = (hash ^ c) * 16777619u;
    }
    return hash ^ hash >> 15;
}
