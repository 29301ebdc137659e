/*
 * Malformed programs: [COUNT] copies of this one with parts cut off or overwritten. execve() says ENOEXEC (or that there
 * is no memory, or no such interpreter), or what starts ends by itself: nothing else happens.
 */
#include "tests/programs/check.h"
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEADERS 512 /* bytes: where most of the changes are */

static const char path[] = "/tmp/malformed.bin";
static unsigned char *image, *changed;
static size_t size;

static uint64_t
next(void)
{
    static uint64_t s = 88172645463325252;

    s ^= s << 13;
    s ^= s >> 7;
    s ^= s << 17;
    return s;
}

static void
image_read(const char *self)
{
    FILE *f = fopen(self, "rb");

    CHECK(f && fseek(f, 0, SEEK_END) == 0);
    size = (size_t)ftell(f);
    rewind(f);
    image = malloc(size);
    changed = malloc(size);
    CHECK(image && changed && fread(image, 1, size, f) == size);
    fclose(f);
}

/* Returns the errno of execve(), or 0: it started. */
static int
start(const unsigned char *bytes, size_t count)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755), status;
    pid_t pid;

    CHECK(fd >= 0 && write(fd, bytes, count) == (ssize_t)count && close(fd) == 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        char *const argv[] = {(char *)path, (char *)"child", NULL};
        struct rlimit core = {0, 0};

        setrlimit(RLIMIT_CORE, &core);
        alarm(2);
        execve(path, argv, NULL);
        _exit(errno);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    if (WIFSIGNALED(status))
        return 0;
    return WEXITSTATUS(status) == 77 ? 0 : WEXITSTATUS(status);
}

static void
test_cuts(void)
{
    for (size_t count = 0; count < 64; count += 3) {
        memcpy(changed, image, size);
        CHECK(start(changed, count) == ENOEXEC);
    }
}

/* Fields of the ELF header with values that no program has: magic, type, machine, sizes and place of the headers. */
static void
test_header(void)
{
    static const struct {
        size_t at;
        unsigned char value;
    } fields[] = {{0, 0}, {1, 'e'}, {16, 1}, {16, 4}, {18, 3}, {54, 55}, {56, 0}, {33, 0xff}};

    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        memcpy(changed, image, size);
        changed[fields[i].at] = fields[i].value;
        if (fields[i].at == 33) /* the program headers lie beyond the end */
            memset(changed + 32, 0x7f, 8);
        if (start(changed, size) != ENOEXEC)
            printf("header, byte %zu is %u\n", fields[i].at, fields[i].value);
        CHECK(start(changed, size) == ENOEXEC);
    }
}

static void
test_random(long count)
{
    while (count--) {
        int err, changes = 1 + (int)(next() % 4);

        memcpy(changed, image, size);
        while (changes--)
            changed[next() % (next() % 4 ? HEADERS : size)] = (unsigned char)next();
        err = start(changed, next() % 8 ? size : next() % size);
        CHECK(err == 0 || err == ENOEXEC || err == ENOENT || err == ENOMEM || err == EINVAL ||
              err == EACCES || err == EIO || err == ELIBBAD || err == EFAULT);
    }
}

int
main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "child") == 0)
        return 77;
    image_read("/proc/self/exe");
    CHECK(start(image, size) == 0);
    test_cuts();
    test_header();
    test_random(argument(argc, argv, 1, 300));
    unlink(path);
    puts("ok");
    return 0;
}
