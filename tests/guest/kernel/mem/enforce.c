/* What the tables say is what the processors do: writes and calls that must fault, on each of them. */
#include "kernel/cpu/features.h"
#include "kernel/cpu/irql.h"
#include "kernel/cpu/percpu.h"
#include "kernel/cpu/smp.h"
#include "kernel/cpu/trap.h"
#include "kernel/mem/frame.h"
#include "kernel/mem/space.h"
#include "tests/guest/kernel/mem/mem_probe.h"
#include "tests/guest/ktest.h"

extern char text_start[], rodata_start[], boot_guard[];

#define RETURN 0xc3 /* the instruction */

static volatile char *target;    /* [I] while processors touch it */
static void *resume[CPU_MAX][5]; /* for __builtin_longjmp */
static bool armed[CPU_MAX];      /* each its own processor's */
static uint64_t faults;          /* [a] */

/* Where a fault that was expected goes on, with the stack of what has faulted. */
_Noreturn static void
recover(void)
{
    __builtin_longjmp(resume[cpu_number()], 1);
}

static bool
fault_claim(struct trap_frame *f)
{
    if (!armed[cpu_number()])
        return false;
    armed[cpu_number()] = false;
    __atomic_fetch_add(&faults, 1, __ATOMIC_RELAXED);
    f->rip = (uint64_t)recover;
    return true;
}

static void
poke(void)
{
    *target = (char)RETURN;
}

static void
call(void)
{
    ((void (*)(void))(uintptr_t)target)();
}

/* At IPI_LEVEL with interrupts off: nothing but touch() faults here. */
static void
touch_here(void *context)
{
    void (**touch)(void) = context;

    armed[cpu_number()] = true;
    if (__builtin_setjmp(resume[cpu_number()]) == 0)
        (*touch)();
    armed[cpu_number()] = false;
}

/* How many processors fault when all do it. */
static uint64_t
faults_of(void (*touch)(void), volatile char *p)
{
    trap_claimant *before = trap_claim(TRAP_PAGE_FAULT, fault_claim);

    target = p;
    __atomic_store_n(&faults, 0, __ATOMIC_RELAXED);
    smp_call(UINT64_MAX, touch_here, &touch);
    trap_claim(TRAP_PAGE_FAULT, before);
    return __atomic_load_n(&faults, __ATOMIC_RELAXED);
}

KTEST(space_protection_is_enforced_on_all_processors)
{
    uint64_t all = cpu_count(), calls = cpu_has(CPU_NX) ? all : 0;
    char *p = space_alloc(PAGE_SIZE, MAP_WRITE);

    KCHECK(p);
    if (!p)
        return;
    for (int round = 0; round < 3; round++) {
        KCHECK_EQ(faults_of(poke, p), 0);
        KCHECK_EQ(faults_of(call, p), calls);
        KCHECK_EQ(space_protect(p, PAGE_SIZE, 0), 0);
        KCHECK_EQ(faults_of(poke, p), all);
        KCHECK_EQ(faults_of(call, p), calls);
        KCHECK_EQ(space_protect(p, PAGE_SIZE, MAP_EXEC), 0);
        KCHECK_EQ(faults_of(poke, p), all);
        KCHECK_EQ(faults_of(call, p), 0);
        KCHECK_EQ(space_protect(p, PAGE_SIZE, MAP_WRITE), 0);
    }
    KCHECK_EQ(faults_of(poke, p + PAGE_SIZE), all);
    space_free(p);
    KCHECK_EQ(faults_of(poke, p), all);
}

KTEST(space_code_and_guards_cannot_be_written)
{
    char *top = stack_alloc();
    volatile char *rows[] = {text_start,
                             rodata_start,
                             phys_to_virt(virt_to_phys(text_start)),
                             phys_to_virt(virt_to_phys(rodata_start)),
                             boot_guard,
                             (char *)PAGE_SIZE, /* the low half is nobody's */
                             top,
                             top - KERNEL_STACK_SIZE - 1};

    KCHECK(top);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) - (top ? 0 : 2); i++)
        KCHECK_EQ(faults_of(poke, rows[i]), cpu_count());
    if (top)
        stack_free(top);
}
