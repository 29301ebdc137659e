/* What ring 3 must not do: each deed in a child, which must end by the signal that belongs to it. */
#define _GNU_SOURCE
#include "tests/programs/check.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ASM(text) __asm__ volatile(text ::: "memory", "rax", "rcx", "rdx")

#define DEED(name, ...)                                                                                      \
    static void deed_##name(void)                                                                            \
    {                                                                                                        \
        __VA_ARGS__;                                                                                         \
    }

/* clang-format off */
DEED(cli, ASM("cli"))
DEED(sti, ASM("sti"))
DEED(hlt, ASM("hlt"))
DEED(in, ASM("mov $0x60, %%dx; in %%dx, %%al"))
DEED(out, ASM("mov $0x80, %%dx; out %%al, %%dx"))
DEED(rdmsr, ASM("mov $0xc0000080, %%ecx; rdmsr"))
DEED(wrmsr, ASM("mov $0xc0000080, %%ecx; xor %%eax, %%eax; xor %%edx, %%edx; wrmsr"))
DEED(cr0, ASM("mov %%cr0, %%rax"))
DEED(cr3, ASM("mov %%rax, %%cr3"))
DEED(cr8, ASM("mov $15, %%eax; mov %%rax, %%cr8"))
DEED(dr7, ASM("mov %%rax, %%dr7"))
DEED(lgdt, char b[10] = {0}; __asm__ volatile("lgdt %0" :: "m"(b)))
DEED(lidt, char b[10] = {0}; __asm__ volatile("lidt %0" :: "m"(b)))
DEED(ltr, ASM("mov $0x40, %%ax; ltr %%ax"))
DEED(invlpg, ASM("invlpg (%%rsp)"))
DEED(wbinvd, ASM("wbinvd"))
DEED(swapgs, ASM("swapgs"))
DEED(sysret, ASM("sysretq"))
DEED(iret, ASM("push $0x18; push %%rsp; push $0x202; push $0x10; push $0x1000; iretq"))
DEED(int8, ASM("int $8"))
DEED(int14, ASM("int $14"))
DEED(int80, ASM("int $0x80"))
DEED(intff, ASM("int $0xff"))
DEED(int3, ASM("int3"))
DEED(int1, ASM(".byte 0xf1"))
DEED(ud2, ASM("ud2"))
DEED(div, ASM("xor %%ecx, %%ecx; mov $1, %%eax; cltd; idiv %%ecx"))
DEED(read_kernel, *(volatile char *)0xffffffff80100000)
DEED(write_kernel, *(volatile char *)0xffffffff80100000 = 0)
DEED(direct_map, *(volatile char *)0xffff800000000000)
DEED(exec_kernel, ((void (*)(void))0xffffffff80100000)())
DEED(odd_read, *(volatile char *)0x8000000000001000)
DEED(odd_jump, ((void (*)(void))0x8000000000001000)())
DEED(top_jump, ((void (*)(void))0x7ffffffffffe)())
DEED(null, *(volatile char *)0)
DEED(stack_kernel, ASM("mov $0xffffffff80200000, %%rsp; push %%rax"))
DEED(stack_odd, ASM("mov $0x8000000000000000, %%rsp; push %%rax"))
DEED(stack_null, ASM("xor %%esp, %%esp; push %%rax"))
DEED(ds_kernel, ASM("mov $0x10, %%ax; mov %%ax, %%ss"))
DEED(ss_null, ASM("xor %%eax, %%eax; mov %%ax, %%ss; push %%rax"))
DEED(fs_tss, ASM("mov $0x40, %%ax; mov %%ax, %%fs"))
DEED(gs_beyond, ASM("mov $0xfff8, %%ax; mov %%ax, %%gs"))
DEED(far_kernel, ASM("push $0x10; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:"))
DEED(far_32, ASM("push $0x23; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:"))
DEED(nx, static char code[] = "\xc3"; ((void (*)(void))(void *)code)())
DEED(step, ASM("pushfq; orl $0x100, (%%rsp); popfq; nop"))
DEED(step_call, ASM("pushfq; orl $0x100, (%%rsp); popfq; mov $39, %%eax; syscall; nop"))
/* clang-format on */

/* No signal: a bad stack and flags in a system call are nobody's business but the call's. */
static void
deed_call_odd_stack(void)
{
    long result;

    __asm__ volatile(
        "mov %%rsp, %%r12; mov $0x8000000000000000, %%rsp; mov $39, %%eax; syscall; mov %%r12, %%rsp"
        : "=a"(result)::"rcx", "r11", "r12", "memory");
    _exit(result == getpid() ? 0 : 1);
}

static void
deed_call_flags(void)
{
    long result;

    __asm__ volatile(
        "pushfq; orl $0x40400, (%%rsp); popfq; mov $39, %%eax; syscall; cld; pushfq; andl $~0x40000, (%%rsp);"
        "popfq"
        : "=a"(result)::"rcx", "r11", "memory");
    _exit(result == getpid() ? 0 : 1);
}

static void
deed_segments_zero(void)
{
    ASM("xor %%eax, %%eax; mov %%ax, %%ds; mov %%ax, %%es; mov %%ax, %%gs");
    getpid();
    _exit(0);
}

static const struct deed {
    const char *name;
    void (*run)(void);
    int signal; /* -1: some signal, or none: processors differ, and QEMU from them */
} deeds[] = {
#define ENDS(name, signal)                                                                                   \
    {                                                                                                        \
#name, deed_##name, signal                                                                           \
    }
    ENDS(cli, SIGSEGV),
    ENDS(sti, SIGSEGV),
    ENDS(hlt, SIGSEGV),
    ENDS(in, SIGSEGV),
    ENDS(out, SIGSEGV),
    ENDS(rdmsr, SIGSEGV),
    ENDS(wrmsr, SIGSEGV),
    ENDS(cr0, SIGSEGV),
    ENDS(cr3, SIGSEGV),
    ENDS(cr8, SIGSEGV),
    ENDS(dr7, SIGSEGV),
    ENDS(lgdt, SIGSEGV),
    ENDS(lidt, SIGSEGV),
    ENDS(ltr, SIGSEGV),
    ENDS(invlpg, SIGSEGV),
    ENDS(wbinvd, SIGSEGV),
    ENDS(swapgs, SIGSEGV),
    ENDS(sysret, SIGSEGV),
    ENDS(iret, SIGSEGV),
    ENDS(int8, SIGSEGV),
    ENDS(int14, SIGSEGV),
    ENDS(intff, SIGSEGV),
    ENDS(int3, SIGTRAP),
    ENDS(int1, -1),
    ENDS(ud2, SIGILL),
    ENDS(div, SIGFPE),
    ENDS(read_kernel, SIGSEGV),
    ENDS(write_kernel, SIGSEGV),
    ENDS(direct_map, SIGSEGV),
    ENDS(exec_kernel, SIGSEGV),
    ENDS(odd_read, SIGSEGV),
    ENDS(odd_jump, SIGSEGV),
    ENDS(top_jump, SIGSEGV),
    ENDS(null, SIGSEGV),
    ENDS(stack_kernel, SIGSEGV),
    ENDS(stack_odd, -1),
    ENDS(stack_null, SIGSEGV),
    ENDS(ds_kernel, SIGSEGV),
    ENDS(ss_null, SIGSEGV),
    ENDS(fs_tss, SIGSEGV),
    ENDS(gs_beyond, SIGSEGV),
    ENDS(far_kernel, SIGSEGV),
    ENDS(nx, SIGSEGV),
    ENDS(step, SIGTRAP),
    ENDS(step_call, SIGTRAP),
    ENDS(call_odd_stack, 0),
    ENDS(call_flags, 0),
    ENDS(segments_zero, 0),
    ENDS(int80, -1),
    ENDS(far_32, -1), /* Linux has 32-bit programs, Portolan does not */
};

int
main(void)
{
    int failed = 0;

    for (unsigned i = 0; i < sizeof(deeds) / sizeof(*deeds); i++) {
        const struct deed *d = &deeds[i];
        pid_t pid = fork();
        int status, got;

        if (pid == 0) {
            d->run();
            _exit(99);
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        got = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        if (d->signal >= 0 && (got != d->signal || (!got && WEXITSTATUS(status)))) {
            printf("%s: signal %d, status %d, want signal %d\n", d->name, got, WEXITSTATUS(status),
                   d->signal);
            failed++;
        }
    }
    puts(failed ? "failed" : "ok");
    return failed != 0;
}
