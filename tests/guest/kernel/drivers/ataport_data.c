/*
 * The data of requests: in pieces, out of a device's reach, seen by the miniport.
 */
#include "kernel/sched/thread.h"
#include "lib/string.h"
#include "tests/guest/kernel/drivers/sim.h"
#include "tests/guest/ktest.h"

#define PIECE_PAGES 4

/* Pages apart from one another, in which the data lies, and what is in them in the order of the pieces. */
static struct data_piece pieces[PIECE_PAGES];

static uint8_t *
piece_byte(unsigned at)
{
    for (unsigned i = 0; i < PIECE_PAGES; i++) {
        if (at < pieces[i].size)
            return (uint8_t *)phys_to_virt(pieces[i].pa) + at;
        at -= pieces[i].size;
    }
    return NULL;
}

static bool
pieces_hold_pattern(unsigned size)
{
    for (unsigned at = 0; at < size; at++)
        if (*piece_byte(at) != (uint8_t)at)
            return false;
    return true;
}

/* A read into the pieces, then a write of what has come; both by the miniport's bytes 0, 1, 2... */
static void
pieces_run(struct sim *s, uint32_t flags, unsigned offset)
{
    struct ata_request a = sim_read(0);

    for (unsigned i = 0; i < PIECE_PAGES; i++) {
        pieces[i].size = 1024;
        pieces[i].pa = ALIGN_DOWN(pieces[i].pa, PAGE_SIZE) + offset;
        memset(phys_to_virt(pieces[i].pa), 0xee, pieces[i].size);
    }
    a.data = (struct request_data){.piece = pieces, .pieces = PIECE_PAGES, .size = PIECE_PAGES * 1024};
    a.flags = flags | IRB_FLAGS_DATA_IN;
    KCHECK_EQ(ata_execute(sim_unit(s), &a), 0);
    KCHECK_EQ(a.irb_status, IRB_STATUS_SUCCESS);
    KCHECK(pieces_hold_pattern(a.data.size));
    a.flags = flags | IRB_FLAGS_DATA_OUT;
    KCHECK_EQ(ata_execute(sim_unit(s), &a), 0);
    KCHECK_EQ(a.irb_status, IRB_STATUS_SUCCESS);
}

KTEST(ataport_data_in_pieces_and_through_bounce_buffers) /* A-018 A-031 A-065 A-073 A-081 */
{
    static const struct {
        uint32_t flags;
        unsigned offset, alignment, breaks, map_buffers, low, bounced;
    } ways[] = {
        {IRB_FLAGS_USE_DMA, 0, 0, 32, 0, 0, 0},
        {IRB_FLAGS_USE_DMA, 512, 7, 32, 0, 0, 0},
        {IRB_FLAGS_USE_DMA, 2, 3, 32, 0, 0, 2}, /* not aligned */
        {IRB_FLAGS_USE_DMA, 0, 0, 2, 0, 0, 2},  /* more pieces than breaks */
        {IRB_FLAGS_USE_DMA, 0, 0, 32, 1, 0, 2}, /* the miniport wants to see it */
        {IRB_FLAGS_USE_DMA, 0, 0, 32, 0, 1, 2}, /* beyond what it can address */
        {0, 0, 0, 32, 1, 0, 2},                 /* PIO */
    };

    for (unsigned i = 0; i < PIECE_PAGES; i++)
        pieces[i].pa = frame_alloc(1, 0); /* two pages: never one behind the other */
    for (unsigned i = 0; i < ARRAY_SIZE(ways) && !ktest_failed(); i++) {
        struct sim s;

        if (!sim_load(&s))
            break;
        s.knobs->alignment = ways[i].alignment;
        s.knobs->breaks = ways[i].breaks;
        s.knobs->map_buffers = ways[i].map_buffers;
        KCHECK_EQ(sim_start(&s), 0);
        s.knobs->mode = DO_DATA;
        if (ways[i].low)
            s.adapter->dma.max_address = PAGE_SIZE;
        pieces_run(&s, ways[i].flags, ways[i].offset);
        KCHECK_EQ(s.adapter->bus[0]->bounce.used, ways[i].bounced);
        KCHECK_EQ(s.adapter->bus[0]->bounce.busy, 0);
        sim_stop(&s);
    }
    for (unsigned i = 0; i < PIECE_PAGES; i++)
        frame_free(ALIGN_DOWN(pieces[i].pa, PAGE_SIZE), 1);
}

/* The miniport has got one request more than it has been interrupted for. */
static bool
holds_one(struct sim *s)
{
    uint64_t deadline = timer_deadline(SECONDS(60));
    unsigned sent;

    do {
        sent = 0;
        for (unsigned n = 0; n < sim_calls(s, CALL_STARTIO); n++)
            sent += sim_call(s, CALL_STARTIO, n)->detail == IRB_FUNCTION_ATA_READ;
        if (sent == sim_calls(s, CALL_INTERRUPT) + 1)
            return true;
        thread_sleep(MS(1));
    } while (time_now() < deadline);
    return false;
}

/* More requests than buffers: they wait for one, and each is done once. */
KTEST(ataport_requests_wait_for_bounce_buffers)
{
    struct sim s;

    if (!sim_load(&s))
        return;
    KCHECK_EQ(sim_start(&s), 0);
    s.adapter->dma.max_address = PAGE_SIZE;
    s.knobs->mode = DO_INTERRUPT;
    KCHECK_EQ(sim_fly(sim_unit(&s), 4, 60), 4);
    for (unsigned n = 1; n <= 4; n++) {
        KCHECK_EQ(sim_calls(&s, CALL_INTERRUPT), n - 1);
        sim_interrupt(&s);
        sim_land(n - 1, 1);
        if (n < 4)
            KCHECK(holds_one(&s)); /* the next got the buffer */
    }
    KCHECK_EQ(s.adapter->bus[0]->bounce.used, 4);
    KCHECK_EQ(s.adapter->bus[0]->bounce.busy, 0);
    sim_stop(&s);
}
