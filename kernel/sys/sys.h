/*
 * The edge to programs, as boot/main.c and the rest of the kernel see it.
 */
#pragma once
#include <stddef.h>

struct user_vectors;

/* What uname(2) says; the text stays the caller's. Boot, once. */
void sys_set_version(const char *version);
const char *sys_hostname(void);

/* table.c: fill in the system calls, and show them as /proc/syscalls. Boot. Returns 0 or -ENOMEM. */
int sys_table_init(struct user_vectors *v);
