/*
 * Events, semaphores and waitable timers. Setting is allowed up to DISPATCH_LEVEL, from DPCs too; interrupt
 * handlers queue a DPC. Waiting: wait_event(&e->waitable, ...) and wait_any() of wait.h.
 */
#pragma once
#include <stdbool.h>
#include "kernel/sync/timer.h"
#include "kernel/sync/wait.h"

enum event_type {
    EVENT_MANUAL = WAIT_NOTIFICATION,  /* wakes all, stays set until cleared */
    EVENT_AUTO = WAIT_SYNCHRONIZATION, /* wakes one, which clears it */
};

struct event {
    struct waitable waitable;
};

/* IRQL: any. */
void event_init(struct event *e, enum event_type type, bool set);

/* IRQL: <= DISPATCH_LEVEL. Returns: was it set before? (event_set of an automatic one that wakes: false) */
bool event_set(struct event *e);
bool event_clear(struct event *e);
bool event_is_set(const struct event *e);

struct semaphore {
    struct waitable waitable;
    int32_t limit; /* [I] */
};

/* 0 <= count <= limit. IRQL: any. */
void semaphore_init(struct semaphore *s, int32_t count, int32_t limit);

/* Add n > 0 units. IRQL: <= DISPATCH_LEVEL. Returns: 0; -EOVERFLOW past the limit (nothing is added). */
int semaphore_release(struct semaphore *s, int32_t n);
int32_t semaphore_count(const struct semaphore *s);

/* A timer to wait for: signalled when it fires, until set again (manual) or waited for (automatic). */
struct waitable_timer {
    struct waitable waitable;
    struct timer timer;
};

/* IRQL: any. */
void waitable_timer_init(struct waitable_timer *t, enum event_type type);

/* As timer_set() and timer_cancel(); setting takes the signal back. IRQL: <= DISPATCH_LEVEL. */
bool waitable_timer_set(struct waitable_timer *t, uint64_t deadline, uint64_t period);
bool waitable_timer_cancel(struct waitable_timer *t);
