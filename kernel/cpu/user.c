/*
 * Ring 3 from C: registers that belong to it, faults on its memory, its FPU state.
 */
#include "kernel/cpu/user.h"
#include "kernel/console/log.h"
#include "kernel/cpu/context.h"
#include "kernel/cpu/features.h"
#include "kernel/cpu/fpu.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/regs.h"
#include "kernel/cpu/segments.h"
#include "kernel/cpu/smp.h"
#include "kernel/cpu/tlb.h"
#include "lib/errno.h"
#include "lib/string.h"

/* What a program may have in RFLAGS by its own deed. */
#define RFLAGS_PROGRAM (RFLAGS_STATUS | RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_AC | RFLAGS_ID)
/* What SYSCALL clears. */
#define RFLAGS_ENTRY   (RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_RF | RFLAGS_AC)

struct fixup {
    uint64_t from, to;
};
extern const struct fixup fixups_start[], fixups_end[];

void syscall_entry(void);
void user_door(struct trap_frame *f);
_Noreturn void user_enter_at(struct trap_frame *f);
int user_copy_raw(void *to, const void *from, size_t n);
int user_clear_raw(uintptr_t to, size_t n);
long user_string_raw(char *to, const char *from, size_t size);
int user_load32_raw(uintptr_t from, uint32_t *value);
int user_cmpxchg32_raw(uintptr_t at, uint32_t expected, uint32_t desired, uint32_t *was);

extern bool user_smap;
bool user_smap; /* [I] for usercopy.S and trap.S */

struct user_vectors user_vectors; /* [I] */
static uint64_t kernel_root;      /* [I] */

_Static_assert(offsetof(struct user_vectors, calls) == USER_VECTORS_CALLS, "syscall.S");
_Static_assert(offsetof(struct user_vectors, count) == USER_VECTORS_COUNT, "syscall.S");
_Static_assert(offsetof(struct user_vectors, unknown) == USER_VECTORS_UNKNOWN, "syscall.S");

/* SDM vol. 3A, 5.8.8: SYSRET takes CS from STAR[63:48] + 16 and SS from STAR[63:48] + 8. */
void
user_init_cpu(void)
{
    msr_write(MSR_STAR, (uint64_t)(USER_CS - 16) << 48 | (uint64_t)KERNEL_CS << 32);
    msr_write(MSR_LSTAR, (uint64_t)syscall_entry);
    msr_write(MSR_CSTAR, (uint64_t)syscall_entry); /* out of reach: there is no 32-bit code segment */
    msr_write(MSR_FMASK, RFLAGS_ENTRY);
    msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SCE);
}

void
user_init(const struct user_vectors *v)
{
    ASSERT(v->count <= SYSCALL_MAX);
    user_vectors = *v;
    kernel_root = cr3_read();
    user_smap = cpu_has(CPU_SMAP);
}

/* ---- registers ---- */

struct trap_frame *
user_frame(void)
{
    return (struct trap_frame *)percpu_self()->kernel_stack - 1;
}

void
user_frame_init(struct trap_frame *f, uintptr_t rip, uintptr_t rsp)
{
    *f = (struct trap_frame){.vector = TRAP_REPLACED,
                             .rip = rip,
                             .rsp = rsp,
                             .cs = USER_CS,
                             .ss = USER_DS,
                             .rflags = RFLAGS_FIXED | RFLAGS_IF};
}

int
user_frame_sanitize(struct trap_frame *f)
{
    f->cs = USER_CS;
    f->ss = USER_DS;
    f->rflags = (f->rflags & RFLAGS_PROGRAM) | RFLAGS_FIXED | RFLAGS_IF;
    return f->rip < USER_END ? 0 : -EFAULT;
}

/*
 * Interrupts off, and off on return. IRET to an address that is not canonical would fault in the kernel: 0 faults in the
 * program instead.
 */
void
user_door(struct trap_frame *f)
{
    const struct context *c = (const struct context *)thread_current();

    while (__atomic_load_n(&c->user_work, __ATOMIC_ACQUIRE)) {
        interrupts_on();
        user_vectors.leave(f);
        interrupts_off();
        c = (const struct context *)thread_current();
    }
    if (f->rip >= USER_END)
        f->rip = 0;
}

void
user_enter(const struct trap_frame *f)
{
    struct trap_frame *at;

    interrupts_off();
    at = user_frame();
    *at = *f;
    user_enter_at(at);
}

/*
 * Page tables for this processor; 0: the kernel's own. Before CR3 is written, others see in user_root what comes, for
 * flushes, and until it is written in root_left what goes, for its end. IRQL: >= DISPATCH_LEVEL.
 */
static void
root_load(uint64_t root)
{
    struct percpu_head *self = percpu_self();

    __atomic_store_n(&self->root_left, self->user_root, __ATOMIC_RELEASE);
    __atomic_store_n(&self->user_root, root, __ATOMIC_RELEASE);
    cr3_write(root ? root : kernel_root);
    __atomic_store_n(&self->root_left, 0, __ATOMIC_RELEASE);
}

void
user_switch(const struct user_context *to, uintptr_t stack_top)
{
    struct percpu_head *self = percpu_self();

    self->kernel_stack = stack_top;
    segments_set_kernel_stack(stack_top);
    segments_reset_user();
    msr_write(MSR_FS_BASE, to->fs_base);
    msr_write(MSR_KERNEL_GS_BASE, to->gs_base);
    if (to->root != self->user_root)
        root_load(to->root);
}

static struct user_context *
context_here(void)
{
    return ((const struct context *)thread_current())->user;
}

int
user_set_fs(uint64_t base)
{
    uint8_t old;

    if (base >= USER_END)
        return -EPERM;
    old = irql_raise(DISPATCH_LEVEL);
    context_here()->fs_base = base;
    msr_write(MSR_FS_BASE, base);
    irql_lower(old);
    return 0;
}

int
user_set_gs(uint64_t base)
{
    uint8_t old;

    if (base >= USER_END)
        return -EPERM;
    old = irql_raise(DISPATCH_LEVEL);
    context_here()->gs_base = base;
    msr_write(MSR_KERNEL_GS_BASE, base);
    irql_lower(old);
    return 0;
}

void
user_set_root(uint64_t root)
{
    struct user_context *c = context_here();
    uint8_t old = irql_raise(DISPATCH_LEVEL);

    c->root = root;
    root_load(root);
    irql_lower(old);
}

/* ---- page tables that go, translations that change ---- */

/* May come in the middle of root_load(). */
static void
root_forget_here(void *root)
{
    struct percpu_head *self = percpu_self();

    if (self->user_root == (uint64_t)root)
        __atomic_store_n(&self->user_root, 0, __ATOMIC_RELEASE);
    cr3_write(self->user_root ? self->user_root : kernel_root);
}

/* The processors that have these tables loaded, or are about to. */
static uint64_t
root_mask(uint64_t root)
{
    uint64_t mask = 0;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (uint32_t n = 0; n < cpu_count(); n++)
        if (__atomic_load_n(&percpu_blocks[n]->user_root, __ATOMIC_ACQUIRE) == root ||
            __atomic_load_n(&percpu_blocks[n]->root_left, __ATOMIC_ACQUIRE) == root)
            mask |= BIT64(n);
    return mask;
}

void
user_root_forget(uint64_t root)
{
    uint64_t mask = root_mask(root);

    if (mask)
        smp_call(mask, root_forget_here, (void *)root);
}

void
user_flush(uint64_t root, uintptr_t va, size_t size)
{
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    uint64_t mask = root_mask(root);

    if (mask)
        tlb_flush_range_on(mask, va, size);
    irql_lower(old);
}

/* ---- memory ---- */

static bool
range_ok(uintptr_t at, size_t n)
{
    return at <= USER_END && n <= USER_END - at;
}

int
user_read(void *to, uintptr_t from, size_t n)
{
    return range_ok(from, n) ? user_copy_raw(to, (const void *)from, n) : -EFAULT;
}

int
user_write(uintptr_t to, const void *from, size_t n)
{
    return range_ok(to, n) ? user_copy_raw((void *)to, from, n) : -EFAULT;
}

int
user_clear(uintptr_t to, size_t n)
{
    return range_ok(to, n) ? user_clear_raw(to, n) : -EFAULT;
}

long
user_read_string(char *to, uintptr_t from, size_t size)
{
    size_t room = from < USER_END ? USER_END - from : 0;
    long n;

    if (!room)
        return -EFAULT;
    n = user_string_raw(to, (const char *)from, size < room ? size : room);
    if (n < 0 || (size_t)n < (size < room ? size : room))
        return n;
    return size <= room ? -ENAMETOOLONG : -EFAULT;
}

int
user_load32(uintptr_t from, uint32_t *value)
{
    if (from % sizeof(*value))
        return -EINVAL;
    return range_ok(from, sizeof(*value)) ? user_load32_raw(from, value) : -EFAULT;
}

int
user_cmpxchg32(uintptr_t at, uint32_t expected, uint32_t desired, uint32_t *was)
{
    if (at % sizeof(*was))
        return -EINVAL;
    return range_ok(at, sizeof(*was)) ? user_cmpxchg32_raw(at, expected, desired, was) : -EFAULT;
}

bool
user_fault(struct trap_frame *f, uint64_t address)
{
    const struct fixup *x = fixups_start;

    if (address >= USER_END)
        return false;
    while (x < fixups_end && x->from != f->rip)
        x++;
    if (x == fixups_end)
        return false;
    if ((f->rflags & RFLAGS_IF) && irql_current() == PASSIVE_LEVEL && context_here()) {
        int err;

        interrupts_on();
        err = user_vectors.page_fault(address, f->error);
        interrupts_off();
        if (!err)
            return true;
    }
    f->rip = x->to;
    return true;
}

/* ---- FPU state ---- */

#define XSTATE_BV     512 /* SDM vol. 1, 13.4.2: the header behind the legacy region */
#define XSTATE_HEADER 64
#define MXCSR_AT      24
#define MXCSR_ALLOWED                                                                                        \
    0xffbfu /* without the bit that old processors lack (DAZ is allowed where MXCSR_MASK says so) */

static void
fpu_store(void *area)
{
    if (cpu_has(CPU_XSAVE))
        __asm__ volatile("xsave64 (%0)" ::"r"(area), "a"(-1), "d"(-1) : "memory");
    else
        __asm__ volatile("fxsave64 (%0)" ::"r"(area) : "memory");
}

static void
fpu_load(const void *area)
{
    if (cpu_has(CPU_XSAVE))
        __asm__ volatile("xrstor64 (%0)" ::"r"(area), "a"(-1), "d"(-1) : "memory");
    else
        __asm__ volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
}

size_t
user_fpu_size(void)
{
    return fpu_area_size();
}

/* The thread's own area is free while it runs: the next switch writes it. */
int
user_fpu_save(uintptr_t to)
{
    uint8_t *area = ((const struct context *)thread_current())->fpu;
    uint8_t old = irql_raise(DISPATCH_LEVEL);

    memset(area, 0, fpu_area_size());
    fpu_store(area);
    irql_lower(old);
    /* A switch may come while this is copied: what it writes is the same state, the kernel changes none. */
    return user_write(to, area, fpu_area_size());
}

/* Whatever a program wrote there: no reserved bits, no component that is not enabled (SDM vol. 1, 13.8.1). */
static void
fpu_sanitize(uint8_t *area)
{
    uint32_t mxcsr;
    uint64_t components;

    memcpy(&mxcsr, area + MXCSR_AT, sizeof(mxcsr));
    mxcsr &= MXCSR_ALLOWED;
    memcpy(area + MXCSR_AT, &mxcsr, sizeof(mxcsr));
    if (!cpu_has(CPU_XSAVE))
        return;
    memcpy(&components, area + XSTATE_BV, sizeof(components));
    components &= fpu_components();
    memset(area + XSTATE_BV, 0, XSTATE_HEADER);
    memcpy(area + XSTATE_BV, &components, sizeof(components));
}

int
user_fpu_restore(uintptr_t from, void *scratch)
{
    uint8_t *area = (uint8_t *)ALIGN_UP((uintptr_t)scratch, (uintptr_t)FPU_ALIGN);
    uint8_t old;

    if (user_read(area, from, fpu_area_size()))
        return -EFAULT;
    fpu_sanitize(area);
    old = irql_raise(DISPATCH_LEVEL);
    fpu_load(area);
    irql_lower(old);
    return 0;
}

void
user_fpu_copy(struct thread *to)
{
    void *area = ((struct context *)to)->fpu;
    uint8_t old = irql_raise(DISPATCH_LEVEL);

    fpu_store(area);
    irql_lower(old);
}

void
user_fpu_reset(void)
{
    uint8_t *area = ((const struct context *)thread_current())->fpu;
    uint8_t old = irql_raise(DISPATCH_LEVEL);

    memset(area, 0, fpu_area_size());
    fpu_area_init(area);
    fpu_load(area);
    irql_lower(old);
}

uint64_t
user_syscall_count(uint64_t n)
{
    uint64_t sum = 0;

    for (uint32_t cpu = 0; n < SYSCALL_MAX && cpu < cpu_count(); cpu++)
        sum += __atomic_load_n(&percpu_blocks[cpu]->syscalls[n], __ATOMIC_RELAXED);
    return sum;
}
