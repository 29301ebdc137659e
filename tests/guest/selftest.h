/*
 * Deliberate ends: the option selftest=NAME makes a debug kernel die or hang in a known way, for system tests
 * of the report.
 */
#pragma once

/* Does not return if `name` is known; returns otherwise. */
void selftest_run(const char *name);
