// Bits, fields, and the arithmetic of sizes.
// sources:
#include <assert.h>
#include "lib/field.h"
#include "tests/host/check.h"

static_assert(BITS(31, 0) == UINT32_MAX && BITS64(63, 0) == UINT64_MAX, "also in constant expressions");

static void
test_masks(void)
{
    CHECK_EQ(BIT(0), 1);
    CHECK_EQ(BIT(31), 0x80000000);
    CHECK_EQ(BIT64(63), 0x8000000000000000);
    CHECK_EQ(BITS(12, 8), 0x1f00);
    CHECK_EQ(BITS(31, 31), 0x80000000);
    CHECK_EQ(BITS(0, 0), 1);
    CHECK_EQ(BITS64(51, 12), 0x000ffffffffff000);
    CHECK_EQ(sizeof BIT(3), 4);
    CHECK_EQ(sizeof BITS64(3, 0), 8);
}

/* For every field: what is put comes back, in the field only. */
static void
test_fields(void)
{
    CHECK_EQ(FIELD_GET(BITS(12, 8), 0xffffe3ffu), 3);
    CHECK_EQ(FIELD_PUT(BITS(12, 8), 0xff), 0x1f00);
    for (unsigned low = 0; low < 64; low++) {
        for (unsigned high = low; high < 64; high++) {
            uint64_t x = check_random(), mask = BITS64(high, low), fits = mask >> low;

            check_row("bits %u..%u of %#llx", high, low, (unsigned long long)x);
            CHECK_EQ(FIELD_GET(mask, x), x >> low & fits);
            CHECK_EQ(FIELD_PUT(mask, x), (x & fits) << low);
            if (high < 32) {
                CHECK_EQ(BITS(high, low), mask);
                CHECK_EQ(FIELD_GET(BITS(high, low), (uint32_t)x), x >> low & fits);
                CHECK_EQ(FIELD_PUT(BITS(high, low), (uint32_t)x), (x & fits) << low);
                CHECK_EQ(FIELD_GET(BITS(high, low), x), x >> low & fits);
            }
        }
    }
}

static void
test_sizes(void)
{
    uint64_t high = 0xffff800000001234;
    uint32_t align = 4096;

    check_row("sizes");
    CHECK_EQ(ALIGN_DOWN(high, align), 0xffff800000001000);
    CHECK_EQ(ALIGN_UP(high, align), 0xffff800000002000);
    CHECK_EQ(ALIGN_UP(high, 4), high);
    CHECK_EQ(ALIGN_UP(0, 8), 0);
    CHECK_EQ(ALIGN_UP((uint8_t)255, 2u), 256);
    CHECK_EQ(ALIGN_UP(0xfffffff1u, UINT64_C(16)), 0x100000000);
    CHECK_EQ(DIV_ROUND_UP(0, 8), 0);
    CHECK_EQ(DIV_ROUND_UP(1, 8), 1);
    CHECK_EQ(DIV_ROUND_UP(8, 8), 1);
    CHECK_EQ(DIV_ROUND_UP(9, 8), 2);
    CHECK_EQ(KiB(64), 65536);
    CHECK_EQ(MiB(1), 1048576);
    CHECK_EQ(GiB(6), 6442450944);
    CHECK_EQ(MIN(3, -1), -1);
    CHECK_EQ(MAX(3, -1), 3);
    for (int i = 0; i < 64; i++) {
        check_row("2^%d", i);
        CHECK(is_power_of_two(BIT64(i)));
        CHECK(i < 2 || !is_power_of_two(BIT64(i) - 1));
        CHECK(i == 0 || !is_power_of_two(BIT64(i) + 1));
    }
    CHECK(!is_power_of_two(0));
}

static void
test_container_of(void)
{
    struct outer {
        char first;
        int numbers[3];
        char last;
    } outer;

    check_row("container_of, ARRAY_SIZE");
    CHECK(container_of(&outer.last, struct outer, last) == &outer);
    CHECK(container_of(&outer.numbers, struct outer, numbers) == &outer);
    CHECK_EQ(ARRAY_SIZE(outer.numbers), 3);
}

int
main(void)
{
    test_masks();
    test_fields();
    test_sizes();
    test_container_of();
    return check_report();
}
