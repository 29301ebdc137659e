/* Pipes at full speed: [MEGABYTES] of numbered bytes through a pipe, in odd pieces, both ends checked. */
#define _GNU_SOURCE
#include "tests/programs/check.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned char
byte_at(size_t n)
{
    return (unsigned char)(n * 2654435761u >> 13);
}

static void
produce(int fd, size_t total)
{
    static unsigned char b[70000];
    size_t at = 0, step = 1;

    while (at < total) {
        size_t n = step % sizeof(b) + 1, done = 0;

        step = step * 7 + 3;
        n = n < total - at ? n : total - at;
        for (size_t i = 0; i < n; i++)
            b[i] = byte_at(at + i);
        while (done < n) {
            ssize_t k = write(fd, b + done, n - done);

            CHECK(k > 0);
            done += (size_t)k;
        }
        at += n;
    }
}

static void
consume(int fd, size_t total)
{
    static unsigned char b[50000];
    size_t at = 0, step = 5;
    ssize_t k;

    while ((k = read(fd, b, step % sizeof(b) + 1)) > 0) {
        for (ssize_t i = 0; i < k; i++)
            CHECK(b[i] == byte_at(at + (size_t)i));
        at += (size_t)k;
        step = step * 5 + 1;
    }
    CHECK(k == 0 && at == total);
}

/* Writes of up to PIPE_BUF bytes are whole: records of several writers do not mix. */
static void
atomic_writes(void)
{
    enum { WRITERS = 4, RECORDS = 500, SIZE = 1000 };
    char r[SIZE];
    int fd[2], records = 0;

    CHECK(pipe(fd) == 0);
    for (int w = 0; w < WRITERS; w++)
        if (fork() == 0) {
            memset(r, 'a' + w, SIZE);
            for (int i = 0; i < RECORDS; i++)
                CHECK(write(fd[1], r, SIZE) == SIZE);
            _exit(0);
        }
    close(fd[1]);
    for (;;) {
        size_t have = 0;
        ssize_t k = 1;

        while (have < SIZE && (k = read(fd[0], r + have, SIZE - have)) > 0)
            have += (size_t)k;
        if (have == 0)
            break;
        CHECK(have == SIZE);
        for (int i = 1; i < SIZE; i++)
            CHECK(r[i] == r[0]);
        records++;
    }
    CHECK(records == WRITERS * RECORDS);
    while (wait(NULL) > 0)
        ;
    close(fd[0]);
}

static void
nonblocking(void)
{
    struct pollfd p;
    char b[4096] = {0};
    int fd[2], n = 0;

    CHECK(pipe2(fd, O_NONBLOCK) == 0);
    CHECK(read(fd[0], b, 1) == -1 && errno == EAGAIN);
    while (write(fd[1], b, sizeof(b)) == sizeof(b))
        n++;
    CHECK(errno == EAGAIN && n == 16);
    p = (struct pollfd){.fd = fd[1], .events = POLLOUT};
    CHECK(poll(&p, 1, 0) == 0);
    CHECK(read(fd[0], b, sizeof(b)) == sizeof(b));
    CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLOUT);
    close(fd[1]);
    while ((n = (int)read(fd[0], b, sizeof(b))) > 0)
        ;
    CHECK(n == 0);
    p = (struct pollfd){.fd = fd[0], .events = POLLIN};
    CHECK(poll(&p, 1, 0) == 1 && (p.revents & POLLHUP));
    close(fd[0]);
}

int
main(int argc, char **argv)
{
    size_t total = (size_t)argument(argc, argv, 1, 8) << 20;
    int fd[2], status;

    CHECK(pipe(fd) == 0);
    if (fork() == 0) {
        close(fd[0]);
        produce(fd[1], total);
        _exit(0);
    }
    close(fd[1]);
    consume(fd[0], total);
    CHECK(wait(&status) > 0 && status == 0);
    close(fd[0]);
    atomic_writes();
    nonblocking();
    puts("ok");
    return 0;
}
