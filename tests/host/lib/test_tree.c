// The tree: its invariants after every change, and its searches against an array.
// sources: lib/tree.c
#include "lib/tree.h"
#include "tests/host/check.h"

enum { KEYS = 300 };

struct item {
    unsigned key;
    struct tree_node node;
};

static int
compare(const void *key, const struct tree_node *node)
{
    unsigned a = *(const unsigned *)key, b = tree_entry(node, struct item, node)->key;

    return (a > b) - (a < b);
}

/* I1 and I2 of a subtree; counts its nodes. */
static int
check_subtree(const struct tree_node *node, const struct tree_node *parent, long low, long high,
              size_t *count)
{
    if (!node)
        return 0;
    long key = tree_entry(node, struct item, node)->key;
    int before = check_subtree(node->child[0], node, low, key, count);
    int after = check_subtree(node->child[1], node, key, high, count);

    ++*count;
    CHECK(node->parent == parent);
    CHECK(low < key && key < high);
    CHECK(before - after >= -1 && before - after <= 1);
    CHECK_EQ(node->height, 1 + MAX(before, after));
    return node->height;
}

static void
check_tree(const struct tree *tree, size_t want)
{
    size_t count = 0;

    check_subtree(tree->root, NULL, -1, KEYS, &count);
    CHECK_EQ(count, want);
}

static long
key_of(const struct tree_node *node)
{
    return node ? (long)tree_entry(node, struct item, node)->key : -1;
}

/* Every search for every key; present[] says what is in the tree. */
static void
check_searches(const struct tree *tree, const bool *present)
{
    struct tree_node *node;
    long floor = -1, ceiling = -1;

    for (unsigned key = 0; key < KEYS; key++) {
        long below = floor;

        check_row("key %u", key);
        if (present[key])
            floor = key;
        CHECK_EQ(key_of(tree_floor(tree, &key)), floor);
        node = tree_find(tree, &key);
        CHECK_EQ(key_of(node), present[key] ? (long)key : -1);
        if (node)
            CHECK_EQ(key_of(tree_prev(node)), below);
    }
    CHECK_EQ(key_of(tree_last(tree)), floor);
    for (unsigned key = KEYS; key-- > 0;) {
        long above = ceiling;

        check_row("key %u", key);
        if (present[key])
            ceiling = key;
        CHECK_EQ(key_of(tree_ceiling(tree, &key)), ceiling);
        node = tree_find(tree, &key);
        if (node)
            CHECK_EQ(key_of(tree_next(node)), above);
    }
    CHECK_EQ(key_of(tree_first(tree)), ceiling);
    long last = -1;
    tree_for_each(node, tree) {
        CHECK(key_of(node) > last);
        last = key_of(node);
        CHECK(present[last]);
    }
}

static void
test_random(void)
{
    struct tree tree = TREE_INIT(compare);
    static struct item items[KEYS];
    bool present[KEYS] = {false};
    size_t count = 0;

    check_searches(&tree, present);
    for (int round = 0; round < 6000; round++) {
        unsigned key = (unsigned)check_random_below(KEYS);
        bool growing = round / 1500 % 2 == 0;
        struct item *item = &items[key];

        check_row("round %d, key %u", round, key);
        if (!present[key] && (growing || round % 4 == 0)) {
            item->key = key;
            CHECK(!tree_insert(&tree, &key, &item->node));
            present[key] = true;
            count++;
        } else if (present[key] && (!growing || round % 4 == 0)) {
            tree_remove(&tree, &item->node);
            present[key] = false;
            count--;
        } else if (present[key]) {
            struct item other = {.key = key};

            CHECK(tree_insert(&tree, &key, &other.node) == &item->node);
        }
        check_tree(&tree, count);
        if (round % 200 == 0)
            check_searches(&tree, present);
    }
}

/* Ascending and descending keys, the worst case for a tree without balance; then out from one end. */
static void
test_in_order(void)
{
    static struct item items[KEYS];

    for (int down = 0; down < 2; down++) {
        struct tree tree = TREE_INIT(compare);

        for (unsigned i = 0; i < KEYS; i++) {
            items[i].key = down ? KEYS - 1 - i : i;
            check_row("%s, key %u", down ? "down" : "up", items[i].key);
            tree_insert(&tree, &items[i].key, &items[i].node);
            check_tree(&tree, i + 1);
        }
        CHECK(tree.root->height <= 1.45 * 8.3);
        for (size_t left = KEYS; left > 0;) {
            tree_remove(&tree, tree_first(&tree));
            check_tree(&tree, --left);
        }
        CHECK(!tree.root && !tree_first(&tree) && !tree_last(&tree));
    }
}

int
main(void)
{
    test_random();
    test_in_order();
    return check_report();
}
