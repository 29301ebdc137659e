/*
 * A balanced binary tree (AVL) whose nodes live in the structures that it orders. For ranges of addresses: the
 * range that holds an address, if there is one, is tree_floor() of the address.
 *
 * I1  By the order of `compare`, child[0] and all below come before a node, child[1] and all below after it.
 * I2  The heights of a node's children differ by one at most, so no path is longer than 1.45 log2(nodes).
 * The lock that protects the tree is the caller's. Nothing recurses, nothing is allocated.
 */
#pragma once
#include <stddef.h>
#include "lib/field.h"

struct tree_node {
    struct tree_node *parent, *child[2];
    int height; /* of a leaf: 1 */
};

/* < 0: the key comes before the node; 0: it is the node's; > 0: after it */
typedef int tree_compare(const void *key, const struct tree_node *node);

struct tree {
    struct tree_node *root;
    tree_compare *compare; /* fixed */
};

#define TREE_INIT(compare_)                                                                                  \
    {                                                                                                        \
        .root = NULL, .compare = (compare_)                                                                  \
    }
#define tree_entry(node, type, member) container_of(node, type, member)

/*
 * Put a node that is in no tree under its key.
 * Returns: NULL; or the node that has this key already, and then nothing has changed
 */
struct tree_node *tree_insert(struct tree *tree, const void *key, struct tree_node *node);

/* Take out a node of this tree. */
void tree_remove(struct tree *tree, struct tree_node *node);

/* All return NULL if there is no such node. */
struct tree_node *tree_find(const struct tree *tree, const void *key);
struct tree_node *tree_floor(const struct tree *tree, const void *key);   /* the last one that is <= key */
struct tree_node *tree_ceiling(const struct tree *tree, const void *key); /* the first one that is >= key */
struct tree_node *tree_first(const struct tree *tree);
struct tree_node *tree_last(const struct tree *tree);
struct tree_node *tree_next(const struct tree_node *node);
struct tree_node *tree_prev(const struct tree_node *node);

/* Over all nodes in order; `node` is a variable of the caller. The body must not change the tree. */
#define tree_for_each(node, tree) for (node = tree_first(tree); node; node = tree_next(node))
