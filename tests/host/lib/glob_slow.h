/* What glob_match should say, by a table of all pairs of ends: slow, and plainly right. */
#pragma once
#include <stdbool.h>
#include <string.h>

enum { GLOB_SLOW_MAX = 63 }; /* longest pattern and text */

static inline bool
glob_slow(const char *pattern, const char *s)
{
    bool ends[GLOB_SLOW_MAX + 2][GLOB_SLOW_MAX + 2] = {{false}}; /* [p][t]: the rest of each matches */
    size_t pattern_len = strlen(pattern), len = strlen(s);

    for (size_t p = pattern_len + 1; p-- > 0;) {
        for (size_t t = len + 1; t-- > 0;) {
            if (p == pattern_len)
                ends[p][t] = t == len;
            else if (pattern[p] == '*')
                ends[p][t] = ends[p + 1][t] || (t < len && ends[p][t + 1]);
            else
                ends[p][t] = t < len && (pattern[p] == '?' || pattern[p] == s[t]) && ends[p + 1][t + 1];
        }
    }
    return ends[0][0];
}
