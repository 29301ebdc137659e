/*
 * halves [FILE]: a write whose memory ends in the middle of a page of the file: some of what the program gives is written, or nothing
 * and that is EFAULT; the rest of the page stays as it was. FILE: 12288 bytes 'A'; else one of its own in /tmp. Says how many bytes
 * are new, then "ok".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE  4096
#define GIVEN 2000

static char content[3 * PAGE];

static void
must(int good, const char *what)
{
    if (good)
        return;
    perror(what);
    exit(1);
}

int
main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "/tmp/halves";
    int fd = open(path, O_RDWR | (argc > 1 ? 0 : O_CREAT | O_TRUNC), 0644);
    char *memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long n, new = 0;

    must(fd >= 0 && memory != MAP_FAILED, path);
    if (argc <= 1) {
        memset(content, 'A', sizeof(content));
        must(write(fd, content, sizeof(content)) == (long)sizeof(content), "write");
    }
    memset(memory, 'B', PAGE);
    must(munmap(memory + PAGE, PAGE) == 0, "munmap");
    n = pwrite(fd, memory + PAGE - GIVEN, PAGE, PAGE);
    must(n < 0 ? errno == EFAULT : n <= GIVEN, "pwrite");
    must(pread(fd, content, sizeof(content), 0) == (long)sizeof(content), "pread");
    while (new < GIVEN && content[PAGE + new] == 'B')
        new ++;
    for (long i = 0; i < (long)sizeof(content); i++)
        if (new < n || content[i] != (i >= PAGE && i < PAGE + new ? 'B' : 'A')) {
            printf("halves: byte %ld is %d, and %ld are new\n", i, content[i], new);
            return 1;
        }
    printf("%ld\nok\n", new);
    return 0;
}
