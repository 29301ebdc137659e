// Boot information of both Multiboot versions: good, and wrong in every field.
// sources: boot/bootinfo.c
#include "boot/bootinfo.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "tests/host/boot/info.h"
#include "tests/host/check.h"

static struct bootinfo b;
static const char *reason;

static int
parse(uint32_t magic)
{
    reason = NULL;
    return bootinfo_parse(magic, MEMORY_BASE, memory_at, &b, &reason);
}

static uint32_t
text_put(uint32_t at, const char *text)
{
    strcpy((char *)memory + at, text);
    return MEMORY_BASE + at;
}

/* Multiboot1 with command line, loader, map of two entries, one module, as QEMU makes it. */
static void
mb1_make(void)
{
    memset(memory, 0, sizeof(memory));
    put_le32(memory, BIT(0) | BIT(2) | BIT(3) | BIT(6) | BIT(9));
    put_le32(memory + 4, 640);
    put_le32(memory + 8, 64512);
    put_le32(memory + 16, text_put(0x200, "build/portolan.elf one two=3"));
    put_le32(memory + 20, 1);
    put_le32(memory + 24, MEMORY_BASE + 0x300);
    put_le32(memory + 44, 2 * 24);
    put_le32(memory + 48, MEMORY_BASE + 0x400);
    put_le32(memory + 64, text_put(0x280, "qemu"));
    put_le32(memory + 0x300, 0x200000);
    put_le32(memory + 0x304, 0x201000);
    put_le32(memory + 0x308, text_put(0x2c0, "system.img"));
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *e = memory + 0x400 + 24 * i;

        put_le32(e, 20);
        put_le64(e + 4, i ? 0x100000 : 0);
        put_le64(e + 12, i ? 0x3f00000 : 0x9fc00);
        put_le32(e + 20, 1);
    }
}

static void
test_mb1(void)
{
    mb1_make();
    CHECK_EQ(parse(MULTIBOOT1_MAGIC), 0);
    CHECK_STR(b.cmdline, "one two=3");
    CHECK_STR(b.loader, "qemu");
    CHECK_EQ(b.region_count, 2);
    CHECK_EQ(b.regions[1].start, 0x100000);
    CHECK_EQ(b.regions[1].size, 0x3f00000);
    CHECK_EQ(b.regions[1].kind, MEM_USABLE);
    CHECK_EQ(b.module_count, 1);
    CHECK_EQ(b.modules[0].size, 0x1000);
    CHECK_STR(b.modules[0].name, "system.img");
    CHECK_EQ(b.framebuffer.width, 0);
}

static void
test_mb1_without_map(void)
{
    mb1_make();
    put_le32(memory, BIT(0));
    CHECK_EQ(parse(MULTIBOOT1_MAGIC), 0);
    CHECK_EQ(b.region_count, 2);
    CHECK_EQ(b.regions[0].size, KiB(640));
    CHECK_EQ(b.regions[1].start, MiB(1));
    CHECK_EQ(b.module_count, 0);
    CHECK_STR(b.cmdline, "");
}

static void
test_mb1_damaged(void)
{
    mb1_make();
    put_le32(memory + 48, MEMORY_BASE + MEMORY_SIZE - 10);
    CHECK_EQ(parse(MULTIBOOT1_MAGIC), -EINVAL);
    CHECK(reason && strstr(reason, "map"));
    mb1_make();
    put_le32(memory + 0x400, 0xffffffff);
    CHECK_EQ(parse(MULTIBOOT1_MAGIC), -EINVAL);
    mb1_make();
    put_le32(memory + 24, 4);
    CHECK_EQ(parse(MULTIBOOT1_MAGIC), -EINVAL);
    CHECK(reason && strstr(reason, "module"));
    mb1_make();
    put_le32(memory + 20, 0xffffffff); /* modules without end: stops at what fits */
    CHECK_EQ(parse(MULTIBOOT1_MAGIC), 0);
    CHECK(b.modules_cut);
    mb1_make();
    memset(memory + 0x200, 'x', sizeof(memory) - 0x200);
    put_le32(memory + 44, 0);
    put_le32(memory + 20, 0);
    CHECK_EQ(parse(MULTIBOOT1_MAGIC), 0);
    CHECK(b.cmdline_cut);
    CHECK_EQ(strlen(b.cmdline), BOOT_CMDLINE_MAX - 1);
}

static uint32_t mb2_end;

static uint8_t *
mb2_tag(uint32_t type, uint32_t size)
{
    uint8_t *tag = memory + mb2_end;

    put_le32(tag, type);
    put_le32(tag + 4, size);
    mb2_end += ALIGN_UP(size, 8u);
    put_le32(memory, mb2_end);
    return tag;
}

/* Multiboot2 with every tag that the kernel reads. */
static void
mb2_make(void)
{
    uint8_t *tag;

    memset(memory, 0, sizeof(memory));
    mb2_end = 8;
    strcpy((char *)mb2_tag(1, 8 + 8) + 8, "a b=c d");
    strcpy((char *)mb2_tag(2, 8 + 5) + 8, "GRUB");
    tag = mb2_tag(3, 16 + 11);
    put_le32(tag + 8, 0x300000);
    put_le32(tag + 12, 0x300800);
    strcpy((char *)tag + 16, "system.img");
    tag = mb2_tag(6, 16 + 2 * 24);
    put_le32(tag + 8, 24);
    put_le64(tag + 16 + 8, 0x9f000);
    put_le32(tag + 16 + 16, 1);
    put_le64(tag + 40, 0x100000);
    put_le64(tag + 40 + 8, 0x7f00000);
    put_le32(tag + 40 + 16, 99);
    tag = mb2_tag(8, 38);
    put_le64(tag + 8, 0xfd000000);
    put_le32(tag + 16, 1280 * 4);
    put_le32(tag + 20, 1280);
    put_le32(tag + 24, 800);
    tag[28] = 32;
    tag[29] = 1;
    memcpy(tag + 32, "\x10\x08\x08\x08\x00\x08", 6);
    memcpy(mb2_tag(15, 8 + 36) + 8, "RSD PTR ", 8);
    memcpy(mb2_tag(14, 8 + 20) + 8, "RSD PTR ", 8);
    mb2_tag(0, 8);
}

static void
test_mb2(void)
{
    mb2_make();
    CHECK_EQ(parse(MULTIBOOT2_MAGIC), 0);
    CHECK_STR(b.cmdline, "a b=c d");
    CHECK_STR(b.loader, "GRUB");
    CHECK_EQ(b.modules[0].size, 0x800);
    CHECK_EQ(b.region_count, 2);
    CHECK_EQ(b.regions[1].kind, MEM_RESERVED);
    CHECK_EQ(b.framebuffer.width, 1280);
    CHECK_EQ(b.framebuffer.red_at, 16);
    CHECK_EQ(b.rsdp_size, 36); /* the newer one, whatever the order */
}

static void
test_mb2_damaged(void)
{
    uint8_t *tag;

    mb2_make();
    put_le32(memory, mb2_end - 8);
    CHECK_EQ(parse(MULTIBOOT2_MAGIC), -EINVAL);
    CHECK(reason && strstr(reason, "end tag"));
    mb2_make();
    put_le32(memory + 12, 0x10000);
    CHECK_EQ(parse(MULTIBOOT2_MAGIC), -EINVAL);
    mb2_make();
    put_le32(memory + 12, 7);
    CHECK_EQ(parse(MULTIBOOT2_MAGIC), -EINVAL);
    mb2_make();
    put_le32(memory, 0xfffffff8);
    CHECK_EQ(parse(MULTIBOOT2_MAGIC), -EINVAL);
    memset(memory, 0, sizeof(memory));
    mb2_end = 8;
    tag = mb2_tag(6, 40);
    put_le32(tag + 8, 0);
    mb2_tag(0, 8);
    CHECK_EQ(parse(MULTIBOOT2_MAGIC), -EINVAL);
    CHECK(reason && strstr(reason, "entry size"));
}

static void
test_framebuffer_refused(void)
{
    static const struct {
        uint8_t at, value;
    } wrong[] = {{28, 8}, {28, 64}, {29, 0}, {29, 2}, {16, 1}, {33, 33}, {32, 31}};

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        uint8_t *tag = memory + 8;

        mb2_make();
        while (get_le32(tag) != 8)
            tag += ALIGN_UP(get_le32(tag + 4), 8u);
        if (wrong[i].at == 16)
            put_le32(tag + 16, 1280 * 4 - 1);
        else
            tag[wrong[i].at] = wrong[i].value;
        check_row("byte %u = %u", wrong[i].at, wrong[i].value);
        CHECK_EQ(parse(MULTIBOOT2_MAGIC), 0);
        CHECK_EQ(b.framebuffer.width, 0);
    }
    check_row("%s", "");
}

static void
test_no_loader(void)
{
    mb2_make();
    CHECK_EQ(parse(0x12345678), -EINVAL);
    CHECK(reason && strstr(reason, "magic"));
}

static void
test_modules(void)
{
    struct boot_module m = {0x200000, 0x1000, "x"};

    mb1_make();
    parse(MULTIBOOT1_MAGIC);
    CHECK_STR(bootinfo_module_fault(&b, &m, 0x100000, 0x180000), NULL);
    CHECK(strstr(bootinfo_module_fault(&b, &m, 0x100000, 0x200001), "overlaps"));
    CHECK(strstr(bootinfo_module_fault(&b, &m, 0x200fff, 0x300000), "overlaps"));
    m.size = 0;
    CHECK(strstr(bootinfo_module_fault(&b, &m, 0x100000, 0x180000), "empty"));
    m.size = 0x4000000;
    CHECK(strstr(bootinfo_module_fault(&b, &m, 0x100000, 0x180000), "truncated"));
}

int
main(void)
{
    test_mb1();
    test_mb1_without_map();
    test_mb1_damaged();
    test_mb2();
    test_mb2_damaged();
    test_framebuffer_refused();
    test_no_loader();
    test_modules();
    return check_report();
}
