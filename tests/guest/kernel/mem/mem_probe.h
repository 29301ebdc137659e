/* What the tests of kernel/mem share. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/mem/frame.h"

/* What is taken, after everything that caches has given back. Page tables do not count: they stay. */
struct mem_taken {
    uint64_t frames, pool_objects, pool_bytes, ranges, mapped_bytes, stacks;
};
struct mem_taken mem_taken(void);

/* Check that nothing more is taken than before. */
void mem_check_same(const struct mem_taken *before);

/* Run run(context) on a thread on each processor, at once, and wait for all. */
void on_each_processor(void (*run)(void *context), void *context);

/* Random numbers below `below`; the state is the caller's and never 0. */
uint64_t mem_random(uint64_t *state, uint64_t below);

/* Take nearly all memory, so that `left` frames are free. Returns the chain for memory_release(). */
uint32_t memory_hog(uint64_t left);
void memory_release(uint32_t chain);

/*
 * Run try() with its first, second, ... allocation failing, until none fails: it says so each time (false), leaves
 * nothing behind, and succeeds in the end; at least `least` of its allocations are seen to fail.
 */
void fail_each(const char *what, bool (*try)(void), unsigned least);
