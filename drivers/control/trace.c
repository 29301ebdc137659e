/*
 * /dev/trace: who has it open writes "start" or "stop", then reads what came between, a line an event: time in ns, processor, IRQL,
 * thread, process, the kind, and its words (kernel/trace/trace.h) between tabs; addresses as names; at the end "lost", and how many found no room.
 * For userland/iotrace.c.
 */
#include "drivers/control/control_impl.h"
#include "drivers/loader/driver.h"
#include "drivers/port/core/port.h"
#include "kernel/fs/file.h"
#include "kernel/fs/text.h"
#include "kernel/sched/process.h"
#include "kernel/sched/thread.h"
#include "kernel/sync/mutex.h"
#include "kernel/trace/syscalls.h"
#include "kernel/trace/trace.h"
#include "kernel/trace/watch.h"
#include "lib/errno.h"
#include "lib/string.h"

#define DEVICE_MAJOR 10 /* misc */
#define DEVICE_MINOR 201
#define WORD_MAX     8
#define PLACE        80
#define BATCH        64 /* events of one read() */

/* [m] lock: the threads of whoever has it open */
static struct {
    bool taken;             /* [a] somebody has it open */
    bool running;           /* [m] */
    struct trace_cursor at; /* [m] */
    struct text lines;      /* [m] made, and not yet read */
    uint64_t from;          /* [m] */
    bool all_told;          /* [m] */
} session;
static struct mutex lock;

/* ---- start and stop ---- */

static void
who(uint32_t *thread, uint32_t *process)
{
    const struct thread *t = thread_current();
    const struct process *p = process_current();

    *thread = t ? (uint32_t)t->id : 0;
    *process = p ? (uint32_t)p->pid : 0;
}

struct ranges {
    struct watch_range range[WATCHES_MAX];
    unsigned count;
};

static void
ranges_of(void *context, struct adapter *a)
{
    struct ranges *all = context;

    for (uint32_t i = 0; i < a->range_count && all->count < WATCHES_MAX; i++)
        if (a->range[i].in_memory && a->range[i].va)
            all->range[all->count++] = (struct watch_range){.va = (uintptr_t)a->range[i].va,
                                                            .size = a->range[i].size,
                                                            .name = trace_name(a->name),
                                                            .range = a->range[i].bar};
}

static int
start(void)
{
    struct ranges all = {.count = 0};
    int err;

    if (session.running)
        return -EBUSY;
    err = trace_begin(who);
    if (err)
        return err;
    session.running = true;
    text_free(&session.lines);
    session.lines = (struct text){.size = 0};
    session.at = (struct trace_cursor){.next = {0}};
    session.from = 0;
    session.all_told = false;
    adapters_for_each(ranges_of, &all);
    watch_begin(all.range, all.count);
    syscalls_watch(true);
    return 0;
}

static int
stop(void)
{
    if (!session.running)
        return -EINVAL;
    syscalls_watch(false);
    watch_end();
    trace_end();
    session.running = false;
    return 0;
}

/* ---- lines ---- */

static const char *const kinds[] = {[TRACE_CACHE] = "cache",
                                    [TRACE_SYSCALL] = "syscall",
                                    [TRACE_SYSCALL_END] = "syscall-end",
                                    [TRACE_BLOCK] = "block",
                                    [TRACE_BLOCK_END] = "block-end",
                                    [TRACE_SRB] = "srb",
                                    [TRACE_SRB_END] = "srb-end",
                                    [TRACE_IRB] = "irb",
                                    [TRACE_SCSI] = "scsi",
                                    [TRACE_DONE] = "done",
                                    [TRACE_CALL] = "call",
                                    [TRACE_CALL_END] = "call-end",
                                    [TRACE_REGISTER] = "register",
                                    [TRACE_INTERRUPT] = "interrupt",
                                    [TRACE_INTERRUPT_END] = "interrupt-end",
                                    [TRACE_DPC] = "dpc",
                                    [TRACE_DPC_END] = "dpc-end"};

/* Which of a kind's words are names of up to eight characters, texts of the kernel's, places in its code. */
static const struct {
    uint8_t name, text, place;
} forms[TRACE_DPC_END + 1] = {[TRACE_CACHE] = {.name = 1},
                              [TRACE_BLOCK] = {.name = 2},
                              [TRACE_BLOCK_END] = {.name = 2},
                              [TRACE_DONE] = {.name = 1},
                              [TRACE_CALL] = {.name = 1, .text = 2},
                              [TRACE_CALL_END] = {.name = 1, .text = 2},
                              [TRACE_REGISTER] = {.name = 1, .place = 16},
                              [TRACE_DPC] = {.place = 1},
                              [TRACE_DPC_END] = {.place = 1}};

static void
line_add(struct text *t, const struct trace_event *e)
{
    text_add(t, "%lu\t%u\t%u\t%u\t%u\t%s", e->time, e->cpu, e->irql, e->thread, e->process, kinds[e->kind]);
    for (unsigned i = 0; i < TRACE_WORDS; i++) {
        char name[WORD_MAX + 1], place[PLACE];

        if (forms[e->kind].name >> i & 1) {
            trace_name_text(e->word[i], name);
            text_add(t, "\t%s", name);
        } else if (forms[e->kind].text >> i & 1) {
            text_add(t, "\t%s", (const char *)(uintptr_t)e->word[i]);
        } else if (forms[e->kind].place >> i & 1) {
            driver_place(e->word[i], place, sizeof(place));
            text_add(t, "\t%s", place);
        } else {
            text_add(t, "\t%lx", e->word[i]);
        }
    }
    text_add(t, "\n");
}

static void
lines_more(void)
{
    struct trace_event e;

    text_free(&session.lines);
    session.lines = (struct text){.size = 0};
    session.from = 0;
    for (unsigned n = 0; n < BATCH && !session.all_told; n++)
        if (trace_next(&session.at, &e)) {
            line_add(&session.lines, &e);
        } else {
            text_add(&session.lines, "0\t0\t0\t0\t0\tlost\t%lx\t0\t0\t0\t0\n", trace_lost());
            session.all_told = true;
        }
}

/* ---- the file ---- */

static int
trace_open(struct file *f)
{
    return __atomic_exchange_n(&session.taken, true, __ATOMIC_ACQ_REL) ? -EBUSY : 0;
}

static void
trace_release(struct file *f)
{
    mutex_lock(&lock, WAIT_FOREVER);
    (void)stop();
    text_free(&session.lines);
    session.lines = (struct text){.size = 0};
    mutex_unlock(&lock);
    __atomic_store_n(&session.taken, false, __ATOMIC_RELEASE);
}

static long
trace_read(struct file *f, struct uio *u, uint64_t position)
{
    long n = -EBUSY;

    mutex_lock(&lock, WAIT_FOREVER);
    if (!session.running)
        n = text_read(&session.lines, u, session.from);
    if (n == 0) {
        lines_more();
        n = text_read(&session.lines, u, session.from);
    }
    if (n > 0)
        session.from += (uint64_t)n;
    mutex_unlock(&lock);
    return n;
}

static long
trace_write(struct file *f, struct uio *u, uint64_t position)
{
    char word[WORD_MAX] = "";
    size_t all = u->left;
    long n = all < sizeof(word) ? uio_from(u, word, all) : -EINVAL;
    int err;

    if (n < 0)
        return n;
    word[strcspn(word, "\n")] = 0;
    mutex_lock(&lock, WAIT_FOREVER);
    err = !strcmp(word, "start") ? start() : !strcmp(word, "stop") ? stop() : -EINVAL;
    mutex_unlock(&lock);
    return err ? err : (long)all;
}

static const struct fs_ops trace_ops = {
    .open = trace_open, .release = trace_release, .read = trace_read, .write = trace_write};

int
control_trace_init(void)
{
    mutex_init(&lock);
    watch_init();
    return devfs_add("trace", S_IFCHR | 0600, makedev(DEVICE_MAJOR, DEVICE_MINOR), &trace_ops, NULL);
}
