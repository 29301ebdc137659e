/*
 * The start order, one line a step. The only file that sees both kernel/ and drivers/; nobody includes it.
 */
#include "boot/bootinfo.h"
#include "kernel/console/log.h"
#include "kernel/console/panic.h"
#include "kernel/console/serial.h"
#include "kernel/cpu/features.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/percpu.h"
#include "kernel/mem/frame.h"
#include "lib/field.h"
#include "lib/parse.h"
#include "lib/string.h"

extern const char image_start[], image_end[]; /* physical, from kernel.ld */

_Noreturn void kernel_main(uint32_t magic, uint32_t info);

static struct bootinfo boot; /* [I] after boot_read() */

/* Boot information lies below 4 GiB, which boot/entry.S mapped. */
static const void *
boot_at(uint64_t pa, size_t size)
{
    if (pa == 0 || size > GiB(4) || pa > GiB(4) - size)
        return NULL;
    return phys_to_virt(pa);
}

static void
boot_read(uint32_t magic, uint32_t info)
{
    const char *reason = NULL;

    if (bootinfo_parse(magic, info, boot_at, &boot, &reason))
        panic("boot: %s", reason);
}

void
kernel_main(uint32_t magic, uint32_t info)
{
    boot_read(magic, info);
    cpu_init();
    if (serial_init())
        log_add_sink(&serial_log);
    log_info("Portolan %s", VERSION);
    panic_set_exit(option_has(boot.cmdline, "panic=exit"));
    panic("that is all");
}
