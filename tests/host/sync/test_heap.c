// sources: kernel/sync/heap.c
/* The pairing heap against a plain array. */
#include "kernel/sync/heap.h"
#include "tests/host/check.h"

#define NODES 300

static struct heap_node nodes[NODES];
static bool in[NODES];
static struct heap heap;

/* The smallest key that is in; UINT64_MAX: none is. */
static uint64_t
model_smallest(void)
{
    uint64_t smallest = UINT64_MAX;

    for (unsigned i = 0; i < NODES; i++)
        if (in[i] && nodes[i].key < smallest)
            smallest = nodes[i].key;
    return smallest;
}

/* Every node is reached once, and no child has a smaller key than its parent. Returns the number of nodes. */
static unsigned
tree_check(const struct heap_node *n, const struct heap_node *parent)
{
    unsigned count = 0;

    for (const struct heap_node *before = parent; n; before = n, n = n->next) {
        CHECK(in[n - nodes]);
        CHECK(n->prev == before);
        CHECK(!parent || parent->key <= n->key);
        count += 1 + tree_check(n->child, n);
    }
    return count;
}

static void
heap_check(unsigned size)
{
    CHECK_EQ(heap.top ? heap.top->key : UINT64_MAX, model_smallest());
    CHECK(!heap.top || !heap.top->next);
    CHECK_EQ(tree_check(heap.top, NULL), size);
}

static void
test_random(uint64_t keys)
{
    unsigned size = 0;

    heap.top = NULL;
    memset(in, 0, sizeof in);
    for (unsigned step = 0; step < 20000; step++) {
        unsigned i = (unsigned)(check_random() % NODES);
        uint64_t kind = check_random() % 8;

        check_row("keys below %llu, step %u", (unsigned long long)keys, step);
        if (kind == 0 && heap.top)
            i = (unsigned)(heap.top - nodes);
        if (in[i]) {
            heap_remove(&heap, &nodes[i]);
            in[i] = false;
            size--;
        } else if (kind > 0) {
            uint64_t smallest = model_smallest();

            nodes[i].key = check_random() % keys;
            in[i] = true;
            size++;
            CHECK_EQ(heap_insert(&heap, &nodes[i]), nodes[i].key < smallest);
        }
        if (step % 16 == 0)
            heap_check(size);
    }
}

static void
test_sorted(void)
{
    uint64_t last = 0;

    heap.top = NULL;
    memset(in, 0, sizeof in);
    for (unsigned i = 0; i < NODES; i++) {
        nodes[i].key = check_random() % 1000;
        in[i] = true;
        heap_insert(&heap, &nodes[i]);
    }
    for (unsigned i = 0; i < NODES; i++) {
        struct heap_node *top = heap.top;

        CHECK(top && top->key >= last);
        if (!top)
            return;
        last = top->key;
        heap_remove(&heap, top);
        in[top - nodes] = false;
        heap_check(NODES - 1 - i);
    }
    CHECK(heap.top == NULL);
}

int
main(void)
{
    test_random(UINT64_MAX);
    test_random(10);
    test_sorted();
    return check_report();
}
