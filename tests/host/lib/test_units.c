// Amounts as text.
// sources: lib/units.c lib/format.c
#include "lib/units.h"
#include "tests/host/check.h"

struct row {
    uint64_t amount;
    const char *text;
};

static void
test_bytes(void)
{
    static const struct row rows[] = {
        {0, "0 B"},
        {1, "1 B"},
        {512, "512 B"},
        {1023, "1023 B"},
        {1024, "1 KiB"},
        {1536, "1.5 KiB"},
        {1034, "1 KiB"},
        {1035, "1.01 KiB"},
        {10 * 1024 + 512, "10.5 KiB"},
        {10 * 1024 + 256, "10.2 KiB"},
        {100 * 1024 + 1023, "100 KiB"},
        {1048575, "1023 KiB"},
        {13107200, "12.5 MiB"},
        {UINT64_C(6) << 30, "6 GiB"},
        {UINT64_C(3) << 40, "3 TiB"},
        {UINT64_C(1) << 50, "1 PiB"},
        {UINT64_C(1) << 60, "1 EiB"},
        {UINT64_MAX, "15.9 EiB"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_row("%llu bytes", (unsigned long long)rows[i].amount);
        CHECK_STR(units_bytes(rows[i].amount).text, rows[i].text);
    }
}

static void
test_times(void)
{
    static const struct row rows[] = {
        {0, "0 ns"},
        {999, "999 ns"},
        {1000, "1 us"},
        {3200000, "3.2 ms"},
        {3219999, "3.21 ms"},
        {99999999, "99.9 ms"},
        {1000000000, "1 s"},
        {95000000000, "95 s"},
        {86400000000000, "86400 s"},
        {UINT64_MAX, "18446744073 s"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_row("%llu ns", (unsigned long long)rows[i].amount);
        CHECK_STR(units_ns(rows[i].amount).text, rows[i].text);
    }
}

int
main(void)
{
    test_bytes();
    test_times();
    return check_report();
}
