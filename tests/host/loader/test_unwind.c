// Unwinding through an image's tables ("x64 exception handling"): each code, chains, machine frames, malformed tables.
// sources: drivers/loader/unwind.c drivers/loader/pe.c drivers/loader/pe_directory.c lib/parse.c lib/format.c
#include "drivers/loader/unwind.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "tests/host/check.h"

#define IMAGE 0x4000u
#define TABLE 0x1000u
#define INFO  0x1100u
#define BASE  UINT64_C(0x7ff600000000)
#define STACK UINT64_C(0x5000)
#define WORDS 64

static uint8_t image[IMAGE];
static struct pe pe;
static uint64_t stack[WORDS]; /* at STACK */

static bool
read_stack(void *context, uint64_t address, uint64_t *value)
{
    uint64_t index = (address - STACK) / 8;

    if (address < STACK || address % 8 || index >= WORDS)
        return false;
    *value = stack[index];
    return true;
}

/* One function at 0x2000..0x2100 with this UNWIND_INFO. */
static void
function(const uint8_t *info, size_t size)
{
    memset(image, 0, sizeof image);
    pe = (struct pe){.image_size = IMAGE};
    pe.directory[PE_EXCEPTIONS].rva = TABLE;
    pe.directory[PE_EXCEPTIONS].size = 12;
    put_le32(image + TABLE, 0x2000);
    put_le32(image + TABLE + 4, 0x2100);
    put_le32(image + TABLE + 8, INFO);
    memcpy(image + INFO, info, size);
    for (unsigned i = 0; i < WORDS; i++)
        stack[i] = 0x1000 + i;
}

static struct unwind_frame frame;

/* From `offset` in the function, with RSP at the stack's start. */
static int
step(uint32_t offset)
{
    memset(&frame, 0, sizeof frame);
    frame.rip = BASE + 0x2000 + offset;
    frame.reg[UNWIND_RSP] = STACK;
    frame.reg[UNWIND_RBP] = STACK + 0x80;
    return unwind_step(&pe, image, BASE, &frame, read_stack, NULL);
}

#define INFO_OF(...)                                                                                         \
    do {                                                                                                     \
        static const uint8_t bytes_[] = {__VA_ARGS__};                                                       \
        function(bytes_, sizeof bytes_);                                                                     \
    } while (0)

/* push rbx (at 1), push rsi (2), sub rsp, 0x28 (6): the innermost first. */
static void
test_pushes_and_small_allocation(void)
{
    INFO_OF(1, 6, 3, 0, 6, 4 << 4 | 2, 2, 6 << 4 | 0, 1, 3 << 4 | 0);
    CHECK_EQ(step(0x50), 0);
    CHECK_EQ(frame.reg[6], stack[5]);
    CHECK_EQ(frame.reg[3], stack[6]);
    CHECK_EQ(frame.rip, stack[7]);
    CHECK_EQ(frame.reg[UNWIND_RSP], STACK + 64);
    CHECK_EQ(step(3), 0); /* in the prolog: both pushed, nothing allocated */
    CHECK_EQ(frame.reg[6], stack[0]);
    CHECK_EQ(frame.reg[3], stack[1]);
    CHECK_EQ(frame.rip, stack[2]);
    CHECK_EQ(step(0), 0); /* at its first instruction */
    CHECK_EQ(frame.rip, stack[0]);
}

static void
test_large_allocations(void)
{
    INFO_OF(1, 7, 2, 0, 7, 1, 0x10, 0); /* 0x10 * 8 */
    CHECK_EQ(step(0x50), 0);
    CHECK_EQ(frame.rip, stack[16]);
    INFO_OF(1, 7, 3, 0, 7, 1 << 4 | 1, 0x88, 0, 0, 0); /* 0x88 as 32 bits */
    CHECK_EQ(step(0x50), 0);
    CHECK_EQ(frame.rip, stack[17]);
}

/* A frame register, RBP, 0x20 above RSP at the time; RBX saved at 0x18. */
static void
test_frame_register(void)
{
    INFO_OF(1, 12, 4, 2 << 4 | 5, 12, 3 << 4 | 4, 3, 0, 8, 3, 4, 5 << 4 | 2);
    CHECK_EQ(step(0x50), 0);
    CHECK_EQ(frame.reg[3], stack[(0x60 + 0x18) / 8]);
    CHECK_EQ(frame.rip, stack[(0x60 + 0x30) / 8]);
}

static void
test_machine_frame(void)
{
    INFO_OF(1, 0, 1, 0, 0, 1 << 4 | 10); /* with an error code */
    stack[1] = BASE + 0x2010;
    stack[4] = STACK + 0x100;
    CHECK_EQ(step(0x50), 0);
    CHECK_EQ(frame.rip, BASE + 0x2010);
    CHECK_EQ(frame.reg[UNWIND_RSP], STACK + 0x100);
}

static void
test_chain(void)
{
    INFO_OF(4 << 3 | 1, 4, 1, 0, 4, 1 << 4 | 2, 0, 0); /* allocates 16; then another entry */
    put_le32(image + INFO + 8, 0x2000);
    put_le32(image + INFO + 12, 0x2100);
    put_le32(image + INFO + 16, INFO + 0x40);
    memcpy(image + INFO + 0x40, "\x01\x01\x01\x00\x01\x30", 6); /* push rbx */
    CHECK_EQ(step(0x50), 0);
    CHECK_EQ(frame.reg[3], stack[2]);
    CHECK_EQ(frame.rip, stack[3]);
    put_le32(image + INFO + 16, INFO); /* to itself: ends */
    CHECK_EQ(step(0x50), -EINVAL);
}

static void
test_leaf_and_unreadable(void)
{
    INFO_OF(1, 0, 0, 0);
    frame = (struct unwind_frame){.rip = BASE + 0x3000};
    frame.reg[UNWIND_RSP] = STACK + 8;
    CHECK_EQ(unwind_step(&pe, image, BASE, &frame, read_stack, NULL), 0);
    CHECK_EQ(frame.rip, stack[1]);
    frame.rip = BASE + 0x3000;
    frame.reg[UNWIND_RSP] = 0x10;
    CHECK_EQ(unwind_step(&pe, image, BASE, &frame, read_stack, NULL), -EFAULT);
}

static void
test_malformed(void)
{
    INFO_OF(1, 6, 2, 0, 6, 1, 0x10, 0);
    image[INFO + 2] = 1; /* the operand does not belong to it */
    CHECK_EQ(step(0x50), -EINVAL);
    INFO_OF(7, 0, 0, 0); /* a version that nobody has */
    CHECK_EQ(step(0x50), -EINVAL);
    INFO_OF(1, 6, 1, 0, 6, 15);
    CHECK_EQ(step(0x50), -EINVAL);
    put_le32(image + TABLE + 8, IMAGE - 2);
    CHECK_EQ(step(0x50), -EINVAL);
    INFO_OF(1, 6, 255, 0);
    put_le32(image + TABLE + 8, IMAGE - 64);
    image[IMAGE - 64] = 1;
    image[IMAGE - 62] = 255;
    CHECK_EQ(step(0x50), -EINVAL);
    pe.directory[PE_EXCEPTIONS].size = 0xffffffff;
    CHECK_EQ(step(0x50), 0); /* no table: a leaf */
}

int
main(void)
{
    test_pushes_and_small_allocation();
    test_large_allocations();
    test_frame_register();
    test_machine_frame();
    test_chain();
    test_leaf_and_unreadable();
    test_malformed();
    return check_report();
}
