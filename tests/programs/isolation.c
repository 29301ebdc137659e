/* What ring 3 must not do: each deed in a child, which must end by the signal that belongs to it. */
#define _GNU_SOURCE
#include "check.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ASM(text) __asm__ volatile(text ::: "memory", "rax", "rcx", "rdx")

/* clang-format off */
static void deed_cli(void)    { ASM("cli"); }
static void deed_sti(void)    { ASM("sti"); }
static void deed_hlt(void)    { ASM("hlt"); }
static void deed_in(void)     { ASM("mov $0x60, %%dx; in %%dx, %%al"); }
static void deed_out(void)    { ASM("mov $0x80, %%dx; out %%al, %%dx"); }
static void deed_rdmsr(void)  { ASM("mov $0xc0000080, %%ecx; rdmsr"); }
static void deed_wrmsr(void)  { ASM("mov $0xc0000080, %%ecx; xor %%eax, %%eax; xor %%edx, %%edx; wrmsr"); }
static void deed_cr0(void)    { ASM("mov %%cr0, %%rax"); }
static void deed_cr3(void)    { ASM("mov %%rax, %%cr3"); }
static void deed_cr8(void)    { ASM("mov $15, %%eax; mov %%rax, %%cr8"); }
static void deed_dr7(void)    { ASM("mov %%rax, %%dr7"); }
static void deed_lgdt(void)   { char b[10] = {0}; __asm__ volatile("lgdt %0" :: "m"(b)); }
static void deed_lidt(void)   { char b[10] = {0}; __asm__ volatile("lidt %0" :: "m"(b)); }
static void deed_ltr(void)    { ASM("mov $0x40, %%ax; ltr %%ax"); }
static void deed_invlpg(void) { ASM("invlpg (%%rsp)"); }
static void deed_wbinvd(void) { ASM("wbinvd"); }
static void deed_swapgs(void) { ASM("swapgs"); }
static void deed_sysret(void) { ASM("sysretq"); }
static void deed_iret(void)   { ASM("push $0x18; push %%rsp; push $0x202; push $0x10; push $0x1000; iretq"); }
static void deed_int8(void)   { ASM("int $8"); }
static void deed_int14(void)  { ASM("int $14"); }
static void deed_int80(void)  { ASM("int $0x80"); }
static void deed_intff(void)  { ASM("int $0xff"); }
static void deed_int3(void)   { ASM("int3"); }
static void deed_int1(void)   { ASM(".byte 0xf1"); }
static void deed_ud2(void)    { ASM("ud2"); }
static void deed_div(void)    { ASM("xor %%ecx, %%ecx; mov $1, %%eax; cltd; idiv %%ecx"); }
static void deed_read_kernel(void)  { *(volatile char *)0xffffffff80100000; }
static void deed_write_kernel(void) { *(volatile char *)0xffffffff80100000 = 0; }
static void deed_direct_map(void)   { *(volatile char *)0xffff800000000000; }
static void deed_exec_kernel(void)  { ((void (*)(void))0xffffffff80100000)(); }
static void deed_odd_read(void)     { *(volatile char *)0x8000000000001000; }
static void deed_odd_jump(void)     { ((void (*)(void))0x8000000000001000)(); }
static void deed_top_jump(void)     { ((void (*)(void))0x7ffffffffffe)(); }
static void deed_null(void)         { *(volatile char *)0; }
static void deed_stack_kernel(void) { ASM("mov $0xffffffff80200000, %%rsp; push %%rax"); }
static void deed_stack_odd(void)    { ASM("mov $0x8000000000000000, %%rsp; push %%rax"); }
static void deed_stack_null(void)   { ASM("xor %%esp, %%esp; push %%rax"); }
static void deed_ds_kernel(void)    { ASM("mov $0x10, %%ax; mov %%ax, %%ss"); }
static void deed_ss_null(void)      { ASM("xor %%eax, %%eax; mov %%ax, %%ss; push %%rax"); }
static void deed_fs_tss(void)       { ASM("mov $0x40, %%ax; mov %%ax, %%fs"); }
static void deed_gs_beyond(void)    { ASM("mov $0xfff8, %%ax; mov %%ax, %%gs"); }
static void deed_far_kernel(void)   { ASM("push $0x10; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:"); }
static void deed_far_32(void)       { ASM("push $0x23; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:"); }
static void deed_nx(void)           { static char code[] = "\xc3"; ((void (*)(void))(void *)code)(); }
static void deed_step(void)         { ASM("pushfq; orl $0x100, (%%rsp); popfq; nop"); }
static void deed_step_call(void)    { ASM("pushfq; orl $0x100, (%%rsp); popfq; mov $39, %%eax; syscall; nop"); }
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
    int signal;
} deeds[] = {
#define DEED(name, signal)                                                                                   \
    {                                                                                                        \
#name, deed_##name, signal                                                                           \
    }
    DEED(cli, SIGSEGV),
    DEED(sti, SIGSEGV),
    DEED(hlt, SIGSEGV),
    DEED(in, SIGSEGV),
    DEED(out, SIGSEGV),
    DEED(rdmsr, SIGSEGV),
    DEED(wrmsr, SIGSEGV),
    DEED(cr0, SIGSEGV),
    DEED(cr3, SIGSEGV),
    DEED(cr8, SIGSEGV),
    DEED(dr7, SIGSEGV),
    DEED(lgdt, SIGSEGV),
    DEED(lidt, SIGSEGV),
    DEED(ltr, SIGSEGV),
    DEED(invlpg, SIGSEGV),
    DEED(wbinvd, SIGSEGV),
    DEED(swapgs, SIGSEGV),
    DEED(sysret, SIGSEGV),
    DEED(iret, SIGSEGV),
    DEED(int8, SIGSEGV),
    DEED(int14, SIGSEGV),
    DEED(intff, SIGSEGV),
    DEED(int3, SIGTRAP),
    DEED(int1, SIGTRAP),
    DEED(ud2, SIGILL),
    DEED(div, SIGFPE),
    DEED(read_kernel, SIGSEGV),
    DEED(write_kernel, SIGSEGV),
    DEED(direct_map, SIGSEGV),
    DEED(exec_kernel, SIGSEGV),
    DEED(odd_read, SIGSEGV),
    DEED(odd_jump, SIGSEGV),
    DEED(top_jump, SIGSEGV),
    DEED(null, SIGSEGV),
    DEED(stack_kernel, SIGSEGV),
    DEED(stack_odd, SIGBUS),
    DEED(stack_null, SIGSEGV),
    DEED(ds_kernel, SIGSEGV),
    DEED(ss_null, SIGSEGV),
    DEED(fs_tss, SIGSEGV),
    DEED(gs_beyond, SIGSEGV),
    DEED(far_kernel, SIGSEGV),
    DEED(nx, SIGSEGV),
    DEED(step, SIGTRAP),
    DEED(step_call, SIGTRAP),
    DEED(call_odd_stack, 0),
    DEED(call_flags, 0),
    DEED(segments_zero, 0),
    DEED(int80, -1),
    DEED(far_32, -1), /* Linux has 32-bit programs, Portolan does not */
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
