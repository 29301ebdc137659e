// INF files ("General Syntax Rules for INF Files", "How Windows Selects a Driver"): what is read, matched and refused.
// sources: drivers/loader/inf.c drivers/loader/match.c lib/parse.c lib/format.c
#include "drivers/loader/match.h"
#include "lib/errno.h"
#include "tests/host/check.h"

static char arena[1 << 20];
static struct inf inf;
static struct inf_fault fault;

static int
parse(const char *text)
{
    return inf_parse(text, strlen(text), arena, INF_ARENA(strlen(text)), &inf, &fault);
}

static void
test_syntax(void)
{
    const struct inf_line *l;
    uint32_t n;

    CHECK_EQ(parse("; a comment\n"
                   "[Version]\r\n"
                   "Signature = \"$Windows NT$\" ; behind a line\n"
                   "\n"
                   "[one]\n"
                   "key=a , b ,\"c, with \"\"quotes\"\" ; and all\",\n"
                   "no key, at all\n"
                   "long = x, \\\n  y, \\ ; here too\n z\n"
                   "= empty\n"
                   "[two]\n"
                   "number = 17, 0x1f, , -3\n"
                   "percent = %name%/%%/%12%, pre%other%post\n"
                   "[ONE]\n"
                   "again\n"
                   "[Strings]\n"
                   "NAME = \"value, with comma\"\n"
                   "other = x"),
             0);
    l = inf_next(&inf, "version", "signature", NULL);
    CHECK(l != NULL);
    CHECK_STR(inf_field(l, 0), "$Windows NT$");
    CHECK_EQ(l->number, 3);
    l = inf_next(&inf, "One", NULL, NULL);
    CHECK_STR(l->key, "key");
    CHECK_EQ(l->fields, 4);
    CHECK_STR(inf_field(l, 1), "b");
    CHECK_STR(inf_field(l, 2), "c, with \"quotes\" ; and all");
    CHECK_STR(inf_field(l, 3), "");
    CHECK_STR(inf_field(l, 9), "");
    l = inf_next(&inf, "One", NULL, l);
    CHECK(!l->key);
    CHECK_STR(inf_field(l, 1), "at all");
    l = inf_next(&inf, "One", NULL, l);
    CHECK_EQ(l->fields, 3);
    CHECK_EQ(l->number, 8);
    CHECK_STR(inf_field(l, 2), "z");
    l = inf_next(&inf, "One", NULL, l);
    CHECK_STR(l->key, "");
    l = inf_next(&inf, "One", NULL, l);
    CHECK_STR(inf_field(l, 0), "again");
    CHECK(!inf_next(&inf, "One", NULL, l));
    l = inf_next(&inf, "two", "number", NULL);
    CHECK(!inf_number(l, 0, &n) && n == 17);
    CHECK(!inf_number(l, 1, &n) && n == 31);
    CHECK(!inf_number(l, 2, &n) && n == 0);
    CHECK(!inf_number(l, 7, &n) && n == 0);
    CHECK_EQ(inf_number(l, 3, &n), -EINVAL);
    l = inf_next(&inf, "two", "percent", NULL);
    CHECK_STR(inf_field(l, 0), "value, with comma/%/%12%");
    CHECK_STR(inf_field(l, 1), "prexpost");
}

static void
test_utf16(void)
{
    static const char text[] = "[a]\r\nk = v\r\n";
    uint8_t wide[2 * sizeof text];

    wide[0] = 0xff;
    wide[1] = 0xfe;
    for (unsigned i = 0; i + 1 < sizeof text; i++) {
        wide[2 * i + 2] = (uint8_t)text[i];
        wide[2 * i + 3] = 0;
    }
    CHECK_EQ(inf_parse(wide, sizeof wide, arena, sizeof arena, &inf, &fault), 0);
    CHECK_STR(inf_field(inf_next(&inf, "a", "k", NULL), 0), "v");
    CHECK_EQ(inf_parse(wide, sizeof wide - 1, arena, sizeof arena, &inf, &fault), 0);
}

static void
test_refused(void)
{
    static const struct {
        const char *text;
        uint32_t line;
    } bad[] = {
        {"key = x\n", 1},
        {"\n\n[unended\n", 3},
        {"[]\n", 1},
        {"[a] b\n", 1},
        {"[a]\nx = \"no end\nand on\"\n", 2},
        {"[a]\nx = \"no end", 2},
        {"[a]\n\nx = %missing%\n", 3},
        {"[a]\nx = %loop%\n[Strings]\nother = 1\n", 2},
    };

    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        check_row("%s", bad[i].text);
        CHECK_EQ(parse(bad[i].text), -EINVAL);
        CHECK_EQ(fault.line, bad[i].line);
        CHECK(fault.rule[0]);
    }
    check_row("%s", "");
    CHECK_EQ(inf_parse("", 0, arena, 64, &inf, &fault), 0);
    CHECK_EQ(inf_parse("[a]\nx\n", 6, arena, 16, &inf, &fault), -ENOMEM);
    CHECK_EQ(inf_parse(arena, INF_SIZE_MAX + 1, arena, sizeof arena, &inf, &fault), -E2BIG);
}

static void
test_pci_ids(void)
{
    static const char *const want[] = {
        "PCI\\VEN_8086&DEV_2922&SUBSYS_11001AF4&REV_02",
        "PCI\\VEN_8086&DEV_2922&SUBSYS_11001AF4",
        "PCI\\VEN_8086&DEV_2922&CC_010601",
        "PCI\\VEN_8086&DEV_2922&CC_0106",
        "PCI\\VEN_8086&DEV_2922&REV_02",
        "PCI\\VEN_8086&DEV_2922",
        "PCI\\VEN_8086&CC_010601",
        "PCI\\VEN_8086&CC_0106",
        "PCI\\VEN_8086",
        "PCI\\CC_010601",
        "PCI\\CC_0106",
    };
    struct device_ids ids;

    match_pci_ids(&ids, 0x8086, 0x2922, 0x11001af4, 2, 0x010601);
    CHECK_EQ(ids.hardware, 4);
    CHECK_EQ(ids.compatible, 7);
    for (unsigned i = 0; i < 11; i++)
        CHECK_STR(ids.id[i], want[i]);
}

#define INF(models)                                                                                          \
    "[Version]\nSignature=\"$CHICAGO$\"\nClass=SCSIAdapter\n[Manufacturer]\n%m%=Models,NTamd64\n" models     \
    "[Inst]\nCopyFiles=x\n[Inst.Services]\nAddService=helper,0,Helper\nAddService=ahci,0x2,Service\n"        \
    "[Service]\nServiceType=1\nStartType=0\nServiceBinary=%12%\\ahci.sys\nAddReg=Reg\n[Strings]\nm=Maker\nd=Disks\n"

static void
test_match(void)
{
    struct device_ids ids;
    struct match m;

    match_pci_ids(&ids, 0x8086, 0x2922, 0x11001af4, 2, 0x010601);
    CHECK_EQ(parse(INF("[Models.NTamd64]\n%d%=Inst,PCI\\CC_0106\n")), 0);
    CHECK_EQ(match_inf(&inf, &ids, &m, &fault), 0);
    CHECK_EQ(m.rank, 0x2006);
    CHECK_STR(m.service, "ahci");
    CHECK_STR(m.binary, "ahci.sys");
    CHECK_STR(m.description, "Disks");
    CHECK_EQ(parse(INF("[Models.NTamd64]\n%d%=Inst,PCI\\CC_0106\n%m%=Inst,pci\\ven_8086&dev_2922&CC_0106\n")),
             0);
    CHECK_EQ(match_inf(&inf, &ids, &m, &fault), 0);
    CHECK_EQ(m.rank, 3);
    CHECK_STR(m.description, "Maker");
    CHECK_EQ(parse(INF("[Models]\n%d%=Inst,OTHER,PCI\\VEN_8086&DEV_2922\n")), 0);
    CHECK_EQ(match_inf(&inf, &ids, &m, &fault), 0);
    CHECK_EQ(m.rank, 0x3001);
    CHECK_EQ(parse(INF("[Models.NTx86]\n%d%=Inst,PCI\\CC_0106\n")), 0);
    CHECK_EQ(match_inf(&inf, &ids, &m, &fault), 0);
    CHECK_EQ(m.rank, MATCH_NONE);
    CHECK_EQ(parse("[Manufacturer]\nm=M\n[M]\nd=I,PCI\\CC_0106\n[I.NT.Services]\nAddService=a,2,none\n"), 0);
    CHECK_EQ(match_inf(&inf, &ids, &m, &fault), -EINVAL);
    CHECK_EQ(fault.line, 6);
    CHECK_EQ(parse("[Manufacturer]\nm=M\n[M]\nd=I,PCI\\CC_0106\n"), 0);
    CHECK_EQ(match_inf(&inf, &ids, &m, &fault), 0);
    CHECK(m.rank == 0x2006 && !m.service && !m.date);
}

#define DEFAULT(rest)                                                                                        \
    "[Version]\nSignature=\"$CHICAGO$\"\n[DefaultInstall.NTamd64]\nCopyFiles=x\n"                            \
    "[DefaultInstall.NTamd64.Services]\nAddService=mine,,Service\n[Service]\n" rest

/* A driver that searches for its hardware itself, or has none. */
static void
test_default(void)
{
    struct match m;

    CHECK_EQ(parse(DEFAULT("StartType=0\nServiceBinary=%12%\\mine.sys\n")), 0);
    CHECK_EQ(match_default(&inf, &m, &fault), 0);
    CHECK_EQ(m.rank, 0);
    CHECK_STR(m.service, "mine");
    CHECK_STR(m.binary, "mine.sys");
    CHECK_STR(m.service_install, "Service");
    CHECK_EQ(parse(DEFAULT("StartType=3\nServiceBinary=mine.sys\n")), 0); /* on demand */
    CHECK_EQ(match_default(&inf, &m, &fault), 0);
    CHECK_EQ(m.rank, MATCH_NONE);
    CHECK_EQ(parse(DEFAULT("StartType=soon\nServiceBinary=mine.sys\n")), 0);
    CHECK_EQ(match_default(&inf, &m, &fault), -EINVAL);
    CHECK_EQ(fault.line, 8);
    CHECK_EQ(parse(DEFAULT("StartType=0\n")), 0);
    CHECK_EQ(match_default(&inf, &m, &fault), -EINVAL);
    CHECK_EQ(parse(INF("[Models]\n%d%=Inst,PCI\\CC_0106\n")), 0);
    CHECK_EQ(match_default(&inf, &m, &fault), 0);
    CHECK_EQ(m.rank, MATCH_NONE);
}

/* A device that no bus brings. */
static void
test_root(void)
{
    struct match m;

    CHECK_EQ(parse(INF("[Models]\n%d%=Inst,PCI\\CC_0106\n%d%=Inst,root\\disk,ROOT\\OTHER\n")), 0);
    CHECK_EQ(match_root(&inf, &m, &fault), 0);
    CHECK_EQ(m.rank, 0);
    CHECK_STR(m.install, "Inst");
    CHECK_EQ(parse(INF("[Models]\n%d%=Inst,PCI\\CC_0106,ROOTED\n")), 0);
    CHECK_EQ(match_root(&inf, &m, &fault), 0);
    CHECK_EQ(m.rank, MATCH_NONE);
}

/* The line that its author is told of; -1: all is there. */
static int
checked(const char *text)
{
    fault = (struct inf_fault){0, NULL};
    CHECK_EQ(parse(text), 0);
    if (match_check(&inf, &fault))
        return -1;
    CHECK(fault.rule && *fault.rule);
    return (int)fault.line;
}

static void
test_check(void)
{
    CHECK_EQ(
        checked(
            "[Manufacturer]\nm=M,NTamd64\n[M.NTamd64]\nd=I,PCI\\CC_0106\n[I]\na=b\n[I.Services]\nAddService=s\n"),
        -1);
    CHECK_EQ(
        checked("[Manufacturer]\nm=M\n[M]\nd=I,PCI\\CC_0106\n[I.NT]\na=b\n[I.NT.Services]\nAddService=s\n"),
        -1);
    CHECK_EQ(checked("[Manufacturer]\nm=M\n[M]\nd=I,PCI\\CC_0106\n[I]\nNeeds=other\n"), -1);
    CHECK_EQ(checked("[Manufacturer]\nm=M,NTamd64\n[N.NTamd64]\nd=I,PCI\\CC_0106\n"), 2);
    CHECK_EQ(checked("[Manufacturer]\nm=M,NTx86\n[M.NTx86]\nd=I,PCI\\CC_0106\n"), 2);
    CHECK_EQ(checked("[Manufacturer]\nm=M\n[M]\nd=I,PCI\\CC_0106\n"), 4);
    CHECK_EQ(checked("[Manufacturer]\nm=M\n[M]\nd=I,PCI\\CC_0106\n[I]\na=b\n[I.Service]\nAddService=s\n"), 4);
    CHECK_EQ(checked("[DefaultInstall]\na=b\n[DefaultInstall.Services]\nAddService=s\n"), -1);
    CHECK_EQ(checked("[DefaultInstall]\na=b\n[DefaultInstall.Service]\nAddService=s\n"), 0);
    CHECK_EQ(checked("[Version]\na=b\n"), 0);
}

static void
test_dates(void)
{
    static const struct {
        const char *inf;
        uint32_t date;
    } rows[] = {{"DriverVer=06/21/2006,1.0.0.0\n", 2006 << 16 | 6 << 8 | 21},
                {"DriverVer=11/21/2026\n", 2026 << 16 | 11 << 8 | 21},
                {"DriverVer=x/y/z\n", 0},
                {"DriverVer=\n", 0}};
    struct match m = {.rank = 5, .date = 1}, other = {.rank = 5, .date = 2};
    struct device_ids ids;
    char text[400];

    CHECK(match_is_better(&other, &m) && !match_is_better(&m, &other) && !match_is_better(&m, &m));
    other.rank = 6;
    CHECK(match_is_better(&m, &other));
    match_pci_ids(&ids, 0x8086, 0x2922, 0x11001af4, 2, 0x010601);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "[Version]\n%s[Manufacturer]\nm=M\n[M]\nd=I,PCI\\CC_0106\n",
                 rows[i].inf);
        CHECK_EQ(parse(text), 0);
        CHECK_EQ(match_inf(&inf, &ids, &m, &fault), 0);
        CHECK_EQ(m.date, rows[i].date);
    }
}

int
main(void)
{
    test_syntax();
    test_utf16();
    test_refused();
    test_pci_ids();
    test_match();
    test_default();
    test_root();
    test_check();
    test_dates();
    return check_report();
}
