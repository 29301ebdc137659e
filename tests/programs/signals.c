/* Signals: handlers, masks, alternate stacks, fault addresses, restarts, children, pipes. */
#define _GNU_SOURCE
#include "tests/programs/check.h"
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t got, got_code, depth;
static void *volatile got_address;
static sigjmp_buf back;

static void
note(int n)
{
    got = n;
}

static void
note_info(int n, siginfo_t *info, void *context)
{
    (void)context;
    got = n;
    got_code = info->si_code;
    got_address = info->si_addr;
}

static void
jump_back(int n, siginfo_t *info, void *context)
{
    note_info(n, info, context);
    siglongjmp(back, 1);
}

static void
handle(int n, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};

    CHECK(sigaction(n, &a, NULL) == 0);
}

static void
plain(void)
{
    sigset_t set, old, pending;

    handle(SIGUSR1, note_info, 0);
    raise(SIGUSR1);
    CHECK(got == SIGUSR1);
    got = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    kill(getpid(), SIGUSR1);
    CHECK(got == 0);
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGUSR1));
    sigprocmask(SIG_SETMASK, &old, NULL);
    CHECK(got == SIGUSR1);
    got = 0;
    sigprocmask(SIG_BLOCK, &set, &old);
    kill(getpid(), SIGUSR1);
    CHECK(sigsuspend(&old) == -1 && errno == EINTR);
    CHECK(got == SIGUSR1);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void
faults(void)
{
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile int zero = 0;

    handle(SIGSEGV, jump_back, SA_NODEFER);
    handle(SIGFPE, jump_back, SA_NODEFER);
    handle(SIGILL, jump_back, SA_NODEFER);
    handle(SIGTRAP, note_info, 0);
    if (!sigsetjmp(back, 1)) {
        *(volatile char *)0x123450 = 1;
        CHECK(!"a write to nothing went through");
    }
    CHECK(got == SIGSEGV && got_code == SEGV_MAPERR && got_address == (void *)0x123450);
    if (!sigsetjmp(back, 1)) {
        page[100] = 1;
        CHECK(!"a write to a page that may be read went through");
    }
    CHECK(got == SIGSEGV && got_code == SEGV_ACCERR && got_address == page + 100);
    if (!sigsetjmp(back, 1))
        __asm__ volatile("cltd; idiv %0" ::"r"(zero), "a"(1) : "rdx");
    CHECK(got == SIGFPE && got_code == FPE_INTDIV);
    if (!sigsetjmp(back, 1))
        __asm__ volatile("ud2");
    CHECK(got == SIGILL);
    __asm__ volatile("int3");
    CHECK(got == SIGTRAP);
    munmap(page, 4096);
}

#pragma GCC diagnostic ignored "-Winfinite-recursion"
static void
deeper(int n)
{
    volatile char room[512];

    memset((char *)room, n, sizeof(room));
    depth++;
    deeper(n + 1);
    room[0]++;
}

/* Recursion down to the guard page, met on an alternate stack. */
static void
stack_end(void)
{
    static char other[65536];
    stack_t s = {.ss_sp = other, .ss_size = sizeof(other)};

    CHECK(sigaltstack(&s, NULL) == 0);
    handle(SIGSEGV, jump_back, SA_ONSTACK | SA_NODEFER);
    depth = 0;
    if (!sigsetjmp(back, 1))
        deeper(0);
    CHECK(got == SIGSEGV && depth > 1000);
    signal(SIGSEGV, SIG_DFL);
}

static void
interrupted_calls(void)
{
    struct itimerval soon = {.it_value = {0, 20000}};
    struct timespec long_time = {5, 0}, left = {0, 0};
    struct sigaction a = {.sa_handler = note};
    int fd[2];
    char c;

    CHECK(pipe(fd) == 0);
    sigaction(SIGALRM, &a, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    CHECK(read(fd[0], &c, 1) == -1 && errno == EINTR);
    setitimer(ITIMER_REAL, &soon, NULL);
    CHECK(nanosleep(&long_time, &left) == -1 && errno == EINTR && left.tv_sec >= 1);
    setitimer(ITIMER_REAL, &soon, NULL);
    CHECK(poll(&(struct pollfd){.fd = fd[0], .events = POLLIN}, 1, 5000) == -1 && errno == EINTR);
    a.sa_flags = SA_RESTART; /* the read begins anew, and then there is something */
    sigaction(SIGALRM, &a, NULL);
    if (fork() == 0) {
        usleep(100000);
        _exit(write(fd[1], "x", 1) != 1);
    }
    setitimer(ITIMER_REAL, &soon, NULL);
    CHECK(read(fd[0], &c, 1) == 1 && c == 'x' && got == SIGALRM);
    CHECK(wait(NULL) > 0);
    close(fd[0]);
    signal(SIGPIPE, SIG_IGN);
    CHECK(write(fd[1], "x", 1) == -1 && errno == EPIPE);
    signal(SIGPIPE, note);
    got = 0;
    CHECK(write(fd[1], "x", 1) == -1 && errno == EPIPE && got == SIGPIPE);
    close(fd[1]);
}

static void
children(void)
{
    int status;
    pid_t pid;

    handle(SIGCHLD, note_info, SA_RESTART);
    pid = fork();
    if (pid == 0)
        _exit(7);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    CHECK(got == SIGCHLD && got_code == CLD_EXITED);
    pid = fork();
    if (pid == 0) {
        raise(SIGSTOP);
        pause();
    }
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    kill(pid, SIGCONT);
    CHECK(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
    kill(pid, SIGKILL);
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CHECK(waitpid(-1, &status, 0) == -1 && errno == ECHILD);
    signal(SIGCHLD, SIG_DFL);
}

int
main(void)
{
    plain();
    faults();
    stack_end();
    interrupted_calls();
    children();
    puts("ok");
    return 0;
}
