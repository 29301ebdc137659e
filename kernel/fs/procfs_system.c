/*
 * What the kernel tells of itself in /proc: Linux's files in Linux's formats (proc(5)), and a few of ours.
 */
#include "kernel/cpu/features.h"
#include "kernel/cpu/irq.h"
#include "kernel/cpu/smp.h"
#include "kernel/cpu/tsc.h"
#include "kernel/block/cache.h"
#include "kernel/fs/procfs.h"
#include "kernel/fs/procfs_impl.h"
#include "kernel/hw/clock.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/pool.h"
#include "kernel/sched/process.h"
#include "lib/format.h"

#define TICK       (SECONDS(1) / 100)
#define KIB(pages) ((pages) * (PAGE_SIZE / 1024))

static void
show_meminfo(struct text *t)
{
    struct frame_stats f;
    uint64_t objects, bytes;

    frame_stats(&f);
    pool_totals(&objects, &bytes);
    text_add(
        t,
        "MemTotal:       %8lu kB\nMemFree:        %8lu kB\nMemAvailable:   %8lu kB\nBuffers:        %8u kB\n",
        KIB(f.total), KIB(f.free), KIB(f.free + cache_pages()), 0);
    text_add(
        t,
        "Cached:         %8lu kB\nSwapCached:     %8u kB\nShmem:          %8u kB\nSlab:           %8lu kB\n",
        KIB(cache_pages()), 0, 0, bytes / 1024);
    text_add(t, "SReclaimable:   %8u kB\nSwapTotal:      %8u kB\nSwapFree:       %8u kB\n", 0, 0, 0);
}

static void
show_buddyinfo(struct text *t)
{
    struct frame_stats f;

    frame_stats(&f);
    text_add(t, "Node 0, zone   Normal ");
    for (unsigned i = 0; i < FRAME_ORDERS; i++)
        text_add(t, "%6lu ", f.free_blocks[i]);
    text_add(t, "\n");
}

static void
show_cpuinfo(struct text *t)
{
    for (uint32_t n = 0; n < cpu_count(); n++)
        text_add(t, "processor\t: %u\nmodel name\t: %s\ncpu MHz\t\t: %lu.%03lu\napicid\t\t: %u\n\n", n,
                 cpu_brand(), tsc_frequency() / 1000000, tsc_frequency() / 1000 % 1000, cpu_apic_id(n));
}

static void
irq_show(void *context, const struct irq_source *s, const struct irq *i)
{
    struct text *t = context;
    char number[16];

    snprintf(number, sizeof(number), s->line >= 0 ? "%d" : "m%d", s->line >= 0 ? s->line : s->vector);
    text_add(t, "%4s: %12lu   %-10s level %-2u  %s\n", number, i ? i->claimed : s->count, s->via, s->level,
             i ? i->name : "-");
}

static void
show_interrupts(struct text *t)
{
    text_add(t, "            CALLS\n");
    irq_for_each(irq_show, t);
}

static void
handler_show(void *context, const struct irq_source *s, const struct irq *i)
{
    text_add(context, "%02x\t%u\t%d\t%s\t%s\t%lu\t%lu\t%lu\t%s\t%lu\t%lu\n", s->vector, s->level, s->line,
             s->via, s->masked ? "masked" : "on", s->count, s->unclaimed, s->deferred, i ? i->name : "-",
             i ? i->calls : 0, i ? i->claimed : 0);
}

/* Tabs between the columns, since names have blanks. */
static void
show_handlers(struct text *t)
{
    text_add(t, "VECTOR\tLEVEL\tLINE\tVIA\tSTATE\tCOUNT\tUNCLAIMED\tDEFERRED\tHANDLER\tCALLS\tCLAIMED\n");
    irq_for_each(handler_show, t);
}

static uint64_t
idle_ns(void)
{
    uint64_t sum = 0;

    for (uint32_t n = 0; n < cpu_count(); n++)
        sum += sched_idle_ns(n);
    return sum;
}

static void
show_uptime(struct text *t)
{
    uint64_t up = time_now() / TICK, idle = idle_ns() / TICK;

    text_add(t, "%lu.%02lu %lu.%02lu\n", up / 100, up % 100, idle / 100, idle % 100);
}

static void
show_version(struct text *t)
{
    text_add(t, "Portolan version %s\n", VERSION);
}

/* What a processor has not idled counts as system time: time in ring 3 is not told apart. */
static void
cpu_line(struct text *t, const char *name, uint64_t up, uint64_t idle)
{
    text_add(t, "%s 0 0 %lu %lu 0 0 0 0 0 0\n", name, up > idle ? (up - idle) / TICK : 0, idle / TICK);
}

static void
show_stat(struct text *t)
{
    uint64_t up = time_now(), switches = 0;

    cpu_line(t, "cpu ", up * cpu_count(), idle_ns());
    for (uint32_t n = 0; n < cpu_count(); n++) {
        char name[16];

        snprintf(name, sizeof(name), "cpu%u", n);
        cpu_line(t, name, up, sched_idle_ns(n));
        switches += sched_switches(n);
    }
    text_add(t, "intr 0\nctxt %lu\nbtime %lu\nprocesses %u\nprocs_running 1\nprocs_blocked 0\n", switches,
             (wall_clock_now() - up) / SECONDS(1), process_count());
}

/* No load is averaged: the numbers of tasks are told, loads as zeros. */
static void
show_loadavg(struct text *t)
{
    text_add(t, "0.00 0.00 0.00 1/%u %u\n", task_count(), process_count());
}

static void
mount_show(void *context, const struct fs *fs)
{
    struct dentry *root = vfs_root();
    char *room = pool_alloc(PATH_MAX, PROC_TAG),
         *path = room ? dentry_path(fs->top, root, room, PATH_MAX) : NULL;

    text_add(context, "%s %s %s %s%s%s 0 0\n", fs->source, path ? path : "?", fs->ops->name,
             fs->read_only ? "ro" : "rw", fs->options[0] ? "," : "", fs->options);
    pool_free(room, PROC_TAG);
    dentry_put(root);
}

void
proc_mounts_show(struct text *t)
{
    vfs_for_each_mount(mount_show, t);
}

static void
type_show(void *context, const struct fs_ops *ops)
{
    text_add(context, "%s\t%s\n", ops->nodev ? "nodev" : "", ops->name);
}

static void
show_filesystems(struct text *t)
{
    fs_for_each(type_show, t);
}

static void
thread_show(void *context, const struct thread_info *i)
{
    static const char *const states[] = {"ready", "running", "blocked", "ended"};

    text_add(context, "%5lu %3u %3u %-8s %10lu %6lu %s\n", i->id, i->cpu, i->priority, states[i->state],
             i->run_ns / MS(1), i->stack_used, i->name);
}

static void
show_threads(struct text *t)
{
    text_add(t, "   ID CPU PRI STATE       TIME_MS  STACK NAME\n");
    thread_for_each(thread_show, t);
}

static void
tag_show(void *context, const struct pool_tag_stats *s)
{
    char tag[5] = {(char)s->tag, (char)(s->tag >> 8), (char)(s->tag >> 16), (char)(s->tag >> 24)};

    text_add(context, "%-4s %10lu %12lu %12lu\n", s->tag ? tag : "all", s->objects, s->bytes, s->allocations);
}

static void
show_pools(struct text *t)
{
    text_add(t, "TAG     OBJECTS        BYTES  ALLOCATIONS\n");
    pool_for_each_tag(tag_show, t);
}

static void
show_devices(struct text *t)
{
    text_add(t, "Character devices:\n  1 mem\n  4 ttyS\n  5 /dev/tty\n\nBlock devices:\n");
}

int
proc_system_init(void)
{
    static const struct {
        const char *name;
        void (*show)(struct text *t);
    } list[] = {{"buddyinfo", show_buddyinfo},
                {"cpuinfo", show_cpuinfo},
                {"devices", show_devices},
                {"filesystems", show_filesystems},
                {"interrupts", show_interrupts},
                {"irq-handlers", show_handlers},
                {"loadavg", show_loadavg},
                {"meminfo", show_meminfo},
                {"mounts", proc_mounts_show},
                {"pools", show_pools},
                {"stat", show_stat},
                {"threads", show_threads},
                {"uptime", show_uptime},
                {"version", show_version}};
    int err = 0;

    for (size_t i = 0; i < ARRAY_SIZE(list) && !err; i++)
        err = procfs_add(list[i].name, list[i].show);
    return err ? err : proc_pci_init();
}
