// Any two texts, with a zero byte between them: a command line and a key; a pattern and what it should match.
// sources: lib/parse.c
#include "lib/errno.h"
#include "lib/parse.h"
#include "tests/host/check.h"
#include "tests/host/lib/glob_slow.h"

static void
require(bool holds)
{
    if (!holds)
        abort();
}

static void
check_numbers(const char *text)
{
    static const unsigned bases[] = {0, 10, 16};
    const char *end = NULL;
    uint64_t value, whole;

    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        int err = parse_u64(text, &end, bases[i], &value);

        require(err || (end > text && end <= text + strlen(text)));
        require((parse_u64(text, NULL, bases[i], &whole) == 0) == (!err && !*end));
    }
    if (!parse_size(text, &end, &value))
        require(end > text && end <= text + strlen(text));
}

static void
check_options(const char *cmdline, const char *key)
{
    size_t len = 0;
    const char *value = option_find(cmdline, key, &len);
    uint64_t number;

    require(option_has(cmdline, key) == (value != NULL));
    require((option_u64(cmdline, key, &number) == -ENOENT) == !value);
    require((option_size(cmdline, key, &number) == -ENOENT) == !value);
    if (value)
        require(value >= cmdline + strlen(key) && value + len <= cmdline + strlen(cmdline));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t first_len = strnlen((const char *)data, size);
    char *first = strndup((const char *)data, first_len); /* exact sizes: ASan sees a byte too much */
    size_t rest = size > first_len ? size - first_len - 1 : 0;
    char *second = strndup((const char *)data + size - rest, rest);

    check_numbers(first);
    check_options(first, second);
    if (first_len <= GLOB_SLOW_MAX && strlen(second) <= GLOB_SLOW_MAX)
        require(glob_match(first, second) == glob_slow(first, second));
    glob_match_any(first, second);
    free(first);
    free(second);
    return 0;
}
