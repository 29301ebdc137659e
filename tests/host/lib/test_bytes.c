// Byte order, at any alignment.
// sources:
#include "lib/bytes.h"
#include "tests/host/check.h"

static void
test_get(void)
{
    static const uint8_t bytes[] = {0x00, 0x81, 0x92, 0xa3, 0xb4, 0xc5, 0xd6, 0xe7, 0xf8};

    CHECK_EQ(get_le16(bytes + 1), 0x9281);
    CHECK_EQ(get_le32(bytes + 1), 0xb4a39281);
    CHECK_EQ(get_le64(bytes + 1), 0xf8e7d6c5b4a39281);
    CHECK_EQ(get_be16(bytes + 1), 0x8192);
    CHECK_EQ(get_be32(bytes + 1), 0x8192a3b4);
    CHECK_EQ(get_be64(bytes + 1), 0x8192a3b4c5d6e7f8);
}

/* What was put is got back, nothing beside it changes, and the orders are each other's mirror. */
static void
test_put(void)
{
    for (int round = 0; round < 1000; round++) {
        uint8_t bytes[24], before[24];
        size_t at = check_random_below(16);
        uint64_t value = check_random();

        check_row("%#llx at %zu", (unsigned long long)value, at);
        memset(before, 0x5a, sizeof before);
#define ROUND_TRIP(bits, order, other)                                                                       \
    do {                                                                                                     \
        memcpy(bytes, before, sizeof bytes);                                                                 \
        put_##order##bits(bytes + at, (uint##bits##_t)value);                                                \
        CHECK_EQ(get_##order##bits(bytes + at), (uint##bits##_t)value);                                      \
        CHECK_EQ(get_##other##bits(bytes + at), __builtin_bswap##bits((uint##bits##_t)value));               \
        CHECK(!memcmp(bytes, before, at));                                                                   \
        CHECK(!memcmp(bytes + at + bits / 8, before, sizeof bytes - at - bits / 8));                         \
    } while (0)
        ROUND_TRIP(16, le, be);
        ROUND_TRIP(32, le, be);
        ROUND_TRIP(64, le, be);
        ROUND_TRIP(16, be, le);
        ROUND_TRIP(32, be, le);
        ROUND_TRIP(64, be, le);
    }
}

static void
test_checksum8(void)
{
    static const uint8_t rsdp[] = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' ', 0xd7, 'B',
                                   'O', 'C', 'H', 'S', ' ', 0,   0,   0,   0,    0};

    check_row("checksum8");
    CHECK_EQ(checksum8("", 0), 0);
    CHECK_EQ(checksum8("\xff\x02", 2), 1);
    uint8_t sum = checksum8(rsdp, sizeof rsdp), plain = 0;

    for (size_t i = 0; i < sizeof rsdp; i++)
        plain = (uint8_t)(plain + rsdp[i]);
    CHECK_EQ(sum, plain);
    uint8_t repaired[sizeof rsdp];

    memcpy(repaired, rsdp, sizeof rsdp);
    repaired[8] = (uint8_t)(repaired[8] - sum);
    CHECK_EQ(checksum8(repaired, sizeof repaired), 0);
}

int
main(void)
{
    test_get();
    test_put();
    test_checksum8();
    return check_report();
}
