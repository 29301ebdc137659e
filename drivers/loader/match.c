/*
 * Identifiers, Models sections, ranks.
 */
#include "drivers/loader/match.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/format.h"
#include "lib/string.h"

#define SECTION_MAX     300
#define ASSOCIATED      0x2 /* AddService: this service drives the device */
#define RANK_COMPATIBLE 0x2000
#define RANK_INF_COMPAT 0x1000
#define DECORATION      "NTamd64"
#define ROOT            "ROOT\\" /* begins the IDs of devices that no bus brings */
#define START_ON_DEMAND 3        /* StartType: from here on it starts when somebody asks for it, or never */

static void
id_add(struct device_ids *ids, bool hardware, const char *format, uint32_t a, uint32_t b, uint32_t c,
       uint32_t d)
{
    unsigned n = ids->hardware + ids->compatible;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(ids->id[n], MATCH_ID_MAX, format, a, b, c, d);
#pragma GCC diagnostic pop
    ids->hardware += hardware;
    ids->compatible += !hardware;
}

void
match_pci_ids(struct device_ids *ids, uint16_t vendor, uint16_t device, uint32_t subsystem, uint8_t revision,
              uint32_t class_code)
{
    uint32_t v = vendor, d = device, c = class_code & 0xffffff;

    *ids = (struct device_ids){0};
    id_add(ids, true, "PCI\\VEN_%04X&DEV_%04X&SUBSYS_%08X&REV_%02X", v, d, subsystem, revision);
    id_add(ids, true, "PCI\\VEN_%04X&DEV_%04X&SUBSYS_%08X", v, d, subsystem, 0);
    id_add(ids, true, "PCI\\VEN_%04X&DEV_%04X&CC_%06X", v, d, c, 0);
    id_add(ids, true, "PCI\\VEN_%04X&DEV_%04X&CC_%04X", v, d, c >> 8, 0);
    id_add(ids, false, "PCI\\VEN_%04X&DEV_%04X&REV_%02X", v, d, revision, 0);
    id_add(ids, false, "PCI\\VEN_%04X&DEV_%04X", v, d, 0, 0);
    id_add(ids, false, "PCI\\VEN_%04X&CC_%06X", v, c, 0, 0);
    id_add(ids, false, "PCI\\VEN_%04X&CC_%04X", v, c >> 8, 0, 0);
    id_add(ids, false, "PCI\\VEN_%04X", v, 0, 0, 0);
    id_add(ids, false, "PCI\\CC_%06X", c, 0, 0, 0);
    id_add(ids, false, "PCI\\CC_%04X", c >> 8, 0, 0, 0);
}

bool
match_section(const struct inf *inf, const char *name, const char *suffix, char *text, size_t size)
{
    static const char *const decorations[] = {".NTamd64", ".NT", ""};

    for (unsigned i = 0; i < ARRAY_SIZE(decorations); i++) {
        snprintf(text, size, "%s%s%s", name, decorations[i], suffix);
        if (inf_has_section(inf, text))
            return true;
    }
    return false;
}

/* A line of a Models section: install section, hardware ID, compatible IDs. Its best rank for the device. */
static uint32_t
rank_line(const struct inf_line *l, const struct device_ids *ids, const char **id)
{
    uint32_t best = MATCH_NONE;

    for (uint32_t f = 1; f < l->fields; f++)
        for (unsigned i = 0; i < ids->hardware + ids->compatible; i++) {
            uint32_t rank = (f > 1 ? RANK_INF_COMPAT + (f - 2) * 0x100 : 0) +
                            (i < ids->hardware ? i : RANK_COMPATIBLE + i - ids->hardware);

            if (!strcasecmp(l->field[f], ids->id[i]) && rank < best) {
                best = rank;
                *id = l->field[f];
            }
        }
    return best;
}

static void
rank_models(const struct inf *inf, const char *section, const struct device_ids *ids, struct match *m)
{
    for (const struct inf_line *l = NULL; (l = inf_next(inf, section, NULL, l)) != NULL;) {
        const char *id = "";
        uint32_t rank = rank_line(l, ids, &id);

        if (rank < m->rank)
            *m = (struct match){
                .rank = rank, .description = l->key ? l->key : "", .id = id, .install = inf_field(l, 0)};
    }
}

/* The Models sections of a Manufacturer line that are for this system: the n-th, "" if it is for another; false: no more. */
static bool
models_section(const struct inf_line *l, uint32_t n, char *section, size_t size)
{
    if (n > l->fields || !l->fields)
        return false;
    section[0] = 0;
    if (n == l->fields)
        snprintf(section, size, "%s", inf_field(l, 0));
    else if (n &&
             (!strncasecmp(l->field[n], DECORATION, strlen(DECORATION)) || !strcasecmp(l->field[n], "NT")))
        snprintf(section, size, "%s.%s", inf_field(l, 0), l->field[n]);
    return true;
}

/* name, NTamd64[.version...], ...: the decorated section if one is for us, else the plain one. */
static void
rank_manufacturer(const struct inf *inf, const struct inf_line *l, const struct device_ids *ids,
                  struct match *m)
{
    char section[SECTION_MAX];

    for (uint32_t n = 1; models_section(l, n, section, sizeof(section)); n++)
        if (section[0])
            rank_models(inf, section, ids, m);
}

static const char *
file_name(const char *path)
{
    const char *slash = strrchr(path, '\\');

    return slash ? slash + 1 : path;
}

/* The service of the install section: the first whose flags have these. */
static int
find_service(const struct inf *inf, uint32_t wanted, struct match *m, struct inf_fault *fault)
{
    char section[SECTION_MAX];
    const struct inf_line *l = NULL, *binary;
    uint32_t flags;

    if (!match_section(inf, m->install, ".Services", section, sizeof(section)))
        return 0;
    while ((l = inf_next(inf, section, "AddService", l)) != NULL) {
        if (inf_number(l, 1, &flags)) {
            *fault = (struct inf_fault){l->number, "AddService: the flags are no number"};
            return -EINVAL;
        }
        if ((flags & wanted) != wanted || !inf_field(l, 0)[0])
            continue;
        m->service = inf_field(l, 0);
        m->service_install = inf_field(l, 2);
        binary = inf_next(inf, m->service_install, "ServiceBinary", NULL);
        m->binary = binary ? file_name(inf_field(binary, 0)) : "";
        if (!m->binary[0]) {
            *fault = (struct inf_fault){l->number, "AddService: its install section has no ServiceBinary"};
            return -EINVAL;
        }
        return 0;
    }
    return 0;
}

/* mm/dd/yyyy; 0: there is none. */
static uint32_t
driver_date(const struct inf *inf)
{
    const struct inf_line *l = inf_next(inf, "Version", "DriverVer", NULL);
    const char *p = l ? inf_field(l, 0) : "";
    uint32_t part[3] = {0};

    for (unsigned i = 0; i < 3; i++) {
        for (; *p >= '0' && *p <= '9'; p++)
            part[i] = (part[i] * 10 + (uint32_t)(*p - '0')) & 0xffff;
        p += *p == '/';
    }
    return part[2] << 16 | (part[0] & 0xff) << 8 | (part[1] & 0xff);
}

int
match_inf(const struct inf *inf, const struct device_ids *ids, struct match *out, struct inf_fault *fault)
{
    *out = (struct match){.rank = MATCH_NONE};
    for (const struct inf_line *l = NULL; (l = inf_next(inf, "Manufacturer", NULL, l)) != NULL;)
        rank_manufacturer(inf, l, ids, out);
    out->date = driver_date(inf);
    return out->rank == MATCH_NONE ? 0 : find_service(inf, ASSOCIATED, out, fault);
}

int
match_default(const struct inf *inf, struct match *out, struct inf_fault *fault)
{
    const struct inf_line *start;
    uint32_t type;
    int err;

    *out = (struct match){.rank = MATCH_NONE, .install = "DefaultInstall", .id = "DefaultInstall"};
    err = find_service(inf, 0, out, fault);
    if (err || !out->service)
        return err;
    start = inf_next(inf, out->service_install, "StartType", NULL);
    if (!start || inf_number(start, 0, &type)) {
        *fault = (struct inf_fault){start ? start->number : 0,
                                    "AddService: its install section has no StartType"};
        return -EINVAL;
    }
    if (type < START_ON_DEMAND)
        out->rank = 0;
    return 0;
}

static bool
is_root(const struct inf_line *l)
{
    for (uint32_t f = 1; f < l->fields; f++)
        if (!strncasecmp(l->field[f], ROOT, strlen(ROOT)))
            return true;
    return false;
}

int
match_root(const struct inf *inf, struct match *out, struct inf_fault *fault)
{
    char section[SECTION_MAX];

    *out = (struct match){.rank = MATCH_NONE};
    for (const struct inf_line *l = NULL; (l = inf_next(inf, "Manufacturer", NULL, l)) != NULL;)
        for (uint32_t n = 1; models_section(l, n, section, sizeof(section)); n++)
            for (const struct inf_line *k = NULL;
                 section[0] && (k = inf_next(inf, section, NULL, k)) != NULL;)
                if (out->rank == MATCH_NONE && is_root(k))
                    *out = (struct match){
                        .description = k->key ? k->key : "", .id = ROOT, .install = inf_field(k, 0)};
    return out->rank == MATCH_NONE ? 0 : find_service(inf, ASSOCIATED, out, fault);
}

/* ---- what its author should know ---- */

/* Returns the rule that a line of a Models section breaks, or NULL. */
static const char *
model_check(const struct inf *inf, const struct inf_line *l)
{
    char section[SECTION_MAX];

    if (!match_section(inf, inf_field(l, 0), "", section, sizeof(section)))
        return "there is no install section of this name";
    if (!inf_next(inf, section, "Needs", NULL) &&
        !match_section(inf, inf_field(l, 0), ".Services", section, sizeof(section)))
        return "its install section has no .Services section beside it: no driver";
    return NULL;
}

static bool
manufacturer_check(const struct inf *inf, const struct inf_line *l, struct inf_fault *fault)
{
    char section[SECTION_MAX];
    bool has_models = false;

    for (uint32_t n = 1; models_section(l, n, section, sizeof(section)); n++)
        for (const struct inf_line *k = NULL; section[0] && (k = inf_next(inf, section, NULL, k)) != NULL;) {
            has_models = true;
            *fault = (struct inf_fault){k->number, model_check(inf, k)};
            if (fault->rule)
                return false;
        }
    *fault = (struct inf_fault){l->number, "there is no Models section of this name for NTamd64"};
    return has_models;
}

bool
match_check(const struct inf *inf, struct inf_fault *fault)
{
    char section[SECTION_MAX];
    bool has_default = match_section(inf, "DefaultInstall", "", section, sizeof(section));

    for (const struct inf_line *l = NULL; (l = inf_next(inf, "Manufacturer", NULL, l)) != NULL;)
        if (!manufacturer_check(inf, l, fault))
            return false;
    if (inf_has_section(inf, "Manufacturer") ||
        match_section(inf, "DefaultInstall", ".Services", section, sizeof(section)))
        return true;
    *fault = (struct inf_fault){
        0, has_default ? "it has a section DefaultInstall, and no DefaultInstall.Services: no driver"
                       : "it has neither a section Manufacturer nor DefaultInstall: no driver"};
    return false;
}
