#include "kernel/cpu/reset.h"
#include "kernel/cpu/irql.h"

void
cpu_triple_fault(void)
{
    static const uint8_t no_table[10] = {0}; /* limit and base of an IDT (SDM vol. 3A, 2.4.3) */

    __asm__ volatile("lidt %0; int3" ::"m"(no_table) : "memory");
    cpu_halt_forever();
}
