/* Signals that come while a program is replaced: [COUNT] children that replace themselves without end, killed by surprise. */
#include "tests/programs/check.h"
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void
wait_end(pid_t pid, int signal)
{
    struct timespec step = {0, 1000000};
    int status;

    for (int ms = 0; ms < 20000; ms++) {
        pid_t ended = waitpid(pid, &status, WNOHANG);

        CHECK(ended >= 0);
        if (ended == pid) {
            CHECK(WIFSIGNALED(status) && WTERMSIG(status) == signal);
            return;
        }
        nanosleep(&step, NULL);
    }
    kill(pid, SIGKILL);
    fprintf(stderr, "signal %d was lost\n", signal);
    exit(1);
}

int
main(int argc, char **argv)
{
    static const int signals[] = {SIGTERM, SIGQUIT, SIGINT, SIGSTOP, SIGKILL};
    char *const again[] = {argv[0], (char *)"child", NULL};
    long count = argument(argc, argv, 1, 100);
    uint32_t random = 1;

    if (argc > 1 && strcmp(argv[1], "child") == 0) {
        execv(argv[0], again);
        return 1;
    }
    for (int i = 0; i < 4; i++)
        signal(signals[i], SIG_DFL); /* a shell may have it ignored */
    for (long i = 0; i < count; i++) {
        int signal = signals[i % 5], status;
        struct timespec delay = {0, 0};
        pid_t pid = fork();

        CHECK(pid >= 0);
        if (pid == 0) {
            setpgid(0, 0);
            execv(argv[0], again);
            _exit(1);
        }
        random = random * 1664525 + 1013904223;
        delay.tv_nsec = (long)(random % 5000000);
        nanosleep(&delay, NULL);
        CHECK(kill(pid, signal) == 0);
        if (signal == SIGSTOP) {
            CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
            CHECK(kill(pid, SIGCONT) == 0 && kill(pid, SIGKILL) == 0);
            signal = SIGKILL;
        }
        wait_end(pid, signal);
    }
    puts("ok");
    return 0;
}
