#include "kernel/sys/script.h"
#include <stdbool.h>
#include "lib/errno.h"
#include "lib/string.h"

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

int
script_parse(char *text, size_t size, char **interpreter, char **argument)
{
    char *end, *p;
    bool whole;

    if (size < 2 || text[0] != '#' || text[1] != '!')
        return 0;
    end = memchr(text, '\n', size);
    whole = end || size < SCRIPT_LINE_MAX;
    if (!end)
        end = text + size;
    if (memchr(text, '\0', (size_t)(end - text)))
        return -ENOEXEC;
    while (end > text + 2 && is_blank(end[-1]))
        end--;
    *end = '\0';
    for (p = text + 2; is_blank(*p);)
        p++;
    if (!*p)
        return -ENOEXEC;
    *interpreter = p;
    p += strcspn(p, " \t");
    if (!*p && !whole)
        return -ENOEXEC;
    *argument = NULL;
    if (*p) {
        *p++ = '\0';
        *argument = p + strspn(p, " \t");
    }
    return 1;
}
