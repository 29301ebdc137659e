// sources: kernel/fs/fat/bpb.c kernel/fs/fat/table.c kernel/fs/fat/walk.c kernel/fs/fat/lfn.c kernel/fs/fat/dirent.c kernel/fs/fat/alloc.c kernel/fs/fat/order.c kernel/fs/fat/alias.c kernel/fs/fat/index.c kernel/fs/fat/slots.c kernel/fs/fat/file.c kernel/fs/fat/rename.c kernel/block/dirt.c kernel/mem/pages.c lib/utf.c lib/civil.c lib/format.c
/* New names: which are refused, which need long entries, and what aliases they get (overview, 6 and 7). */
#include "tests/host/fat/volume.h"

static struct fat_new_name n;

static int
parse(const char *name)
{
    return fat_name_parse(name, strlen(name), &n);
}

/* The name's first alias that is tried, and the next. */
static bool
alias_is(const char *name, unsigned attempt, const char *wanted)
{
    bool there = true;

    if (!CHECK_EQ(parse(name), 0))
        return false;
    for (unsigned i = 0; i <= attempt; i++)
        there = fat_name_alias(&n, i);
    return CHECK(there && !memcmp(n.short_name, wanted, 11));
}

static void
test_names_that_are_short(void)
{
    CHECK(alias_is("FILE.TXT", 0, "FILE    TXT") && n.is_short && n.case_bits == 0);
    CHECK(alias_is("file.txt", 0, "FILE    TXT") && n.is_short && n.case_bits == 0x18);
    CHECK(alias_is("FILE.txt", 0, "FILE    TXT") && n.is_short && n.case_bits == 0x10);
    CHECK(alias_is("readme", 0, "README     ") && n.is_short && n.case_bits == 0x08);
    CHECK(alias_is("A1-$%.~_", 0, "A1-$%   ~_ ") && n.is_short);
    CHECK_EQ(fat_name_entries(&n), 1);
    CHECK(!fat_name_alias(&n, 1)); /* it is the name: another one would be another file */
}

static void
test_aliases(void)
{
    CHECK(alias_is("File.txt", 0, "FILE    TXT") && !n.is_short);
    CHECK(alias_is("File.txt", 1, "FILE~1  TXT"));
    CHECK(alias_is("a b.txt", 0, "AB~1    TXT"));
    CHECK(alias_is("a b.txt", 3, "AB~4    TXT"));
    CHECK(alias_is(".profile", 0, "PROFIL~1   "));
    CHECK(alias_is("foo.bar.baz", 0, "FOOBAR~1BAZ"));
    CHECK(alias_is("a long file name.text", 0, "ALONGF~1TEX"));
    CHECK(alias_is("a+b", 0, "A_B~1      "));
    CHECK(alias_is("\xc3\xa9t\xc3\xa9", 0, "\x90T\x90~1      ")); /* in code page 437 */
    CHECK(alias_is("\xe6\x97\xa5", 0, "_~1        "));
    CHECK(alias_is("...x", 0, "_~1     X  "));
}

/* Five of a kind and more have four digits of the whole name's in them, so that the next one is found at once. */
static void
test_crowded_aliases(void)
{
    uint8_t first[11];

    CHECK_EQ(parse("a crowded name, number one.text"), 0);
    for (unsigned i = 0; i <= 4; i++)
        CHECK(fat_name_alias(&n, i));
    memcpy(first, n.short_name, 11);
    CHECK(!memcmp(first, "AC", 2) && first[6] == '~' && !memcmp(first + 8, "TEX", 3));
    CHECK_EQ(parse("a crowded name, number two.text"), 0);
    for (unsigned i = 0; i <= 4; i++)
        CHECK(fat_name_alias(&n, i));
    CHECK(memcmp(first, n.short_name, 8) != 0);
    CHECK(!fat_name_alias(&n, 100000));
}

static void
test_names_that_are_refused(void)
{
    static const char *const bad[] = {"",      "a:b",          "a*b",  "a?b",     "a\"b", "a<b",
                                      "a>b",   "a|b",          "a/b",  "a\\b",    "end.", "end ",
                                      "\x01",  "a\x7f",        "\xff", "\xc3",    ".",    "..",
                                      "\xc3(", "\xed\xa0\x80", "a\tb", "\xe2\x82"};
    char longest[260];

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        check_row("name %zu", i);
        CHECK_EQ(parse(bad[i]), -EINVAL);
    }
    check_row("the longest");
    memset(longest, 'x', sizeof longest);
    CHECK_EQ(fat_name_parse(longest, 255, &n), 0);
    CHECK_EQ(fat_name_entries(&n), 21);
    CHECK_EQ(fat_name_parse(longest, 256, &n), -ENAMETOOLONG);
}

/* The entries of a name, read again. */
static void
test_long_entries(void)
{
    static const char *const names[] = {"exactly13char", "fourteen chars", "\xf0\x9f\x98\x80 and more",
                                        "Gr\xc3\xb6\xc3\x9f"
                                        "e",
                                        "a name that takes five entries, since it has sixty characters"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[FAT_NAME_BYTES + 1];
        struct fat_lfn l = {.left = 0};
        uint8_t entry[FAT_ENTRY] = {0};

        check_row("%s", names[i]);
        CHECK_EQ(parse(names[i]), 0);
        CHECK(fat_name_alias(&n, 0));
        for (uint32_t k = 0; k + 1 < fat_name_entries(&n); k++) {
            uint8_t part[FAT_ENTRY];

            fat_name_long_entry(&n, k, part);
            CHECK_EQ(part[11], FAT_LONG);
            fat_lfn_add(&l, part);
        }
        memcpy(entry, n.short_name, 11);
        CHECK(l.complete);
        CHECK_EQ(fat_name(&l, entry, name), strlen(names[i]));
        CHECK(!strcmp(name, names[i]));
    }
}

/* What no program could say is shown as something else. */
static void
test_short_names_that_are_dots(void)
{
    static const char *const entries[] = {"        .  ", ".          ", "..         "};

    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        char name[FAT_NAME_BYTES + 1];
        uint8_t entry[FAT_ENTRY] = {0};

        memcpy(entry, entries[i], 11);
        CHECK(fat_short_name(entry, name) > 0);
        CHECK(name[0] == '_');
    }
}

/* Names that match have one hash. */
static void
test_names_without_regard_to_case(void)
{
    static const char *const pairs[][2] = {{"File", "fILE"},
                                           {"\xc3\xa4\xc3\x96", "\xc3\x84\xc3\xb6"},
                                           {"\xd0\xb6", "\xd0\x96"},
                                           {"x\xce\xb1y", "X\xce\x91Y"}};

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const char *a = pairs[i][0], *b = pairs[i][1];

        check_row("%s", a);
        CHECK(fat_names_match(a, strlen(a), b, strlen(b)));
        CHECK_EQ(fat_name_hash(a, strlen(a)), fat_name_hash(b, strlen(b)));
    }
    CHECK(!fat_names_match("a", 1, "ab", 2) && !fat_names_match("a", 1, "b", 1));
}

int
main(void)
{
    test_names_that_are_short();
    test_aliases();
    test_crowded_aliases();
    test_names_that_are_refused();
    test_long_entries();
    test_short_names_that_are_dots();
    test_names_without_regard_to_case();
    return check_report();
}
