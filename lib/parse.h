/*
 * Numbers, sizes, patterns, and the options of the kernel command line, from text that nobody has checked.
 *
 * A command line is words between blanks. A word is an option: `key` or `key=value`. key="value" and "key=value"
 * (as GRUB writes it) may hold blanks; they end at the next quote, or at the end of the line. When a key comes
 * more than once, the last one counts: what is appended to a command line overrides what stands there.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An unsigned number at the start of `s`, without blanks or sign. Base 10, 16 (0x may precede), or 0: 16 after
 * 0x, else 10. If `end` is NULL, nothing may follow; else *end is set behind the number.
 * Returns: 0; -EINVAL if there is no number or something follows; -ERANGE if it is over 64 bits.
 *          On an error *value and *end are left alone.
 */
int parse_u64(const char *s, const char **end, unsigned base, uint64_t *value);

/* As parse_u64 with base 0, for bytes: a letter K, M, G or T may follow the number ("64K", "6G"). */
int parse_size(const char *s, const char **end, uint64_t *value);

/*
 * The value of an option, without its quotes, and its length.
 * Returns: its start, within `cmdline`; with *len = 0 if the option has no value; NULL if there is no option `key`
 */
const char *option_find(const char *cmdline, const char *key, size_t *len);

/* Is there an option `key`, with a value or without? */
bool option_has(const char *cmdline, const char *key);

/* Returns: 0; -ENOENT if there is no option `key`; -EINVAL, -ERANGE if its value is no number, or no size */
int option_u64(const char *cmdline, const char *key, uint64_t *value);
int option_size(const char *cmdline, const char *key, uint64_t *value);

/*
 * Does `pattern` match all of `s`? `*` stands for any characters, `?` for one. Takes time in the order of
 * strlen(pattern) * strlen(s) at most, and no memory. glob_match_any takes patterns separated by commas.
 */
bool glob_match(const char *pattern, const char *s);
bool glob_match_any(const char *patterns, const char *s);
