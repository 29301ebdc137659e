/*
 * Processes by number: who has which, and beginning and end of the structures.
 *
 * I1  A number is in use as long as anybody has a reference: the process, each task, each member of the group and
 *     of the session that bear it. So a group keeps its number when its leader has gone.
 * I2  number->process is set from process_publish() to process_reap(), number->task from task_start() to task_leave():
 *     what is found by number under numbers_lock is there as long as the lock is held.
 * I3  A process is freed with its last reference; the tree has one, each task has one.
 */
#include "kernel/mem/pool.h"
#include "kernel/sched/process_impl.h"
#include "lib/field.h"
#include "lib/string.h"

#define TAG         POOL_TAG('p', 'r', 'o', 'c')
#define NUMBER_TAG  POOL_TAG('p', 'i', 'd', ' ')
#define HASH_CHAINS 512

spinlock_t numbers_lock = SPINLOCK(LOCK_NUMBERS, "process numbers");
struct list processes = LIST_INIT(processes);
static struct number *table[HASH_CHAINS]; /* [n] */
static int last_number;                   /* [n] given out */
static unsigned count;                    /* [a] processes, also those not yet or no more seen */

/* ---- numbers ---- */

static struct number **
chain_of(int value)
{
    return &table[(unsigned)value % HASH_CHAINS];
}

struct number *
number_find(int value)
{
    struct number *n = *chain_of(value);

    assert_held(&numbers_lock);
    while (n && n->value != value)
        n = n->next;
    return n;
}

/* Locks: numbers_lock. Returns: a number that nobody has, or 0. */
static int
number_pick(void)
{
    for (int tries = 0; tries < PID_MAX; tries++) {
        last_number = last_number + 1 < PID_MAX ? last_number + 1 : PID_FIRST;
        if (!number_find(last_number))
            return last_number;
    }
    return 0;
}

struct number *
number_new(void)
{
    struct number *n = pool_zalloc(sizeof(*n), NUMBER_TAG);
    uint8_t old;

    if (!n)
        return NULL;
    list_init(&n->members);
    n->refs = 1;
    old = spin_lock(&numbers_lock);
    n->value = number_pick();
    if (n->value) {
        n->next = *chain_of(n->value);
        *chain_of(n->value) = n;
    }
    spin_unlock(&numbers_lock, old);
    if (n->value)
        return n;
    pool_free(n, NUMBER_TAG);
    return NULL;
}

void
number_put(struct number *n)
{
    struct number **link = chain_of(n->value);

    assert_held(&numbers_lock);
    if (--n->refs)
        return;
    while (*link != n)
        link = &(*link)->next;
    *link = n->next;
    pool_free(n, NUMBER_TAG);
}

/* ---- beginning and end ---- */

static void
limits_init(struct process *p)
{
    for (unsigned i = 0; i < RLIMITS; i++)
        p->limits[i] = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
    p->limits[RLIMIT_STACK].now = MiB(8);
    p->limits[RLIMIT_CORE].now = 0;
    p->limits[RLIMIT_NPROC] = (struct rlimit){PROCESS_MAX, PROCESS_MAX};
    p->limits[RLIMIT_NOFILE] = (struct rlimit){1024, 4096};
    p->limits[RLIMIT_MEMLOCK] = (struct rlimit){MiB(8), MiB(8)};
}

static void
process_prepare(struct process *p)
{
    p->refs = 1;
    spin_init(&p->lock, LOCK_PROCESS, "process");
    list_init(&p->member);
    list_init(&p->children);
    list_init(&p->sibling);
    list_init(&p->all);
    list_init(&p->tasks);
    list_init(&p->queued);
    list_init(&p->aio);
    poll_queue_init(&p->child_queue);
    event_init(&p->resume, EVENT_MANUAL, true);
    event_init(&p->alone, EVENT_AUTO, false);
    p->start_ns = time_now();
    limits_init(p);
}

int
process_new(struct process **out)
{
    struct process *p;

    if (__atomic_add_fetch(&count, 1, __ATOMIC_RELAXED) > PROCESS_MAX) {
        __atomic_sub_fetch(&count, 1, __ATOMIC_RELAXED);
        return -EAGAIN;
    }
    p = pool_zalloc(sizeof(*p), TAG);
    if (!p)
        goto count;
    p->number = number_new();
    if (!p->number)
        goto process;
    p->pid = p->number->value;
    process_prepare(p);
    *out = p;
    return 0;
process:
    pool_free(p, TAG);
count:
    __atomic_sub_fetch(&count, 1, __ATOMIC_RELAXED);
    return -ENOMEM;
}

void
process_get(struct process *p)
{
    __atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED);
}

void
process_put(struct process *p)
{
    uint8_t old;

    if (__atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL))
        return;
    DEBUG_ASSERT(!p->space && !p->files && !p->fs && !p->executable && !p->actions);
    DEBUG_ASSERT(list_empty(&p->queued) && list_empty(&p->children));
    old = spin_lock(&numbers_lock);
    number_put(p->number);
    spin_unlock(&numbers_lock, old);
    pool_free(p, TAG);
    __atomic_sub_fetch(&count, 1, __ATOMIC_RELAXED);
}

unsigned
process_count(void)
{
    return __atomic_load_n(&count, __ATOMIC_RELAXED);
}

/* ---- finding ---- */

struct process *
process_find(int pid)
{
    uint8_t old = spin_lock(&numbers_lock);
    struct number *n = number_find(pid);
    struct process *p = n ? n->process : NULL;

    if (p)
        process_get(p);
    spin_unlock(&numbers_lock, old);
    return p;
}

void
process_for_each(void (*show)(void *context, struct process *p), void *context)
{
    struct process *p;

    process_tree_lock();
    list_for_each_entry(p, &processes, all)
        show(context, p);
    process_tree_unlock();
}

unsigned
process_list(int after, int *pids, unsigned n)
{
    struct process *p;
    unsigned found = 0;
    uint8_t old = spin_lock(&numbers_lock);

    list_for_each_entry(p, &processes, all) {
        if (found == n)
            break;
        if (p->pid > after)
            pids[found++] = p->pid;
    }
    spin_unlock(&numbers_lock, old);
    return found;
}

uint64_t
process_time(struct process *p)
{
    uint8_t old = spin_lock(&p->lock);
    uint64_t ns = p->dead_ns;
    struct task *t;

    list_for_each_entry(t, &p->tasks, link)
        ns += thread_time(t->thread);
    spin_unlock(&p->lock, old);
    return ns;
}

struct vm_space *
process_space(struct process *p)
{
    uint8_t old = spin_lock(&p->lock);
    struct vm_space *s = p->space;

    if (s)
        vm_get(s);
    spin_unlock(&p->lock, old);
    return s;
}
