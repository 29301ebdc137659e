/* The last resort of kernel/hw/power.c. */
#pragma once

/* An exception without an interrupt table: the processor shuts down, and boards then reset. Any IRQL. */
_Noreturn void cpu_triple_fault(void);
