/*
 * Deliberate ends: the option selftest=NAME makes a debug kernel die or hang in a known way, for system tests
 * of the report.
 */
#pragma once

/* Does not return if `name` is the name of an end; "plant" does, with a fault in the system calls. */
void selftest_run(const char *name);
void selftest_plant(void);
