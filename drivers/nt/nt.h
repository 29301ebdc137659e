/*
 * What drivers import besides a port: the parts of ntoskrnl.exe and hal.dll that storage miniports are seen to use, with
 * their documented behaviour (WDK, "wdm.h", "ntddk.h"). The lists of names are ntoskrnl.c and hal.c.
 *
 * What a driver passes is not trusted: memory it names is first touched by guard functions, so that a wrong address ends the
 * driver's call and not the kernel (kernel/cpu/guard.h). What a rule forbids (an IRQL, a lock that is not held) ends
 * the call too, with a text that names the routine.
 *
 * Not for: IRPs, objects by name, files, the registry by handle, threads of a driver's own.
 */
#pragma once
#include "drivers/ddk/wdm.h"
#include "kernel/cpu/guard.h"
#include "kernel/cpu/irql.h"
#include "lib/field.h"

/* Boot, once: publishes the libraries; sets up what DPCs and timers of drivers need. PASSIVE_LEVEL. */
int nt_init(void);

/* A driver is about to be loaded: what it reads at a fixed address is there. PASSIVE_LEVEL; again: nothing. */
void nt_driver_came(void);

/* A driver has gone: its timers and DPCs do not fire any more. `start` and `size` are its image's. PASSIVE_LEVEL. */
void nt_driver_gone(const void *start, size_t size);

/* 100 ns since 1601-01-01, UTC. Any IRQL. */
int64_t nt_time_now(void);

/* End the driver's call unless the IRQL is at most `level`. */
#define NT_IRQL_MAX(level)                                                                                   \
    do {                                                                                                     \
        if (irql_current() > (level))                                                                        \
            guard_stop("called %s at IRQL %u, which allows at most %u (check 14)", __func__, irql_current(), \
                       (level));                                                                             \
    } while (0)
