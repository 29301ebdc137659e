/*
 * cdrom [DEVICE]: what a CD drive says of itself and its disc, by Linux's requests (linux/cdrom.h); each that fails is its
 * error. The lengths come from the table of contents. Runs on Linux, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CDROMREADTOCHDR      0x5305
#define CDROMREADTOCENTRY    0x5306
#define CDROMMULTISESSION    0x5310
#define CDROM_MEDIA_CHANGED  0x5325
#define CDROM_DRIVE_STATUS   0x5326
#define CDROM_DISC_STATUS    0x5327
#define CDROM_GET_CAPABILITY 0x5331
#define LEAD_OUT             0xaa
#define LBA                  1
#define MSF                  2

struct entry {
    unsigned char track, adr_control, format;
    union {
        int block;
        unsigned char msf[4];
    } address;
    unsigned char data_mode;
};
struct session {
    union {
        int block;
        unsigned char msf[4];
    } address;
    unsigned char is_multisession, format;
};

static int
ask(int fd, const char *name, unsigned long request, void *argument)
{
    int value = ioctl(fd, request, argument);

    if (value < 0)
        printf("%s: %s\n", name, strerror(errno));
    else
        printf("%s: %d\n", name, value);
    return value;
}

int
main(int argc, char **argv)
{
    int fd = open(argc > 1 ? argv[1] : "/dev/sr0", O_RDONLY | O_NONBLOCK);
    struct entry first = {.track = 1, .format = LBA}, end = {.track = LEAD_OUT, .format = LBA},
                 time = {.track = LEAD_OUT, .format = MSF}, none = {.track = 7, .format = LBA};
    struct session s = {.format = LBA};
    unsigned char header[2];

    if (fd < 0) {
        perror("open");
        return EXIT_FAILURE;
    }
    (void)ask(fd, "changed", CDROM_MEDIA_CHANGED, NULL);
    (void)ask(fd, "changed", CDROM_MEDIA_CHANGED, NULL);
    (void)ask(fd, "drive", CDROM_DRIVE_STATUS, NULL);
    (void)ask(fd, "disc", CDROM_DISC_STATUS, NULL);
    (void)ask(fd, "capability", CDROM_GET_CAPABILITY, NULL);
    if (ask(fd, "header", CDROMREADTOCHDR, header) < 0)
        return EXIT_SUCCESS;
    printf("tracks %u to %u\n", header[0], header[1]);
    if (ask(fd, "first", CDROMREADTOCENTRY, &first) == 0 && ask(fd, "end", CDROMREADTOCENTRY, &end) == 0)
        printf("blocks %d to %d, control %x\n", first.address.block, end.address.block,
               first.adr_control >> 4);
    if (ask(fd, "time", CDROMREADTOCENTRY, &time) == 0)
        printf("minutes %u:%02u.%02u\n", time.address.msf[0], time.address.msf[1], time.address.msf[2]);
    (void)ask(fd, "none", CDROMREADTOCENTRY, &none);
    if (ask(fd, "session", CDROMMULTISESSION, &s) == 0)
        printf("session %d at %d\n", s.is_multisession, s.address.block);
    return EXIT_SUCCESS;
}
