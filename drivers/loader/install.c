/*
 * AddReg (WDK, "INF AddReg Directive").
 */
#include "drivers/loader/install.h"
#include "drivers/loader/registry.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/format.h"
#include "lib/parse.h"
#include "lib/string.h"

#define SECTION_MAX    300
#define NO_CLOBBER     0x2u
#define TYPE_BINARY    0x00001u
#define TYPE_MULTI_SZ  0x10000u
#define TYPE_EXPAND_SZ 0x20000u
#define TYPE_DWORD     0x10001u
#define TYPE_NONE      0x20001u
#define TYPE_MASK      0xffff0001u

/* Fields of a line: root, subkey, name, flags, data... */
enum { ROOT, SUBKEY, NAME, FLAGS, DATA };

/* The bytes of a value. Returns their number, or -1. */
static long
encode(const struct inf_line *l, uint32_t type, uint8_t *data, size_t room)
{
    size_t n = 0;

    switch (type) {
    case REGISTRY_DWORD: {
        uint32_t value;

        if (inf_number(l, DATA, &value))
            return -1;
        put_le32(data, value);
        return 4;
    }
    case REGISTRY_BINARY:
    case REGISTRY_NONE:
        for (uint32_t f = DATA; f < l->fields && n < room; f++) {
            uint64_t byte;

            if (parse_u64(l->field[f], NULL, 16, &byte) || byte > UINT8_MAX)
                return -1;
            data[n++] = (uint8_t)byte;
        }
        return (long)n;
    case REGISTRY_MULTI_SZ:
        for (uint32_t f = DATA; f < l->fields && n + strlen(l->field[f]) + 2 <= room; f++) {
            memcpy(data + n, l->field[f], strlen(l->field[f]) + 1);
            n += strlen(l->field[f]) + 1;
        }
        data[n++] = 0;
        return (long)n;
    default:
        n = strlen(inf_field(l, DATA)) + 1;
        if (n > room)
            return -1;
        memcpy(data, inf_field(l, DATA), n);
        return (long)n;
    }
}

static uint32_t
type_of(uint32_t flags)
{
    switch (flags & TYPE_MASK) {
    case TYPE_BINARY:
        return REGISTRY_BINARY;
    case TYPE_MULTI_SZ:
        return REGISTRY_MULTI_SZ;
    case TYPE_EXPAND_SZ:
        return REGISTRY_EXPAND_SZ;
    case TYPE_DWORD:
        return REGISTRY_DWORD;
    case TYPE_NONE:
        return REGISTRY_NONE;
    default:
        return REGISTRY_SZ;
    }
}

static int
add_line(const struct inf_line *l, const char *base, struct inf_fault *fault)
{
    char key[REGISTRY_KEY_MAX];
    uint8_t data[INF_FIELD_MAX], byte;
    uint32_t flags;
    long size;
    int wanted;

    *fault = (struct inf_fault){l->number, "AddReg: not a number where one belongs, or too long"};
    if (strcasecmp(inf_field(l, ROOT), "HKR"))
        return 0; /* other roots are the system's own: nothing here reads them */
    wanted = snprintf(key, sizeof(key), "%s%s%s", base, inf_field(l, SUBKEY)[0] ? "\\" : "",
                      inf_field(l, SUBKEY));
    if (inf_number(l, FLAGS, &flags) || wanted >= (int)sizeof(key))
        return -EINVAL;
    size = encode(l, type_of(flags), data, sizeof(data));
    if (size < 0)
        return -EINVAL;
    if (flags & NO_CLOBBER && registry_get(key, inf_field(l, NAME), NULL, &byte, 0) >= 0)
        return 0;
    return registry_set(key, inf_field(l, NAME), type_of(flags), data, (size_t)size);
}

/* All sections that the AddReg lines of a section name. */
static int
add_sections(const struct inf *inf, const char *section, const char *base, struct inf_fault *fault)
{
    const struct inf_line *list = NULL, *l;
    int err = 0;

    while (!err && (list = inf_next(inf, section, "AddReg", list)) != NULL)
        for (uint32_t f = 0; f < list->fields && !err; f++)
            for (l = NULL; !err && (l = inf_next(inf, list->field[f], NULL, l)) != NULL;)
                err = add_line(l, base, fault);
    return err;
}

int
install_registry(const struct inf *inf, const struct match *m, const char *device, struct inf_fault *fault)
{
    char section[SECTION_MAX], base[REGISTRY_KEY_MAX];
    int err;

    snprintf(base, sizeof(base), "Services\\%s", m->service);
    err = add_sections(inf, m->service_install, base, fault);
    if (err || !device || !match_section(inf, m->install, ".HW", section, sizeof(section)))
        return err;
    snprintf(base, sizeof(base), "Devices\\%s", device);
    return add_sections(inf, section, base, fault);
}
