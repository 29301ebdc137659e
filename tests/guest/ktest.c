#include "tests/guest/ktest.h"
#include "kernel/console/log.h"
#include "kernel/console/serial.h"
#include "kernel/sync/spin.h"
#include "lib/format.h"
#include "lib/parse.h"
#include "lib/string.h"

extern const struct ktest ktests_start[], ktests_end[];

static struct {
    spinlock_t lock;
    const char *name;
    unsigned failures; /* checks that did not hold in the running test */
    bool skipped;
} running = {.lock = SPINLOCK(LOCK_LOG, "ktest")};

/* Lines reported per test: a check in a loop must not flood the port. */
#define REPORT_MAX 5

/* One line of the report, on the serial port alone. */
__attribute__((format(printf, 1, 2))) static void
report(const char *format, ...)
{
    char line[256];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line, sizeof(line) - 1, format, args);
    va_end(args);
    if (n > (int)sizeof(line) - 2)
        n = (int)sizeof(line) - 2;
    line[n] = '\n';
    serial_write(line, (size_t)n + 1);
}

void
ktest_fail(const char *file, int line, const char *format, ...)
{
    char text[160];
    va_list args;
    uint64_t were_on;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    were_on = spin_lock_interrupts(&running.lock);
    if (running.failures++ < REPORT_MAX)
        report("TEST %s FAILED: %s:%d: %s", running.name, file, line, text);
    spin_unlock_interrupts(&running.lock, were_on);
}

void
ktest_skip(const char *format, ...)
{
    char text[160];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    running.skipped = true;
    report("TEST %s skipped: %s", running.name, text);
}

int
ktest_failed(void)
{
    return __atomic_load_n(&running.failures, __ATOMIC_RELAXED) != 0;
}

unsigned
ktest_run(const char *pattern)
{
    unsigned passed = 0, failed = 0, skipped = 0;

    for (const struct ktest *t = ktests_start; t < ktests_end; t++) {
        if (*pattern && !glob_match_any(pattern, t->name))
            continue;
        running.name = t->name;
        running.failures = 0;
        running.skipped = false;
        log_info("ktest: %s", t->name);
        t->run();
        if (running.failures)
            failed++;
        else if (running.skipped)
            skipped++;
        else {
            passed++;
            report("TEST %s ok", t->name);
        }
    }
    report("%u passed, %u failed, %u skipped", passed, failed, skipped);
    return failed;
}
