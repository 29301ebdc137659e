/* exec with arguments and environment of [KILOBYTES], through itself; too much of it; programs that are none. */
#define _GNU_SOURCE
#include "tests/programs/check.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SELF "/proc/self/exe"

static int
run(char **argv, char **envp)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        execve(SELF, argv, envp);
        _exit(errno);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int
child(int argc, char **argv, char **envp)
{
    size_t bytes = 0;
    int n = 0;

    for (int i = 2; i < argc; i++)
        bytes += strlen(argv[i]);
    while (envp[n])
        bytes += strlen(envp[n++]);
    return argc == 202 && n == 100 && bytes == 300 * (size_t)atoi(argv[1]) ? 0 : 1;
}

static void
file_exec(const char *text, size_t size, int wanted)
{
    const char *name = "/tmp/arguments.file";
    char *argv[] = {(char *)name, NULL};
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755), status;
    pid_t pid;

    CHECK(fd >= 0 && write(fd, text, size) == (ssize_t)size && close(fd) == 0);
    pid = fork();
    if (pid == 0) {
        execv(name, argv);
        _exit(errno);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == wanted);
    unlink(name);
}

int
main(int argc, char **argv, char **envp)
{
    static char *args[203], *env[101], length[24];
    size_t each = (size_t)argument(argc, argv, 1, 1200) * 1024 / 300;
    char *text;

    if (argc > 2)
        return child(argc, argv, envp);
    text = malloc(each + 1);
    memset(text, 'x', each);
    text[each] = 0;
    snprintf(length, sizeof(length), "%zu", each);
    args[0] = argv[0];
    args[1] = length;
    for (int i = 2; i < 202; i++)
        args[i] = text;
    for (int i = 0; i < 100; i++)
        env[i] = text;
    CHECK(run(args, env) == 0);
    text = malloc(20 << 20);
    memset(text, 'y', (20 << 20) - 1);
    text[(20 << 20) - 1] = 0;
    args[5] = text;
    CHECK(run(args, env) == E2BIG);
    file_exec("", 0, ENOEXEC);
    file_exec("\177ELF\2\1\1", 7, ENOEXEC);
    file_exec("#!/bin/sh\nexit 5\n", 17, 5);
    file_exec("#!/nowhere\n", 11, ENOENT);
    file_exec("#!\n", 3, ENOEXEC);
    CHECK(execl("/tmp", "/tmp", (char *)NULL) == -1 && errno == EACCES);
    puts("ok");
    return 0;
}
