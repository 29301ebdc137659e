/*
 * Who draws: before screen_start(), and in a panic, whoever writes; afterwards one thread, woken by a DPC, since
 * writing happens at any IRQL. It takes the lock for a row at a time.
 *
 * I1  shown[] is what the hardware shows; a cell is drawn only when it differs from the terminal's.
 */
#include "kernel/console/screen.h"
#include "kernel/mem/pool.h"
#include "kernel/sched/thread.h"
#include "kernel/sync/dpc.h"
#include "kernel/sync/event.h"
#include "kernel/sync/spin.h"
#include "lib/errno.h"
#include "lib/string.h"

#define TAG POOL_TAG('s', 'c', 'r', 'n')

static spinlock_t lock = SPINLOCK(LOCK_SCREEN, "screen");
static const struct screen_ops *ops; /* [I] after screen_init(); NULL: no screen */
static struct terminal terminal;     /* [lock] */
static struct cell *shown;           /* [lock] */
static struct dpc wake_dpc;
static struct event wake;
static bool threaded; /* [a] */

/* The lock is passed over in a panic: whoever holds it has been stopped. */
static uint64_t
screen_lock(void)
{
    return log_panicking() ? 0 : spin_lock_interrupts(&lock);
}

static void
screen_unlock(uint64_t were_on)
{
    if (!log_panicking())
        spin_unlock_interrupts(&lock, were_on);
}

/* The column where the next character goes; the last one while a full row waits to be continued. */
static unsigned
cursor_column(void)
{
    return terminal.column < terminal.columns ? terminal.column : terminal.columns - 1;
}

static unsigned
cursor_cell(void)
{
    return terminal.row * terminal.columns + cursor_column();
}

/* What a cell is to look like: hardware without a cursor gets it as an inverted cell. */
static struct cell
cell_wanted(unsigned at, unsigned cursor)
{
    struct cell c = terminal.cells[at];

    if (!ops->cursor && terminal.cursor_visible && at == cursor)
        return (struct cell){c.character, c.background, c.foreground};
    return c;
}

static void
row_draw(unsigned row)
{
    unsigned cursor = cursor_cell(), first = row * terminal.columns;

    for (unsigned i = first; i < first + terminal.columns; i++) {
        struct cell c = cell_wanted(i, cursor);

        if (memcmp(&c, &shown[i], sizeof(c)) == 0)
            continue;
        ops->draw(i - first, row, c);
        shown[i] = c;
    }
}

static void
cursor_draw(void)
{
    if (ops->cursor)
        ops->cursor(cursor_column(), terminal.row, terminal.cursor_visible);
}

static void
draw_all(void)
{
    for (unsigned row = 0; row < terminal.rows; row++)
        row_draw(row);
    cursor_draw();
}

/* As the drawing thread does it: others come in between rows. */
static void
draw_by_rows(void)
{
    uint64_t were_on;

    for (unsigned row = 0; row < terminal.rows; row++) {
        were_on = screen_lock();
        row_draw(row);
        screen_unlock(were_on);
    }
    were_on = screen_lock();
    cursor_draw();
    screen_unlock(were_on);
}

static void
screen_thread(void *context)
{
    for (;;) {
        wait_event(&wake.waitable, WAIT_FOREVER);
        draw_by_rows();
    }
}

static void
screen_wake(struct dpc *d, void *context)
{
    event_set(&wake);
}

int
screen_init(const struct screen_ops *o, unsigned columns, unsigned rows)
{
    size_t bytes = (size_t)columns * rows * sizeof(struct cell);
    struct cell *cells = pool_alloc(bytes, TAG);

    shown = pool_alloc(bytes, TAG);
    if (!cells || !shown) {
        pool_free(cells, TAG);
        pool_free(shown, TAG);
        return -ENOMEM;
    }
    memset(shown, 0xff, bytes); /* unlike any cell: all are drawn */
    terminal_init(&terminal, cells, columns, rows);
    ops = o;
    draw_all();
    return 0;
}

int
screen_start(void)
{
    struct thread *t;
    int err;

    if (!ops)
        return 0;
    event_init(&wake, EVENT_AUTO, true);
    dpc_init(&wake_dpc, screen_wake, NULL);
    err = thread_create(&t, "screen", PRIORITY_NORMAL, screen_thread, NULL);
    if (err)
        return err;
    thread_detach(t);
    __atomic_store_n(&threaded, true, __ATOMIC_RELEASE);
    return 0;
}

void
screen_write(const char *text, size_t size)
{
    bool later = __atomic_load_n(&threaded, __ATOMIC_ACQUIRE) && !log_panicking();
    uint64_t were_on;

    if (!ops)
        return;
    were_on = screen_lock();
    terminal_write(&terminal, text, size);
    if (!later)
        draw_all();
    screen_unlock(were_on);
    if (later)
        dpc_queue(&wake_dpc);
}

void
screen_size(unsigned *columns, unsigned *rows)
{
    *columns = ops ? terminal.columns : 0;
    *rows = ops ? terminal.rows : 0;
}

struct log_sink screen_log = {.name = "screen", .write = screen_write, .threshold = LOG_INFO};
