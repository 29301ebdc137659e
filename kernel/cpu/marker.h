/*
 * Marks in the instruction stream, for tools that watch from outside (tests/bench/icplugin.c): an instruction that does
 * nothing, and says a number. Programs use the same one.
 */
#pragma once

#define MARKER_BEGIN 1 /* of what is measured */
#define MARKER_END   2
#define MARKER_READY 10 /* the kernel is up */

/* The way of a request: handed to a port, at the miniport, completed by it, back. */
#define MARKER_DRIVER_SUBMIT 30
#define MARKER_DRIVER_IN     31
#define MARKER_DRIVER_OUT    32
#define MARKER_DRIVER_DONE   33

/* nopl 0x4d4b<id>(%rax,%rax,1), by its bytes. `id`: a constant below 60000. Any IRQL. */
#define marker(id) __asm__ volatile(".byte 0x0f, 0x1f, 0x84, 0x00; .word %c0; .byte 0x4b, 0x4d" ::"i"(id))
