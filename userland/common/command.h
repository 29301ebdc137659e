/*
 * What our commands share, so that all of them look and behave alike: options and --help, tables, units, errors.
 *
 * Exit statuses: 0 done, 1 it failed (stderr says what, where and why), 2 wrong usage.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/units.h"

/* ---- the command line ---- */

struct choice { /* an option; the last of a list has letter 0 */
    char letter;
    const char *name;     /* its long form, without "--" */
    const char *argument; /* what stands behind it in the help; NULL: it takes none */
    const char *text;     /* one line */
};

struct command {
    const char *name;
    const char *summary; /* one line; /usr/share/help/commands has it as well */
    const char *
        usage; /* what stands behind the name: "[OPTIONS] [DISK]"; with "COMMAND [ARGUMENT]", options end at the first word */
    const char *more; /* paragraphs below the options; NULL: none */
    const struct choice *choices;
};

/*
 * The next option's letter, its argument in optarg; -1 behind the last, words from argv[optind] on. Answers --help
 * and wrong usage itself and ends the program. To be called first of all: errors are told in the command's name.
 */
int command_option(const struct command *c, int argc, char **argv);

/* For a command that takes no words: is there one? Then that is wrong usage. */
void command_no_words(const struct command *c, int argc, char **argv);

/* The one word of a command that takes one: `what` it is. NULL: it was left out, which is wrong usage if it is needed. */
const char *command_word(int argc, char **argv, const char *what, bool needed);

/* A number that was typed, from least to most; anything else is wrong usage. `what` it is the number of. */
uint64_t number_of(const char *text, const char *what, uint64_t least, uint64_t most);

/* ---- errors ---- */

/* "NAME: text" to stderr, then ": why" if errno is not 0. */
void warn_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fail(const char *format, ...)
    __attribute__((format(printf, 1, 2), noreturn)); /* the same, then status 1 */
void usage_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn)); /* and --help; 2 */

/* Writes what is left and ends: a full disk or a closed pipe behind stdout is an error as well. */
void finish(int status) __attribute__((noreturn));

/* ---- files of the kernel ---- */

/* A whole text file, terminated; to be freed. Does not return if it cannot be read. */
char *file_text(const char *path);

/* The next line of *text (cut off there and terminated), *text behind it; NULL at the end. */
char *line_next(char **text);

/* Cut a line at each character of `between` into at most max words; returns how many. Empty ones count with '\t'. */
int line_cut(char *line, const char *between, char **words, int max);

/* ---- units ---- */

/* Sizes are units_bytes()'s, as in the kernel's log: "512 B", "1.5 KiB", "254 MiB". */
struct units units_ms(uint64_t ms); /* "0.250 s", "3 min 20 s", "2 d 3 h" */

/* ---- tables ---- */

#define TABLE_COLUMNS 16

/* Rows of cells below one head. On a terminal the last column is cut to what fits. */
struct table {
    const char *head[TABLE_COLUMNS]; /* '>' before a name: the column is aligned to the right */
    unsigned columns;                /* counted by table_cell() */
    unsigned cells, room;
    char **text;
};

void table_cell(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_print(struct table *t); /* and frees what it holds */
