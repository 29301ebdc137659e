// The address range allocator against a model of it: the lowest fit, always; and its tree stays flat.
// sources: kernel/mem/range.c
#include "tests/host/mem/range_model.h"

/* In order, and every other one given back: the worst for a tree that does not balance. */
static void
test_sequence(void)
{
    space_make();
    part_alloc(SET_SIZE + 1);
    for (int i = 0; i < PARTS_MAX; i++)
        part_alloc(2);
    space_check();
    part_alloc(1);
    for (size_t i = 0; i < space.parts; i++)
        part_free(i);
    part_alloc(3);
    space_end();
}

static void
test_random(void)
{
    for (int round = 0; round < 10; round++) {
        check_row("round %d", round);
        space_make();
        for (int i = 0; i < 3000; i++) {
            space_step(check_random_below);
            if (i % 100 == 0)
                space_check();
        }
        space_end();
    }
}

int
main(void)
{
    test_sequence();
    test_random();
    return check_report();
}
