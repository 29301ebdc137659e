/* rescan: have the ports look for devices that came or went. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "userland/common/command.h"

static const struct choice choices[] = {{0}};

static const struct command command = {
    "rescan", "look for disks that came or went", "[ADAPTER]",
    "ADAPTER as `ports` lists it; all of them if it is not said. It returns when all were asked.", choices};

int
main(int argc, char **argv)
{
    const char *adapter;
    char line[64];
    int fd, n;

    while (command_option(&command, argc, argv) >= 0)
        ;
    adapter = command_word(argc, argv, "adapter", false);
    n = snprintf(line, sizeof line, "rescan %s", adapter ? adapter : "all");
    fd = open("/dev/drivers", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        fail("/dev/drivers");
    if (write(fd, line, (size_t)n) < 0) {
        if (errno == ENODEV)
            errno = 0;
        fail("there is no adapter '%s'", adapter ? adapter : "all");
    }
    finish(0);
}
