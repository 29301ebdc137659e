/*
 * Do all processors' time stamp counters say the same?
 *
 * This processor asks, the other answers with its counter, some rounds long. What the answer says must lie
 * between the asker's counter before and after; the shortest round tells most. If it lies outside, the
 * difference to the middle is the other's error, known to half the round's length.
 *
 * Both run at IPI_LEVEL inside smp_call(), and each wait has a bound.
 */
#include "kernel/cpu/irql.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/smp.h"
#include "kernel/cpu/tsc.h"

#define ROUNDS       16
#define TOTAL_TICKS  (tsc_frequency() / 20)  /* 50 ms for the other to appear, and as long for all rounds */
#define ENOUGH_TICKS (tsc_frequency() / 500) /* 2 ms: on a slow machine, no more rounds if all is well */
#define DONE         UINT32_MAX

struct sync {
    uint32_t other;    /* [I] number of the processor that answers */
    uint32_t here;     /* [a] it has begun */
    uint32_t asked;    /* [a] round, from 1; DONE: no more */
    uint32_t answered; /* [a] round */
    uint64_t answer;   /* the other's counter; published by `answered` */
    uint64_t shortest; /* ticks of the shortest round; UINT64_MAX: none */
    int64_t error;     /* of the other's counter, in that round */
};

/* Wait until *p is not `old`, at most so long. Returns its value. */
static uint32_t
wait_change(const uint32_t *p, uint32_t old, uint64_t ticks)
{
    uint64_t start = tsc_ticks();
    uint32_t v;

    do {
        v = __atomic_load_n(p, __ATOMIC_ACQUIRE);
        if (v != old)
            break;
        cpu_relax();
    } while (tsc_ticks() - start < ticks);
    return v;
}

static void
answer(struct sync *s)
{
    uint32_t round = 0, next;

    __atomic_store_n(&s->here, 1, __ATOMIC_RELEASE);
    while ((next = wait_change(&s->asked, round, TOTAL_TICKS)) != round && next != DONE) {
        round = next;
        s->answer = tsc_ticks();
        __atomic_store_n(&s->answered, round, __ATOMIC_RELEASE);
    }
}

/* Did the answer lie within the round? */
static bool
consistent(const struct sync *s)
{
    uint64_t error = (uint64_t)(s->error < 0 ? -s->error : s->error);

    return error <= s->shortest / 2 + 1;
}

static void
ask(struct sync *s)
{
    uint64_t start, before, after;

    wait_change(&s->here, 0, TOTAL_TICKS);
    start = tsc_ticks();
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        before = tsc_ticks();
        if (before - start >= TOTAL_TICKS || (round > 1 && before - start >= ENOUGH_TICKS && consistent(s)))
            break;
        __atomic_store_n(&s->asked, round, __ATOMIC_RELEASE);
        if (wait_change(&s->answered, round - 1, TOTAL_TICKS - (before - start)) != round)
            break;
        after = tsc_ticks();
        if (after - before < s->shortest) {
            s->shortest = after - before;
            s->error = (int64_t)(s->answer - (before + (after - before) / 2));
        }
    }
    __atomic_store_n(&s->asked, DONE, __ATOMIC_RELEASE);
}

static void
ask_or_answer(void *context)
{
    struct sync *s = context;

    if (cpu_number() == s->other)
        answer(s);
    else
        ask(s);
}

static void
sync_one(uint32_t n)
{
    struct sync s = {.other = n, .shortest = UINT64_MAX};

    smp_call(1ull << cpu_number() | 1ull << n, ask_or_answer, &s);
    if (s.shortest == UINT64_MAX) {
        log_warn("tsc: processor %u did not answer in time; its clock is not checked", n);
        return;
    }
    if (consistent(&s)) {
        tsc_set_offset(n, 0);
        return;
    }
    tsc_set_offset(n, -s.error);
    log_warn("tsc: processor %u is %ld ticks off (+-%lu); corrected", n, (long)s.error,
             (unsigned long)(s.shortest / 2));
}

void
tsc_sync(void)
{
    uint8_t old;

    assert_irql(PASSIVE_LEVEL);
    old = irql_raise(DISPATCH_LEVEL);
    tsc_set_offset(cpu_number(), 0);
    for (uint32_t n = 0; n < cpu_count(); n++)
        if (n != cpu_number())
            sync_one(n);
    irql_lower(old);
}
