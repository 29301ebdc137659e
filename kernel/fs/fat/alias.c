/* What entries a new name gets (overview, 6 and 7): a short one alone if that says it all, else long ones and an alias of 8.3. */
#include "kernel/fs/fat/fat_impl.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lib/utf.h"

#define UNITS      13u
#define LAST       0x40u
#define LOWER_BASE 0x08u
#define LOWER_EXT  0x10u
#define PLAIN      4u /* aliases ~1 to ~4; then with a hash */
#define ATTEMPTS   1000u
#define BASE       8u
#define EXTENSION  3u

/* ---- which characters ---- */

/* A bit for each character of ASCII. */
static bool
is_in(const uint32_t set[4], uint32_t c)
{
    return c < 0x80 && set[c / 32] >> c % 32 & 1;
}

/* In long names: control characters, DEL, and what Windows refuses: quote * / : < > ? backslash | */
static bool
is_forbidden(uint32_t c)
{
    static const uint32_t set[4] = {0xffffffff, 0xd4008404, 0x10000000, 0x90000000};

    return is_in(set, c);
}

/* Of short names (overview, 6.1): digits and !#$%&'()-@^_`{}~ */
static bool
is_short_symbol(uint32_t c)
{
    static const uint32_t set[4] = {0x00000000, 0x03ff23fa, 0xc0000001, 0x68000001};

    return is_in(set, c);
}

static bool
is_lower(uint32_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool
is_upper(uint32_t c)
{
    return c >= 'A' && c <= 'Z';
}

/* ---- parsing ---- */

static int
units_read(const char *name, size_t length, struct fat_new_name *n)
{
    struct utf8_decoder d = {0};

    n->units = 0;
    for (size_t i = 0; i < length; i++) {
        int again = 0;
        int32_t c = utf8_feed(&d, (uint8_t)name[i], &again);

        if (again || c == UTF_REPLACEMENT || (c >= 0 && is_forbidden((uint32_t)c)))
            return -EINVAL;
        if (c < 0)
            continue;
        if (n->units + (c >= 0x10000 ? 2 : 1) > FAT_NAME_UNITS)
            return -ENAMETOOLONG;
        if (c >= 0x10000)
            n->unit[n->units++] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
        n->unit[n->units++] = (uint16_t)(c >= 0x10000 ? 0xdc00 + (c & 0x3ff) : c);
    }
    if (d.left || !n->units)
        return -EINVAL;
    return n->unit[n->units - 1] == ' ' || n->unit[n->units - 1] == '.' ? -EINVAL : 0;
}

/* The last dot that is not in front: where the extension begins; units: there is none. */
static uint32_t
dot_of(const struct fat_new_name *n)
{
    uint32_t dot = n->units;

    for (uint32_t i = 1; i < n->units; i++)
        if (n->unit[i] == '.')
            dot = i;
    return dot;
}

/* One part of 8.3, in upper case. Returns: it is the name's, but for the case, which is *mixed or all lower. */
static bool
part_fill(const struct fat_new_name *n, uint32_t from, uint32_t end, uint8_t *to, uint32_t room, bool *mixed,
          bool *lower)
{
    bool exact = true, upper = false;
    uint32_t at = 0;

    *lower = false;
    for (uint32_t i = from; i < end; i++) {
        uint32_t c = n->unit[i];
        int byte = c < 0x80 ? -1 : cp437_from_unicode(fat_upper(c));

        *lower |= is_lower(c);
        upper |= is_upper(c);
        if (c == ' ' || c == '.') {
            exact = false;
            continue;
        }
        if (at == room)
            return false;
        if (is_lower(c) || is_upper(c))
            to[at++] = (uint8_t)fat_upper(c);
        else if (is_short_symbol(c))
            to[at++] = (uint8_t)c;
        else
            to[at++] = byte >= 0x80 ? (uint8_t)byte : '_';
        exact &= is_lower(c) || is_upper(c) || is_short_symbol(c);
    }
    *mixed = *lower && upper;
    return exact;
}

int
fat_name_parse(const char *name, size_t length, struct fat_new_name *n)
{
    bool mixed = false, mixed_ext = false, lower = false, lower_ext = false, exact;
    uint32_t dot;
    int err;

    *n = (struct fat_new_name){.units = 0};
    err = units_read(name, length, n);
    if (err)
        return err;
    dot = dot_of(n);
    memset(n->short_name, ' ', sizeof(n->short_name));
    exact = part_fill(n, 0, dot, n->short_name, BASE, &mixed, &lower);
    exact &= part_fill(n, dot + (dot < n->units), n->units, n->short_name + BASE, EXTENSION, &mixed_ext,
                       &lower_ext);
    if (n->short_name[0] == ' ')
        n->short_name[0] = '_';
    if (n->short_name[0] == FAT_DELETED)
        n->short_name[0] = 0x05;
    n->fits = exact && n->unit[0] != '.';
    n->is_short = n->fits && !mixed && !mixed_ext;
    n->case_bits = n->is_short ? (uint8_t)((lower ? LOWER_BASE : 0) | (lower_ext ? LOWER_EXT : 0)) : 0;
    return 0;
}

/* ---- aliases ---- */

static uint16_t
units_hash(const struct fat_new_name *n, unsigned more)
{
    uint32_t hash = 5381 + more;

    for (uint32_t i = 0; i < n->units; i++)
        hash = hash * 33 + n->unit[i];
    return (uint16_t)(hash ^ hash >> 16);
}

bool
fat_name_alias(struct fat_new_name *n, unsigned attempt)
{
    char tail[BASE];
    uint32_t size, at = 0;

    if (n->is_short || (n->fits && attempt == 0))
        return attempt == 0;
    attempt += !n->fits;
    if (attempt > ATTEMPTS)
        return false;
    if (attempt <= PLAIN)
        snprintf(tail, sizeof(tail), "~%u", attempt);
    else
        snprintf(tail, sizeof(tail), "%04X~%u", units_hash(n, attempt / 9), attempt % 9 + 1);
    size = (uint32_t)strlen(tail);
    while (at < BASE - size && n->short_name[at] != ' ' && n->short_name[at] != '~')
        at++;
    if (attempt > PLAIN)
        at = MIN(at, 2u);
    memcpy(n->short_name + at, tail, size);
    memset(n->short_name + at + size, ' ', BASE - at - size);
    return true;
}

uint32_t
fat_name_entries(const struct fat_new_name *n)
{
    return n->is_short ? 1 : 1 + DIV_ROUND_UP(n->units, UNITS);
}

void
fat_name_long_entry(const struct fat_new_name *n, uint32_t i, uint8_t entry[FAT_ENTRY])
{
    static const uint8_t unit_at[UNITS] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};
    uint32_t last = DIV_ROUND_UP(n->units, UNITS), order = last - i;

    memset(entry, 0, FAT_ENTRY);
    entry[0] = (uint8_t)(order | (order == last ? LAST : 0));
    entry[DIR_ATTRIBUTES] = FAT_LONG;
    entry[DIR_BORN_HUNDREDTHS] = fat_checksum(n->short_name);
    for (uint32_t k = 0; k < UNITS; k++) {
        uint32_t at = (order - 1) * UNITS + k;

        put_le16(entry + unit_at[k], at < n->units ? n->unit[at] : at == n->units ? 0 : 0xffff);
    }
}
