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

/* start.c: all of this folder, and what kernel/cpu calls on behalf of programs. Boot, once. Returns 0 or -ENOMEM. */
int sys_init(void);

/* What is to be done after all is synced, before the machine is turned off or started anew by a program. Boot, once. */
void sys_on_shutdown(void (*prepare)(void));

/*
 * Start process 1. The strings stay the caller's, and stay. What is to happen when it ends: process_on_first_end().
 * PASSIVE_LEVEL, once, with the root mounted. Returns when it has begun: 0, or -errno, as execve(2) does.
 */
int process_start_first(const char *path, char *const argv[], char *const envp[]);
