/* System calls, watched by putting another table of them in place. */
#pragma once
#include <stdbool.h>

/* PASSIVE_LEVEL. Those that are under way when it begins or ends are not seen whole. */
void syscalls_watch(bool on);
