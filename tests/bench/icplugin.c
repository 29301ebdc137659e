/*
 * A TCG plugin (QEMU 7.2, plugin API 1) that counts the guest's instructions, exactly, and prints the counts whenever
 * the guest executes a marker (kernel/cpu/marker.h).
 *
 *   -plugin icplugin.so,out=FILE[,entry=ADDRESS][,prof=FILE]
 *
 * out:  a line a marker, separated by tabs: MARK id host_ns user kernel hlt in out iret. "user" and "kernel" by the
 *       instruction's address. 60000: the first instruction at `entry` (hexadecimal); 60002: the end.
 * prof: how often each instruction ran between markers 1 and 2: address and count.
 *
 * No header of QEMU is needed (Debian ships none): the few functions in use are declared here.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MARK_ENTRY   60000u
#define MARK_END     60002u
#define PROFILE_STEP 4096u
#define PROFILE_MAX  65536u

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { OP_ADD_U64 = 0 };
enum { CB_NO_REGS = 0 };

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *, int op, void *ptr, uint64_t imm);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, void (*)(unsigned, void *), int flags,
                                            void *);
void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

extern int qemu_plugin_version;
int qemu_plugin_version = 1;

enum counter { USER, KERNEL, HALT, IN, OUT, IRET, COUNTERS };
static uint64_t count[COUNTERS];
static FILE *out;
static uint64_t entry;
static int entered;

/* One counter for each translated instruction, in steps so that addresses stay. */
struct place {
    uint64_t address, count;
};
static struct place *places[PROFILE_MAX];
static size_t place_count;
static const char *profile;

static struct place *
place(size_t i)
{
    return &places[i / PROFILE_STEP][i % PROFILE_STEP];
}

static void
profile_write(void)
{
    FILE *f = fopen(profile, "w");

    if (!f)
        return;
    for (size_t i = 0; i < place_count; i++)
        if (place(i)->count)
            fprintf(f, "%llx %llu\n", (unsigned long long)place(i)->address,
                    (unsigned long long)place(i)->count);
    fclose(f);
}

static void
mark(unsigned id)
{
    struct timespec t;

    if (profile && id == 1)
        for (size_t i = 0; i < place_count; i++)
            place(i)->count = 0;
    if (profile && id == 2)
        profile_write();
    clock_gettime(CLOCK_MONOTONIC, &t);
    fprintf(out, "MARK\t%u\t%llu", id,
            (unsigned long long)t.tv_sec * 1000000000ull + (unsigned long long)t.tv_nsec);
    for (int i = 0; i < COUNTERS; i++)
        fprintf(out, "\t%llu", (unsigned long long)count[i]);
    fputc('\n', out);
    fflush(out);
}

static void
on_marker(unsigned cpu, void *id)
{
    (void)cpu;
    mark((unsigned)(uintptr_t)id);
}

static void
on_entry(unsigned cpu, void *nothing)
{
    (void)cpu;
    (void)nothing;
    if (!entered)
        mark(MARK_ENTRY);
    entered = 1;
}

/* What else an instruction counts as; COUNTERS: nothing. */
static enum counter
kind_of(const uint8_t *code, size_t size)
{
    size_t at = 0;

    while (at + 1 < size &&
           (code[at] == 0x66 || code[at] == 0xf2 || code[at] == 0xf3 || (code[at] & 0xf0) == 0x40))
        at++;
    switch (code[at]) {
    case 0xf4:
        return HALT;
    case 0xcf:
        return IRET;
    case 0xe4:
    case 0xe5:
    case 0xec:
    case 0xed:
    case 0x6c:
    case 0x6d:
        return IN;
    case 0xe6:
    case 0xe7:
    case 0xee:
    case 0xef:
    case 0x6e:
    case 0x6f:
        return OUT;
    default:
        return COUNTERS;
    }
}

static void
profile_count(struct qemu_plugin_insn *in, uint64_t address)
{
    if (place_count >= (size_t)PROFILE_MAX * PROFILE_STEP)
        return;
    if (!places[place_count / PROFILE_STEP])
        places[place_count / PROFILE_STEP] = calloc(PROFILE_STEP, sizeof(struct place));
    if (!places[place_count / PROFILE_STEP])
        return;
    place(place_count)->address = address;
    qemu_plugin_register_vcpu_insn_exec_inline(in, OP_ADD_U64, &place(place_count)->count, 1);
    place_count++;
}

static void
on_instruction(struct qemu_plugin_insn *in)
{
    uint64_t address = qemu_plugin_insn_vaddr(in);
    const uint8_t *code = qemu_plugin_insn_data(in);
    size_t size = qemu_plugin_insn_size(in);
    enum counter kind = kind_of(code, size);

    qemu_plugin_register_vcpu_insn_exec_inline(in, OP_ADD_U64, &count[address >> 63 ? KERNEL : USER], 1);
    if (kind != COUNTERS)
        qemu_plugin_register_vcpu_insn_exec_inline(in, OP_ADD_U64, &count[kind], 1);
    if (profile)
        profile_count(in, address);
    if (!entered && address == entry)
        qemu_plugin_register_vcpu_insn_exec_cb(in, on_entry, CB_NO_REGS, NULL);
    if (size == 8 && !memcmp(code, "\x0f\x1f\x84\x00", 4) && code[6] == 0x4b && code[7] == 0x4d)
        qemu_plugin_register_vcpu_insn_exec_cb(in, on_marker, CB_NO_REGS,
                                               (void *)(uintptr_t)(code[4] | code[5] << 8));
}

static void
on_block(plugin_id id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++)
        on_instruction(qemu_plugin_tb_get_insn(tb, i));
}

static void
on_end(plugin_id id, void *nothing)
{
    (void)id;
    (void)nothing;
    mark(MARK_END);
    fclose(out);
}

int
qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    out = stderr;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "prof=", 5))
            profile = strdup(argv[i] + 5);
        else if (!strncmp(argv[i], "entry=", 6))
            entry = strtoull(argv[i] + 6, NULL, 16);
        else if (!strncmp(argv[i], "out=", 4) && !(out = fopen(argv[i] + 4, "w")))
            return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
    qemu_plugin_register_atexit_cb(id, on_end, NULL);
    return 0;
}
