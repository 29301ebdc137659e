/* The pool: sizes, tags, what the guards of debug builds find, and load on all processors. */
#include "kernel/mem/pool.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/percpu.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/pool_impl.h"
#include "lib/field.h"
#include "lib/string.h"
#include "tests/guest/kernel/mem/mem_probe.h"
#include "tests/guest/ktest.h"

#define TAG   POOL_TAG('t', 'e', 's', 't')
#define OTHER POOL_TAG('o', 't', 'h', 'r')

KTEST(pool_gives_every_size)
{
    static const size_t sizes[] = {0,    1,    15,   16,   17,   100,  500,  1000,  1360,   2016,    2017,
                                   2048, 2049, 4095, 4096, 4097, 8192, 9000, 65536, 100000, 1 << 20, 0};
    struct mem_taken before = mem_taken();
    char *p[ARRAY_SIZE(sizes)];

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        p[i] = i % 2 ? pool_alloc(sizes[i], TAG) : pool_zalloc(sizes[i], TAG);
        KCHECK(p[i]);
        if (!p[i])
            continue;
        KCHECK_EQ((uint64_t)p[i] % (sizes[i] >= PAGE_SIZE ? PAGE_SIZE : 16), 0);
        KCHECK(pool_size(p[i]) >= MAX(sizes[i], (size_t)1));
        for (size_t n = 0; i % 2 == 0 && n < sizes[i]; n++)
            if (p[i][n])
                KCHECK_EQ(p[i][n], 0);
        memset(p[i], (int)i, pool_size(p[i]));
    }
    pool_check();
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        for (size_t n = 0; p[i] && n < sizes[i]; n++)
            if (p[i][n] != (char)i)
                KCHECK_EQ(p[i][n], i);
        pool_free(p[i], TAG);
    }
    KCHECK(!pool_alloc(MiB(4) + 1, TAG));
    KCHECK(!pool_zalloc(SIZE_MAX, TAG));
    KCHECK(!pool_zalloc(SIZE_MAX - 20, TAG));
    pool_free(NULL, TAG);
    mem_check_same(&before);
}

struct tag_sum {
    uint32_t tag;
    struct pool_tag_stats found;
};

static void
tag_find(void *context, const struct pool_tag_stats *s)
{
    struct tag_sum *sum = context;

    if (s->tag == sum->tag)
        sum->found = *s;
}

static struct pool_tag_stats
tag_stats(uint32_t tag)
{
    struct tag_sum sum = {.tag = tag};

    pool_for_each_tag(tag_find, &sum);
    return sum.found;
}

KTEST(pool_counts_by_tag)
{
    struct pool_tag_stats before = tag_stats(TAG), now;
    void *p = pool_alloc(100, TAG), *q = pool_alloc(10000, TAG);

    now = tag_stats(TAG);
    KCHECK_EQ(now.objects, before.objects + 2);
    KCHECK_EQ(now.bytes, before.bytes + 10100);
    KCHECK_EQ(now.allocations, before.allocations + 2);
    pool_free(p, TAG);
    pool_free(q, TAG);
    now = tag_stats(TAG);
    KCHECK_EQ(now.objects, before.objects);
    KCHECK_EQ(now.bytes, before.bytes);
}

static struct pool_fault found;
static unsigned found_count;

static void
fault_note(const struct pool_fault *f)
{
    found = *f;
    found_count++;
}

/* Expect one report since the last time, that says `what` of the object; and forget it. */
static void
fault_expect(const char *what, const void *object, const void *at)
{
    KCHECK_EQ(found_count, 1);
    if (found_count && strcmp(found.what, what))
        ktest_fail(__FILE__, __LINE__, "\"%s\", want \"%s\"", found.what, what);
    KCHECK(!found_count || (found.object == object && found.at == at));
    found_count = 0;
}

KTEST(pool_finds_writes_past_an_object)
{
    struct mem_taken before = mem_taken();
    char *p = pool_alloc(100, TAG), *q = pool_alloc(5000, TAG);

    KCHECK(p && q);
    if (!p || !q)
        return;
    found_count = 0;
    pool_fault_hook = fault_note;
    p[100] ^= 1;
    pool_check();
    fault_expect("red zone above it overwritten", p, p + 100);
    KCHECK_EQ(found.tag, TAG);
    KCHECK(found.caller >= KERNEL_BASE);
    pool_free(p, TAG); /* reported again, and not freed */
    fault_expect("red zone above it overwritten", p, p + 100);
    p[100] ^= 1;
    p[-1] ^= 1;
    pool_free(p, TAG);
    fault_expect("red zone below it overwritten", p, p - 4);
    p[-1] ^= 1;
    q[5000] ^= 1;
    pool_check();
    fault_expect("red zone above it overwritten", q, q + 5000);
    KCHECK_EQ(found.tag, TAG);
    pool_free(q, TAG);
    fault_expect("red zone above it overwritten", q, q + 5000);
    q[5000] ^= 1;
    pool_free(p, TAG);
    pool_free(q, TAG);
    pool_check();
    KCHECK_EQ(found_count, 0);
    pool_fault_hook = NULL;
    mem_check_same(&before);
}

KTEST(pool_finds_use_after_free)
{
    struct mem_taken before = mem_taken();
    char *keep = pool_alloc(700, TAG), *p = pool_alloc(700, TAG), *q;

    KCHECK(keep && p);
    if (!keep || !p)
        return;
    pool_free(p, TAG);
    found_count = 0;
    pool_fault_hook = fault_note;
    KCHECK_EQ((uint8_t)p[10], 0xdd);
    p[10] ^= 1;
    pool_check();
    fault_expect("written to after it was freed", p, p + 10);
    q = pool_alloc(700, TAG); /* the same slot would come: refused */
    KCHECK(!q);
    fault_expect("written to after it was freed", p, p + 10);
    p[10] ^= 1;
    pool_free(p, TAG);
    fault_expect("freed twice", p, p);
    pool_fault_hook = NULL;
    pool_free(keep, TAG);
    mem_check_same(&before);
}

KTEST(pool_finds_wrong_frees)
{
    struct mem_taken before = mem_taken();
    char *p = pool_alloc(200, TAG), *q = pool_alloc(5000, TAG), here[16];
    uint64_t frame = frame_alloc(0, 0);

    KCHECK(p && q && frame);
    if (!p || !q || !frame)
        return;
    found_count = 0;
    pool_fault_hook = fault_note;
    pool_free(p, OTHER);
    fault_expect("freed under another tag", p, p);
    pool_free(q, OTHER);
    fault_expect("freed under another tag", q, q);
    pool_free(p + 16, TAG);
    fault_expect("freed, but not the start of an object", p + 16, p + 16);
    pool_free(q + 16, TAG);
    fault_expect("freed, but not of the pool", q + 16, q + 16);
    pool_free(here, TAG);
    fault_expect("freed, but not of the pool", here, here);
    pool_free(phys_to_virt(frame), TAG);
    fault_expect("freed, but not of the pool", phys_to_virt(frame), phys_to_virt(frame));
    pool_free((void *)8, TAG);
    fault_expect("freed, but not of the pool", (void *)8, (void *)8);
    pool_fault_hook = NULL;
    pool_free(p, TAG);
    pool_free(q, TAG);
    frame_free(frame, 0);
    mem_check_same(&before);
}

static void
load(void *context)
{
    uint64_t random = 5 + cpu_number();
    uint8_t *held[100] = {NULL}, stamp = (uint8_t)(1 + cpu_number());
    size_t sizes[100];

    for (unsigned i = 0; i < 4000 && !ktest_failed(); i++) {
        size_t n = mem_random(&random, 100);
        uint8_t irql = irql_raise(i % 2 ? DISPATCH_LEVEL : PASSIVE_LEVEL);

        if (held[n]) {
            if (held[n][0] != stamp || held[n][sizes[n] - 1] != stamp)
                ktest_fail(__FILE__, __LINE__, "%p has changed", held[n]);
            pool_free(held[n], TAG);
            held[n] = NULL;
        } else {
            sizes[n] = 1 + mem_random(&random, mem_random(&random, 8) ? 600 : 12000);
            held[n] = pool_alloc(sizes[n], TAG);
            if (held[n])
                held[n][0] = held[n][sizes[n] - 1] = stamp;
        }
        irql_lower(irql);
        if (mem_random(&random, 1000) == 0)
            pool_check();
    }
    for (size_t n = 0; n < 100; n++)
        pool_free(held[n], TAG);
}

KTEST(pool_load_on_all_processors)
{
    struct mem_taken before = mem_taken();

    on_each_processor(load, NULL);
    pool_check();
    mem_check_same(&before);
}
