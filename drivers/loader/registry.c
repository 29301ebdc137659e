#include "drivers/loader/registry.h"
#include "kernel/mem/pool.h"
#include "kernel/sync/mutex.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "lib/string.h"
#include "lib/tree.h"

#define REGISTRY_TAG POOL_TAG('r', 'e', 'g', 'y')

struct name {
    const char *key, *name;
};

struct value {
    struct tree_node node;
    uint32_t type;
    size_t size;
    struct name at; /* behind the data */
    uint8_t data[];
};

static int
compare(const void *key, const struct tree_node *node)
{
    const struct name *k = key;
    const struct value *v = tree_entry((const struct value *)(const void *)node, const struct value, node);
    int order = strcasecmp(k->key, v->at.key);

    return order ? order : strcasecmp(k->name, v->at.name);
}

static struct mutex lock;
static struct tree values = TREE_INIT(compare);
static unsigned count;

void
registry_init(void)
{
    mutex_init(&lock);
}

static struct value *
of(struct tree_node *n)
{
    return n ? tree_entry(n, struct value, node) : NULL;
}

static struct value *
value_new(const char *key, const char *name, uint32_t type, const void *data, size_t size)
{
    size_t key_size = strlen(key) + 1, name_size = strlen(name) + 1;
    struct value *v;
    char *text;

    v = pool_zalloc(sizeof(*v) + size + key_size + name_size, REGISTRY_TAG);
    if (!v)
        return NULL;
    v->type = type;
    v->size = size;
    memcpy(v->data, data, size);
    text = (char *)v->data + size;
    memcpy(text, key, key_size);
    memcpy(text + key_size, name, name_size);
    v->at = (struct name){text, text + key_size};
    return v;
}

/* Lock held. */
static int
insert(struct value *v)
{
    struct value *old = of(tree_find(&values, &v->at));

    if (!old && count == REGISTRY_VALUES_MAX)
        return -ENOSPC;
    if (old) {
        tree_remove(&values, &old->node);
        pool_free(old, REGISTRY_TAG);
        count--;
    }
    (void)tree_insert(&values, &v->at, &v->node);
    count++;
    return 0;
}

int
registry_set(const char *key, const char *name, uint32_t type, const void *data, size_t size)
{
    struct value *v;
    int err;

    if (strlen(key) >= REGISTRY_KEY_MAX || strlen(name) >= REGISTRY_NAME_MAX || size > REGISTRY_DATA_MAX)
        return -EINVAL;
    v = value_new(key, name, type, data, size);
    if (!v)
        return -ENOMEM;
    mutex_lock(&lock, WAIT_FOREVER);
    err = insert(v);
    mutex_unlock(&lock);
    if (err)
        pool_free(v, REGISTRY_TAG);
    return err;
}

long
registry_get(const char *key, const char *name, uint32_t *type, void *data, size_t room)
{
    struct name at = {key, name};
    const struct value *v;
    long size = -ENOENT;

    mutex_lock(&lock, WAIT_FOREVER);
    v = of(tree_find(&values, &at));
    if (v) {
        size = (long)v->size;
        memcpy(data, v->data, MIN(room, v->size));
        if (type)
            *type = v->type;
    }
    mutex_unlock(&lock);
    return size;
}

uint32_t
registry_dword(const char *key, const char *name, uint32_t otherwise)
{
    uint32_t type, value;

    if (registry_get(key, name, &type, &value, sizeof(value)) != sizeof(value) || type != REGISTRY_DWORD)
        return otherwise;
    return value;
}

void
registry_for_each(void (*show)(void *context, const char *key, const char *name, uint32_t type,
                               const void *data, size_t size),
                  void *context)
{
    struct tree_node *n;

    mutex_lock(&lock, WAIT_FOREVER);
    tree_for_each(n, &values) {
        const struct value *v = of(n);

        show(context, v->at.key, v->at.name, v->type, v->data, v->size);
    }
    mutex_unlock(&lock);
}
