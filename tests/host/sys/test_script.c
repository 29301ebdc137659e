// The first line of a script (execve(2)).
// sources: kernel/sys/script.c
#include "kernel/sys/script.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "tests/host/check.h"

static const struct {
    const char *text;
    int result;
    const char *interpreter, *argument;
} rows[] = {
    {"#!/bin/sh\necho", 1, "/bin/sh", NULL},
    {"#!/bin/sh", 1, "/bin/sh", NULL},
    {"#! \t/bin/sh -e\n", 1, "/bin/sh", "-e"},
    {"#!/usr/bin/env  python3 -u  \nx", 1, "/usr/bin/env", "python3 -u"},
    {"#!/bin/sh\t\n", 1, "/bin/sh", NULL},
    {"#!\n/bin/sh", -ENOEXEC, NULL, NULL},
    {"#!   \n", -ENOEXEC, NULL, NULL},
    {"#!", -ENOEXEC, NULL, NULL},
    {"echo", 0, NULL, NULL},
    {"# !/bin/sh", 0, NULL, NULL},
    {"", 0, NULL, NULL},
    {"#", 0, NULL, NULL},
};

int
main(void)
{
    char text[SCRIPT_LINE_MAX + 1], *interpreter, *argument;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        check_row("row %zu", i);
        strcpy(text, rows[i].text);
        interpreter = argument = NULL;
        CHECK_EQ(script_parse(text, strlen(rows[i].text), &interpreter, &argument), rows[i].result);
        if (rows[i].result == 1) {
            CHECK_STR(interpreter, rows[i].interpreter);
            CHECK_STR(argument, rows[i].argument);
        }
    }
    check_row("%s", "a name that goes on where the file was not read");
    memset(text, 'x', sizeof text);
    memcpy(text, "#!/", 3);
    CHECK_EQ(script_parse(text, SCRIPT_LINE_MAX, &interpreter, &argument), -ENOEXEC);
    return check_report();
}
