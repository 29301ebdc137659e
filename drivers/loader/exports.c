/*
 * The libraries that drivers import from.
 */
#include "drivers/loader/exports.h"
#include "lib/string.h"

static struct list libraries = LIST_INIT(libraries); /* [I] after boot */

void
library_publish(struct library *l)
{
    list_add_tail(&libraries, &l->link);
}

/* Length without a suffix ".sys", ".dll", ".exe". */
static size_t
stem_length(const char *name)
{
    const char *dot = strrchr(name, '.');

    if (dot && (!strcasecmp(dot, ".sys") || !strcasecmp(dot, ".dll") || !strcasecmp(dot, ".exe")))
        return (size_t)(dot - name);
    return strlen(name);
}

bool
library_name_equal(const char *a, const char *b)
{
    size_t n = stem_length(a);

    return n == stem_length(b) && !strncasecmp(a, b, n);
}

bool
library_named(const struct library *l, const char *name)
{
    for (const char *const *n = l->names; *n; n++)
        if (library_name_equal(*n, name))
            return true;
    return false;
}

const struct library *
library_find(const char *name)
{
    const struct library *l;

    list_for_each_entry(l, &libraries, link)
        if (library_named(l, name))
            return l;
    return NULL;
}

static const void *
export_find(const struct library *l, const char *name, uint16_t ordinal)
{
    if (!name)
        return ordinal && ordinal <= l->count ? l->exports[ordinal - 1].function : NULL;
    for (size_t i = 0; i < l->count; i++)
        if (!strcmp(l->exports[i].name, name))
            return l->exports[i].function;
    return NULL;
}

const void *
library_function(const char *library, const char *name, uint16_t ordinal)
{
    const struct library *l;

    list_for_each_entry(l, &libraries, link) {
        const void *f = library_named(l, library) ? export_find(l, name, ordinal) : NULL;

        if (f)
            return f;
    }
    return NULL;
}
