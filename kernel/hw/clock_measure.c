/*
 * Measuring one clock against another on a machine that may stop us at any moment (a host that runs something
 * else, firmware's system management mode).
 *
 * Being stopped while waiting does no harm: both clocks go on. Being stopped between reading the one and
 * reading the other does. So every reading of the reference is bracketed by two of the TSC, the tightest of
 * some is taken, and a round whose brackets are wide against its length is not used. What else goes wrong (a
 * reference that wrapped unseen) makes a round disagree with the others: two must agree.
 */
#include "kernel/hw/clock_impl.h"
#include "lib/errno.h"

#define ROUNDS_PER_SECOND 100 /* 10 ms each */
#define BRACKETS          3
#define BRACKET_MAX       1000                /* part of the round that a bracket may be */
#define TSC_PATIENCE      (UINT64_C(1) << 31) /* ticks; 0.2 s at 10 GHz, 2 s at 1 GHz */
#define MILLION           UINT64_C(1000000)

struct sample {
    uint64_t tsc, reference, bracket;
    uint32_t timer;
};

struct round {
    uint64_t tsc_hz, timer_hz;
};

static struct sample
read_clocks(const struct clock_bench *b)
{
    struct sample best = {.bracket = UINT64_MAX};

    for (unsigned i = 0; i < BRACKETS; i++) {
        uint64_t before = b->tsc(), reference = b->reference->read(), after;
        uint32_t timer = b->timer_left ? b->timer_left() : 0;

        after = b->tsc();
        if (after - before < best.bracket)
            best = (struct sample){.tsc = before + (after - before) / 2,
                                   .reference = reference,
                                   .bracket = after - before,
                                   .timer = timer};
    }
    return best;
}

/* Returns 0, -EIO if the reference stands still, -EAGAIN if the round is of no use. */
static int
measure_round(const struct clock_bench *b, struct round *out)
{
    const struct clock_source *s = b->reference;
    struct sample from = read_clocks(b), to;
    uint64_t counts, ticks;

    do {
        if (b->tsc() - from.tsc > TSC_PATIENCE)
            return -EIO;
        b->relax();
    } while (((s->read() - from.reference) & s->mask) < s->hz / ROUNDS_PER_SECOND);

    to = read_clocks(b);
    counts = (to.reference - from.reference) & s->mask;
    ticks = to.tsc - from.tsc;
    if (!counts || ticks > TSC_PATIENCE || from.bracket + to.bracket > ticks / BRACKET_MAX)
        return -EAGAIN;
    *out = (struct round){
        .tsc_hz = ticks * s->hz / counts,
        .timer_hz = (uint64_t)(from.timer - to.timer) * s->hz / counts,
    };
    return out->tsc_hz < CLOCK_TSC_MIN || out->tsc_hz > CLOCK_TSC_MAX ? -EAGAIN : 0;
}

/* Put a round where it belongs among `n` others in ascending order. */
static void
insert_round(struct round *r, unsigned n, struct round one)
{
    while (n && r[n - 1].tsc_hz > one.tsc_hz) {
        r[n] = r[n - 1];
        n--;
    }
    r[n] = one;
}

/* The mean of the two that agree best, among `n` in ascending order. */
static void
choose(const struct round *r, unsigned n, struct clock_measured *out)
{
    out->spread = UINT64_MAX;
    for (unsigned i = 1; i < n; i++) {
        const struct round *a = &r[i - 1], *b = &r[i];
        uint64_t spread = (b->tsc_hz - a->tsc_hz) * MILLION / b->tsc_hz;

        if (spread >= out->spread)
            continue;
        out->spread = spread;
        out->tsc_hz = a->tsc_hz + (b->tsc_hz - a->tsc_hz) / 2;
        out->timer_hz = (a->timer_hz + b->timer_hz) / 2;
    }
}

int
clock_measure(const struct clock_bench *b, struct clock_measured *out)
{
    struct round rounds[CLOCK_ROUNDS], one;
    unsigned good = 0;

    *out = (struct clock_measured){.spread = UINT64_MAX};
    while (out->rounds < CLOCK_ROUNDS) {
        int err = measure_round(b, &one);

        if (err == -EIO)
            return err;
        out->rounds++;
        if (err)
            continue;
        insert_round(rounds, good++, one);
        choose(rounds, good, out);
        if (out->spread <= CLOCK_AGREE)
            return 0;
    }
    if (!good)
        return -EIO;
    out->tsc_hz = rounds[good / 2].tsc_hz;
    out->timer_hz = rounds[good / 2].timer_hz;
    return -EAGAIN;
}
