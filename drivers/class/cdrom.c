/* What programs ask a CD drive for (linux/cdrom.h), as MMC commands: the tray, the medium, its table of contents. */
#include "drivers/class/class_impl.h"
#include "kernel/cpu/user.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/string.h"

#define CDROMREADTOCHDR      0x5305u
#define CDROMREADTOCENTRY    0x5306u
#define CDROMEJECT           0x5309u
#define CDROMMULTISESSION    0x5310u
#define CDROMCLOSETRAY       0x5319u
#define CDROM_MEDIA_CHANGED  0x5325u
#define CDROM_DRIVE_STATUS   0x5326u
#define CDROM_DISC_STATUS    0x5327u
#define CDROM_LOCKDOOR       0x5329u
#define CDROM_GET_CAPABILITY 0x5331u

enum { DRIVE_NO_INFO, DRIVE_NO_DISC, DRIVE_TRAY_OPEN, DRIVE_NOT_READY, DRIVE_DISC_OK };
enum { DISC_AUDIO = 100, DISC_DATA = 101, DISC_MIXED = 105 };
enum {
    CAN_CLOSE = 1,
    CAN_OPEN = 2,
    CAN_LOCK = 4,
    CAN_MULTISESSION = 0x20,
    CAN_TELL_CHANGE = 0x80,
    CAN_TELL_STATUS = 0x800
};
#define CAPABILITIES (CAN_CLOSE | CAN_OPEN | CAN_LOCK | CAN_MULTISESSION | CAN_TELL_CHANGE | CAN_TELL_STATUS)

/* MMC-6, 6.6 (events of the media class) and 6.25 (table of contents) */
#define READ_TOC         0x43
#define GET_EVENT_STATUS 0x4a
#define TOC_ROOM         804 /* 100 descriptors behind a header */
#define TOC_TRACKS       0
#define TOC_SESSIONS     1
#define EVENT_MEDIA      4
#define EVENT_ROOM       8
#define MEDIA_NEW        2
#define MEDIA_REMOVED    3
#define MEDIA_TRAY_OPEN  0x01
#define MEDIA_PRESENT    0x02
#define LOAD_EJECT       2
#define START            1
#define TRACK_DATA       4
#define FORMAT_LBA       1
#define FORMAT_MSF       2
#define FRAMES           75 /* a second; and two seconds come before block 0 */
#define LEAD_IN          150

/* struct cdrom_tocentry and struct cdrom_multisession: an address is a number, or minute, second, frame. */
struct toc_entry {
    uint8_t track, adr_control, format, pad[1];
    uint8_t address[4];
    uint8_t data_mode, end[3];
};
_Static_assert(sizeof(struct toc_entry) == 12, "Linux's struct cdrom_tocentry");
struct multisession {
    uint8_t address[4];
    uint8_t is_multisession, format, end[2];
};
_Static_assert(sizeof(struct multisession) == 8, "Linux's struct cdrom_multisession");

static void
address_put(uint8_t *to, uint32_t block, uint8_t format)
{
    uint32_t frames = block + LEAD_IN;

    if (format == FORMAT_LBA) {
        put_le32(to, block);
        return;
    }
    to[0] = (uint8_t)(frames / FRAMES / 60);
    to[1] = (uint8_t)(frames / FRAMES % 60);
    to[2] = (uint8_t)(frames % FRAMES);
    to[3] = 0;
}

/* ---- the tray and the medium ---- */

/* An allowed removal first: a drive that something has locked does not open. */
static long
tray_move(struct media *m, bool open)
{
    static const uint8_t allow[6] = {SCSIOP_MEDIUM_REMOVAL};
    const uint8_t cdb[6] = {SCSIOP_START_STOP_UNIT, 0, 0, 0, open ? LOAD_EJECT : LOAD_EJECT | START};

    if (open)
        (void)media_command(m, allow, 6, 0);
    return media_command(m, cdb, 6, 0);
}

static long
door_lock(struct media *m, uintptr_t lock)
{
    const uint8_t cdb[6] = {SCSIOP_MEDIUM_REMOVAL, 0, 0, 0, lock != 0};

    return lock > 1 ? -EINVAL : media_command(m, cdb, 6, 0);
}

/* What has happened to the medium is told once: m->changed keeps it. */
static long
drive_status(struct media *m)
{
    static const uint8_t poll[10] = {GET_EVENT_STATUS, 1, 0, 0, 1 << EVENT_MEDIA, [8] = EVENT_ROOM},
                         ready[6] = {SCSIOP_TEST_UNIT_READY};
    const uint8_t *event = m->buffer + 4;
    int err = media_command(m, poll, 10, EVENT_ROOM);

    if (err || (m->buffer[2] & 7) != EVENT_MEDIA) {
        err = media_command(m, ready, 6, 0);
        return !err ? DRIVE_DISC_OK : err == -ENOMEDIUM ? DRIVE_NO_DISC : DRIVE_NOT_READY;
    }
    m->changed |= (event[0] & 15) == MEDIA_NEW || (event[0] & 15) == MEDIA_REMOVED;
    if (event[1] & MEDIA_TRAY_OPEN)
        return DRIVE_TRAY_OPEN;
    return event[1] & MEDIA_PRESENT ? DRIVE_DISC_OK : DRIVE_NO_DISC;
}

static long
media_changed(struct media *m)
{
    bool changed;

    (void)drive_status(m);
    changed = m->changed;
    m->changed = false;
    return changed;
}

/* ---- the table of contents ---- */

/* In m->buffer: a header of four bytes, then eight a track. Returns the number of descriptors, or -errno. */
static int
toc_read(struct media *m, uint8_t format)
{
    const uint8_t cdb[10] = {READ_TOC, 0, format, [7] = TOC_ROOM >> 8, [8] = TOC_ROOM & 0xff};
    int err = media_ask(m, cdb, 10, TOC_ROOM);
    uint32_t length = get_be16(m->buffer) + 2u;

    if (err)
        return err;
    return length < 4 + 8 || length > TOC_ROOM ? -EIO : (int)(length - 4) / 8;
}

static long
toc_header(struct media *m, uintptr_t to)
{
    int count = toc_read(m, TOC_TRACKS);

    if (count < 0)
        return count;
    return user_write(to, m->buffer + 2, 2) ? -EFAULT : 0;
}

static long
toc_entry(struct media *m, uintptr_t at)
{
    struct toc_entry e;
    int count;

    if (user_read(&e, at, sizeof(e)))
        return -EFAULT;
    if (e.format != FORMAT_LBA && e.format != FORMAT_MSF)
        return -EINVAL;
    count = toc_read(m, TOC_TRACKS);
    if (count < 0)
        return count;
    for (const uint8_t *d = m->buffer + 4; count--; d += 8)
        if (d[2] == e.track) {
            e.adr_control = (uint8_t)(d[1] >> 4 | d[1] << 4); /* the other way round in a byte's bit fields */
            e.data_mode = 0;
            address_put(e.address, get_be32(d + 4), e.format);
            return user_write(at, &e, sizeof(e)) ? -EFAULT : 0;
        }
    return -EINVAL;
}

/* Where the last session begins: what a file system is looked for by. */
static long
last_session(struct media *m, uintptr_t at)
{
    struct multisession s;
    int count;

    if (user_read(&s, at, sizeof(s)))
        return -EFAULT;
    if (s.format != FORMAT_LBA && s.format != FORMAT_MSF)
        return -EINVAL;
    count = toc_read(m, TOC_SESSIONS);
    if (count < 0)
        return count;
    s.is_multisession = m->buffer[2] != m->buffer[3];
    address_put(s.address, s.is_multisession ? get_be32(m->buffer + 8) : 0, s.format);
    return user_write(at, &s, sizeof(s)) ? -EFAULT : 0;
}

static long
disc_status(struct media *m)
{
    int count = toc_read(m, TOC_TRACKS), data = 0, tracks = 0;

    if (count < 0)
        return count == -ENOMEDIUM ? DRIVE_NO_DISC : count;
    for (const uint8_t *d = m->buffer + 4; count--; d += 8)
        if (d[2] >= 1 && d[2] <= 99) {
            tracks++;
            data += (d[1] & TRACK_DATA) != 0;
        }
    return data == tracks ? DISC_DATA : data ? DISC_MIXED : DISC_AUDIO;
}

long
cdrom_ioctl(struct media *m, unsigned request, uintptr_t argument)
{
    switch (request) {
    case CDROMEJECT:
        return tray_move(m, true);
    case CDROMCLOSETRAY:
        return tray_move(m, false);
    case CDROM_LOCKDOOR:
        return door_lock(m, argument);
    case CDROM_DRIVE_STATUS:
        return drive_status(m);
    case CDROM_MEDIA_CHANGED:
        return media_changed(m);
    case CDROM_DISC_STATUS:
        return disc_status(m);
    case CDROMREADTOCHDR:
        return toc_header(m, argument);
    case CDROMREADTOCENTRY:
        return toc_entry(m, argument);
    case CDROMMULTISESSION:
        return last_session(m, argument);
    case CDROM_GET_CAPABILITY:
        return CAPABILITIES;
    default:
        return -ENOTTY;
    }
}
