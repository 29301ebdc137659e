/* The C runtime names that ntoskrnl.exe exports, by Microsoft's convention. For the list in ntoskrnl.c. */
#pragma once
#include "drivers/ddk/ntdef.h"

/* As Microsoft documents them; any IRQL. Lengths that are not given are found in the name of the driver. */
VOID *NTAPI nt_memcpy(VOID *to, const VOID *from, SIZE_T n);
VOID *NTAPI nt_memmove(VOID *to, const VOID *from, SIZE_T n);
VOID *NTAPI nt_memset(VOID *to, INT byte, SIZE_T n);
INT NTAPI nt_memcmp(const VOID *a, const VOID *b, SIZE_T n);
VOID *NTAPI nt_memchr(const VOID *s, INT byte, SIZE_T n);
VOID NTAPI nt_zero_memory(VOID *to, SIZE_T n);
VOID NTAPI nt_fill_memory(VOID *to, SIZE_T n, UCHAR byte);
SIZE_T NTAPI nt_strlen(const CHAR *s);
SIZE_T NTAPI nt_strnlen(const CHAR *s, SIZE_T max);
INT NTAPI nt_strcmp(const CHAR *a, const CHAR *b);
INT NTAPI nt_strncmp(const CHAR *a, const CHAR *b, SIZE_T n);
INT NTAPI nt_stricmp(const CHAR *a, const CHAR *b);
INT NTAPI nt_strnicmp(const CHAR *a, const CHAR *b, SIZE_T n);
CHAR *NTAPI nt_strcpy(CHAR *to, const CHAR *from);
CHAR *NTAPI nt_strncpy(CHAR *to, const CHAR *from, SIZE_T n);
CHAR *NTAPI nt_strcat(CHAR *to, const CHAR *from);
CHAR *NTAPI nt_strchr(const CHAR *s, INT c);
CHAR *NTAPI nt_strrchr(const CHAR *s, INT c);
CHAR *NTAPI nt_strstr(const CHAR *s, const CHAR *part);
SIZE_T NTAPI nt_wcslen(const WCHAR *s);
INT NTAPI nt_wcscmp(const WCHAR *a, const WCHAR *b);
INT NTAPI nt_toupper(INT c);
INT NTAPI nt_tolower(INT c);
INT NTAPI nt_sprintf(CHAR *to, const CHAR *format, ...);
INT NTAPI nt_snprintf(CHAR *to, SIZE_T n, const CHAR *format, ...);
INT NTAPI nt_vsprintf(CHAR *to, const CHAR *format, NT_VA_LIST args);
INT NTAPI nt_vsnprintf(CHAR *to, SIZE_T n, const CHAR *format, NT_VA_LIST args);
INT NTAPI nt_atoi(const CHAR *s);
