#include "drivers/nt/block.h"
#include "kernel/mem/pool.h"
#include "kernel/sync/spin.h"
#include "lib/errno.h"
#include "lib/tree.h"

#define BLOCK_TAG POOL_TAG('n', 't', 'b', 'l')

struct block {
    struct tree_node node;
    struct block_info info;
};

static int
compare(const void *key, const struct tree_node *node)
{
    uintptr_t k = *(const uintptr_t *)key,
              b = (uintptr_t)tree_entry((const struct block *)(const void *)node, const struct block, node)
                      ->info.address;

    return k < b ? -1 : k > b;
}

static spinlock_t lock = SPINLOCK(LOCK_NT, "memory of drivers");
static struct tree blocks[BLOCK_KINDS] = {TREE_INIT(compare), TREE_INIT(compare), TREE_INIT(compare),
                                          TREE_INIT(compare)};

static struct block *
of(struct tree_node *n)
{
    return n ? tree_entry(n, struct block, node) : NULL;
}

int
block_add(const struct block_info *info)
{
    struct block *b = pool_zalloc(sizeof(*b), BLOCK_TAG);
    struct tree_node *other;
    uint8_t irql;

    if (!b)
        return -ENOMEM;
    b->info = *info;
    irql = spin_lock(&lock);
    other = tree_insert(&blocks[info->kind], &b->info.address, &b->node);
    spin_unlock(&lock, irql);
    ASSERT(!other);
    return 0;
}

bool
block_take(const void *address, enum block_kind kind, struct block_info *out)
{
    uint8_t irql = spin_lock(&lock);
    struct block *b = of(tree_find(&blocks[kind], &address));

    if (b)
        tree_remove(&blocks[kind], &b->node);
    spin_unlock(&lock, irql);
    if (!b)
        return false;
    *out = b->info;
    pool_free(b, BLOCK_TAG);
    return true;
}

bool
block_find(const void *address, enum block_kind kind, struct block_info *out)
{
    uint8_t irql = spin_lock(&lock);
    const struct block *b = of(tree_floor(&blocks[kind], &address));
    bool found = b && (uintptr_t)address - (uintptr_t)b->info.address < b->info.size;

    if (found)
        *out = b->info;
    spin_unlock(&lock, irql);
    return found;
}

bool
block_take_of(uintptr_t start, size_t size, struct block_info *out)
{
    uint8_t irql = spin_lock(&lock);
    struct tree_node *n;
    bool found = false;

    for (unsigned kind = 0; kind < BLOCK_KINDS && !found; kind++)
        tree_for_each(n, &blocks[kind]) {
            *out = of(n)->info;
            found = out->caller - start < size;
            if (found)
                break;
        }
    spin_unlock(&lock, irql);
    return found && block_take(out->address, out->kind, out);
}
