#include "kernel/sys/sigframe.h"
#include "kernel/cpu/segments.h"
#include "kernel/mem/pool.h"
#include "kernel/sched/process.h"
#include "lib/errno.h"
#include "lib/field.h"

#define TAG       POOL_TAG('s', 'i', 'g', 'f')
#define RED_ZONE  128 /* below RSP, and the program's nevertheless (System V ABI, AMD64, 3.2.2) */
#define FPU_ALIGN 64

/* What a handler must not inherit (SDM vol. 1, 3.4.3): single-stepping, direction, resume. */
#define RFLAGS_CLEARED (BIT64(8) | BIT64(10) | BIT64(16))

size_t
sigframe_size(void)
{
    return sizeof(struct sigframe) + user_fpu_size() + FPU_ALIGN + RED_ZONE + 16;
}

/* ---- the alternate stack ---- */

static bool
is_on_altstack(const struct task *t, uintptr_t sp)
{
    return t->altstack_size && !(t->altstack_flags & SS_AUTODISARM) && sp > t->altstack &&
           sp - t->altstack <= t->altstack_size;
}

void
sigstack_get(struct sigstack *s, uintptr_t sp)
{
    const struct task *t = task_current();

    *s = (struct sigstack){.sp = t->altstack, .size = t->altstack_size};
    s->flags = (int32_t)(t->altstack_flags | (t->altstack_size == 0   ? SS_DISABLE
                                              : is_on_altstack(t, sp) ? SS_ONSTACK
                                                                      : 0));
}

int
sigstack_set(const struct sigstack *s, uintptr_t sp)
{
    struct task *t = task_current();
    unsigned flags = (unsigned)s->flags, mode = flags & ~SS_AUTODISARM;

    if (is_on_altstack(t, sp))
        return -EPERM;
    if (mode != 0 && mode != SS_ONSTACK && mode != SS_DISABLE)
        return -EINVAL;
    if (mode == SS_DISABLE) {
        t->altstack = t->altstack_size = t->altstack_flags = 0;
        return 0;
    }
    if (s->size < SIGSTACK_MIN)
        return -ENOMEM;
    t->altstack = s->sp;
    t->altstack_size = s->size;
    t->altstack_flags = flags & SS_AUTODISARM;
    return 0;
}

/* ---- into the handler ---- */

static void
context_fill(struct ucontext *u, const struct trap_frame *f, uint64_t mask)
{
    const struct task *t = task_current();
    struct sigcontext *c = &u->context;

    *c = (struct sigcontext){.r8 = f->r8,
                             .r9 = f->r9,
                             .r10 = f->r10,
                             .r11 = f->r11,
                             .r12 = f->r12,
                             .r13 = f->r13,
                             .r14 = f->r14,
                             .r15 = f->r15,
                             .rdi = f->rdi,
                             .rsi = f->rsi,
                             .rbp = f->rbp,
                             .rbx = f->rbx,
                             .rdx = f->rdx,
                             .rax = f->rax,
                             .rcx = f->rcx,
                             .rsp = f->rsp,
                             .rip = f->rip,
                             .rflags = f->rflags,
                             .cs = (uint16_t)f->cs,
                             .ss = (uint16_t)f->ss,
                             .error = f->vector < TRAP_EXCEPTIONS ? f->error : 0,
                             .trap = f->vector < TRAP_EXCEPTIONS ? f->vector : 0,
                             .old_mask = mask,
                             .cr2 = t->fault_address};
    sigstack_get(&u->stack, f->rsp);
    u->mask = mask;
}

int
sigframe_push(struct trap_frame *f, const struct signal_action *a, const struct signal_info *info,
              uint64_t mask)
{
    struct task *t = task_current();
    struct sigframe frame = {.return_address = a->restorer, .info = *info};
    uintptr_t sp = f->rsp - RED_ZONE, fpu, at;

    if (!(a->flags & SA_RESTORER))
        return -EFAULT;
    if ((a->flags & SA_ONSTACK) && t->altstack_size && !is_on_altstack(t, f->rsp))
        sp = t->altstack + t->altstack_size;
    fpu = ALIGN_DOWN(sp - user_fpu_size(), (uintptr_t)FPU_ALIGN);
    at = ALIGN_DOWN(fpu - sizeof(frame), 16ul) - 8; /* as if the handler had been called */
    if (sp > USER_END || at > USER_END)
        return -EFAULT;
    context_fill(&frame.context, f, mask);
    frame.context.flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
    frame.context.context.fpu = fpu;
    if (user_fpu_save(fpu) || user_write(at, &frame, sizeof(frame)))
        return -EFAULT;
    if (t->altstack_flags & SS_AUTODISARM)
        t->altstack = t->altstack_size = t->altstack_flags = 0;
    user_fpu_reset();
    f->rdi = (uint64_t)info->signo;
    f->rsi = at + offsetof(struct sigframe, info);
    f->rdx = at + offsetof(struct sigframe, context);
    f->rax = 0;
    f->rsp = at;
    f->rip = a->handler;
    f->rflags &= ~RFLAGS_CLEARED;
    f->cs = USER_CS;
    f->ss = USER_DS;
    f->vector = TRAP_REPLACED;
    return 0;
}

/* ---- and back ---- */

static int
context_restore(struct trap_frame *f, const struct sigcontext *c)
{
    *f = (struct trap_frame){.r8 = c->r8,
                             .r9 = c->r9,
                             .r10 = c->r10,
                             .r11 = c->r11,
                             .r12 = c->r12,
                             .r13 = c->r13,
                             .r14 = c->r14,
                             .r15 = c->r15,
                             .rdi = c->rdi,
                             .rsi = c->rsi,
                             .rbp = c->rbp,
                             .rbx = c->rbx,
                             .rdx = c->rdx,
                             .rax = c->rax,
                             .rcx = c->rcx,
                             .rsp = c->rsp,
                             .rip = c->rip,
                             .rflags = c->rflags,
                             .vector = TRAP_REPLACED};
    return user_frame_sanitize(f);
}

static int
fpu_restore(uintptr_t from)
{
    void *scratch;
    int err;

    if (!from) {
        user_fpu_reset();
        return 0;
    }
    scratch = pool_alloc(user_fpu_size() + FPU_ALIGN, TAG);
    if (!scratch)
        return -EFAULT;
    err = user_fpu_restore(from, scratch);
    pool_free(scratch, TAG);
    return err;
}

int
sigframe_pop(struct trap_frame *f)
{
    struct sigframe frame;

    /* The handler's return has taken the return address off the stack. */
    if (user_read(&frame, f->rsp - sizeof(uint64_t), sizeof(frame)))
        return -EFAULT;
    if (context_restore(f, &frame.context.context) || fpu_restore(frame.context.context.fpu))
        return -EFAULT;
    signal_mask_set(frame.context.mask);
    (void)sigstack_set(&frame.context.stack, f->rsp); /* as on Linux, what is wrong there is no error */
    return 0;
}
