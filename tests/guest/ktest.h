/*
 * In-kernel tests. KTEST(name) { ... } in any file below tests/guest/kernel registers a test; the option
 * test[=PATTERN] (globs, separated by commas) runs those whose names match, at PASSIVE_LEVEL on a thread.
 */
#pragma once
#include <stdint.h>

struct ktest {
    const char *name;
    void (*run)(void);
};

#define KTEST(name_)                                                                                         \
    static void ktest_##name_(void);                                                                         \
    extern const struct ktest ktest_entry_##name_;                                                           \
    __attribute__((section(".ktests"), used, aligned(8)))                                                    \
    const struct ktest ktest_entry_##name_ = {.name = #name_, .run = ktest_##name_};                         \
    static void ktest_##name_(void)

/* A check that does not hold fails the test, is reported, and the test goes on. Any thread, any IRQL. */
#define KCHECK(condition)                                                                                    \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            ktest_fail(__FILE__, __LINE__, "%s does not hold", #condition);                                  \
    } while (0)
#define KCHECK_EQ(got, want)                                                                                 \
    do {                                                                                                     \
        uint64_t got_ = (uint64_t)(got), want_ = (uint64_t)(want);                                           \
        if (got_ != want_)                                                                                   \
            ktest_fail(__FILE__, __LINE__, "%s is %#lx, want %#lx (%s)", #got, (unsigned long)got_,          \
                       (unsigned long)want_, #want);                                                         \
    } while (0)

void ktest_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* This machine cannot run the test: says why. Return after it. */
void ktest_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Is there a FAILED in this test so far? For loops that need not go on. */
int ktest_failed(void);

/* Runs the matching tests, prints the report to the serial port. Returns the number that failed. */
unsigned ktest_run(const char *pattern);
