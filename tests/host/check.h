/*
 * What host tests are written with. A test is one file: functions full of checks, and
 *
 *     int main(void) { test_this(); test_that(); return check_report(); }
 *
 * A check that does not hold is printed and counted, and the test goes on. Random input comes from
 * check_random(), the same on each run; CHECK_SEED=n in the environment gives other input.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    unsigned long checks, failed;
    char row[256]; /* what is being checked now, for the report of a failure */
    uint64_t seed, random;
} check;

/* Say which row of a table, or which round, is checked from now on. */
__attribute__((format(printf, 1, 2))) static inline void
check_row(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (vsnprintf)(check.row, sizeof check.row, format, args);
    va_end(args);
}

__attribute__((format(printf, 4, 5))) static inline bool
check_that(bool holds, const char *file, int line, const char *format, ...)
{
    va_list args;

    check.checks++;
    if (holds)
        return true;
    if (++check.failed > 20)
        return false;
    fprintf(stderr, "%s:%d: ", file, line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, check.row[0] ? " (%s)\n" : "\n", check.row);
    return false;
}

#define CHECK(condition) check_that(condition, __FILE__, __LINE__, "%s does not hold", #condition)

#define CHECK_EQ(got, want) check_equal((uint64_t)(got), (uint64_t)(want), __FILE__, __LINE__, #got)

static inline bool
check_equal(uint64_t got, uint64_t want, const char *file, int line, const char *text)
{
    return check_that(got == want, file, line, "%s is %lld (%#llx), want %lld (%#llx)", text, (long long)got,
                      (unsigned long long)got, (long long)want, (unsigned long long)want);
}

#define CHECK_STR(got, want) check_string(got, want, __FILE__, __LINE__, #got)

static inline bool
check_string(const char *got, const char *want, const char *file, int line, const char *text)
{
    bool same = got && want ? !strcmp(got, want) : got == want;

    return check_that(same, file, line, "%s is \"%s\", want \"%s\"", text, got ? got : "(null)",
                      want ? want : "(null)");
}

/* 64 random bits (splitmix64). */
static inline uint64_t
check_random(void)
{
    if (!check.seed) {
        const char *seed = getenv("CHECK_SEED");

        check.seed = check.random = seed && atoll(seed) ? (uint64_t)atoll(seed) : 1;
    }
    uint64_t z = check.random += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* A random number that is >= 0 and < n. */
static inline uint64_t
check_random_below(uint64_t n)
{
    return check_random() % n;
}

/* Print the result. Returns the exit status of the test. */
static inline int
check_report(void)
{
    printf("  %lu checks, %lu failed", check.checks, check.failed);
    if (check.failed && check.seed)
        printf(" (CHECK_SEED=%llu)", (unsigned long long)check.seed);
    printf("\n");
    return check.failed ? 1 : 0;
}
