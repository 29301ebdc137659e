/*
 * Reading the kernel's text files, and units for people.
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
units_size(uint64_t bytes)
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    struct units u;
    unsigned order = 0;
    uint64_t rest = 0;

    while (bytes >= 1024) {
        rest = bytes % 1024;
        bytes /= 1024;
        order++;
    }
    if (order && bytes < 10)
        snprintf(u.text, sizeof(u.text), "%llu.%llu %s", (unsigned long long)bytes,
                 (unsigned long long)(rest * 10 / 1024), names[order]);
    else
        snprintf(u.text, sizeof(u.text), "%llu %s", (unsigned long long)bytes, names[order]);
    return u;
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
