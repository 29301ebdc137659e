/*
 * gcc puts a pointer to each object's counters into .gcov_info (-fprofile-info-section), and libgcov turns one
 * into the bytes of a .gcda file. libgcov is compiled like a program, with a red zone, so that interrupts stay
 * off while it runs. It refers to mmap() and abort() for counters of values, which we do not use; the link
 * gives both names to panic().
 */
#include "tests/guest/coverage.h"
#include <stdint.h>
#include "kernel/console/log.h"
#include "kernel/cpu/irql.h"
#include "lib/format.h"

#define LINE_BYTES 64ul

struct gcov_info;

extern const struct gcov_info *const gcov_info_start[], *const gcov_info_end[];

/* libgcov's, as in gcc's gcov.h, which clang does not have. */
void __gcov_info_to_gcda(const struct gcov_info *info, void (*name)(const char *path, void *context),
                         void (*dump)(const void *data, unsigned size, void *context),
                         void *(*allocate)(unsigned size, void *context), void *context);
void __gcov_merge_add(int64_t *counters, unsigned count);

struct stream {
    void (*put)(const char *text, size_t size);
    unsigned used; /* bytes waiting in `bytes` */
    uint8_t bytes[LINE_BYTES];
};

/* Its address marks a counter of executions. Only a program that reads old files back would call it. */
void
__gcov_merge_add(int64_t *counters, unsigned count)
{
    panic("coverage: merge of %u counters at %p", count, (void *)counters);
}

static void
stream_flush(struct stream *s)
{
    static const char digits[] = "0123456789abcdef";
    char line[sizeof("gcov: data \n") + 2 * LINE_BYTES] = "gcov: data ";
    size_t n = sizeof("gcov: data ") - 1;

    if (!s->used)
        return;
    for (unsigned i = 0; i < s->used; i++) {
        line[n++] = digits[s->bytes[i] >> 4];
        line[n++] = digits[s->bytes[i] & 15];
    }
    line[n++] = '\n';
    s->put(line, n);
    s->used = 0;
}

static void
stream_name(const char *path, void *context)
{
    struct stream *s = context;
    char line[512];
    int n = snprintf(line, sizeof(line), "gcov: file %s\n", path);

    s->put(line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

static void
stream_data(const void *data, unsigned size, void *context)
{
    struct stream *s = context;

    for (unsigned i = 0; i < size; i++) {
        s->bytes[s->used++] = ((const uint8_t *)data)[i];
        if (s->used == LINE_BYTES)
            stream_flush(s);
    }
}

void
coverage_dump(void (*put)(const char *text, size_t size))
{
    struct stream s = {.put = put};
    char line[32];
    int n;

    for (const struct gcov_info *const *info = gcov_info_start; info < gcov_info_end; info++) {
        uint64_t were_on = interrupts_save();

        __gcov_info_to_gcda(*info, stream_name, stream_data, NULL, &s);
        stream_flush(&s);
        interrupts_restore(were_on);
    }
    n = snprintf(line, sizeof(line), "gcov: end %zu\n", (size_t)(gcov_info_end - gcov_info_start));
    put(line, (size_t)n);
}
