/* Error numbers as text. Both take 0, an error number or its negative, and never return NULL. */
#pragma once

const char *errname(int err); /* "ENOENT"; "OK" for 0; "E?" for a number that is not in the table */
const char *errtext(int err); /* "no such file or directory" */
