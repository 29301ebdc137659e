// The buddy system against a model of it, frame by frame, under random operations.
// sources: kernel/mem/buddy.c
#include "tests/host/mem/buddy_model.h"

static void
test_whole(void)
{
    const struct buddy_limits below_16m = {ZONE_ISA_END - 1, 1};
    uint32_t first;

    world_make();
    world_check();
    CHECK_EQ(world.buddy.total, 700 + 3 + 1024 + 2222 + 5001 + 1024);
    CHECK_EQ(world.buddy.zone[ZONE_HIGH].blocks[BUDDY_LARGEST], 3);
    CHECK_EQ(buddy_alloc(&world.buddy, BUDDY_LARGEST, ZONE_ISA), 2048);
    CHECK_EQ(buddy_free(&world.buddy, 2049, 0), -EINVAL); /* inside a block */
    CHECK_EQ(buddy_free(&world.buddy, 2048, BUDDY_LARGEST), 0);
    first = buddy_alloc_run(&world.buddy, 700, &below_16m); /* only one block is large enough */
    CHECK_EQ(first, 2048);
    CHECK_EQ(buddy_free_run(&world.buddy, first, 699), -EINVAL);
    CHECK_EQ(buddy_free_run(&world.buddy, first, 700), 0);
    world_check();
}

/* All memory goes out frame by frame, from the top down, and merges again. */
static void
test_drain(void)
{
    uint32_t first, zone = ZONE_HIGH;

    world_make();
    while ((first = buddy_alloc(&world.buddy, 0, ZONE_HIGH))) {
        uint32_t now = first < ZONE_ISA_END ? ZONE_ISA : first < ZONE_LOW_END ? ZONE_LOW : ZONE_HIGH;

        CHECK(now <= zone);
        zone = now;
        world.owner[first]++;
        CHECK_EQ(world.owner[first], IS_OUT);
    }
    CHECK_EQ(world.buddy.free, 0);
    for (size_t i = 0; i < ARRAY_SIZE(world_memory); i++)
        for (uint32_t n = 0; n < world_memory[i].count; n++) {
            CHECK_EQ(world.owner[world_memory[i].first + n], IS_OUT);
            CHECK_EQ(buddy_free(&world.buddy, world_memory[i].first + n, 0), 0);
            world.owner[world_memory[i].first + n] = IS_FREE;
        }
    world_check();
    CHECK_EQ(world.buddy.zone[ZONE_HIGH].blocks[BUDDY_LARGEST], 3);
}

static void
test_random(void)
{
    for (int round = 0; round < 20; round++) {
        check_row("round %d", round);
        world_make();
        for (int i = 0; i < 4000; i++) {
            world_step(check_random_below);
            if (i % 200 == 0)
                world_check();
        }
        world_end();
    }
}

int
main(void)
{
    test_whole();
    test_drain();
    test_random();
    return check_report();
}
