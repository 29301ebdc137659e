/*
 * System calls about the system as a whole: its name, memory, log, random numbers, end.
 */
#include "kernel/console/log.h"
#include "kernel/cpu/smp.h"
#include "kernel/hw/power.h"
#include "kernel/hw/random.h"
#include "kernel/mem/frame.h"
#include "kernel/sys/call.h"
#include "kernel/sys/sys.h"
#include "lib/field.h"
#include "lib/string.h"

#define NAME_SIZE 65 /* of each field of struct utsname */

struct utsname {
    char sysname[NAME_SIZE], nodename[NAME_SIZE], release[NAME_SIZE], version[NAME_SIZE], machine[NAME_SIZE],
        domain[NAME_SIZE];
};

/* What uname(2) says. glibc's programs refuse a release below 3.2, so the interface's version comes first. */
static struct utsname names = {
    .sysname = "Portolan", .nodename = "portolan", .machine = "x86_64", .domain = "(none)"};

void
sys_set_version(const char *version)
{
    strlcpy(names.release, "6.1.0-portolan", sizeof(names.release));
    strlcpy(names.version, version, sizeof(names.version));
}

const char *
sys_hostname(void)
{
    return names.nodename;
}

SYSCALL(uname)
{
    return user_write(a, &names, sizeof(names));
}

static long
name_set(char *name, uintptr_t at, uint64_t size)
{
    char text[NAME_SIZE] = {0};

    if (size >= NAME_SIZE)
        return -EINVAL;
    if (user_read(text, at, size))
        return -EFAULT;
    memcpy(name, text, NAME_SIZE);
    return 0;
}

SYSCALL(sethostname)
{
    return name_set(names.nodename, a, b);
}

SYSCALL(setdomainname)
{
    return name_set(names.domain, a, b);
}

/* linux/sysinfo.h; loads are in 1/65536 */
struct sysinfo {
    int64_t uptime;
    uint64_t loads[3], total, free, shared, buffers, total_swap, free_swap;
    uint16_t processes, pad;
    uint64_t total_high, free_high;
    uint32_t unit;
    uint8_t end[4];
};
_Static_assert(sizeof(struct sysinfo) == 112, "linux/sysinfo.h");

SYSCALL(sysinfo)
{
    struct frame_stats frames;
    struct sysinfo s = {
        .uptime = (int64_t)(time_now() / SECONDS(1)), .processes = (uint16_t)process_count(), .unit = 1};

    frame_stats(&frames);
    s.total = frames.total * PAGE_SIZE;
    s.free = frames.free * PAGE_SIZE;
    return user_write(a, &s, sizeof(s));
}

SYSCALL(getrandom)
{
    uint8_t bytes[256];
    uint64_t size = MIN(b, (uint64_t)INT32_MAX), done = 0;

    if (c & ~7ull)
        return -EINVAL;
    while (done < size) {
        size_t n = MIN(size - done, sizeof(bytes));

        random_bytes(bytes, n);
        if (user_write(a + done, bytes, n))
            return done ? (long)done : -EFAULT;
        done += n;
        if (signal_pending() && done < size)
            return (long)done;
    }
    return (long)done;
}

SYSCALL(getcpu)
{
    uint32_t cpu = cpu_number(), node = 0;

    if ((a && user_write(a, &cpu, sizeof(cpu))) || (b && user_write(b, &node, sizeof(node))))
        return -EFAULT;
    return 0;
}

#define REBOOT_MAGIC1    0xfee1dead
#define REBOOT_RESTART   0x01234567
#define REBOOT_HALT      0xcdef0123
#define REBOOT_POWER_OFF 0x4321fedc
#define REBOOT_CAD_ON    0x89abcdef
#define REBOOT_CAD_OFF   0x00000000

static void (*shutdown_prepare)(void); /* [I] after boot */

void
sys_on_shutdown(void (*prepare)(void))
{
    shutdown_prepare = prepare;
}

static void
shutdown(void)
{
    vfs_shutdown();
    if (shutdown_prepare)
        shutdown_prepare();
}

/* linux/reboot.h */
SYSCALL(reboot)
{
    static const uint32_t magic2[] = {672274793, 85072278, 369367448, 537993216};
    bool known = false;

    for (size_t i = 0; i < ARRAY_SIZE(magic2); i++)
        known |= (uint32_t)b == magic2[i];
    if ((uint32_t)a != REBOOT_MAGIC1 || !known)
        return -EINVAL;
    switch ((uint32_t)c) {
    case REBOOT_RESTART:
        shutdown();
        power_reboot();
    case REBOOT_HALT:
    case REBOOT_POWER_OFF:
        shutdown();
        power_off();
    case REBOOT_CAD_ON:
    case REBOOT_CAD_OFF:
        return 0;
    default:
        return -EINVAL;
    }
}
