/* Amounts with their unit. */
#include "lib/field.h"
#include "lib/format.h"
#include "lib/units.h"

struct unit {
    const char *name;
    uint64_t size;
};

static const struct unit byte_units[] = {
    {"B", 1},           {"KiB", KiB(1)},      {"MiB", MiB(1)},      {"GiB", GiB(1)},
    {"TiB", GiB(1024)}, {"PiB", MiB(GiB(1))}, {"EiB", GiB(GiB(1))},
};
static const struct unit time_units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};

/* In the largest unit of which there is at least one, as 1.23, 12.3 or 123 without zeros at the end. */
static struct units
print(uint64_t amount, const struct unit *units, size_t count)
{
    const struct unit *u = &units[count - 1];
    struct units out;

    while (u > units && amount < u->size)
        u--;
    uint64_t whole = amount / u->size, rest = amount % u->size;
    int digits = whole < 10 ? 2 : whole < 100 ? 1 : 0;
    char fraction[2];

    for (int i = 0; i < digits; i++) {
        rest *= 10;
        fraction[i] = (char)('0' + rest / u->size);
        rest %= u->size;
    }
    while (digits && fraction[digits - 1] == '0')
        digits--;
    snprintf(out.text, sizeof out.text, "%lu%s%.*s %s", (unsigned long)whole, digits ? "." : "", digits,
             fraction, u->name);
    return out;
}

struct units
units_bytes(uint64_t bytes)
{
    return print(bytes, byte_units, ARRAY_SIZE(byte_units));
}

struct units
units_ns(uint64_t ns)
{
    return print(ns, time_units, ARRAY_SIZE(time_units));
}
