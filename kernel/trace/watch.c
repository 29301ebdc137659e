#include "kernel/trace/watch.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/paging.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/tlb.h"
#include "kernel/cpu/trap.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/space.h"
#include "kernel/sync/mutex.h"
#include "kernel/trace/access.h"
#include "kernel/trace/trace.h"
#include "lib/bytes.h"

#define INSTRUCTION_MAX 15
#define TOUCHES_MAX     4 /* MOVS with both ends on two pages */
#define RFLAGS_TF       BIT64(8)
#define RFLAGS_IF       BIT64(9)

/* An instruction that is being made on this processor: it may touch several watched pages. */
struct step {
    bool active, were_on;
    unsigned count;
    struct touch {
        const struct watch_range *range;
        uintptr_t address;
        bool is_write;
    } touch[TOUCHES_MAX];
    uintptr_t rip, other; /* other: of a copy, where the value is */
    struct access access;
};
PERCPU static struct step steps;

/* [m] lock: who begins, ends, adds and forgets; those who fault read without it */
static struct watch_range watched[WATCHES_MAX]; /* each is fixed but for its size, which becomes 0 */
static unsigned watched_count;                  /* [a] */
static bool watching;                           /* [m] */
static struct mutex lock;

static const struct watch_range *
range_of(uintptr_t address)
{
    unsigned count = __atomic_load_n(&watched_count, __ATOMIC_ACQUIRE);

    for (unsigned i = 0; i < count; i++)
        if (address - watched[i].va < watched[i].size)
            return &watched[i];
    return NULL;
}

/* Other ranges may lie in the same page: they are made present, and taken away, with it. */
static bool
page_is_watched(uintptr_t address)
{
    unsigned count = __atomic_load_n(&watched_count, __ATOMIC_ACQUIRE);
    uintptr_t page = address & ~(uintptr_t)(PAGE_SIZE - 1);

    for (unsigned i = 0; i < count; i++)
        if (watched[i].size && page < watched[i].va + watched[i].size && watched[i].va < page + PAGE_SIZE)
            return true;
    return false;
}

/* A value of the access's size: the register's, as the frame has it, in the order of ModRM's numbers. */
static uint64_t
value_of(const struct trap_frame *f, const struct step *s)
{
    const struct access *a = &s->access;
    const uint64_t reg[16] = {f->rax, f->rcx, f->rdx, f->rbx, f->rsp, f->rbp, f->rsi, f->rdi,
                              f->r8,  f->r9,  f->r10, f->r11, f->r12, f->r13, f->r14, f->r15};
    uint64_t value = a->is_constant ? a->constant : reg[a->reg] >> (a->is_high ? 8 : 0);

    if (a->is_copy)
        value = get_le64((const uint8_t *)s->other);
    return a->size < 8 ? value & (BIT64(8 * a->size) - 1) : value;
}

/* Is the value known, and can it be read? */
static bool
has_value(const struct step *s)
{
    return s->access.is_copy ? !page_is_watched(s->other) && !page_is_watched(s->other + 7) &&
                                   memory_readable((const void *)s->other, 8)
                             : s->access.has_value;
}

static void
note(const struct trap_frame *f, const struct step *s, const struct touch *at, bool is_write)
{
    bool known = has_value(s);
    unsigned how = (is_write ? TRACE_WRITE : 0u) | (known ? 0u : TRACE_VALUE_UNKNOWN);

    if (at->range)
        trace(TRACE_REGISTER, at->range->name, at->range->range | (uint64_t)s->access.size << 8 | how << 16,
              at->address - at->range->va, known ? value_of(f, s) : 0, s->rip);
}

static void
step_begin(struct step *s, struct trap_frame *f)
{
    *s = (struct step){.active = true, .were_on = f->rflags & RFLAGS_IF, .rip = f->rip};
    if (memory_readable((const void *)f->rip, INSTRUCTION_MAX))
        s->access = access_decode((const uint8_t *)f->rip, INSTRUCTION_MAX);
    f->rflags = (f->rflags | RFLAGS_TF) & ~RFLAGS_IF;
}

/* Which way it goes, the instruction says: an emulator faults at the read of one that reads and writes. */
static void
touch_add(struct step *s, const struct trap_frame *f, uintptr_t address)
{
    struct touch *at = &s->touch[s->count++];
    const struct access *a = &s->access;

    *at = (struct touch){.range = range_of(address), .address = address, .is_write = a->is_write};
    if (!a->size)
        at->is_write = f->error & PF_WRITE;
    if (a->is_copy) {
        at->is_write = address - f->rdi < a->size;
        s->other = at->is_write ? f->rsi : f->rdi;
    }
    if (at > s->touch && address - s->touch[0].address < a->size)
        at->range = NULL; /* the rest of an access that lies in two pages */
    if (a->is_update || (!at->is_write && !has_value(s)))
        note(f, s, at, false);
    if (at->is_write)
        note(f, s, at, true);
}

/* In its step, too: an instruction touches more than one page, or another processor has taken its page away meanwhile. */
static bool
fault(struct trap_frame *f, uintptr_t address)
{
    struct step *s = percpu_this(steps);
    bool is_known = false;

    if (f->error & PF_PRESENT || !page_is_watched(address))
        return false;
    if (!s->active)
        step_begin(s, f);
    for (unsigned i = 0; i < s->count; i++)
        is_known |= (s->touch[i].address ^ address) < PAGE_SIZE;
    if (!is_known && s->count == TOUCHES_MAX)
        return false;
    if (!is_known)
        touch_add(s, f, address);
    space_set_present((void *)address, true);
    return true;
}

static bool
stepped(struct trap_frame *f)
{
    struct step *s = percpu_this(steps);

    if (!s->active)
        return false;
    s->active = false;
    f->rflags &= ~RFLAGS_TF;
    if (s->were_on)
        f->rflags |= RFLAGS_IF;
    for (unsigned i = 0; i < s->count; i++) {
        const struct touch *at = &s->touch[i];

        if (s->access.is_exchange || (!at->is_write && has_value(s)))
            note(f, s, at, false);
        if (page_is_watched(at->address))
            space_set_present((void *)at->address, false);
    }
    return true;
}

static bool
watcher(struct trap_frame *f, uint64_t address)
{
    return f->vector == TRAP_PAGE_FAULT ? fault(f, address) : f->vector == TRAP_DEBUG && stepped(f);
}

static void
set_present(const struct watch_range *r, bool present)
{
    for (uintptr_t at = r->va & ~(uintptr_t)(PAGE_SIZE - 1); at < r->va + r->size; at += PAGE_SIZE)
        space_set_present((void *)at, present);
    if (r->size)
        tlb_flush_range(r->va, r->size);
}

static void
add(const struct watch_range *r)
{
    unsigned n = watched_count;
    uint64_t size;

    if (n == WATCHES_MAX || !paging_leaf(r->va, &size) || size != PAGE_SIZE)
        return;
    watched[n] = *r;
    __atomic_store_n(&watched_count, n + 1, __ATOMIC_RELEASE);
    set_present(&watched[n], false);
}

void
watch_init(void)
{
    mutex_init(&lock);
}

void
watch_begin(const struct watch_range *ranges, unsigned count)
{
    mutex_lock(&lock, WAIT_FOREVER);
    trap_watch(watcher);
    watching = true;
    for (unsigned i = 0; i < count; i++)
        add(&ranges[i]);
    mutex_unlock(&lock);
}

void
watch_add(const struct watch_range *range)
{
    mutex_lock(&lock, WAIT_FOREVER);
    if (watching)
        add(range);
    mutex_unlock(&lock);
}

/*
 * From here on nobody takes their pages away: who is in its one step finds them watched no more. It may have looked just before,
 * so the pages are given back when all processors have been told. The watcher stays: a step may be on its way.
 */
static void
give_back(struct watch_range *r)
{
    struct watch_range was = *r;

    __atomic_store_n(&r->size, 0, __ATOMIC_SEQ_CST);
    set_present(&was, true);
    set_present(&was, true);
}

void
watch_end(void)
{
    mutex_lock(&lock, WAIT_FOREVER);
    for (unsigned i = 0; i < watched_count; i++)
        give_back(&watched[i]);
    __atomic_store_n(&watched_count, 0, __ATOMIC_RELEASE);
    watching = false;
    mutex_unlock(&lock);
}

void
watch_forget(const void *va, uint64_t size)
{
    mutex_lock(&lock, WAIT_FOREVER);
    for (unsigned i = 0; i < watched_count; i++)
        if (watched[i].va - (uintptr_t)va < size)
            give_back(&watched[i]);
    mutex_unlock(&lock);
}
