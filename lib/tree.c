/* The AVL tree. A side is an index of child[]: 0 before, 1 after. */
#include "lib/tree.h"

static int
height(const struct tree_node *node)
{
    return node ? node->height : 0;
}

static void
set_height(struct tree_node *node)
{
    node->height = 1 + MAX(height(node->child[0]), height(node->child[1]));
}

static void
set_child(struct tree_node *node, int side, struct tree_node *child)
{
    node->child[side] = child;
    if (child)
        child->parent = node;
}

/* Put `with`, or nothing, where `node` hangs. */
static void
replace(struct tree *tree, const struct tree_node *node, struct tree_node *with)
{
    struct tree_node *parent = node->parent;

    if (parent)
        parent->child[node == parent->child[1]] = with;
    else
        tree->root = with;
    if (with)
        with->parent = parent;
}

/* Lower `node` to `side`; the child of its other side takes its place and is returned. */
static struct tree_node *
rotate(struct tree *tree, struct tree_node *node, int side)
{
    struct tree_node *up = node->child[!side];

    replace(tree, node, up);
    set_child(node, !side, up->child[side]);
    set_child(up, side, node);
    set_height(node);
    set_height(up);
    return up;
}

/* Make I2 hold again, from a node on whose children have changed, upwards until a height stays as it was. */
static void
rebalance(struct tree *tree, struct tree_node *node)
{
    for (; node; node = node->parent) {
        int before = node->height;
        int lean = height(node->child[1]) - height(node->child[0]);
        int heavy = lean > 0;

        if (lean < -1 || lean > 1) {
            struct tree_node *child = node->child[heavy];

            if (height(child->child[!heavy]) > height(child->child[heavy]))
                rotate(tree, child, heavy);
            node = rotate(tree, node, !heavy);
        } else {
            set_height(node);
        }
        if (node->height == before)
            return;
    }
}

struct tree_node *
tree_insert(struct tree *tree, const void *key, struct tree_node *node)
{
    struct tree_node *parent = NULL, *at = tree->root;
    int side = 0;

    while (at) {
        int order = tree->compare(key, at);

        if (!order)
            return at;
        side = order > 0;
        parent = at;
        at = at->child[side];
    }
    *node = (struct tree_node){.parent = parent, .height = 1};
    if (parent)
        parent->child[side] = node;
    else
        tree->root = node;
    rebalance(tree, parent);
    return NULL;
}

void
tree_remove(struct tree *tree, struct tree_node *node)
{
    struct tree_node *changed = node->parent;

    if (node->child[0] && node->child[1]) {
        struct tree_node *heir = tree_next(node); /* below node, and nothing is before it there */

        changed = heir->parent == node ? heir : heir->parent;
        replace(tree, heir, heir->child[1]);
        replace(tree, node, heir);
        set_child(heir, 0, node->child[0]);
        set_child(heir, 1, node->child[1]);
        heir->height = node->height;
    } else {
        replace(tree, node, node->child[node->child[0] ? 0 : 1]);
    }
    rebalance(tree, changed);
}

/* The node of the key, or else the one next to it on the given side. */
static struct tree_node *
nearest(const struct tree *tree, const void *key, int side)
{
    struct tree_node *best = NULL, *at = tree->root;

    while (at) {
        int order = tree->compare(key, at);

        if (!order)
            return at;
        if ((order < 0) == side)
            best = at;
        at = at->child[order > 0];
    }
    return best;
}

struct tree_node *
tree_floor(const struct tree *tree, const void *key)
{
    return nearest(tree, key, 0);
}

struct tree_node *
tree_ceiling(const struct tree *tree, const void *key)
{
    return nearest(tree, key, 1);
}

struct tree_node *
tree_find(const struct tree *tree, const void *key)
{
    struct tree_node *node = tree_floor(tree, key);

    return node && !tree->compare(key, node) ? node : NULL;
}

/* The outermost node on one side of a subtree, or NULL. */
static struct tree_node *
outermost(struct tree_node *node, int side)
{
    while (node && node->child[side])
        node = node->child[side];
    return node;
}

static struct tree_node *
neighbour(const struct tree_node *node, int side)
{
    if (node->child[side])
        return outermost(node->child[side], !side);
    while (node->parent && node == node->parent->child[side])
        node = node->parent;
    return node->parent;
}

struct tree_node *
tree_first(const struct tree *tree)
{
    return outermost(tree->root, 0);
}

struct tree_node *
tree_last(const struct tree *tree)
{
    return outermost(tree->root, 1);
}

struct tree_node *
tree_next(const struct tree_node *node)
{
    return neighbour(node, 1);
}

struct tree_node *
tree_prev(const struct tree_node *node)
{
    return neighbour(node, 0);
}
