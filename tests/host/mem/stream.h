/* The input of a fuzzer as a stream of small numbers; 0 when it is used up. */
#pragma once
#include <stddef.h>
#include <stdint.h>

static const uint8_t *stream_at, *stream_end;

static uint64_t
stream_next(uint64_t below)
{
    uint64_t v = 0;

    for (uint64_t room = 1; room < below; room <<= 8)
        v = v << 8 | (stream_at < stream_end ? *stream_at++ : 0);
    return v % below;
}
