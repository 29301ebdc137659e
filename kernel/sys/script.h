/*
 * The first line of a script: "#!interpreter argument". Pure.
 */
#pragma once
#include <stddef.h>

#define SCRIPT_LINE_MAX 256 /* bytes of a file that are looked at */

/*
 * What the first `size` bytes of a file say; they are changed, and what comes out points into them. text has room for
 * one byte more. *argument: all the rest of the line without the blanks around it, or NULL.
 * Returns: 1; 0: no script; -ENOEXEC: no interpreter is named, or its name is cut
 */
int script_parse(char *text, size_t size, char **interpreter, char **argument);
