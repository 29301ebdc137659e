/*
 * /dev/drivers.
 */
#include "drivers/control/control.h"
#include "drivers/control/control_impl.h"
#include "drivers/loader/driver.h"
#include "drivers/port/core/port.h"
#include "kernel/fs/file.h"
#include "kernel/fs/text.h"
#include "kernel/hw/pci.h"
#include "kernel/hw/pci_hotplug.h"
#include "kernel/mem/pool.h"
#include "lib/errname.h"
#include "lib/errno.h"
#include "lib/string.h"

#define CONTROL_TAG  POOL_TAG('c', 't', 'r', 'l')
#define COMMAND_MAX  512
#define WORDS        3
#define DEVICE_MAJOR 10 /* misc */
#define DEVICE_MINOR 200

struct command {
    const char *word[WORDS]; /* NULL: there is none */
    char *why;               /* DRIVER_WHY bytes */
    struct text *answer;
};

static int
do_load(struct command *c)
{
    return bind_load(c->word[1], c->why);
}

static int
do_unload(struct command *c)
{
    return driver_unload_named(c->word[1], c->why);
}

static int
do_bind(struct command *c)
{
    return bind_device(c->word[1], c->word[2], c->why);
}

static int
do_unbind(struct command *c)
{
    return unbind_device(c->word[1], c->why);
}

static int
do_restart(struct command *c)
{
    return restart_device(c->word[1], c->why);
}

static int
do_rescan(struct command *c)
{
    return adapters_rescan(c->word[1]);
}

static void
add_line(void *context, const char *text)
{
    text_add(context, "%s\n", text);
}

static int
do_info(struct command *c)
{
    void *bytes;
    size_t size;
    int err = control_files.read(c->word[1], &bytes, &size);

    if (err) {
        strlcpy(c->why, "the file cannot be read", DRIVER_WHY);
        return err;
    }
    (void)driver_describe(bytes, size, add_line, c->answer);
    control_files.free(bytes);
    return 0;
}

static const struct {
    const char *name;
    unsigned words;
    int (*run)(struct command *c);
} commands[] = {{"load", 2, do_load},     {"unload", 2, do_unload},   {"bind", 2, do_bind},
                {"unbind", 2, do_unbind}, {"restart", 2, do_restart}, {"rescan", 2, do_rescan},
                {"info", 2, do_info}};

/* Words between single blanks; a path may hold none. */
static void
split(char *line, struct command *c)
{
    for (unsigned n = 0; n < WORDS && *line; n++) {
        c->word[n] = line;
        line += strcspn(line, " \n");
        if (*line)
            *line++ = 0;
    }
}

static int
run(char *line, struct text *answer)
{
    char *why = pool_zalloc(DRIVER_WHY, CONTROL_TAG);
    struct command c = {.why = why, .answer = answer};
    int err = why ? -EINVAL : -ENOMEM;

    split(line, &c);
    for (size_t i = 0; i < ARRAY_SIZE(commands) && why; i++)
        if (c.word[0] && c.word[1] && !strcmp(c.word[0], commands[i].name))
            err = commands[i].run(&c);
    if (err && why)
        text_add(answer, "%s\n", why[0] ? why : "no such command");
    pool_free(why, CONTROL_TAG);
    return err;
}

/* Of an open file. */
struct session {
    struct text answer;
    uint64_t at; /* what has been read of it */
};

static int
control_open(struct file *f)
{
    f->private = pool_zalloc(sizeof(struct session), CONTROL_TAG);
    return f->private ? 0 : -ENOMEM;
}

static void
control_release(struct file *f)
{
    struct session *s = f->private;

    text_free(&s->answer);
    pool_free(s, CONTROL_TAG);
}

static long
control_read(struct file *f, struct uio *u, uint64_t position)
{
    struct session *s = f->private;
    long n = text_read(&s->answer, u, s->at);

    if (n > 0)
        s->at += (uint64_t)n;
    return n;
}

static long
control_write(struct file *f, struct uio *u, uint64_t position)
{
    struct session *s = f->private;
    char line[COMMAND_MAX];
    size_t all = u->left;
    long n;
    int err;

    if (all >= sizeof(line))
        return -E2BIG;
    n = uio_from(u, line, all);
    if (n < 0)
        return n;
    line[n] = 0;
    text_free(&s->answer);
    *s = (struct session){.at = 0};
    err = run(line, &s->answer);
    return err ? err : (long)all;
}

static const struct fs_ops control_ops = {
    .open = control_open, .release = control_release, .read = control_read, .write = control_write};

int
control_init(const char *cmdline)
{
    int err = devfs_add("drivers", S_IFCHR | 0600, makedev(DEVICE_MAJOR, DEVICE_MINOR), &control_ops, NULL);

    bind_init(&control_files, cmdline);
    err = err ? err : control_trace_init();
    return err ? err : control_show_init();
}

void
control_bind_all(void)
{
    unsigned files = bind_read_folder("/drivers"), devices = bind_all();

    bind_load_defaults();
    if (files)
        log_info("drivers: %u INF files, %u devices have a driver", files, devices);
}

static void
functions_came(void)
{
    unsigned devices = bind_all();

    if (devices)
        log_info("drivers: %u device%s more %s a driver", devices, devices == 1 ? "" : "s",
                 devices == 1 ? "has" : "have");
}

static void
function_goes(struct pci_device *d)
{
    char why[DRIVER_WHY] = "";
    int err = unbind_function(d, why);

    if (err)
        log_err("%s: its driver does not give it up: %s: %s", d->name, why, errtext(-err));
}

const struct pci_watcher control_slots = {.came = functions_came, .goes = function_goes};
