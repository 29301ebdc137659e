/*
 * calls: what programs pay, between markers for the counting plugin, in the order of CALLS in bench.py; the same binary
 * runs on Linux. As process 1 it turns the machine off at the end.
 *
 * calls prompt: the last thing before the shell's prompt: a marker, and how much memory is used, to the kernel log.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kernel/cpu/marker.h"

#define ROUNDS      1000
#define WARM        20
#define PAGE        4096
#define MARK_PROMPT 11

static const char *self;
static int there[2], back[2];
static char *pages;

static void
null_call(void)
{
    syscall(SYS_getppid);
}

static void
nothing(void)
{
    __asm__ volatile("");
}

/* There and back: two switches. */
static void
pipe_round(void)
{
    char c = 0;

    if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1)
        abort();
}

static void
pipe_begin(void)
{
    char c;

    if (pipe(there) || pipe(back))
        abort();
    if (fork())
        return;
    close(there[1]);
    while (read(there[0], &c, 1) == 1)
        if (write(back[1], &c, 1) != 1)
            abort();
    _exit(0);
}

static void
pipe_end(void)
{
    close(there[1]);
    wait(NULL);
}

static void
program_round(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        execl(self, self, "nothing", NULL);
        _exit(1);
    }
    if (pid < 0 || waitpid(pid, NULL, 0) != pid)
        abort();
}

static void
fork_round(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    if (pid < 0 || waitpid(pid, NULL, 0) != pid)
        abort();
}

static void
fault_begin(void)
{
    pages = mmap(NULL, (ROUNDS + WARM) * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        abort();
}

static void
fault_round(void)
{
    *pages = 1;
    pages += PAGE;
}

static const struct bench {
    void (*begin)(void), (*round)(void), (*end)(void);
} benches[] = {
    {NULL, nothing, NULL},    {NULL, null_call, NULL},     {pipe_begin, pipe_round, pipe_end},
    {NULL, fork_round, NULL}, {NULL, program_round, NULL}, {fault_begin, fault_round, NULL},
};

static void
bench_run(const struct bench *b)
{
    if (b->begin)
        b->begin();
    for (int i = 0; i < WARM; i++)
        b->round();
    marker(MARKER_BEGIN);
    for (int i = 0; i < ROUNDS; i++)
        b->round();
    marker(MARKER_END);
    if (b->end)
        b->end();
}

static void
prompt_tell(void)
{
    struct sysinfo info;
    int log = open("/dev/kmsg", O_WRONLY);

    marker(MARK_PROMPT);
    sysinfo(&info);
    dprintf(log, "bench: %lu bytes used at the prompt\n", (info.totalram - info.freeram) * info.mem_unit);
    sync();
    reboot(RB_POWER_OFF);
}

int
main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1 && strcmp(argv[1], "nothing") == 0)
        return 0;
    if (argc > 1 && strcmp(argv[1], "prompt") == 0)
        prompt_tell();
    for (size_t i = 0; i < sizeof(benches) / sizeof(*benches); i++)
        bench_run(&benches[i]);
    if (getpid() == 1)
        reboot(RB_POWER_OFF);
    return 0;
}
