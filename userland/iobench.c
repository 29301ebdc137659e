/*
 * iobench: how fast a disk or a file is. Past the cache, with some requests at once in each of some threads.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "userland/common/aio_abi.h"
#include "userland/common/command.h"

#define DEPTH_MAX   128u
#define THREADS_MAX 64u
#define BLOCK_MAX   (64ul << 20)
#define MEMORY_MAX  (256ul << 20) /* all requests' data together */
#define SECTOR      512u
#define SECOND      1000000000ull
#define SECONDS     2
#define BAR         40
#define WORKLOADS   8

static const struct choice choices[] = {
    {'b', "block", "SIZE", "bytes of a request, with k or M behind (4k)"},
    {'d', "depth", "N", "requests at once in each thread (1)"},
    {'j', "threads", "N", "threads (1)"},
    {'s', "sequential", NULL, "one behind the other; else at random places"},
    {'t', "time", "SECONDS", "seconds for each workload (2)"},
    {'n', "requests", "N", "requests for each workload instead of a time"},
    {'w', "write", NULL, "write, too, or only, with -b, -d, -j or -s: DESTROYS what is in TARGET"},
    {0}};

static const struct command command = {
    "iobench", "measure how fast a disk or a file is", "[OPTIONS] TARGET",
    "TARGET is a disk, a partition, or a file, as long as it is. Without -b, -d, -j and -s: some usual workloads.\n"
    "MEAN, 99% (so many of 100 took no longer) and MAX are microseconds from asking to answer.\n"
    "A disk that is mounted is not written. Exit status: 0, or 1 if a request failed.",
    choices};

struct workload {
    bool sequential, write;
    size_t block;
    unsigned depth, threads;
};

/* Durations, in sixteenths of powers of two of nanoseconds. */
#define STEPS   16
#define BUCKETS (64 * STEPS)
struct durations {
    uint64_t count[BUCKETS], sum, longest, requests;
};

struct run {
    struct workload load;
    const char *path;
    int fd;
    uint64_t blocks;         /* of the target */
    uint64_t requests, ends; /* so many; until this time if 0 */
    atomic_uint_fast64_t given;
    atomic_bool failed;
};

struct worker {
    struct run *run;
    pthread_t thread;
    unsigned char *memory;
    uint64_t random;
    aio_context_t context;
    struct iocb io[DEPTH_MAX];
    uint64_t began[DEPTH_MAX];
    struct durations durations;
};

static uint64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

/* ---- durations ---- */

static unsigned
bucket_of(uint64_t ns)
{
    unsigned power = 63 - (unsigned)__builtin_clzll(ns | STEPS);

    return (power - 4) * STEPS + (unsigned)(ns >> (power - 4));
}

static void
durations_add(struct durations *d, uint64_t ns)
{
    d->count[bucket_of(ns)]++;
    d->sum += ns;
    d->requests++;
    d->longest = ns > d->longest ? ns : d->longest;
}

static void
durations_join(struct durations *all, const struct durations *d)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        all->count[i] += d->count[i];
    all->sum += d->sum;
    all->requests += d->requests;
    all->longest = d->longest > all->longest ? d->longest : all->longest;
}

/* The end of the bucket in which the slowest of so many of 100 requests is. */
static uint64_t
durations_of(const struct durations *d, unsigned percent)
{
    uint64_t seen = 0;

    for (unsigned i = 0; i < BUCKETS; i++)
        if ((seen += d->count[i]) * 100 >= d->requests * percent && d->count[i]) {
            unsigned power = i < STEPS ? 0 : i / STEPS - 1;
            uint64_t ns = (uint64_t)(i < STEPS ? i + 1 : i % STEPS + STEPS + 1) << power;

            return ns < d->longest ? ns : d->longest;
        }
    return d->longest;
}

/* ---- requests ---- */

/* Where the next request goes; false: there is none. */
static bool
place_next(struct worker *w, uint64_t *at)
{
    struct run *r = w->run;
    uint64_t n;

    if (atomic_load(&r->failed) || (!r->requests && now_ns() >= r->ends))
        return false;
    n = atomic_fetch_add(&r->given, 1);
    if (r->requests && n >= r->requests)
        return false;
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    *at = (r->load.sequential ? n : w->random) % r->blocks * r->load.block;
    return true;
}

/* Tells the first failure; the others end by it. */
static void
request_failed(struct run *r, uint64_t at, int64_t result)
{
    if (atomic_exchange(&r->failed, true))
        return;
    errno = result < 0 ? (int)-result : 0;
    if (result < 0)
        warn_of("%s: %s of %zu bytes at byte %llu", r->path, r->load.write ? "write" : "read", r->load.block,
                (unsigned long long)at);
    else
        warn_of("%s: only %lld of %zu bytes at byte %llu", r->path, (long long)result, r->load.block,
                (unsigned long long)at);
}

static void
work_alone(struct worker *w)
{
    const struct workload *l = &w->run->load;
    uint64_t at;

    while (place_next(w, &at)) {
        uint64_t began = now_ns();
        ssize_t n = l->write ? pwrite(w->run->fd, w->memory, l->block, (off_t)at)
                             : pread(w->run->fd, w->memory, l->block, (off_t)at);

        if (n != (ssize_t)l->block)
            request_failed(w->run, at, n < 0 ? -errno : n);
        durations_add(&w->durations, now_ns() - began);
    }
}

static bool
request_send(struct worker *w, unsigned n)
{
    const struct workload *l = &w->run->load;
    struct iocb *io = &w->io[n];
    uint64_t at;

    if (!place_next(w, &at))
        return false;
    *io = (struct iocb){.aio_lio_opcode = l->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
                        .aio_fildes = (uint32_t)w->run->fd,
                        .aio_buf = (uintptr_t)(w->memory + l->block * n),
                        .aio_nbytes = l->block,
                        .aio_offset = (int64_t)at,
                        .aio_data = n};
    w->began[n] = now_ns();
    if (syscall(SYS_io_submit, w->context, 1l, &io) == 1)
        return true;
    request_failed(w->run, at, -errno);
    return false;
}

static void
work_queued(struct worker *w)
{
    struct io_event events[DEPTH_MAX];
    unsigned under_way = 0;

    for (unsigned i = 0; i < w->run->load.depth; i++)
        under_way += request_send(w, i);
    while (under_way) {
        long some = syscall(SYS_io_getevents, w->context, 1l, (long)under_way, events, NULL);

        if (some < 0)
            fail("io_getevents");
        for (long i = 0; i < some; i++) {
            unsigned n = (unsigned)events[i].data;

            if (events[i].res != (int64_t)w->run->load.block)
                request_failed(w->run, (uint64_t)w->io[n].aio_offset, events[i].res);
            durations_add(&w->durations, now_ns() - w->began[n]);
            under_way -= !request_send(w, n);
        }
    }
}

static void *
work(void *worker)
{
    struct worker *w = worker;

    if (w->run->load.depth == 1)
        work_alone(w);
    else
        work_queued(w);
    return NULL;
}

/* ---- a workload ---- */

static struct worker *
worker_new(struct run *r, unsigned n)
{
    size_t size = r->load.block * r->load.depth;
    struct worker *w = calloc(1, sizeof(*w));

    if (!w)
        fail("memory for a thread");
    w->run = r;
    w->random = (n + 1) * 0x9e3779b97f4a7c15ull;
    w->memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (w->memory == MAP_FAILED)
        fail("%zu bytes of memory for requests", size);
    for (size_t i = 0; i < size; i++)
        w->memory[i] = (unsigned char)(i * 37 + i / 4096);
    if (r->load.depth > 1 && syscall(SYS_io_setup, (long)r->load.depth, &w->context))
        fail("io_setup");
    return w;
}

static void
worker_end(struct worker *w)
{
    if (w->context)
        syscall(SYS_io_destroy, w->context);
    munmap(w->memory, w->run->load.block * w->run->load.depth);
    free(w);
}

/* Nanoseconds that it took; 0: a request failed, and that was told. */
static uint64_t
measure(struct run *r, struct durations *all, unsigned seconds)
{
    struct worker *workers[THREADS_MAX];
    unsigned threads = r->load.threads;
    uint64_t began, took;

    for (unsigned i = 0; i < threads; i++)
        workers[i] = worker_new(r, i);
    began = now_ns();
    r->ends = began + seconds * SECOND;
    for (unsigned i = 0; i < threads; i++)
        if ((errno = pthread_create(&workers[i]->thread, NULL, work, workers[i])) != 0)
            fail("a thread");
    for (unsigned i = 0; i < threads; i++)
        pthread_join(workers[i]->thread, NULL);
    if (r->load.write && fsync(r->fd))
        request_failed(r, 0, -errno);
    took = now_ns() - began;
    for (unsigned i = 0; i < threads; i++) {
        durations_join(all, &workers[i]->durations);
        worker_end(workers[i]);
    }
    return atomic_load(&r->failed) ? 0 : took ? took : 1;
}

/* ---- what is shown ---- */

struct outcome {
    char name[64];
    double mib, requests; /* in a second */
};

static void
name_of(const struct workload *l, char *to, size_t room)
{
    int n = snprintf(to, room, "%s, %s, %s", l->write ? "write" : "read",
                     l->sequential ? "in a row" : "at random", units_bytes(l->block).text);

    if (l->depth > 1)
        n += snprintf(to + n, room - (size_t)n, ", %u at once", l->depth);
    if (l->threads > 1)
        snprintf(to + n, room - (size_t)n, ", %u threads", l->threads);
}

static void
chart(const char *title, const struct outcome *all, unsigned n, double (*value)(const struct outcome *))
{
    double most = 0;

    for (unsigned i = 0; i < n; i++)
        most = value(&all[i]) > most ? value(&all[i]) : most;
    printf("\n%s\n", title);
    for (unsigned i = 0; i < n; i++) {
        int length = most > 0 ? (int)(value(&all[i]) / most * BAR + 0.5) : 0;

        printf("%-36s |%.*s %.*f\n", all[i].name, length, "########################################",
               value(&all[i]) < 100, value(&all[i]));
    }
}

static double
value_mib(const struct outcome *o)
{
    return o->mib;
}

static double
value_requests(const struct outcome *o)
{
    return o->requests;
}

static void
row(struct table *t, const struct outcome *o, const struct durations *d)
{
    double n = d->requests ? (double)d->requests : 1;

    table_cell(t, "%s", o->name);
    table_cell(t, "%llu", (unsigned long long)d->requests);
    table_cell(t, "%.1f", o->mib);
    table_cell(t, "%.0f", o->requests);
    table_cell(t, "%.1f", (double)d->sum / n / 1e3);
    table_cell(t, "%.1f", (double)durations_of(d, 99) / 1e3);
    table_cell(t, "%.1f", (double)d->longest / 1e3);
}

/* ---- the command line ---- */

/* A size that was typed, with k or M behind it perhaps. */
static size_t
size_of(const char *text)
{
    size_t length = strlen(text), unit = 1;
    char digits[24] = "";
    uint64_t n;

    if (length && strchr("kKM", text[length - 1]))
        unit = text[--length] == 'M' ? 1 << 20 : 1 << 10;
    snprintf(digits, sizeof(digits), "%.*s", (int)length, text);
    n = number_of(digits,
                  unit == 1 << 20 ? "number of MiB"
                  : unit > 1      ? "number of KiB"
                                  : "number of bytes",
                  1, BLOCK_MAX / unit) *
        unit;
    if (n % SECTOR)
        usage_fail("'%s' is no multiple of %u bytes", text, SECTOR);
    return n;
}

static int
target_open(const char *path, const struct workload *w, unsigned n, uint64_t *size)
{
    bool writes = false;
    struct stat s;
    off_t end;
    int fd;

    for (unsigned i = 0; i < n; i++)
        writes |= w[i].write;
    if (stat(path, &s))
        fail("%s", path);
    errno = 0;
    if (!S_ISREG(s.st_mode) && !S_ISBLK(s.st_mode))
        fail("%s: is neither a disk nor a file", path);
    fd = open(path, O_DIRECT | O_CLOEXEC | (writes ? O_RDWR : O_RDONLY) |
                        (writes && S_ISBLK(s.st_mode) ? O_EXCL : 0));
    end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    if (end < 0)
        fail("%s%s", path, errno == EBUSY ? ": is mounted, or is being written" : "");
    *size = (uint64_t)end;
    return fd;
}

static unsigned
usual(struct workload *w, bool write)
{
    static const struct workload loads[] = {{true, false, 1 << 20, 1, 1},
                                            {false, false, 4096, 1, 1},
                                            {false, false, 4096, 32, 1},
                                            {false, false, 4096, 1, 4}};
    unsigned n = 0;

    for (int writes = 0; writes <= write; writes++)
        for (unsigned i = 0; i < sizeof(loads) / sizeof(*loads); i++) {
            w[n] = loads[i];
            w[n++].write = writes;
        }
    return n;
}

struct job {
    struct workload loads[WORKLOADS];
    unsigned count, seconds;
    uint64_t requests; /* of each workload; 0: so many seconds */
};

static void
options_read(struct job *j, int argc, char **argv)
{
    extern char *optarg;
    bool usual_ones = true, write = false;
    struct workload *one = j->loads;

    for (int o; (o = command_option(&command, argc, argv)) >= 0;) {
        if (o == 'b')
            one->block = size_of(optarg);
        else if (o == 'd')
            one->depth = (unsigned)number_of(optarg, "depth", 1, DEPTH_MAX);
        else if (o == 'j')
            one->threads = (unsigned)number_of(optarg, "number of threads", 1, THREADS_MAX);
        else if (o == 't')
            j->seconds = (unsigned)number_of(optarg, "number of seconds", 1, 86400);
        else if (o == 'n')
            j->requests = number_of(optarg, "number of requests", 1, 1ull << 40);
        one->sequential |= o == 's';
        write |= o == 'w';
        usual_ones &= o != 'b' && o != 'd' && o != 'j' && o != 's';
    }
    one->write = write;
    if (one->block * one->depth * one->threads > MEMORY_MAX)
        usage_fail("such requests would need more than %s of memory", units_bytes(MEMORY_MAX).text);
    if (usual_ones)
        j->count = usual(j->loads, write);
}

/* False: a request failed, and that was told. */
static bool
workload_run(struct run *r, struct table *t, struct outcome *o, unsigned seconds)
{
    static struct durations d;
    uint64_t ns;

    name_of(&r->load, o->name, sizeof(o->name));
    if (isatty(2))
        fprintf(stderr, "\r\033[K%s ...", o->name);
    memset(&d, 0, sizeof(d));
    ns = measure(r, &d, seconds);
    if (isatty(2))
        fprintf(stderr, "\r\033[K");
    if (!ns)
        return false;
    o->requests = (double)d.requests * (double)SECOND / (double)ns;
    o->mib = o->requests * (double)r->load.block / (1 << 20);
    row(t, o, &d);
    return true;
}

int
main(int argc, char **argv)
{
    struct job j = {.loads = {{.block = 4096, .depth = 1, .threads = 1}}, .count = 1, .seconds = SECONDS};
    struct outcome outcomes[WORKLOADS];
    struct table t = {.head = {"WORKLOAD", ">REQUESTS", ">MiB/s", ">IO/s", ">MEAN us", ">99% us", ">MAX us"}};
    unsigned done = 0;
    const char *path;
    uint64_t size;
    int fd;

    options_read(&j, argc, argv);
    path = command_word(argc, argv, "disk or file", true);
    fd = target_open(path, j.loads, j.count, &size);
    while (done < j.count) {
        struct run r = {.load = j.loads[done], .path = path, .fd = fd, .requests = j.requests};

        r.blocks = size / r.load.block;
        errno = 0;
        if (!r.blocks)
            fail("%s: has %llu bytes, less than one request", path, (unsigned long long)size);
        if (!workload_run(&r, &t, &outcomes[done], j.seconds))
            break;
        done++;
    }
    if (done)
        table_print(&t);
    if (done > 1) {
        chart("MiB/s", outcomes, done, value_mib);
        chart("IO/s", outcomes, done, value_requests);
    }
    finish(done == j.count ? 0 : 1);
}
