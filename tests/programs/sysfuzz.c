/*
 * Random system calls: sysfuzz [CALLS] [SEED] [THREADS]. Numbers, arguments, pointers good, stale, odd and the
 * kernel's, from several threads, in children that may die of it. What must not happen is that the system does.
 * CALLS are those that were really made and came back.
 *
 * Calls that end or stop the whole test by right are left out (reboot; kill and its like of others than the child).
 */
#define _GNU_SOURCE
#include "tests/programs/check.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_NS 250000000
#define BATCH       1000 /* calls of one child */
#define THREADS_MAX 8
#define NUMBERS     460

static long threads;
static unsigned long seed;
static char *page, *stale, *readonly;
static unsigned long *made; /* [a] by the child that runs; shared with it */

static uint64_t
next(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

/* Would end the test: the machine's end, signals to everybody, waits without end, the loss of the root. */
static int
left_out(long n)
{
    switch (n) {
    case SYS_reboot:
    case SYS_kill:
    case SYS_tkill:
    case SYS_tgkill:
    case SYS_rt_sigqueueinfo:
    case SYS_rt_tgsigqueueinfo:
    case SYS_rt_sigreturn: /* these three: only its child's end */
    case SYS_exit:
    case SYS_execve:
    case SYS_pause:
    case SYS_rt_sigsuspend:
    case SYS_fork:
    case SYS_vfork:
    case SYS_clone:
    case SYS_exit_group:
    case SYS_umount2:
    case SYS_chroot:
    case SYS_pivot_root:
    case SYS_unlink:
    case SYS_unlinkat:
    case SYS_rename:
    case SYS_renameat:
    case SYS_renameat2:
    case SYS_setsid:
    case SYS_sethostname:
    case SYS_setdomainname:
    case SYS_settimeofday:
    case SYS_clock_settime:
    case SYS_ptrace:
        return 1;
    default:
        return 0;
    }
}

static long
value(uint64_t *s)
{
    static const long edges[] = {0,
                                 1,
                                 2,
                                 3,
                                 4,
                                 7,
                                 8,
                                 15,
                                 16,
                                 63,
                                 64,
                                 255,
                                 4095,
                                 4096,
                                 4097,
                                 65535,
                                 INT32_MAX,
                                 INT32_MIN,
                                 -1,
                                 -2,
                                 -100,
                                 INT64_MAX,
                                 INT64_MIN,
                                 0x7ffffffff000,
                                 0x7fffffffefff,
                                 0x800000000000};
    char *places[] = {page,
                      page + 4090,
                      stale,
                      readonly,
                      (char *)1,
                      (char *)0xffffffff80100000,
                      (char *)0xffff800000000000,
                      (char *)&places,
                      (char *)s};
    uint64_t r = next(s);

    switch (r >> 60) {
    case 0:
    case 1:
        return (long)next(s);
    case 2:
    case 3:
    case 4:
        return edges[(r >> 8) % (sizeof(edges) / sizeof(*edges))];
    case 5:
    case 6:
        return (long)(r >> 8 & 7); /* a small number: files */
    case 7:
        return (long)(r & 0xffff);
    default:
        return (long)(places[(r >> 8) % (sizeof(places) / sizeof(*places))] + (r & 8 ? 0 : (r >> 20 & 0xff)));
    }
}

static void *
storm(void *arg)
{
    uint64_t s = (uint64_t)arg | 1;

    for (int i = 0; i < BATCH / threads; i++) {
        long n = (long)(next(&s) % NUMBERS), a[6];

        for (int k = 0; k < 6; k++)
            a[k] = value(&s);
        if (left_out(n))
            continue;
        if (n == SYS_prlimit64)
            a[0] = 0; /* else process 1 has no files one day */
        syscall(n, a[0], a[1], a[2], a[3], a[4], a[5]);
        __atomic_fetch_add(made, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void
child(unsigned long number)
{
    struct rlimit files = {64, 64}, size = {64 << 20, 64 << 20};
    pthread_t t[THREADS_MAX];

    setrlimit(RLIMIT_NOFILE, &files);
    setrlimit(RLIMIT_AS, &size);
    if (chdir("/tmp/sysfuzz"))
        _exit(1);
    page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    readonly = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stale = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(stale, 4096);
    strcpy(page, "a/b");
    open("/tmp/sysfuzz/file", O_RDWR | O_CREAT, 0600);
    for (long i = 1; i < threads; i++)
        pthread_create(&t[i], NULL, storm, (void *)(seed * 1000003 + number * 8 + (unsigned long)i));
    storm((void *)(seed * 1000003 + number * 8));
    _exit(0);
}

/* Between pages without access: calls write far beyond what they are given. */
static unsigned long *
counter_map(void)
{
    char *pages = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *at = mmap(pages + 4096, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1,
                    0);

    CHECK(at != MAP_FAILED);
    return at;
}

/* Calls may wait for ever, and undo an alarm: who takes long is killed. Returns whether. */
static int
child_end(pid_t pid, int *status)
{
    struct timespec patience = {0, PATIENCE_NS};
    int late = 0;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    while (waitpid(pid, status, WNOHANG) != pid) {
        if (sigtimedwait(&set, NULL, &patience) < 0 && errno == EAGAIN) {
            late = 1;
            CHECK(kill(pid, SIGKILL) == 0);
        }
    }
    return late;
}

int
main(int argc, char **argv)
{
    unsigned long calls = (unsigned long)argument(argc, argv, 1, 20000), died = 0, killed = 0, all = 0,
                  children;
    sigset_t set;

    seed = (unsigned long)argument(argc, argv, 2, 1);
    threads = argument(argc, argv, 3, 2);
    CHECK(threads >= 1 && threads <= THREADS_MAX);
    CHECK(system("mkdir -p /tmp/sysfuzz") == 0);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    made = counter_map();
    for (children = 0; all < calls; children++) {
        pid_t pid = fork();
        int status;

        CHECK(pid >= 0);
        if (pid == 0) {
            int null = open("/dev/null", O_RDWR);

            dup2(null, 0);
            dup2(null, 1);
            dup2(null, 2);
            child(children);
        }
        killed += child_end(pid, &status);
        died += WIFSIGNALED(status) != 0;
        if (*made <= BATCH) /* else a call has written there */
            all += *made;
        *made = 0;
        if (children % 16 == 0)
            CHECK(system("rm -rf /tmp/sysfuzz/* 2>/dev/null; mkdir -p /tmp/sysfuzz") != -1);
    }
    printf("%lu calls, %lu of %lu children died of theirs, %lu of them waited for ever\nok\n", all, died,
           children, killed);
    return 0;
}
