/*
 * exec-init: process 1 of `portolan exec`. Runs /run/exec in the shell; what it prints goes to the emulator's byte channels
 * as it is, then its status, and the machine is turned off.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND "/run/exec"
#define SHELL   "/bin/sh"

static void
fail(const char *what)
{
    perror(what);
    reboot(RB_POWER_OFF);
    exit(1);
}

/* File `path` becomes number `fd`. */
static void
open_as(int fd, const char *path, int flags)
{
    int from = open(path, flags);

    if (from < 0)
        fail(path);
    if (from != fd) {
        dup2(from, fd);
        close(from);
    }
}

/* The shell has a "help" and a "dd" of its own, which hide the image's; these are told to it in front of the command, in its
 * first line. /etc/profile does it for those who type. */
#define NOT_THE_SHELLS "help() { /bin/help \"$@\"; }; dd() { /bin/dd \"$@\"; }; "

static char *
command_read(void)
{
    size_t before = strlen(NOT_THE_SHELLS);
    struct stat s;
    int fd = open(COMMAND, O_RDONLY);
    char *text;

    if (fd < 0 || fstat(fd, &s) || !(text = malloc(before + (size_t)s.st_size + 1)) ||
        read(fd, text + before, (size_t)s.st_size) != s.st_size)
        fail(COMMAND);
    close(fd);
    text[before + (size_t)s.st_size] = 0;
    memcpy(text, NOT_THE_SHELLS, before);
    return strstr(text + before, "help") || strstr(text + before, "dd") ? text : text + before;
}

static void
command_run(char *text)
{
    static char shell[] = SHELL, option[] = "-c";
    char *argv[] = {shell, option, text, NULL};

    setsid();
    open_as(0, "/dev/null", O_RDONLY);
    open_as(1, "/dev/hostout", O_WRONLY);
    open_as(2, "/dev/hosterr", O_WRONLY);
    setenv("USER", "root", 0);
    setenv("SHELL", SHELL, 0);
    if (chdir("/root"))
        fail("/root");
    execv(SHELL, argv);
    perror(SHELL);
    _exit(126);
}

/* Volumes are where they are for everybody who starts the system: below /mnt. */
static void
volumes_mount(void)
{
    static char program[] = "/bin/automount", quiet[] = "-q";
    char *argv[] = {program, quiet, NULL};
    pid_t child = fork();

    if (child == 0) {
        open_as(0, "/dev/null", O_RDONLY);
        execv(program, argv);
        _exit(127);
    }
    if (child > 0)
        waitpid(child, NULL, 0);
}

static void
status_tell(int status)
{
    char text[16];
    int n = snprintf(text, sizeof(text), "%d\n",
                     WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));

    open_as(3, "/dev/hoststatus", O_WRONLY);
    if (write(3, text, (size_t)n) != n)
        fail("/dev/hoststatus");
}

int
main(void)
{
    char *text = command_read();
    pid_t child, ended;
    int status;

    volumes_mount();
    child = fork();

    if (child < 0)
        fail("fork");
    if (child == 0)
        command_run(text);
    while ((ended = wait(&status)) != child) /* what it left behind comes here too */
        if (ended < 0)
            fail("wait");
    status_tell(status);
    sync();
    reboot(RB_POWER_OFF);
    return 1;
}
