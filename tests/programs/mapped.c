/*
 * mapped [FILE SECONDS]: maps a file, closes it, waits, and only then reads it by the mapping: a sum of its bytes. Without
 * arguments a file of its own. Runs on Linux, too.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned
sum_of(const char *path, unsigned seconds)
{
    int fd = open(path, O_RDONLY);
    const unsigned char *bytes;
    unsigned sum = 0;
    struct stat st;

    if (fd < 0 || fstat(fd, &st)) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED) {
        perror("mmap");
        exit(EXIT_FAILURE);
    }
    sleep(seconds);
    for (off_t i = 0; i < st.st_size; i++)
        sum = sum * 31 + bytes[i];
    return sum;
}

int
main(int argc, char **argv)
{
    char path[] = "/tmp/mapped-XXXXXX";
    int fd;

    if (argc == 3) {
        printf("%u\n", sum_of(argv[1], (unsigned)atoi(argv[2])));
        return EXIT_SUCCESS;
    }
    fd = mkstemp(path);
    if (fd < 0 || write(fd, "abc", 3) != 3 || close(fd) || sum_of(path, 0) != ('a' * 31 + 'b') * 31 + 'c' ||
        unlink(path))
        return EXIT_FAILURE;
    puts("ok");
    return EXIT_SUCCESS;
}
