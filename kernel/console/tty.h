/*
 * The console terminal: what is typed on keyboard and serial port comes in through the line discipline, what is written
 * goes out to the screen and the serial port. Sessions and their foreground group (POSIX 11.1).
 *
 * Output is not processed: serial port and screen take "\n" as the beginning of a new line.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/console/discipline.h"
#include "kernel/sync/poll.h"

/* Which devices output goes to. */
enum tty_output { TTY_SERIAL = 1, TTY_SCREEN = 2 };

struct tty_size { /* struct winsize */
    uint16_t rows, columns, x, y;
};

/* [t] lock, DISPATCH_LEVEL */
struct tty {
    spinlock_t lock;
    struct discipline discipline; /* [t] */
    int session, foreground;      /* [t] numbers; 0: none */
    struct tty_size size;         /* [t] */
    bool hung_up;                 /* [t] its session has ended: reads end, until somebody opens it anew */
    unsigned outputs;             /* [I] */
    struct event changed;         /* manual: something to read, or to look at */
    struct poll_queue queue;
    char echo[256]; /* [t] what is to be echoed once the lock is released */
    size_t echo_count;
    int raise; /* [t] the signal to raise then */
};

/* The only one. */
extern struct tty console_tty;

/* Boot, once, after the scheduler runs. */
void tty_init(unsigned outputs);

/* Bytes that were typed. What does not fit into the buffers is dropped, and counted. IRQL: <= DISPATCH_LEVEL */
void tty_input(const char *bytes, size_t n);

/*
 * Read on behalf of a program, as its mode says. block: wait if there is nothing.
 * IRQL:    PASSIVE_LEVEL
 * Returns: bytes; 0: end of file; -EAGAIN; -EINTR; -EIO: a background process whose group nobody can continue
 */
long tty_read(struct tty *t, uint8_t *bytes, size_t size, bool block);

/* May the running process write there now (TOSTOP)? Returns 0, -EINTR or -EIO. PASSIVE_LEVEL. */
int tty_write_check(struct tty *t);

/* IRQL: any. Text of one call is not mixed with that of another, nor with lines of the log. */
void tty_write(const char *bytes, size_t n);

/* The running process, a session's leader without a terminal, takes this one. Returns 0 or -EPERM. */
int tty_control(struct tty *t);

/* ioctl(2): TCGETS .. TIOCGSID. argument: a program address. PASSIVE_LEVEL. Returns >= 0 or -errno; -ENOTTY: no such. */
long tty_ioctl(struct tty *t, unsigned request, uintptr_t argument);

/* POLL bits as poll(2) has them. */
unsigned tty_poll(struct tty *t, struct poll_waiter *w, struct event *event);

/* For process_on_session_end(): the foreground group gets SIGHUP, the terminal is nobody's. */
void tty_session_end(struct tty *t);

/* Input bytes dropped since boot. */
uint64_t tty_dropped(void);
