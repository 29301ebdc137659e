/*
 * The start order, one line a step. The only file that sees both kernel/ and drivers/; nobody includes it.
 */
#include "boot/bootinfo.h"
#include "drivers/class/class.h"
#include "drivers/control/control.h"
#include "drivers/loader/driver.h"
#include "drivers/loader/registry.h"
#include "drivers/nt/nt.h"
#include "drivers/port/ataport/ataport.h"
#include "drivers/port/scsiport/scsiport.h"
#include "drivers/port/core/port.h"
#include "kernel/console/keyboard.h"
#include "kernel/console/log.h"
#include "kernel/console/panic.h"
#include "kernel/console/screen.h"
#include "kernel/console/serial.h"
#include "kernel/console/tty.h"
#include "kernel/cpu/features.h"
#include "kernel/cpu/fpu.h"
#include "kernel/cpu/irq.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/marker.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/smp.h"
#include "kernel/cpu/tsc.h"
#include "kernel/cpu/user.h"
#include "kernel/fs/dev.h"
#include "kernel/fs/file.h"
#include "kernel/fs/text.h"
#include "kernel/fs/procfs.h"
#include "kernel/hw/acpi.h"
#include "kernel/hw/clock.h"
#include "kernel/hw/isa.h"
#include "kernel/hw/pci.h"
#include "kernel/hw/pci_hotplug.h"
#include "kernel/hw/power.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/space.h"
#include "kernel/sched/thread.h"
#include "kernel/sync/work.h"
#include "kernel/sys/sys.h"
#include "lib/errname.h"
#include "lib/field.h"
#include "lib/parse.h"
#include "lib/string.h"
#include "lib/units.h"
#if TESTS
#include "tests/guest/ktest.h"
#include "tests/guest/selftest.h"
#endif
#ifdef COVERAGE
#include "tests/guest/coverage.h"
#endif
#ifdef BENCH
#include "tests/guest/bench/bench.h"
#endif

#define LOW_MEMORY_END   0xa0000
#define DRIVERS_PATIENCE SECONDS(20)

extern const char image_start[], image_end[]; /* physical, from kernel.ld */

_Noreturn void kernel_main(uint32_t magic, uint32_t info);

static struct bootinfo boot;  /* [I] after boot_read() */
static struct acpi_info acpi; /* [I] after interrupts_start() */

/* Boot information lies below 4 GiB, which boot/entry.S mapped. */
static const void *
boot_at(uint64_t pa, size_t size)
{
    if (pa == 0 || size > GiB(4) || pa > GiB(4) - size)
        return NULL;
    return phys_to_virt(pa);
}

static bool
option(const char *key)
{
    return option_has(boot.cmdline, key);
}

/* Is `word` in the comma-separated value of option `key`? If the option is missing: `otherwise`. */
static bool
option_lists(const char *key, const char *word, bool otherwise)
{
    size_t len, n = strlen(word);
    const char *v = option_find(boot.cmdline, key, &len);

    if (!v)
        return otherwise;
    for (size_t i = 0; i + n <= len; i++)
        if (strncmp(v + i, word, n) == 0 && (i == 0 || v[i - 1] == ',') && (i + n == len || v[i + n] == ','))
            return true;
    return false;
}

/* The log goes to the serial port from here on; what cannot be read is said there. */
static void
boot_read(uint32_t magic, uint32_t info)
{
    const char *reason = NULL;
    int err = bootinfo_parse(magic, info, boot_at, &boot, &reason);
    bool serial = serial_init();

    panic_set_exit(option_lists("panic", "exit", false));
    if (option_lists("log", "debugcon", false))
        log_add_sink(&debugcon_log);
    if (serial && option_lists("log", "serial", true))
        log_add_sink(&serial_log);
    if (err)
        panic("boot: %s", reason);
    log_info("Portolan %s, %s, options: %s", VERSION, cpu_brand(), boot.cmdline);
    if (boot.cmdline_cut || boot.regions_cut || boot.modules_cut)
        log_warn("boot: the loader passed more %s than fit; the rest is ignored", boot.cmdline_cut ? "options"
                                                                                  : boot.regions_cut
                                                                                      ? "memory ranges"
                                                                                      : "modules");
}

/* A page below 1 MiB where the other processors start, 0 if there is none. */
static uint64_t
trampoline_find(void)
{
    for (size_t i = 0; i < boot.region_count; i++) {
        const struct mem_region *r = &boot.regions[i];
        uint64_t start = ALIGN_UP(MAX(r->start, PAGE_SIZE), PAGE_SIZE);

        if (r->kind == MEM_USABLE && start + PAGE_SIZE <= MIN(r->start + r->size, (uint64_t)LOW_MEMORY_END))
            return start;
    }
    return 0;
}

static void
memory_start(uint64_t trampoline)
{
    struct mem_region reserved[BOOT_MODULES_MAX + 2];
    uint64_t limit = 0;
    size_t n = 0;

    reserved[n++] = (struct mem_region){(uint64_t)image_start, (uint64_t)(image_end - image_start),
                                        MEM_RESERVED};
    if (trampoline)
        reserved[n++] = (struct mem_region){trampoline, PAGE_SIZE, MEM_RESERVED};
    for (size_t i = 0; i < boot.module_count; i++) {
        const struct boot_module *m = &boot.modules[i];
        const char *fault = bootinfo_module_fault(&boot, m, (uint64_t)image_start, (uint64_t)image_end);

        if (fault)
            log_err("boot: module %zu (%s) at %#lx, %#lx bytes: %s", i, m->name, m->start, m->size, fault);
        else
            reserved[n++] = (struct mem_region){m->start, m->size, MEM_RESERVED};
    }
    if (boot.module_count == 0)
        log_warn("boot: no module: system.img is missing");
    if (option("mem") && option_size(boot.cmdline, "mem", &limit))
        log_err("boot: option mem= is not a size");
    mem_init(boot.regions, boot.region_count, reserved, n, limit);
}

static void
screen_choose(void)
{
    int err = boot.framebuffer.width ? framebuffer_init(&boot.framebuffer) : text_init();

    if (err)
        log_err("screen: not usable: %s", errtext(-err));
    else if (option_lists("log", "screen", true))
        log_add_sink(&screen_log);
}

static void
interrupts_start(void)
{
    static struct irq_platform platform;
    int err;

    acpi_init(boot.rsdp_size ? boot.rsdp : NULL, boot.rsdp_size, &acpi);
    acpi_irq_platform(&acpi, &platform);
    platform.use_msi = acpi.has_msi && !option("nomsi");
    platform.use_x2apic = !option("nox2apic");
    err = irq_init(&platform);
    if (err)
        panic("irq: this machine has no local APIC that works: %s", errtext(-err));
    clock_init(&acpi);
    power_init(&acpi);
    fpu_init();
    user_init_cpu();
    sched_init();
    interrupts_restore(true);
}

static void
secondary_main(void)
{
    fpu_init();
    user_init_cpu();
    irq_init_secondary();
    sched_start_secondary();
}

static void *
block_alloc(size_t size)
{
    return pool_zalloc(size, POOL_TAG('c', 'p', 'u', ' '));
}

static void
processors_start(uint64_t trampoline)
{
    uint64_t limit = CPU_MAX;
    struct smp_start s = {.apic_ids = acpi.apic_id,
                          .count = acpi.cpus,
                          .trampoline = trampoline,
                          .block_alloc = block_alloc,
                          .stack_alloc = stack_alloc,
                          .entry = secondary_main};

    if (option("smp") && option_u64(boot.cmdline, "smp", &limit))
        log_err("boot: option smp= is not a number");
    s.count = (uint32_t)MIN(limit, (uint64_t)s.count);
    if (s.count > 1 && !trampoline)
        log_err("smp: no free page below 1 MiB: one processor only");
    else if (s.count > 1)
        smp_start(&s);
    tsc_sync();
}

/* Before screen_start(): while BARs are sized, nobody draws. */
static void
devices_start(void)
{
    struct pci_segment segments[ACPI_ECAM_MAX];

    for (size_t i = 0; i < acpi.ecams; i++)
        segments[i] = (struct pci_segment){acpi.ecam[i].base, acpi.ecam[i].segment, acpi.ecam[i].bus_first,
                                           acpi.ecam[i].bus_last};
    pci_init(segments, acpi.ecams);
    isa_init();
    if (option("pcidump"))
        pci_dump();
}

static void
typed(uint8_t byte)
{
    char c = (char)byte;

    tty_input(&c, 1);
}

static void
consoles_start(void)
{
    int err;

    tty_init(TTY_SERIAL | TTY_SCREEN);
    err = screen_start();
    if (err)
        log_err("screen: no thread: %s", errtext(-err));
    err = serial_listen(typed);
    if (err && err != -ENODEV)
        log_err("serial: no input: %s", errtext(-err));
    err = keyboard_init(power_reboot);
    if (err && err != -ENODEV)
        log_err("keyboard: does not work: %s", errtext(-err));
}

static void
ready_report(void)
{
    struct frame_stats f;

    frame_stats(&f);
    log_info("ready: %u processor%s, %s of memory, %s used", cpu_count(), cpu_count() == 1 ? "" : "s",
             units_bytes(f.total * PAGE_SIZE).text, units_bytes((f.total - f.free) * PAGE_SIZE).text);
    marker(MARKER_READY);
}

static int
mount_at(const char *type, const char *source, const char *path)
{
    struct walk w = {.root = vfs_root()};
    struct dentry *at;
    int err;

    w.start = w.root;
    err = vfs_mknod(&w, path, S_IFDIR | 0755, 0);
    if (!err || err == -EEXIST)
        err = vfs_walk(&w, path, 0, &at);
    if (!err) {
        err = vfs_mount(type, source, at, false, "");
        dentry_put(at);
    }
    dentry_put(w.root);
    return err;
}

/* The root in memory, out of the modules; /dev and /proc. Without it the kernel runs, but no program. */
static int
root_mount(void)
{
    int err;

    vfs_init();
    devfs_init();
    fs_register(&ramfs_ops);
    fs_register(&procfs_ops);
    fs_register(&sysfs_ops);
    fs_register(&fat_ops);
    fs_register(&iso_ops);
    err = vfs_mount("ramfs", "root", NULL, false, "");
    for (size_t i = 0; i < boot.module_count && !err; i++) {
        const struct boot_module *m = &boot.modules[i];
        const char *reason;
        size_t at;
        int wrong;

        if (bootinfo_module_fault(&boot, m, (uint64_t)image_start, (uint64_t)image_end))
            continue; /* memory_start() has said so */
        wrong = cpio_unpack(phys_to_virt(m->start), m->size, &reason, &at);
        if (wrong)
            log_err("root: module %zu (%s), offset %#zx: %s: %s", i, m->name, at, reason, errtext(-wrong));
        mem_release(m->start, m->size);
    }
    if (!err)
        err = mount_at("ramfs", "dev", "/dev");
    if (!err)
        err = mount_at("proc", "proc", "/proc");
    if (!err)
        err = mount_at("sysfs", "sysfs", "/sys");
    return err ? err : devfs_populate();
}

/* What is to be there before process 1. */
static int
programs_prepare(void)
{
    int err = root_mount();

    if (!err)
        err = sys_init();
    if (!err)
        err = proc_system_init();
    if (!err)
        err = dev_mem_init();
    if (!err)
        err = dev_kmsg_init();
    if (!err)
        err = dev_block_init();
    if (!err)
        err = dev_host_init();
    if (!err)
        err = dev_tty_init();
    sys_set_version(VERSION);
    return err;
}

/* What drivers stand on. */
static int
drivers_prepare(void)
{
    drivers_init(nt_driver_came, nt_driver_gone);
    registry_init();
    port_init();
    ataport_init();
    scsiport_init();
    class_init();
    return nt_init();
}

static void
drivers_bind(void *context)
{
    control_bind_all();
    if (!option("nohotplug"))
        pci_hotplug_start(&control_slots);
}

/* What drives which device; programs and files are there. A disk that does not answer does not keep the others from being used. */
static void
drivers_start(void)
{
    int err = control_init(boot.cmdline);
    struct thread *t;

    sys_on_shutdown(ports_shutdown);
    if (!err)
        err = thread_create(&t, "drivers", PRIORITY_NORMAL, drivers_bind, NULL);
    if (err) {
        log_err("boot: no drivers: %s", errtext(-err));
        return;
    }
    if (thread_join(t, DRIVERS_PATIENCE, NULL)) {
        thread_detach(t);
        log_warn(
            "boot: drivers still look for disks after %lu s: the system starts, what they find comes later",
            DRIVERS_PATIENCE / SECONDS(1));
    }
}

static void
show_cmdline(struct text *t)
{
    text_add(t, "%s\n", boot.cmdline);
}

/* Option init=, or /sbin/init if it is there. */
static void
programs_start(void)
{
    static char path[256] = "/sbin/init", home[] = "HOME=/root",
                where[] = "PATH=/bin:/sbin:/usr/bin:/usr/sbin", term[] = "TERM=linux",
                lang[] = "LANG=C.UTF-8";
    static char *const environment[] = {home, where, term, lang, NULL};
    char *argv[] = {path, NULL};
    size_t len;
    const char *v = option_find(boot.cmdline, "init", &len);
    int err = procfs_add("cmdline", show_cmdline);

    if (err)
        log_err("boot: no /proc/cmdline: %s", errtext(-err));
    if (v)
        strlcpy(path, v, MIN(sizeof(path), len + 1));
    err = process_start_first(path, argv, environment);
    if (err)
        log_err("boot: the first program, %s, does not start: %s", path, errtext(-err));
}

#if TESTS
/* What a debug kernel is asked to do instead of living on. */
static void
tests_start(void)
{
    static char text[BOOT_CMDLINE_MAX];
    size_t len;
    const char *v = option_find(boot.cmdline, "selftest", &len);
    unsigned failed;

    if (v) {
        strlcpy(text, v, MIN(sizeof(text), len + 1));
        selftest_run(text);
    }
    v = option_find(boot.cmdline, "test", &len);
    if (v) {
        strlcpy(text, v, MIN(sizeof(text), len + 1));
        failed = ktest_run(text);
#ifdef COVERAGE
        coverage_dump(serial_write);
#endif
        emulator_exit(failed ? EMULATOR_FAILED : EMULATOR_OK);
    }
}
#else
static void
tests_start(void)
{
    if (option("test") || option("selftest"))
        log_err("boot: this kernel has no tests in it: build it with DEBUG=1");
}
#endif

/* What the options ask for once all is up. */
static void
wishes_grant(void)
{
    if (option("memtest"))
        log_info("memtest: %lu bad frames", frame_memtest());
    tests_start();
#ifdef BENCH
    bench_run();
    bench_driver();
#endif
    if (option_lists("after", "poweroff", false))
        power_off();
    if (option_lists("after", "reboot", false))
        power_reboot();
}

void
kernel_main(uint32_t magic, uint32_t info)
{
    uint64_t trampoline;
    int err;

    cpu_init();
    boot_read(magic, info);
    trampoline = trampoline_find();
    memory_start(trampoline);
    screen_choose();
    interrupts_start();
    processors_start(trampoline);
    if (work_init())
        panic("boot: no memory for the first threads");
    devices_start();
    consoles_start();
    ready_report();
    err = programs_prepare();
    if (err)
        log_err("boot: no programs can run: %s", errtext(-err));
    if (drivers_prepare())
        log_err("boot: no drivers can run");
    else if (!err)
        drivers_start();
    wishes_grant();
    if (!err)
        programs_start();
    for (;;)
        thread_sleep(SECONDS(3600));
}
