/* Memory: maps of all kinds, protection, growth, files, sharing across fork. */
#define _GNU_SOURCE
#include "tests/programs/check.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul

static sigjmp_buf back;

static void
jump_back(int n)
{
    (void)n;
    siglongjmp(back, 1);
}

/* Does a write to this address fault? */
static int
write_faults(volatile char *p)
{
    if (sigsetjmp(back, 1))
        return 1;
    *p = 1;
    return 0;
}

static int
read_faults(const volatile char *p)
{
    if (sigsetjmp(back, 1))
        return 1;
    (void)*p;
    return 0;
}

static char *
map(size_t pages, int prot, int flags)
{
    char *p = mmap(NULL, pages * PAGE, prot, flags | MAP_ANONYMOUS, -1, 0);

    CHECK(p != MAP_FAILED);
    return p;
}

static void
holes(void)
{
    char *p = map(16, PROT_READ | PROT_WRITE, MAP_PRIVATE);

    memset(p, 7, 16 * PAGE);
    CHECK(munmap(p + 4 * PAGE, 4 * PAGE) == 0);
    CHECK(read_faults(p + 5 * PAGE) && !read_faults(p + 3 * PAGE) && !read_faults(p + 8 * PAGE));
    CHECK(mprotect(p, 2 * PAGE, PROT_READ) == 0 && write_faults(p) && !write_faults(p + 2 * PAGE));
    CHECK(mprotect(p, PAGE, PROT_NONE) == 0 && read_faults(p));
    CHECK(mprotect(p, PAGE, PROT_READ | PROT_WRITE) == 0 && p[10] == 7);
    CHECK(mmap(p + 4 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
          p + 4 * PAGE);
    CHECK(p[4 * PAGE] == 0);
    CHECK(madvise(p + 8 * PAGE, PAGE, MADV_DONTNEED) == 0 && p[8 * PAGE] == 0 && p[9 * PAGE] == 7);
    CHECK(mprotect(p + 5 * PAGE, 8 * PAGE, PROT_READ) == -1 && errno == ENOMEM);
    CHECK(munmap(p, 16 * PAGE) == 0);
}

static void
growth(void)
{
    char *p = map(4, PROT_READ | PROT_WRITE, MAP_PRIVATE), *q, *end;

    for (int i = 0; i < 4; i++)
        p[(size_t)i * PAGE] = (char)('a' + i);
    q = mremap(p, 4 * PAGE, 4096 * PAGE, MREMAP_MAYMOVE);
    CHECK(q != MAP_FAILED && q[0] == 'a' && q[3 * PAGE] == 'd' && q[4095 * PAGE] == 0);
    CHECK(mremap(q, 4096 * PAGE, PAGE, 0) == q && q[0] == 'a' && read_faults(q + PAGE));
    munmap(q, PAGE);
    end = (char *)syscall(SYS_brk, 0);
    end += PAGE - (size_t)end % PAGE;
    CHECK((char *)syscall(SYS_brk, end + 100 * PAGE) == end + 100 * PAGE);
    memset(end, 1, 100 * PAGE);
    CHECK((char *)syscall(SYS_brk, end + 50 * PAGE) == end + 50 * PAGE);
    CHECK(read_faults(end + 60 * PAGE) && !read_faults(end + 40 * PAGE));
    CHECK((char *)syscall(SYS_brk, end) == end && (char *)syscall(SYS_brk, 0) == end);
}

static void
sharing(void)
{
    char *shared = map(600, PROT_READ | PROT_WRITE, MAP_SHARED),
         *private = map(2, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    int status;

    private[0] = 'p';
    if (fork() == 0) {
        shared[599 * PAGE] = 's';
        private[0] = 'c';
        _exit(private[0] == 'c' ? 0 : 1);
    }
    CHECK(wait(&status) > 0 && status == 0);
    CHECK(shared[599 * PAGE] == 's' && private[0] == 'p');
    munmap(shared, 600 * PAGE);
    munmap(private, 2 * PAGE);
}

static void
files(void)
{
    const char *name = "/tmp/mmaps.data";
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    char text[] = "the first page", *private, *shared, b[16] = {0};

    CHECK(fd >= 0 && write(fd, text, sizeof(text)) == sizeof(text));
    CHECK(ftruncate(fd, 3 * (long)PAGE) == 0);
    private = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    shared = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(private != MAP_FAILED && shared != MAP_FAILED);
    CHECK(strcmp(private, text) == 0 && private[PAGE] == 0);
    shared[2 * PAGE] = 'S';
    CHECK(pread(fd, b, 1, 2 * (long)PAGE) == 1 && b[0] == 'S' && private[2 * PAGE] == 'S');
    private[2 * PAGE] = 'P';
    CHECK(shared[2 * PAGE] == 'S');
    CHECK(pwrite(fd, "new", 3, 0) == 3 && memcmp(shared, "new", 3) == 0);
    CHECK(read_faults(private + 3 * PAGE)); /* behind the end: SIGBUS */
    CHECK(munmap(private, 4 * PAGE) == 0 && munmap(shared, 3 * PAGE) == 0);
    CHECK(close(fd) == 0 && unlink(name) == 0);
}

static void
many(void)
{
    static char *p[2000];

    for (int i = 0; i < 2000; i++) {
        p[i] = map(1 + (size_t)i % 3, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE);
        if (i % 2 == 0)
            *p[i] = (char)i;
    }
    for (int i = 0; i < 2000; i += 2)
        CHECK(*p[i] == (char)i);
    for (int i = 0; i < 2000; i++)
        CHECK(munmap(p[(i * 7) % 2000], (1 + (size_t)((i * 7) % 2000) % 3) * PAGE) == 0);
}

int
main(void)
{
    struct sigaction a = {.sa_handler = jump_back, .sa_flags = SA_NODEFER};

    sigaction(SIGSEGV, &a, NULL);
    sigaction(SIGBUS, &a, NULL);
    holes();
    growth();
    sharing();
    files();
    many();
    CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(munmap((void *)1, PAGE) == -1 && errno == EINVAL);
    puts("ok");
    return 0;
}
