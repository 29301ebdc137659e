// sources: kernel/mem/pages.c
/*
 * Pages by index: what is found, next, removed and taken, against an array that says the same.
 */
#include "kernel/mem/pages.h"
#include "kernel/mem/pool.h"
#include "lib/errno.h"
#include "tests/host/check.h"

#define SPAN 3000u

static unsigned long tables;

void *
pool_zalloc(size_t size, uint32_t tag)
{
    tables++;
    return calloc(1, size);
}

void
pool_free(void *p, uint32_t tag)
{
    tables -= p != NULL;
    free(p);
}

static uint64_t model[SPAN];
static uint64_t scale; /* indices are this far apart */

static uint64_t
model_next(uint64_t from)
{
    for (uint64_t i = from; i < SPAN; i++)
        if (model[i])
            return i;
    return SPAN;
}

static void
compare(const struct pages *p)
{
    uint64_t count = 0, at = 0;

    for (uint64_t i = 0; i < SPAN; i++) {
        const uint64_t *run;
        uint32_t n = pages_find_run(p, i * scale, &run, 5);

        CHECK_EQ(pages_find(p, i * scale), model[i]);
        CHECK(n <= 5 && (n || !model[i]));
        for (uint32_t k = 0; k < n; k++)
            CHECK_EQ(run[k], pages_find(p, i * scale + k));
        count += model[i] != 0;
    }
    CHECK_EQ(p->count, count);
    for (uint64_t want = model_next(0); want < SPAN; want = model_next(want + 1)) {
        CHECK_EQ(pages_next(p, &at), model[want]);
        CHECK_EQ(at, want * scale);
        at++;
    }
    CHECK_EQ(pages_next(p, &at), 0);
}

static void
test_random(uint64_t apart)
{
    struct pages p = {0};

    check_row("%llu apart", (unsigned long long)apart);
    scale = apart;
    memset(model, 0, sizeof model);
    for (unsigned round = 0; round < 6; round++) {
        for (unsigned n = 0; n < 2000; n++) {
            uint64_t i = check_random() % SPAN;

            if (model[i]) {
                CHECK_EQ(pages_remove(&p, i * scale), model[i]);
                model[i] = 0;
                CHECK_EQ(pages_remove(&p, i * scale), 0);
            } else if (round < 3 || check_random() & 1) {
                model[i] = (check_random() | 1) << 12;
                CHECK_EQ(pages_add(&p, i * scale, model[i]), 0);
            }
        }
        compare(&p);
    }
    for (uint64_t i = SPAN; i-- > SPAN / 2;)
        if (model[i]) {
            CHECK_EQ(pages_take_from(&p, SPAN / 2 * scale), model[i]);
            model[i] = 0;
        }
    CHECK_EQ(pages_take_from(&p, SPAN / 2 * scale), 0);
    compare(&p);
    for (uint64_t i = 0; i < SPAN; i++)
        if (model[i])
            CHECK_EQ(pages_remove(&p, i * scale), model[i]);
    CHECK(p.root == NULL && p.count == 0);
    CHECK_EQ(tables, 0);
}

static void
test_empty(void)
{
    struct pages p = {0};
    uint64_t at = 5;

    check_row("empty");
    CHECK(!pages_find(&p, 0) && !pages_next(&p, &at) && !pages_remove(&p, 7) && !pages_take_from(&p, 0));
    CHECK_EQ(pages_add(&p, 1ull << 54, 4096), -EFBIG);
    CHECK_EQ(pages_add(&p, (1ull << 54) - 1, 4096), 0);
    CHECK_EQ(pages_next(&p, &at), 4096);
    CHECK_EQ(at, (1ull << 54) - 1);
    CHECK_EQ(pages_remove(&p, at), 4096);
    CHECK_EQ(tables, 0);
}

int
main(void)
{
    test_empty();
    test_random(1);
    test_random(513);
    test_random(1ull << 40);
    return check_report();
}
