/* Forks: [COUNT] of them in a row by [WORKERS] processes at once; each child touches memory of its own and ends. */
#include "tests/programs/check.h"
#include <sys/wait.h>
#include <unistd.h>

static char data[16 * 4096];

static void
storm(long count)
{
    for (long i = 0; i < count; i++) {
        pid_t pid = fork();
        int status;

        CHECK(pid >= 0);
        if (pid == 0) {
            for (unsigned k = 0; k < sizeof(data); k += 4096)
                data[k]++;
            _exit(data[0] == 1 ? 3 : 4);
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    }
    CHECK(data[0] == 0);
}

int
main(int argc, char **argv)
{
    long count = argument(argc, argv, 1, 100), workers = argument(argc, argv, 2, 1);
    int status;

    if (workers == 1) {
        storm(count);
    } else {
        for (long i = 0; i < workers; i++)
            if (fork() == 0) {
                storm(count / workers);
                _exit(0);
            }
        for (long i = 0; i < workers; i++)
            CHECK(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    puts("ok");
    return 0;
}
