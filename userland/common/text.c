/*
 * Reading the kernel's text files, and times for people.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "userland/common/command.h"

char *
file_text(const char *path)
{
    FILE *f = fopen(path, "re");
    size_t size = 0, room = 4096;
    char *text = malloc(room);

    if (!f || !text)
        fail("%s", path);
    for (size_t n; (n = fread(text + size, 1, room - size - 1, f)) > 0;) {
        size += n;
        if (room - size < 2 && !(text = realloc(text, room *= 2)))
            fail("%s", path);
    }
    if (ferror(f))
        fail("%s", path);
    fclose(f);
    text[size] = 0;
    errno = 0;
    return text;
}

char *
line_next(char **text)
{
    char *line = *text, *end;

    if (!*line)
        return NULL;
    end = line + strcspn(line, "\n");
    *text = *end ? end + 1 : end;
    *end = 0;
    return line;
}

int
line_cut(char *line, const char *between, char **words, int max)
{
    bool empty_counts = *between == '\t';
    int n = 0;

    for (char *word; n < max && (word = strsep(&line, between)) != NULL;)
        if (*word || empty_counts)
            words[n++] = word;
    return n;
}

struct units
units_ms(uint64_t ms)
{
    unsigned long long s = ms / 1000;
    struct units u;

    if (s < 60)
        snprintf(u.text, sizeof(u.text), "%llu.%03llu s", s, (unsigned long long)(ms % 1000));
    else if (s < 3600)
        snprintf(u.text, sizeof(u.text), "%llu min %llu s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(u.text, sizeof(u.text), "%llu h %llu min", s / 3600, s / 60 % 60);
    else
        snprintf(u.text, sizeof(u.text), "%llu d %llu h", s / 86400, s / 3600 % 24);
    return u;
}
