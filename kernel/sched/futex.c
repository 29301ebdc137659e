/*
 * Futexes: chains of waiters, found by the page and offset of the word they wait for.
 *
 * I1  A chain's mutex is held while the word is compared and the waiter put in, and while waiters are taken out: so no
 *     wake-up falls between. (A mutex, since looking at the word may take a page fault.)
 * I2  A waiter's chain and key change with the mutexes of the old and the new chain held. waiter->chain is NULL once it
 *     has been taken out; who takes it out sets its event.
 * I3  Two chains are locked in the order of their addresses.
 */
#include "kernel/sched/futex.h"
#include "kernel/sched/process.h"
#include "lib/field.h"

#define CHAINS 128

struct chain {
    struct mutex lock;
    struct list waiters; /* [lock] */
};

/* On the stack of who waits. */
struct waiter {
    struct list link;
    struct chain *chain; /* [a] I2 */
    struct vm_key key;   /* I2 */
    uint32_t mask;
    struct event event;
};

static struct chain chains[CHAINS];

void
futex_init(void)
{
    for (unsigned i = 0; i < CHAINS; i++) {
        mutex_init(&chains[i].lock);
        list_init(&chains[i].waiters);
    }
}

static int
key_get(uintptr_t at, bool shared, struct vm_key *key)
{
    if (at % sizeof(uint32_t))
        return -EINVAL;
    if (at >= USER_END)
        return -EFAULT;
    return vm_key(process_current()->space, at, shared, key);
}

static bool
key_equal(const struct vm_key *a, const struct vm_key *b)
{
    return a->object == b->object && a->offset == b->offset;
}

static struct chain *
chain_of(const struct vm_key *key)
{
    uint64_t h = (key->object >> 4 ^ key->offset >> 2) * 0x9e3779b97f4a7c15ull;

    return &chains[h >> 32 & (CHAINS - 1)];
}

static void
chain_lock(struct chain *c)
{
    mutex_lock(&c->lock, WAIT_FOREVER);
}

/* I3 */
static void
chains_lock(struct chain *a, struct chain *b)
{
    chain_lock(a < b ? a : b);
    if (a != b)
        chain_lock(a < b ? b : a);
}

static void
chains_unlock(struct chain *a, struct chain *b)
{
    mutex_unlock(&a->lock);
    if (a != b)
        mutex_unlock(&b->lock);
}

/* ---- waiting ---- */

/* Put in, if the word is as it should be. */
static int
waiter_enter(struct waiter *w, uintptr_t at, uint32_t value)
{
    struct chain *c = chain_of(&w->key);
    uint32_t is;
    int err;

    chain_lock(c);
    err = user_load32(at, &is);
    if (!err && is != value)
        err = -EAGAIN;
    if (!err) {
        __atomic_store_n(&w->chain, c, __ATOMIC_RELAXED);
        list_add_tail(&c->waiters, &w->link);
    }
    mutex_unlock(&c->lock);
    return err;
}

/* Take out, wherever it is now. Returns: was it still in? */
static bool
waiter_leave(struct waiter *w)
{
    struct chain *c;

    while ((c = __atomic_load_n(&w->chain, __ATOMIC_ACQUIRE))) {
        bool here;

        chain_lock(c);
        here = w->chain == c;
        if (here)
            list_del(&w->link);
        mutex_unlock(&c->lock);
        if (here)
            return true;
    }
    return false;
}

int
futex_wait(uintptr_t at, bool shared, uint32_t value, uint32_t mask, uint64_t deadline)
{
    struct waiter w = {.mask = mask};
    uint64_t now = time_now();
    int err = key_get(at, shared, &w.key);

    event_init(&w.event, EVENT_MANUAL, false);
    if (!err)
        err = waiter_enter(&w, at, value);
    if (err)
        return err;
    err = wait_event_interruptible(&w.event.waitable, deadline == UINT64_MAX ? WAIT_FOREVER
                                                      : deadline > now       ? deadline - now
                                                                             : 0);
    if (err && !waiter_leave(&w)) {
        /* It was taken out meanwhile: its event is being set, or is. */
        wait_event(&w.event.waitable, WAIT_FOREVER);
        return 0;
    }
    return err;
}

/* ---- waking ---- */

static void
waiter_wake(struct waiter *w)
{
    list_del(&w->link);
    __atomic_store_n(&w->chain, NULL, __ATOMIC_RELEASE);
    event_set(&w->event);
}

/* Locks: c->lock. Returns how many. */
static unsigned
chain_wake(struct chain *c, const struct vm_key *key, unsigned most, uint32_t mask)
{
    struct waiter *w, *following;
    unsigned n = 0;

    list_for_each_entry_safe(w, following, &c->waiters, link) {
        if (n == most)
            break;
        if ((w->mask & mask) && key_equal(&w->key, key)) {
            waiter_wake(w);
            n++;
        }
    }
    return n;
}

long
futex_wake(uintptr_t at, bool shared, unsigned most, uint32_t mask)
{
    struct vm_key key;
    struct chain *c;
    long n = key_get(at, shared, &key);

    if (n)
        return n;
    c = chain_of(&key);
    chain_lock(c);
    n = chain_wake(c, &key, most, mask);
    mutex_unlock(&c->lock);
    return n;
}

/* Locks: both chains. */
static unsigned
chain_move(struct chain *from, const struct vm_key *key, struct chain *to, const struct vm_key *to_key,
           unsigned most)
{
    struct waiter *w, *following;
    unsigned n = 0;

    list_for_each_entry_safe(w, following, &from->waiters, link) {
        if (n == most)
            break;
        if (!key_equal(&w->key, key))
            continue;
        list_del(&w->link);
        w->key = *to_key;
        __atomic_store_n(&w->chain, to, __ATOMIC_RELEASE);
        list_add_tail(&to->waiters, &w->link);
        n++;
    }
    return n;
}

long
futex_requeue(uintptr_t at, uintptr_t to, bool shared, unsigned wake, unsigned move, const uint32_t *expected)
{
    struct vm_key key, to_key;
    struct chain *c, *to_chain;
    uint32_t is;
    int err = key_get(at, shared, &key);
    long n;

    if (!err)
        err = key_get(to, shared, &to_key);
    if (err)
        return err;
    c = chain_of(&key);
    to_chain = chain_of(&to_key);
    chains_lock(c, to_chain);
    n = expected ? user_load32(at, &is) : 0;
    if (n == 0 && expected && is != *expected)
        n = -EAGAIN;
    if (n == 0) {
        n = chain_wake(c, &key, wake, FUTEX_ANY);
        if (!key_equal(&key, &to_key)) {
            unsigned moved = chain_move(c, &key, to_chain, &to_key, move);

            n += expected ? moved : 0;
        }
    }
    chains_unlock(c, to_chain);
    return n;
}

/* ---- FUTEX_WAKE_OP: linux/futex.h ---- */

#define DEED_SHIFTS BIT(31) /* the operand is a number of bits */
enum { DEED_SET, DEED_ADD, DEED_OR, DEED_ANDN, DEED_XOR };
enum { COMPARE_EQ, COMPARE_NE, COMPARE_LT, COMPARE_LE, COMPARE_GT, COMPARE_GE };

/* 12 bits with a sign. */
static int32_t
signed_12(uint32_t x)
{
    return (int32_t)(x << 20) >> 20;
}

static int
deed_apply(uint32_t deed, uint32_t was, uint32_t *is)
{
    uint32_t operand = (uint32_t)signed_12(deed >> 12);

    if (deed & DEED_SHIFTS)
        operand = BIT(operand & 31);
    switch (deed >> 28 & 7) {
    case DEED_SET:
        *is = operand;
        return 0;
    case DEED_ADD:
        *is = was + operand;
        return 0;
    case DEED_OR:
        *is = was | operand;
        return 0;
    case DEED_ANDN:
        *is = was & ~operand;
        return 0;
    case DEED_XOR:
        *is = was ^ operand;
        return 0;
    default:
        return -ENOSYS;
    }
}

/* Returns: 1 or 0; -ENOSYS */
static int
deed_compare(uint32_t deed, uint32_t was)
{
    int32_t a = (int32_t)was, b = signed_12(deed);

    switch (deed >> 24 & 15) {
    case COMPARE_EQ:
        return a == b;
    case COMPARE_NE:
        return a != b;
    case COMPARE_LT:
        return a < b;
    case COMPARE_LE:
        return a <= b;
    case COMPARE_GT:
        return a > b;
    case COMPARE_GE:
        return a >= b;
    default:
        return -ENOSYS;
    }
}

/* Returns: whether the old value compares, or -errno. */
static int
deed_do(uintptr_t at, uint32_t deed)
{
    uint32_t expected, was, is;
    int err = user_load32(at, &was);

    do {
        expected = was;
        if (!err)
            err = deed_apply(deed, expected, &is);
        if (!err)
            err = user_cmpxchg32(at, expected, is, &was);
    } while (!err && was != expected);
    return err ? err : deed_compare(deed, was);
}

long
futex_wake_op(uintptr_t at, uintptr_t other, bool shared, unsigned wake, unsigned wake_other, uint32_t deed)
{
    struct vm_key key, other_key;
    struct chain *c, *other_chain;
    int err = key_get(at, shared, &key);
    long n;

    if (!err)
        err = key_get(other, shared, &other_key);
    if (err)
        return err;
    c = chain_of(&key);
    other_chain = chain_of(&other_key);
    chains_lock(c, other_chain);
    n = err = deed_do(other, deed);
    if (err >= 0) {
        n = chain_wake(c, &key, wake, FUTEX_ANY);
        if (err)
            n += chain_wake(other_chain, &other_key, wake_other, FUTEX_ANY);
    }
    chains_unlock(c, other_chain);
    return n;
}
