// sources: kernel/hw/clock_measure.c
/*
 * Calibration on simulated machines: the time of each is a number of picoseconds that every access moves on,
 * and that jumps when the simulated host runs something else.
 */
#include "kernel/hw/clock_impl.h"
#include "lib/errno.h"
#include "lib/field.h"
#include "tests/host/check.h"

static struct sim {
    uint64_t ps; /* the time */
    uint64_t tsc_khz, timer_hz;
    uint64_t access_ps;    /* what reading a clock takes */
    unsigned steal_one_in; /* accesses: then the host takes the processor away; 0: never */
    uint64_t steal_ps;     /* for up to so long */
    bool stuck;            /* the reference stands still */
    uint64_t tsc_start, ref_start;
    unsigned accesses;
} sim;

static struct clock_source ref;

/* Count n units of `hz` in `ps` picoseconds. */
static uint64_t
units(uint64_t ps, uint64_t hz)
{
    return (uint64_t)((unsigned __int128)ps * hz / 1000000000000u);
}

static void
pass(void)
{
    sim.accesses++;
    sim.ps += sim.access_ps;
    if (sim.steal_one_in && check_random_below(sim.steal_one_in) == 0)
        sim.ps += check_random_below(sim.steal_ps);
}

static uint64_t
sim_tsc(void)
{
    pass();
    return sim.tsc_start + units(sim.ps, sim.tsc_khz * 1000);
}

static uint64_t
sim_ref(void)
{
    pass();
    return (sim.ref_start + (sim.stuck ? 0 : units(sim.ps, ref.hz))) & ref.mask;
}

static uint32_t
sim_timer(void)
{
    pass();
    return UINT32_MAX - (uint32_t)units(sim.ps, sim.timer_hz);
}

static int
measure(struct clock_measured *out)
{
    const struct clock_bench bench = {
        .reference = &ref, .tsc = sim_tsc, .timer_left = sim.timer_hz ? sim_timer : NULL, .relax = pass};

    sim.accesses = 0;
    return clock_measure(&bench, out);
}

static bool
near(uint64_t got, uint64_t want, uint64_t ppm)
{
    uint64_t difference = got > want ? got - want : want - got;

    return difference <= want * ppm / 1000000;
}

static const struct clock_source references[] = {
    {"HPET", 100000000, UINT32_MAX, sim_ref}, {"HPET", 14318179, UINT32_MAX, sim_ref},
    {"PM timer", 3579545, 0xffffff, sim_ref}, {"8254", 1193182, 0xffff, sim_ref},
    {"TSC", 2400000000, UINT64_MAX, sim_ref},
};

static void
test_quiet_machine(void)
{
    static const uint64_t khz[] = {200000, 999999, 2400000, 5700000, 9900000};

    for (size_t i = 0; i < ARRAY_SIZE(references); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(khz); k++) {
            struct clock_measured m;

            check_row("%s, %llu kHz", references[i].name, (unsigned long long)khz[k]);
            ref = references[i];
            sim = (struct sim){.tsc_khz = khz[k],
                               .timer_hz = 62500000,
                               .access_ps = 300000,
                               .tsc_start = check_random(),
                               .ref_start = check_random()};
            CHECK_EQ(measure(&m), 0);
            CHECK_EQ(m.rounds, 2);
            CHECK(near(m.tsc_hz, khz[k] * 1000, 300));
            CHECK(near(m.timer_hz, 62500000, 300));
            CHECK(m.spread <= CLOCK_AGREE);
            CHECK(sim.ps < 22 * UINT64_C(1000000000)); /* 20 ms and the readings */
        }
    }
}

/* The host takes the processor away now and then, also between two readings, for less than a wrap. */
static void
test_noisy_machine(void)
{
    unsigned failed = 0;

    for (int i = 0; i < 300; i++) {
        struct clock_measured m;
        int err;

        ref = references[i % 4];
        sim = (struct sim){.tsc_khz = 1000000 + check_random_below(4000000),
                           .timer_hz = 1000000000 / 16,
                           .access_ps = 500000,
                           .steal_one_in = 40 + (unsigned)check_random_below(4000),
                           .steal_ps = 10000000000, /* 10 ms */
                           .tsc_start = check_random(),
                           .ref_start = check_random()};
        check_row("round %d, one in %u", i, sim.steal_one_in);
        err = measure(&m);
        CHECK(err == 0 || err == -EAGAIN);
        CHECK(m.rounds <= CLOCK_ROUNDS);
        failed += err != 0;
        if (!err) {
            CHECK(near(m.tsc_hz, sim.tsc_khz * 1000, 1500));
            CHECK(near(m.timer_hz, sim.timer_hz, 1500));
        }
    }
    check_row("all noisy machines");
    CHECK(failed < 10);
}

/* A reference that wraps unseen while the processor is away gives nonsense, but hardly ever twice the same. */
static void
test_unseen_wraps(void)
{
    unsigned wrong = 0;

    for (int i = 0; i < 1000; i++) {
        struct clock_measured m;

        ref = references[3];
        sim = (struct sim){.tsc_khz = 1000000,
                           .access_ps = 1000000,
                           .steal_one_in = 15000, /* one round in three */
                           .steal_ps = 500000000000,
                           .tsc_start = check_random()};
        wrong += measure(&m) == 0 && !near(m.tsc_hz, 1000000000, 1500);
        CHECK_EQ(m.timer_hz, 0);
    }
    check_row("of 1000 machines %u are measured wrongly", wrong);
    CHECK(wrong <= 5);
}

static void
test_broken_reference(void)
{
    struct clock_measured m;

    check_row("stands still");
    ref = references[0];
    sim = (struct sim){.tsc_khz = 2000000, .access_ps = 1000000, .stuck = true};
    CHECK_EQ(measure(&m), -EIO);
    CHECK(sim.ps < 2 * UINT64_C(1000000000000)); /* given up after two seconds at the latest */

    check_row("too slow to read: every reading takes a tenth of a round");
    sim = (struct sim){.tsc_khz = 2000000, .access_ps = 1000000000};
    CHECK_EQ(measure(&m), -EIO);
    CHECK_EQ(m.rounds, CLOCK_ROUNDS);

    check_row("a timer that stands still");
    ref = references[0];
    sim = (struct sim){.tsc_khz = 2000000, .timer_hz = 1, .access_ps = 500000};
    CHECK_EQ(measure(&m), 0);
    CHECK_EQ(m.timer_hz, 0);
}

/* Rounds that never agree: a TSC that changes its speed all the time. The median comes out. */
static uint64_t
wild_tsc(void)
{
    static uint64_t ticks, last_ps;

    pass();
    sim.tsc_khz = 1000000 + sim.ps / 10000000000 * 2654435761 % 3000000; /* another one every 10 ms */
    ticks += units(sim.ps - last_ps, sim.tsc_khz * 1000);
    last_ps = sim.ps;
    return ticks;
}

static void
test_no_agreement(void)
{
    const struct clock_bench bench = {.reference = &ref, .tsc = wild_tsc, .relax = pass};
    struct clock_measured m;

    check_row("wild TSC");
    ref = references[0];
    sim = (struct sim){.access_ps = 500000};
    CHECK_EQ(clock_measure(&bench, &m), -EAGAIN);
    CHECK_EQ(m.rounds, CLOCK_ROUNDS);
    CHECK(m.tsc_hz > 900000000 && m.tsc_hz < 4000000000);
    CHECK(m.spread > CLOCK_AGREE);
}

int
main(void)
{
    test_quiet_machine();
    test_noisy_machine();
    test_unseen_wraps();
    test_broken_reference();
    test_no_agreement();
    return check_report();
}
