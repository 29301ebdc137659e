/*
 * iotrace: run a command, and show the way of its requests through the system: from the system call to the device's registers, and
 * back. The kernel notes what happens while /dev/trace is told to; here it is sorted out, decoded and printed.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "userland/common/command.h"
#include "userland/common/registers.h"

#define WORDS_MAX    5
#define ADAPTERS_MAX 32
#define PROCESSES    256
#define DEEP         64

static const struct choice choices[] = {
    {'o', "output", "FILE", "write a trace for Perfetto or chrome://tracing (JSON) instead of the text"},
    {'s', "syscalls", NULL, "all system calls of the command, not only those that lead to requests"},
    {0}};

static const struct command command = {
    "iotrace", "run a command and show the way of its requests", "[OPTIONS] COMMAND [ARGUMENT]...",
    "Columns: microseconds since the first line, and since the line before; the processor (INSTR as well on an emulator\n"
    "that was started with -icount shift=0, where a nanosecond is an instruction). Indented: system call, block device,\n"
    "SRB of the class driver, IRB or SRB of the port, routine of the miniport, its registers (-> read, <- written).\n"
    "Each line takes some hundred instructions by itself. Registers in memory are seen whoever touches them; I/O ports\n"
    "where the driver uses the port's routines. (4 bytes): so many, by an instruction that keeps the value to itself.\n"
    "Exit status: COMMAND's.",
    choices};

struct event {
    unsigned long long time;
    unsigned cpu, irql, thread, process;
    char *kind, *word[WORDS_MAX];
    unsigned long long number[WORDS_MAX]; /* the words that are numbers */
    int shown;
};

static struct event *events;
static size_t count;
static pid_t processes[PROCESSES];
static size_t process_count;
static int all_calls, counts_instructions;

/* ---- adapters ---- */

static struct adapter {
    char name[16];
    uint32_t class_code;
    uint16_t vendor, device;
    struct {
        unsigned long long start, size;
    } bar[8];
} adapters[ADAPTERS_MAX];
static size_t adapter_count;

static struct adapter *
adapter_find(const char *name)
{
    for (size_t i = 0; i < adapter_count; i++)
        if (!strcmp(adapters[i].name, name))
            return &adapters[i];
    return NULL;
}

static void
function_read(struct adapter *a, const char *device)
{
    char *text = file_text("/proc/pci"), *line, *w[8];

    while ((line = line_next(&text)) != NULL)
        if (line_cut(line, "\t", w, 8) >= 3 && !strcmp(w[0], device)) {
            a->class_code = (uint32_t)strtoul(w[1], NULL, 16);
            a->vendor = (uint16_t)strtoul(w[2], NULL, 16);
            a->device = (uint16_t)strtoul(w[2] + 5, NULL, 16);
        }
}

/* Before the command and after it, which may have brought one. */
static void
adapters_read(void)
{
    char *text = file_text("/proc/ports"), *line, *w[12];

    while ((line = line_next(&text)) != NULL) {
        int n = line_cut(line, "\t", w, 12);
        struct adapter *a;

        if (n >= 5 && !strcmp(w[0], "adapter")) {
            if (!(a = adapter_find(w[1])) && adapter_count == ADAPTERS_MAX)
                continue;
            a = a ? a : &adapters[adapter_count++];
            snprintf(a->name, sizeof(a->name), "%.8s", w[1]);
            function_read(a, w[4]);
        } else if (n >= 6 && !strcmp(w[0], "range") && (a = adapter_find(w[1])) != NULL &&
                   strtoul(w[2], NULL, 10) < 8) {
            a->bar[strtoul(w[2], NULL, 10)].start = strtoull(w[4], NULL, 16);
            a->bar[strtoul(w[2], NULL, 10)].size = strtoull(w[5], NULL, 10);
        }
    }
}

/* ---- system calls ---- */

static const char *
call_name(unsigned long long number)
{
    static char names[512][24];
    static int have;
    char *text, *line, *w[4];

    if (!have) {
        have = 1;
        text = file_text("/proc/syscalls");
        while ((line = line_next(&text)) != NULL) {
            line += strspn(line, " ");
            if (line_cut(line, " ", w, 4) >= 2 && strtoul(w[0], NULL, 10) < 512)
                snprintf(names[strtoul(w[0], NULL, 10)], sizeof(names[0]), "%.23s", w[1]);
        }
    }
    return number < 512 && names[number][0] ? names[number] : "?";
}

/* ---- reading ---- */

static int
is_ours(unsigned process)
{
    for (size_t i = 0; i < process_count; i++)
        if (processes[i] == (pid_t)process)
            return 1;
    return 0;
}

static void
event_read(char *line)
{
    char *w[6 + WORDS_MAX];
    struct event *e;

    if (line_cut(line, "\t", w, 6 + WORDS_MAX) < 6 + WORDS_MAX)
        return;
    if (!(count & (count - 1)) && !(events = realloc(events, (count ? 2 * count : 1) * sizeof(*events))))
        fail("memory for %zu events", count);
    e = &events[count++];
    *e = (struct event){.time = strtoull(w[0], NULL, 10),
                        .cpu = (unsigned)strtoul(w[1], NULL, 10),
                        .irql = (unsigned)strtoul(w[2], NULL, 10),
                        .thread = (unsigned)strtoul(w[3], NULL, 10),
                        .process = (unsigned)strtoul(w[4], NULL, 10),
                        .kind = w[5]};
    for (int i = 0; i < WORDS_MAX; i++) {
        e->word[i] = w[6 + i];
        e->number[i] = strtoull(w[6 + i], NULL, 16);
    }
}

static int
is_kind(const struct event *e, const char *kind)
{
    return !strcmp(e->kind, kind);
}

static int
is_syscall(const struct event *e)
{
    return is_kind(e, "syscall") || is_kind(e, "syscall-end");
}

/* Whose system calls are the command's: its own, and those of the processes that it has made. */
static void
families(void)
{
    for (size_t i = 0; i < count; i++) {
        const struct event *e = &events[i];

        if (is_kind(e, "syscall-end") && is_ours(e->process) && process_count < PROCESSES &&
            (e->number[0] == SYS_fork || e->number[0] == SYS_vfork || e->number[0] == SYS_clone) &&
            (long)e->number[1] > 0)
            processes[process_count++] = (pid_t)e->number[1];
    }
}

/*
 * Which events are told: not the tool's own calls, and of the command's those within which a block request came (or all). Timers'
 * and threads' DPCs are everybody's: only those within which something of a request happened.
 */
static void
choose(void)
{
    for (size_t i = 0; i < count; i++) {
        struct event *e = &events[i];
        int is_dpc = is_kind(e, "dpc"), found = all_calls && is_kind(e, "syscall");

        if (!is_kind(e, "syscall") && !is_dpc) {
            e->shown |= !is_syscall(e) && !is_kind(e, "dpc-end");
            continue;
        }
        if (!is_dpc && !is_ours(e->process))
            continue;
        for (size_t k = i + 1; k < count; k++) {
            struct event *o = &events[k];

            if (is_dpc ? o->cpu != e->cpu : o->thread != e->thread)
                continue;
            if (is_kind(o, is_dpc ? "dpc-end" : "syscall-end")) {
                e->shown = o->shown = found;
                break;
            }
            found |= is_kind(o, "block") ||
                     (is_dpc && (is_kind(o, "srb-end") || is_kind(o, "call") || is_kind(o, "srb")));
        }
    }
}

/* ---- as text ---- */

static int
depth_of(const struct event *e)
{
    static const struct {
        const char *kind;
        int depth;
    } depths[] = {{"syscall", 0}, {"cache", 1},    {"syscall-end", 0}, {"block", 1},     {"block-end", 1},
                  {"srb", 2},     {"srb-end", 2},  {"irb", 3},         {"scsi", 3},      {"done", 5},
                  {"call", 4},    {"call-end", 4}, {"register", 5},    {"interrupt", 3}, {"interrupt-end", 3},
                  {"dpc", 1},     {"dpc-end", 1}};

    for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++)
        if (is_kind(e, depths[i].kind))
            return depths[i].depth;
    return 0;
}

static void
bytes_put(char *text, size_t room, unsigned long long low, unsigned long long high, unsigned n)
{
    size_t at = 0;

    for (unsigned i = 0; i < n && i < 16 && at + 4 < room; i++)
        at += (size_t)snprintf(text + at, room - at, "%s%02x", i ? " " : "",
                               (unsigned)((i < 8 ? low >> 8 * i : high >> 8 * (i - 8)) & 0xff));
}

static unsigned long long
big_endian(unsigned long long low, unsigned long long high, unsigned from, unsigned n)
{
    unsigned long long value = 0;

    for (unsigned i = from; i < from + n; i++)
        value = value << 8 | ((i < 8 ? low >> 8 * i : high >> 8 * (i - 8)) & 0xff);
    return value;
}

static void
cdb_text(char *text, size_t room, unsigned long long low, unsigned long long high, unsigned length)
{
    uint8_t op = (uint8_t)low;
    const char *name = scsi_command_name(op);
    char bytes[64] = "";
    int n = snprintf(text, room, "%s", name ? name : "command");

    if (op == 0x28 || op == 0x2a)
        n += snprintf(text + n, room - (size_t)n, " block %llu, %llu blocks", big_endian(low, high, 2, 4),
                      big_endian(low, high, 7, 2));
    else if (op == 0x88 || op == 0x8a)
        n += snprintf(text + n, room - (size_t)n, " block %llu, %llu blocks", big_endian(low, high, 2, 8),
                      big_endian(low, high, 10, 4));
    bytes_put(bytes, sizeof(bytes), low, high, length);
    snprintf(text + n, room - (size_t)n, "  [%s]", bytes);
}

static const char *const operations[] = {"read", "write", "flush", "discard"};

static void
irb_text(const struct event *e, char *text, size_t room)
{
    static const char *const flags[] = {"DRDY",     "DMA",     "MAP_BUFFERS", "48BIT",
                                        "MULTIPLE", "RESULTS", "IN",          "OUT"};
    const char *name = irb_function_name((uint16_t)e->number[1]);
    unsigned bits = (unsigned)(e->number[1] >> 32), where = (unsigned)e->number[2];
    int n = snprintf(text, room, "IRB %s channel %u target %u", name ? name : "?", where & 0xff,
                     where >> 8 & 0xff);

    if (e->number[1] & 0x200) {
        n += snprintf(text + n, room - (size_t)n, ": ");
        cdb_text(text + n, room - (size_t)n, e->number[3], e->number[4], 12);
        return;
    }
    if (e->number[3] >> 48) {
        const char *ata = ata_command_name((uint8_t)(e->number[3] >> 48));
        unsigned long long c = e->number[3], p = e->number[4];
        unsigned long long lba = (c >> 16 & 0xffffff) |
                                 (bits & 8 ? (p >> 16 & 0xffffff) << 24 : (c >> 40 & 15) << 24);
        unsigned long long sectors = (c >> 8 & 0xff) | (bits & 8 ? (p & 0xff00) : 0);

        n += snprintf(text + n, room - (size_t)n, ": %s (%02llx) LBA %llu, %llu sectors",
                      ata ? ata : "command", c >> 48 & 0xff, lba, sectors);
    }
    for (int i = 0; i < 8; i++)
        if (bits >> i & 1)
            n += snprintf(text + n, room - (size_t)n, " %s", flags[i]);
}

static void
register_text(const struct event *e, char *text, size_t room)
{
    const struct adapter *a = adapter_find(e->word[0]);
    unsigned bar = (unsigned)(e->number[1] & 0xff), size = (unsigned)(e->number[1] >> 8 & 0xff),
             how = (unsigned)(e->number[1] >> 16);
    unsigned long long offset = e->number[2];
    const char *name = NULL;
    char value[48], place[40];
    int port = -1;

    if (how & 2) /* an I/O port: of which BAR? */
        for (bar = 0; a && bar < 8; bar++)
            if (offset - a->bar[bar].start < a->bar[bar].size) {
                offset -= a->bar[bar].start;
                break;
            }
    if (a && bar < 8)
        name = register_name(a->class_code, a->vendor, a->device, bar, offset, how & 1, &port);
    if (how & 8)
        snprintf(value, sizeof(value), "%llu items of %u bytes", e->number[3], size);
    else if (how & 4)
        snprintf(value, sizeof(value), size ? "(%u bytes)" : "?", size);
    else
        snprintf(value, sizeof(value), "0x%0*llx", (int)size * 2, e->number[3]);
    snprintf(place, sizeof(place), "%s %u+0x%llx", "BAR", bar, offset);
    if (name && port >= 0)
        snprintf(text, room, "%s %d %s %s", name, port, how & 1 ? "<-" : "->", value);
    else
        snprintf(text, room, "%s %s %s", name ? name : place, how & 1 ? "<-" : "->", value);
}

static void
event_text(const struct event *e, char *text, size_t room)
{
    const unsigned long long *n = e->number;

    text[0] = 0;
    if (is_kind(e, "syscall"))
        snprintf(text, room, "%s(0x%llx, 0x%llx, 0x%llx)  process %u", call_name(n[0]), n[1], n[2], n[3],
                 e->process);
    else if (is_kind(e, "syscall-end"))
        snprintf(text, room, "%s = %lld%s%s", call_name(n[0]), (long long)n[1],
                 (long long)n[1] < 0 && (long long)n[1] > -4096 ? " " : "",
                 (long long)n[1] < 0 && (long long)n[1] > -4096 ? strerror((int)-(long long)n[1]) : "");
    else if (is_kind(e, "cache"))
        snprintf(text, room, "cache of %s: page %llu is not there, %llu to be read", e->word[0], n[1], n[2]);
    else if (is_kind(e, "block"))
        snprintf(text, room, "%s: %s %llu bytes at %llu", e->word[1], operations[n[2] & 3], n[4], n[3]);
    else if (is_kind(e, "block-end"))
        snprintf(text, room, "%s: %s done%s%s", e->word[1], operations[n[2] & 3], n[3] ? ": " : "",
                 n[3] ? strerror((int)n[3]) : "");
    else if (is_kind(e, "srb"))
        cdb_text(text, room, n[1], n[2], (unsigned)(n[3] & 0xff));
    else if (is_kind(e, "srb-end"))
        snprintf(text, room,
                 "SRB status 0x%02llx, SCSI status 0x%02llx, sense %llx/%02llx/%02llx, %llu bytes",
                 n[1] & 0xff, n[1] >> 8, n[2] >> 16, n[2] >> 8 & 0xff, n[2] & 0xff, n[3]);
    else if (is_kind(e, "irb"))
        irb_text(e, text, room);
    else if (is_kind(e, "scsi")) {
        int at = snprintf(text, room,
                          "SRB function 0x%02llx bus %llu target %llu lun %llu tag 0x%02llx: ", n[1] & 0xff,
                          n[2] & 0xff, n[2] >> 8 & 0xff, n[2] >> 16 & 0xff, n[2] >> 24 & 0xff);
        cdb_text(text + at, room - (size_t)at, n[3], n[4], (unsigned)(n[2] >> 32));
    } else if (is_kind(e, "done"))
        snprintf(text, room, "%s: request completed", e->word[0]);
    else if (is_kind(e, "call"))
        snprintf(text, room, "%s %s()  IRQL %u", e->word[0], e->word[1], e->irql);
    else if (is_kind(e, "call-end"))
        snprintf(text, room, "%s %s = %llu", e->word[0], e->word[1], n[2] & 0xff);
    else if (is_kind(e, "register"))
        register_text(e, text, room);
    else if (is_kind(e, "interrupt"))
        snprintf(text, room, "interrupt, vector 0x%llx, IRQL %u", n[0], e->irql);
    else if (is_kind(e, "interrupt-end"))
        snprintf(text, room, "interrupt %s", n[1] ? "claimed" : "not claimed");
    else if (is_kind(e, "dpc") || is_kind(e, "dpc-end"))
        snprintf(text, room, "DPC %.*s%s", (int)strcspn(e->word[0], "+"), e->word[0],
                 is_kind(e, "dpc") ? "" : " done");
}

static void
text_print(void)
{
    unsigned long long first = 0, before = 0;
    char text[512];

    for (size_t i = 0; i < count; i++) {
        const struct event *e = &events[i];

        if (!e->shown)
            continue;
        if (!first) {
            printf("%10s %9s%s CPU\n", "us", "+us", counts_instructions ? "     INSTR" : "");
            first = before = e->time;
        }
        event_text(e, text, sizeof(text));
        printf("%10.3f %9.3f", (double)(e->time - first) / 1000, (double)(e->time - before) / 1000);
        if (counts_instructions)
            printf(" %9llu", e->time - before);
        printf(" %3u  %*s%s\n", e->cpu, 2 * depth_of(e), "", text);
        before = e->time;
    }
    if (!first)
        puts("no request: all that was read was in memory");
}

/* ---- as JSON (the Trace Event Format of Chrome) ---- */

static void
json_string(FILE *f, const char *s)
{
    fputc('"', f);
    for (; *s; s++)
        if (*s == '"' || *s == '\\')
            fprintf(f, "\\%c", *s);
        else if ((unsigned char)*s >= 0x20)
            fputc(*s, f);
    fputc('"', f);
}

/* Calls, interrupts, DPCs and system calls begin and end (B, E) on a line of their thread or processor; requests are asynchronous (b,
 * e); registers are instants. */
static char
phase_of(const struct event *e)
{
    size_t n = strlen(e->kind);
    int ends = n > 4 && !strcmp(e->kind + n - 4, "-end");

    if (is_kind(e, "block") || is_kind(e, "block-end") || is_kind(e, "srb") || is_kind(e, "srb-end"))
        return ends ? 'e' : 'b';
    if (is_kind(e, "register") || is_kind(e, "cache") || is_kind(e, "done") || is_kind(e, "irb") ||
        is_kind(e, "scsi"))
        return 'i';
    return ends ? 'E' : 'B';
}

static void
json_event(FILE *f, const struct event *e, unsigned long long first)
{
    char text[512], name[64], phase = phase_of(e);

    event_text(e, text, sizeof(text));
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, ":(,["), text);
    if (phase == 'b' || phase == 'e') /* the two ends of one have one name */
        snprintf(name, sizeof(name), "%s", is_kind(e, "srb") || is_kind(e, "srb-end") ? "SRB" : e->word[1]);
    fprintf(f, ",\n{\"ph\":\"%c\",\"cat\":\"%.*s\",\"ts\":%.3f,\"pid\":%u,\"tid\":%u,\"name\":", phase,
            (int)strcspn(e->kind, "-"), e->kind, (double)(e->time - first) / 1000, is_syscall(e) ? 1 : 2,
            is_syscall(e) ? e->process : e->cpu);
    json_string(f, name);
    if (phase == 'b' || phase == 'e')
        fprintf(f, ",\"id\":\"0x%llx\"", e->number[0]);
    if (phase == 'i')
        fputs(",\"s\":\"t\"", f);
    fputs(",\"args\":{\"what\":", f);
    json_string(f, text);
    fputs("}}", f);
}

static void
json_print(FILE *f, const char *path)
{
    unsigned long long first = 0;

    fputs(
        "{\"traceEvents\":[\n{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"programs\"}},\n"
        "{\"ph\":\"M\",\"pid\":2,\"name\":\"process_name\",\"args\":{\"name\":\"processors\"}}",
        f);
    for (size_t i = 0; i < count; i++)
        if (events[i].shown) {
            first = first ? first : events[i].time;
            json_event(f, &events[i], first);
        }
    fputs("\n]}\n", f);
    if (ferror(f) | fclose(f))
        fail("%s", path);
}

/* ---- the trace ---- */

static void
tell(int fd, const char *word)
{
    if (write(fd, word, strlen(word)) < 0)
        fail("/dev/trace: %s", word);
}

static void
trace_read(int fd)
{
    size_t size = 0, room = 1 << 16;
    char *text = malloc(room), *line;
    ssize_t n = -1;

    while (text && (n = read(fd, text + size, room - size - 1)) > 0) {
        size += (size_t)n;
        if (room - size < 2)
            text = realloc(text, room *= 2);
    }
    if (!text || n < 0)
        fail("/dev/trace");
    text[size] = 0;
    while ((line = line_next(&text)) != NULL)
        event_read(line);
    errno = 0;
    if (count && is_kind(&events[count - 1], "lost") && events[--count].number[0])
        warn_of("%llu more events found no room: the first ones are shown", events[count].number[0]);
}

/* The command waits until the trace has begun. Returns its exit status, as a shell's. */
static int
run(int trace, char **argv)
{
    int go[2], status;
    pid_t child;
    char byte = 0;

    if (pipe(go) || (child = fork()) < 0)
        fail("a process for %s", argv[0]);
    if (child == 0) {
        close(trace);
        close(go[1]);
        if (read(go[0], &byte, 1) != 1)
            _exit(1);
        close(go[0]);
        execvp(argv[0], argv);
        warn_of("%s", argv[0]);
        _exit(errno == ENOENT ? 127 : 126);
    }
    close(go[0]);
    processes[process_count++] = child;
    signal(SIGINT, SIG_IGN);
    tell(trace, "start");
    if (write(go[1], &byte, 1) != 1)
        warn_of("%s", argv[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    tell(trace, "stop");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
main(int argc, char **argv)
{
    const char *output = NULL;
    FILE *file = NULL;
    int option, trace, status;

    while ((option = command_option(&command, argc, argv)) >= 0) {
        if (option == 'o')
            output = optarg;
        all_calls |= option == 's';
    }
    if (optind == argc)
        usage_fail("no COMMAND");
    if (output && !(file = fopen(output, "we")))
        fail("%s", output);
    counts_instructions = strstr(file_text("/proc/cmdline"), "icount") != NULL;
    trace = open("/dev/trace", O_RDWR | O_CLOEXEC);
    if (trace < 0)
        fail(errno == EBUSY ? "another trace is under way: /dev/trace" : "/dev/trace");
    adapters_read();
    status = run(trace, argv + optind);
    adapters_read();
    fflush(stdout);
    trace_read(trace);
    families();
    choose();
    if (output)
        json_print(file, output);
    else
        text_print();
    finish(status);
}
