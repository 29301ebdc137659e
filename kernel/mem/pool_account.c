#include "kernel/mem/pool.h"
#include "kernel/mem/pool_impl.h"
#include "lib/field.h"

/*
 * Who has how much of the pool. Debug builds: an open hash table of tags, without a lock; a tag's place is taken
 * once and stays its own. Other builds: one account for all.
 */

/* [a] all of it */
static struct {
    uint32_t tag;
    uint64_t objects, bytes, allocations;
} accounts[DEBUG ? ACCOUNTS : 1];

unsigned
account_index(uint32_t tag)
{
    for (unsigned i = 0; DEBUG && i < ACCOUNTS - 1; i++) {
        unsigned at = 1 + (tag * 0x9e3779b1u + i) % (ACCOUNTS - 1);
        uint32_t there = 0;

        if (__atomic_compare_exchange_n(&accounts[at].tag, &there, tag, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED) ||
            there == tag)
            return at;
    }
    return 0;
}

uint32_t
account_tag(unsigned index)
{
    return __atomic_load_n(&accounts[index].tag, __ATOMIC_RELAXED);
}

void
account_add(unsigned index, size_t bytes)
{
    __atomic_fetch_add(&accounts[index].objects, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&accounts[index].bytes, bytes, __ATOMIC_RELAXED);
    __atomic_fetch_add(&accounts[index].allocations, 1, __ATOMIC_RELAXED);
}

void
account_remove(unsigned index, size_t bytes)
{
    __atomic_fetch_sub(&accounts[index].objects, 1, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&accounts[index].bytes, bytes, __ATOMIC_RELAXED);
}

void
pool_for_each_tag(void (*show)(void *context, const struct pool_tag_stats *s), void *context)
{
    for (unsigned i = 0; i < ARRAY_SIZE(accounts); i++) {
        const struct pool_tag_stats s = {
            .tag = account_tag(i),
            .objects = __atomic_load_n(&accounts[i].objects, __ATOMIC_RELAXED),
            .bytes = __atomic_load_n(&accounts[i].bytes, __ATOMIC_RELAXED),
            .allocations = __atomic_load_n(&accounts[i].allocations, __ATOMIC_RELAXED),
        };

        if (s.allocations)
            show(context, &s);
    }
}

static void
totals_add(void *context, const struct pool_tag_stats *s)
{
    struct pool_tag_stats *sum = context;

    sum->objects += s->objects;
    sum->bytes += s->bytes;
}

void
pool_totals(uint64_t *objects, uint64_t *bytes)
{
    struct pool_tag_stats sum = {0};

    pool_for_each_tag(totals_add, &sum);
    *objects = sum.objects;
    *bytes = sum.bytes;
}
