/* eject: open or close the tray of a CD drive (MMC-6, START STOP UNIT). */
#include <stdio.h>
#include "userland/common/command.h"
#include "userland/common/scsi.h"

#define LOAD_EJECT 2
#define START      1

static const struct choice choices[] = {{'t', "trayclose", NULL, "close it"}, {0}};

static const struct command command = {"eject", "open or close the tray of a CD drive", "[OPTIONS] [DEVICE]",
                                       "DEVICE: /dev/sr0 if it is not said.", choices};

int
main(int argc, char **argv)
{
    uint8_t cdb[6] = {0x1b, 0, 0, 0, LOAD_EJECT, 0};
    const char *device;
    struct scsi s;

    while (command_option(&command, argc, argv) >= 0)
        cdb[4] = LOAD_EJECT | START;
    device = command_word(argc, argv, "device", false);
    scsi_open(&s, device ? device : "/dev/sr0", 0);
    if (scsi_command(&s, cdb, 6, SCSI_NONE, NULL, 0))
        fail("%s: %s", s.path, scsi_says(&s));
    finish(0);
}
